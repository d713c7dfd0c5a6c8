//! A reference model, and `verify()` after each step of random single-threaded sequences.
//!
//! The model (`model/namespace.rs`, `model/groups.rs`, `model/reference.rs`) is written from
//! SEMANTICS 2.3, 2.4, 3 and 8, and knows nothing of the crate's flags, epochs and masks: a
//! directory that is watched hears of its children, and that is that. It says of each operation
//! what it returns, and of each instance what is queued, to the cookie.
//!
//! 300 cases by default. `VFSNOTIFY_CASES=20000 cargo test --release --test model` runs more.
//!
//! That it can fail was tried by breaking the crate, one thing at a time. Each of these was found
//! within the 300 cases: no ATTRIB on unlink, none to what a rename replaces, the parent told after
//! the child, DELETE before the death of what was unlinked, EXCL_UNLINK applied to ATTRIB, the
//! parent of a fifo told of reads, merging before the limit of the queue, MASK_ADD that keeps the
//! old flags, a failed add that burns no descriptor, a watch not given back to its user, a lazy
//! clear or an arrival that forgets to note the lost flag (also with `verify()` switched off: then
//! an event is missing).

/// The model, the operations, and the crate's side of them.
mod model {
    pub(crate) mod delivery;
    pub(crate) mod files;
    pub(crate) mod groups;
    pub(crate) mod namespace;
    pub(crate) mod naming;
    pub(crate) mod ops;
    pub(crate) mod real;
    pub(crate) mod reference;
}

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use model::groups::Totals;
use model::ops::{GROUPS, Op, Outcome, SLOTS, Setup, USERS, case};
use model::real::Real;
use model::reference::Model;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use vfsnotify::inotify::Inotify;

fn cases() -> u32 {
    std::env::var("VFSNOTIFY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

/// How often something happened in all cases together: a sequence that never gets far shows
/// nothing.
type Tally = BTreeMap<&'static str, u64>;

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, wanted: T) -> Result<(), String> {
    if ours == wanted {
        return Ok(());
    }
    Err(format!("{what}:\n  the crate: {ours:?}\n  the model: {wanted:?}"))
}

/// Compares everything that can be looked at without changing it, and checks the invariants.
fn compare(real: &Real, model: &Model) -> Result<(), String> {
    for (index, (ours, wanted)) in real.groups.iter().zip(&model.groups).enumerate() {
        let (Some(ours), Some(wanted)) = (ours, wanted) else { continue };
        let queue = (ours.len(), ours.readable_bytes());
        equal(&format!("queue {index}, events and bytes"), queue, (wanted.len(), wanted.bytes()))?;
        let stats = ours.stats();
        let stats = Totals(stats.queued, stats.merged, stats.lost);
        equal(&format!("totals of {index}"), stats, wanted.totals)?;
        let count = ours.watch_count();
        equal(&format!("number of watches of {index}"), count, wanted.watches.len())?;
        equal(&format!("watches of {index}"), watches(ours), expected_watches(wanted))?;
    }
    for user in 0..USERS {
        let usage = real.vfs.notifier().usage(user);
        equal(&format!("usage of {user}"), usage, model.usage(user))?;
    }
    equal("open files", real.vfs.nr_open_files(), model.names.open.len())?;
    real.vfs.verify()?;
    real.vfs.reap();
    equal("living inodes", real.vfs.tree().live_inodes(), model.names.inodes.len())?;
    equal("living dentries", real.vfs.tree().live_dentries(), model.names.dentries.len())
}

fn watches(inotify: &Inotify) -> Vec<(i32, u32)> {
    inotify.watches().iter().map(|watch| (watch.wd.as_raw(), watch.mask.bits())).collect()
}

fn expected_watches(group: &model::groups::Group) -> Vec<(i32, u32)> {
    let bits = |watch: &model::groups::Watch| {
        let oneshot = if watch.oneshot { 0x8000_0000 } else { 0 };
        watch.events | oneshot | if watch.excl_unlink { 0x0400_0000 } else { 0 }
    };
    group.watches.iter().map(|(wd, watch)| (*wd, bits(watch))).collect()
}

fn step(real: &mut Real, model: &mut Model, op: &Op, tally: &mut Tally) -> Result<(), String> {
    let (ours, ino) = real.apply(op);
    let wanted = model.apply(op, ino);
    *tally.entry(if wanted.is_ok() { "succeeded" } else { "failed" }).or_default() += 1;
    if let Ok(Outcome::Events(events)) = &wanted {
        *tally.entry("events read").or_default() += events.len() as u64;
    }
    equal("result", ours, wanted)?;
    compare(real, model)
}

/// Every name stands for what the model says it does.
fn compare_names(real: &Real, model: &Model) -> Result<(), String> {
    for (id, dentry) in model.names.dentries.iter().filter(|(_, dentry)| dentry.hashed) {
        let path = format!("/{}", model.path_of(*id).join("/"));
        let found = real.vfs.lstat(&real.cx, &path).map_err(|error| error.to_string())?.attr;
        let inode = &model.names.inodes[&dentry.inode];
        equal(&path, found.kind, inode.kind)?;
        if !inode.kind.is_dir() {
            equal(&path, found.nlink, inode.nlink)?;
        }
        if inode.kind == vfsnotify::InodeKind::Regular {
            equal(&path, found.size, inode.size)?;
        }
    }
    Ok(())
}

fn run(setup: Setup, ops: &[Op], tally: &mut Tally) -> Result<(), String> {
    let (mut real, mut model) = (Real::new(setup), Model::new(setup));
    let mut done = Vec::new();
    for op in ops {
        let op = model.settled(op);
        done.push(op.clone());
        step(&mut real, &mut model, &op, tally)
            .map_err(|error| format!("{error}\nafter {done:#?}"))?;
    }
    compare_names(&real, &model)?;
    // The end: what is open is closed, what is queued is read, and nothing is left.
    let end = (0..SLOTS).map(Op::Close);
    let end = end.chain((0..GROUPS).map(Op::Drain)).chain((0..GROUPS).map(Op::CloseGroup));
    for op in end {
        step(&mut real, &mut model, &op, tally).map_err(|error| format!("{op:?}: {error}"))?;
    }
    for total in model.groups.iter().flatten().map(|group| group.totals) {
        *tally.entry("queued").or_default() += total.0;
        *tally.entry("merged").or_default() += total.1;
        *tally.entry("lost").or_default() += total.2;
    }
    equal("what is left", real.vfs.notifier().usage(0), (0, 0))
}

#[test]
fn every_step_of_a_random_sequence_does_what_the_model_says() {
    let config = Config {
        cases: cases(),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Config::default()
    };
    let (start, tally) = (Instant::now(), RefCell::new(Tally::new()));
    let outcome = TestRunner::new(config).run(&case(), |(setup, ops)| {
        run(setup, &ops, &mut tally.borrow_mut()).map_err(TestCaseError::fail)
    });
    println!("{} cases in {:?}: {:?}", cases(), start.elapsed(), tally.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let tally = tally.into_inner();
    let of = |what| tally.get(what).copied().unwrap_or(0);
    assert!(of("succeeded") > of("failed") / 2, "few operations succeed: {tally:?}");
    for what in ["queued", "merged", "lost", "events read"] {
        assert!(of(what) > u64::from(cases()), "hardly anything {what}: {tally:?}");
    }
}

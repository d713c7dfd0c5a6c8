//! A reference model, and `verify()` after each step of random single-threaded cases.
//!
//! The model is `lab::model`; the fuzz target `ops_model` uses it too, on inputs that libFuzzer
//! finds. 300 cases by default. `VFSNOTIFY_CASES=20000 cargo test --release --test model` runs
//! more. What it compares, and what it leaves out, is said in `lab::fuzzing::ops_model`.
//!
//! That it can fail was tried by breaking the crate, one thing at a time. Each of these was found
//! within the 300 cases while the model knew one context and no mounts: no ATTRIB on unlink, none
//! to what a rename replaces, the parent told after the child, DELETE before the death of what was
//! unlinked, EXCL_UNLINK applied to ATTRIB, the parent of a fifo told of reads, merging before the
//! limit of the queue, MASK_ADD that keeps the old flags, a failed add that burns no descriptor, a
//! watch not given back to its user, a lazy clear or an arrival that forgets to note the lost flag
//! (also with `verify()` switched off: then an event is missing). Within 1500 cases: a mountpoint
//! that can be removed, an unmount without events, a writable bind mount of a read-only one, no
//! regard for the sticky bit, for further groups, for read permission in `add_watch` and for write
//! permission in a directory that is exchanged for another, one move of an exchange not reported, a
//! watch that stays when its `PendingWatch` is dropped or goes when it was waited for, a name for
//! what was opened with TMPFILE and EXCL, and a root that is not the current directory.

mod strategies;

use std::cell::RefCell;
use std::time::Instant;

use lab::model::check::{Tally, run};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

fn cases() -> u32 {
    std::env::var("VFSNOTIFY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
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
    let outcome = TestRunner::new(config).run(&strategies::case(), |case| {
        run(&case, &mut tally.borrow_mut()).map_err(TestCaseError::fail)
    });
    println!("{} cases in {:?}: {:#?}", cases(), start.elapsed(), tally.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let tally = tally.into_inner();
    let of = |what| tally.get(what).copied().unwrap_or(0);
    assert!(of("succeeded") > of("failed") / 2, "few operations succeed: {tally:?}");
    for what in ["queued", "lost", "events read"] {
        assert!(of(what) > u64::from(cases()), "hardly anything {what}: {tally:?}");
    }
    // Far below what is to be expected: each run draws other sequences.
    for what in ["mount", "bind", "merged", "unmount", "exchange", "whiteout", "rename", "chroot"] {
        assert!(of(what) > u64::from(cases() / 30), "hardly any {what}: {tally:?}");
    }
    for errno in ["EACCES", "EPERM", "EROFS", "EBUSY", "EXDEV", "ENOSPC", "ELOOP"] {
        assert!(of(errno) > u64::from(cases() / 100), "hardly any {errno}: {tally:?}");
    }
}

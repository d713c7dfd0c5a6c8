//! A case on the model and on the crate, compared after each operation.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use vfsnotify::inotify::Inotify;
use vfsnotify::{InodeKind, RenameFlags};

use super::case::{CONTEXTS, Case, Furniture, GROUPS, PENDING, SLOTS, USERS, resolved};
use super::groups::{Group, Totals, Watch};
use super::namespace::Place;
use super::real;
use super::reference::Model;
use super::walk::Start;
use crate::op::{INIT_FLAGS, Mask, Mode, Op, Step};
use crate::outcome::Outcome;
use crate::path::{Goal, Path};
use crate::vfs_world::VfsWorld;

/// How often something happened in all cases together: a case that never gets far shows nothing.
pub type Tally = BTreeMap<&'static str, u64>;

fn equal<T: PartialEq + Debug>(what: &str, ours: T, wanted: T) -> Result<(), String> {
    if ours == wanted {
        return Ok(());
    }
    Err(format!("{what}:\n  the crate: {ours:?}\n  the model: {wanted:?}"))
}

fn watches(inotify: &Inotify) -> Vec<(i32, u32)> {
    inotify.watches().iter().map(|watch| (watch.wd.as_raw(), watch.mask.bits())).collect()
}

fn expected_watches(group: &Group) -> Vec<(i32, u32)> {
    let bits = |watch: &Watch| {
        let oneshot = if watch.oneshot { 0x8000_0000 } else { 0 };
        watch.events | oneshot | if watch.excl_unlink { 0x0400_0000 } else { 0 }
    };
    group.watches.iter().map(|(wd, watch)| (*wd, bits(watch))).collect()
}

/// Compares everything that can be looked at without changing it, and checks the invariants.
fn compare(real: &VfsWorld, model: &Model) -> Result<(), String> {
    for (index, wanted) in model.groups.iter().enumerate() {
        let (Some(ours), Some(wanted)) = (real.group(index), wanted) else { continue };
        let queue = (ours.len(), ours.readable_bytes());
        equal(&format!("queue {index}, events and bytes"), queue, (wanted.len(), wanted.bytes()))?;
        let stats = ours.stats();
        let stats = Totals(stats.queued, stats.merged, stats.lost);
        equal(&format!("totals of {index}"), stats, wanted.totals)?;
        equal(&format!("watches of {index}"), watches(ours), expected_watches(wanted))?;
        equal(&format!("number of watches of {index}"), ours.watch_count(), wanted.watches.len())?;
    }
    for user in 0..USERS {
        let usage = real.vfs().notifier().usage(user);
        equal(&format!("usage of {user}"), usage, model.usage(user))?;
    }
    equal("open files", real.vfs().nr_open_files(), model.names.open.len())?;
    real.vfs().verify()?;
    real.vfs().reap();
    let names = &model.names;
    let unknown = names.inodes.values().filter(|inode| inode.whiteout).count();
    // A reclaimed name is found again, without an event.
    let missing = if names.setup.reclaims() { usize::MAX } else { unknown };
    let at_most = |what, ours: usize, wanted: usize| {
        if ours <= wanted && wanted - ours <= missing { Ok(()) } else { equal(what, ours, wanted) }
    };
    at_most("living inodes", real.vfs().tree().live_inodes(), names.inodes.len())?;
    at_most("living dentries", real.vfs().tree().live_dentries(), names.dentries.len())?;
    let space = names.systems.keys().map(|fs| (names.nr_inodes(*fs), names.nr_bytes(*fs)));
    equal("inodes and bytes of each file system", real::space(real), space.collect())
}

fn step(
    real: &mut VfsWorld,
    model: &mut Model,
    step: &Step,
    tally: &mut Tally,
) -> Result<(), String> {
    let (ours, hint) = real::apply(real, step);
    let wanted = model.apply(step, &hint);
    *tally.entry(if wanted.is_ok() { "succeeded" } else { "failed" }).or_default() += 1;
    match &wanted {
        Ok(Outcome::Events(events)) => {
            *tally.entry("events read").or_default() += events.len() as u64;
            *tally.entry("unmounts read").or_default() += hint.unmounted.len() as u64;
        }
        Ok(_) => *tally.entry(sort_of(&step.op)).or_default() += 1,
        Err(error) => *tally.entry(error.name()).or_default() += 1,
    }
    equal("result", ours.map(comparable), wanted)?;
    compare(real, model)
}

/// The end: what is open is closed, what is queued is read, every context goes back to the first root,
/// and what is mounted is unmounted.
fn end(model: &Model) -> Vec<Op> {
    let mut ops: Vec<Op> = (0..SLOTS).map(|slot| Op::Close { slot }).collect();
    ops.extend((0..PENDING).map(|pending| Op::DropWatch { pending }));
    ops.extend((0..model.names.mounts.len()).map(|_| Op::Umount { path: "".into() }));
    ops.extend((0..GROUPS).map(|group| Op::Take { group }));
    ops.extend((0..GROUPS).map(|group| Op::Shutdown { group }));
    ops
}

/// The path of a place, seen from the first root; nothing if none leads there.
fn path_to(model: &Model, mut at: Place) -> Option<String> {
    let names = &model.names;
    let mut way = Vec::new();
    while at != names.first {
        let mount = &names.mounts[&at.mount];
        if at.dentry == mount.root {
            at = mount.on?;
            continue;
        }
        let dentry = &names.dentries[&at.dentry];
        if !dentry.hashed {
            return None;
        }
        way.push(dentry.name.clone());
        at.dentry = dentry.parent?;
    }
    way.reverse();
    Some(format!("/{}", way.join("/")))
}

/// Where the next mount is to be unmounted: of those that can be reached by a path and that are unused
/// the youngest and the oldest in turn, since the first mount of a file system need not be its last.
fn next_mount(model: &Model) -> Option<String> {
    let names = &model.names;
    let start = Start { by: 0, at: names.first };
    let is_there = |path: &String, id| {
        let found = names.walk(start, path, true).map(|at| names.top(at));
        found.is_ok_and(|at| at.mount == id && at.dentry == names.mounts[&id].root)
    };
    let mut free = names
        .mounts
        .iter()
        .filter(|(id, _)| !model.is_busy(**id))
        .filter_map(|(id, mount)| path_to(model, mount.on?).filter(|path| is_there(path, *id)));
    if names.mounts.len().is_multiple_of(2) { free.next() } else { free.next_back() }
}

fn finish(mut real: VfsWorld, mut model: Model, tally: &mut Tally) -> Result<(), String> {
    let leave = (0..CONTEXTS.len()).map(|by| Step { by, ..Step::from(Op::Leave) });
    let rest = end(&model).into_iter().map(Step::from);
    let mut left = 0;
    for mut last in leave.chain(rest) {
        if let Op::Umount { path } = &mut last.op {
            let Some(text) = next_mount(&model) else { continue };
            *path = text.into();
        }
        step(&mut real, &mut model, &last, tally)
            .map_err(|error| format!("at the end, {:?}: {error}", last.op))?;
        left = model.names.mounts.len();
    }
    *tally.entry("mounts left").or_default() += left as u64 - 1;
    for total in model.groups.iter().flatten().map(|group| group.totals) {
        *tally.entry("queued").or_default() += total.0;
        *tally.entry("merged").or_default() += total.1;
        *tally.entry("lost").or_default() += total.2;
    }
    for user in 0..USERS {
        equal("what is left", real.vfs().notifier().usage(user), (0, 0))?;
    }
    let (tree, systems) = (Arc::downgrade(real.vfs().tree()), real.systems().to_vec());
    drop(real);
    let systems = systems.iter().filter(|fs| fs.strong_count() > 0).count();
    equal("trees and file systems left", (tree.strong_count(), systems), (0, 0))
}

/// The objects that are there before the operations of a case, so that they find something.
fn furniture(which: Furniture) -> Vec<Op> {
    let path = |names: &[&'static str]| Path::Wish {
        goal: Goal::Literal(names.to_vec()),
        relative: false,
        slash: false,
        dot: false,
    };
    let watch = |group, names: &[&'static str]| Op::AddWatch {
        group,
        path: path(names),
        mask: Mask(0xfff),
    };
    let mkdir = |names: &[&'static str], mode| Op::Mkdir { path: path(names), mode: Mode(mode) };
    let chmod = |names: &[&'static str], mode| Op::Chmod {
        path: path(names),
        mode: Mode(mode),
        follow: true,
    };
    let init = |group| Op::Init { group, flags: INIT_FLAGS, queue: None };
    let names = [
        init(0),
        init(1),
        mkdir(&["a"], 0o777),
        mkdir(&["a", "a"], 0o755),
        mkdir(&["b"], 0o1777),
        Op::Mknod { path: path(&["a", "b"]), kind: InodeKind::Regular, mode: Mode(0o666), rdev: 0 },
        Op::Symlink { target: path(&["a"]), path: path(&["c"]) },
        chmod(&["a"], 0o777),
        chmod(&["b"], 0o1777),
        watch(0, &["a"]),
        watch(0, &["a", "b"]),
        watch(1, &[]),
        watch(1, &["a", "a"]),
    ];
    let mounts = [
        mkdir(&["b", "a"], 0o777),
        mkdir(&["b", "b"], 0o777),
        Op::MountTmpfs { path: path(&["b", "a"]), read_only: false },
        mkdir(&["b", "a", "a"], 0o777),
        mkdir(&["b", "a", "a", "a"], 0o777),
        mkdir(&["b", "a", "b"], 0o777),
        Op::MountBind { source: path(&["b", "a", "a"]), path: path(&["b", "b"]), read_only: false },
        watch(0, &["b", "a"]),
        watch(1, &["b", "b"]),
    ];
    match which {
        Furniture::None => Vec::new(),
        Furniture::Names => names.into(),
        Furniture::Mounts => names.into_iter().chain(mounts).collect(),
    }
}

/// Runs a case.
pub fn run(case: &Case, tally: &mut Tally) -> Result<(), String> {
    let (mut real, mut model) = (real::world(case.setup), Model::new(case.setup));
    let start = furniture(case.setup.furniture).into_iter().map(Step::from);
    let mut done = Vec::new();
    for next in start.chain(case.steps.iter().cloned()) {
        let next = resolved(&next, &model);
        done.push(next.clone());
        step(&mut real, &mut model, &next, tally)
            .map_err(|error| format!("{error}\nafter {}\n{:?}", listed(&done), case.setup))?;
    }
    finish(real, model, tally).map_err(|error| format!("{error}\nafter {}", listed(&done)))
}

fn listed(steps: &[Step]) -> String {
    let line = |step: &Step| format!("\n  {} at {:?}: {:?}", step.by, step.at, step.op);
    steps.iter().map(line).collect()
}

/// The result, without the numbers that the model does not know.
fn comparable(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Stat(stat) => Outcome::Stat(stat.without_numbers()),
        other => other,
    }
}

/// The sort of operation, for the tally.
fn sort_of(op: &Op) -> &'static str {
    match op {
        Op::MountTmpfs { .. } => "mount",
        Op::MountBind { .. } => "bind",
        Op::Umount { .. } => "unmount",
        Op::Rename { flags, .. } if *flags == RenameFlags::EXCHANGE => "exchange",
        Op::Rename { flags, .. } if flags.contains(RenameFlags::WHITEOUT) => "whiteout",
        Op::Rename { .. } => "rename",
        Op::LinkFile { .. } => "link of an open file",
        Op::StartWatch { .. } => "start of a watch",
        Op::DropWatch { .. } => "drop of a watch",
        Op::Chroot { .. } => "chroot",
        Op::CopyFileRange { .. } => "copy",
        Op::Sendfile { .. } => "send",
        Op::Fallocate { .. } => "allocation",
        Op::SetXattr { .. } => "setting of an attribute",
        _ => "other",
    }
}

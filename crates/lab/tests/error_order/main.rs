//! Which error a call gives where several apply, as on the kernel beside: every operation on every
//! kind of object, as root and as an unprivileged user, on a writable mount, on a read-only mount of
//! a writable superblock (a bind mount), and on a read-only superblock.
//!
//! The kernel's side is a tmpfs in a mount namespace of the test's own, which takes root; without,
//! the tests say that they do not run. They compare with the kernel they run on, and were made equal
//! to Linux 6.18: until 6.9 truncate(2) looked at the mount before it looked at the mode bits.

#![cfg(target_os = "linux")]

/// The parts.
mod calls;
mod kernel;
mod ours;
mod table;

use calls::{Case, Mounted, USER, must, needs_fresh_tree, plant};
use lab::compare::Cookies;
use lab::op::{Mode, Op, Step};
use lab::outcome::{Done, Outcome};
use lab::random_ops::normal::normal;
use lab::world::World;

/// How many differences are shown.
const SHOWN: usize = 40;

/// Makes each call on both sides, as both users and on all three mounts, on a fresh tree after each
/// that may have changed something.
fn compare(cases: impl Fn(Mounted, u32) -> Vec<Case>) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: it takes root to mount and to act as two users");
        return;
    }
    let mut wrong = Vec::new();
    let mut made = 0;
    for mounted in [Mounted::Writable, Mounted::ReadOnlyBind, Mounted::ReadOnlySuperblock] {
        for user in [0, USER] {
            let cases = cases(mounted, user);
            made += cases.len();
            let top = tempfile::tempdir().expect("a directory");
            let on_thread = || differences(top.path(), mounted, user, &cases);
            // Its namespace and its user end with the thread.
            let differences = std::thread::scope(|scope| {
                scope.spawn(on_thread).join().expect("the thread does not panic")
            });
            match differences {
                Ok(some) => wrong.extend(some),
                Err(why) => {
                    eprintln!("not run: {why}");
                    return;
                }
            }
        }
    }
    println!("{made} calls");
    let shown = wrong.len().min(SHOWN);
    let some = wrong[..shown].join("\n");
    assert!(wrong.is_empty(), "{} of {made} differ:\n{some}", wrong.len());
}

/// Makes a directory beside the current one, or below the first, and goes there.
pub(crate) fn enter_fresh_tree(world: &mut dyn World, number: usize) {
    let tree = if number == 1 { "tree1".to_owned() } else { format!("../tree{number}") };
    must(world, Op::Mkdir { path: tree.as_str().into(), mode: Mode(0o755) });
    must(world, Op::Chdir { path: tree.into() });
}

/// The results of the operations of a case, as a user.
fn run(world: &mut dyn World, case: &Case, user: u32) -> Vec<Done> {
    let one = |step: &Step| {
        let op = match (&step.op, user) {
            (op @ Op::As { .. }, _) | (op, 0) => op.clone(),
            (op, uid) => Op::As { uid, op: Box::new(op.clone()) },
        };
        normal(world.apply(&Step { op, ..step.clone() }), &mut Cookies::default())
    };
    case.iter().map(one).collect()
}

fn differences(
    top: &std::path::Path,
    mounted: Mounted,
    user: u32,
    cases: &[Case],
) -> Result<Vec<String>, String> {
    let mut kernel = kernel::world(top, mounted)?;
    let mut ours = ours::world(mounted);
    let (mut wrong, mut trees) = (Vec::new(), 1);
    for case in cases {
        let (theirs, here) = (run(&mut kernel, case, user), run(&mut ours, case, user));
        if theirs != here {
            let ops: Vec<_> = case.iter().map(|step| &step.op).collect();
            wrong.push(format!("{mounted:?} {user} {ops:?}: Linux {theirs:?}, here {here:?}"));
        }
        let was_done = |done: &Done| matches!(done, Ok(outcome) if *outcome != Outcome::Nothing);
        let changed = |(step, (theirs, here)): (&Step, (&Done, &Done))| {
            needs_fresh_tree(&step.op) && (was_done(theirs) || was_done(here))
        };
        let changed = case.iter().zip(theirs.iter().zip(&here)).any(changed);
        if changed && mounted == Mounted::Writable {
            trees += 1;
            let worlds: [&mut dyn World; 2] = [&mut kernel, &mut ours];
            for world in worlds {
                enter_fresh_tree(world, trees);
                plant(world);
            }
        }
    }
    ours.vfs().verify().expect("the invariants");
    Ok(wrong)
}

#[test]
fn opens() {
    compare(|_, _| table::opens());
}

/// How far a path may lead.
#[test]
fn resolutions() {
    compare(|_, _| table::resolutions());
}

/// The calls with an open file for a path, also where the way to it may not be searched.
#[test]
fn objects() {
    compare(|mounted, user| table::objects(mounted == Mounted::Writable && user != 0));
}

#[test]
fn objects_without_a_name() {
    compare(|mounted, user| match mounted {
        Mounted::Writable => table::unlinked(user != 0),
        _ => Vec::new(),
    });
}

#[test]
fn attributes_and_queries() {
    compare(|_, _| table::attributes());
}

#[test]
fn extended_attributes() {
    compare(|_, _| table::xattrs());
}

#[test]
fn names_made_and_removed() {
    compare(|_, _| table::names());
}

#[test]
fn renames() {
    compare(|_, _| table::renames());
}

#[test]
fn links() {
    compare(|mounted, user| table::links(mounted == Mounted::Writable && user != 0));
}

#[test]
fn calls_on_open_files() {
    compare(|_, _| table::on_open_files());
}

#[test]
fn flags_of_open_files() {
    compare(|_, _| table::flags_set());
}

#[test]
fn sends() {
    compare(|_, _| table::sends());
}

#[test]
fn copies() {
    compare(|_, _| table::copies());
}

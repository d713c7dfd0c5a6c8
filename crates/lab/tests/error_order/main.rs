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

use calls::{Call, Mounted, USER};
use kernel::Kernel;
use ours::Ours;

/// How many differences are shown.
const SHOWN: usize = 40;

/// Makes each call on both sides, as both users and on all three mounts, on a fresh tree after each
/// that may have changed something.
fn compare(calls: impl Fn(Mounted, u32) -> Vec<Call>) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: it takes root to mount and to act as two users");
        return;
    }
    let mut wrong = Vec::new();
    let mut made = 0;
    for mounted in [Mounted::Writable, Mounted::ReadOnlyBind, Mounted::ReadOnlySuperblock] {
        for user in [0, USER] {
            let calls = calls(mounted, user);
            made += calls.len();
            let top = tempfile::tempdir().expect("a directory");
            let on_thread = || differences(top.path(), mounted, user, &calls);
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

fn differences(
    top: &std::path::Path,
    mounted: Mounted,
    user: u32,
    calls: &[Call],
) -> Result<Vec<String>, String> {
    let mut kernel = Kernel::new(top, mounted, user)?;
    let mut ours = Ours::new(mounted, user);
    let mut wrong = Vec::new();
    for call in calls {
        let (theirs, here) = (kernel.run(call), ours.run(call));
        if theirs != here {
            wrong.push(format!("{mounted:?} {user} {call:?}: Linux {theirs:?}, here {here:?}"));
        }
        let changed = call.needs_fresh_tree() && (theirs.is_ok() || here.is_ok());
        if changed && mounted == Mounted::Writable {
            kernel.renew();
            ours.renew();
        }
    }
    ours.verify();
    Ok(wrong)
}

#[test]
fn opens() {
    compare(|_, _| table::opens());
}

#[test]
fn attributes_and_questions() {
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
fn sends() {
    compare(|_, _| table::sends());
}

#[test]
fn copies() {
    compare(|_, _| table::copies());
}

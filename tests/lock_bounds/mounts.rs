//! Many mounts, and file systems that go.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{InodeKind, MemFs, OpenFlags, lockdep};

use super::{World, assert_bounded, longest, size};

#[test]
fn many_mounts_are_listed_in_batches() {
    let world = World::new();
    let mounts = size(20_000);
    world.dir("/m");
    world.dir("/from");
    for n in 0..mounts {
        world.dir(&format!("/m/{n}"));
        world.vfs.bind_mount(&world.cx, "/from", format!("/m/{n}")).expect("a mount");
    }
    world.assert_bounded("mounting");
    let all = world.vfs.mounts(&world.cx);
    assert_eq!(all.len(), mounts + 1);
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    let most = longest(&lockdep::longest_holds(), "mount table");
    assert!((100..1000).contains(&most), "{most} mounts under one hold");
    world.assert_bounded("listing mounts");
    for n in (0..mounts).step_by(2) {
        world.vfs.unmount(&world.cx, format!("/m/{n}")).expect("it is unused");
    }
    world.assert_bounded("unmounting");
    world.vfs.verify().expect("the invariants");
}

/// Each on top of the last.
#[test]
fn mounts_on_top_of_each_other_are_crossed_one_at_a_time() {
    let world = World::new();
    world.dir("/m");
    world.dir("/from");
    let mounts = size(3000);
    for _ in 0..mounts {
        world.vfs.bind_mount(&world.cx, "/from", "/m").expect("a mount");
    }
    world.vfs.stat(&world.cx, "/m/..").expect("it is there");
    world.assert_bounded("a stack of mounts");
}

/// A look-up begins below what is mounted on its root, so each mount on `/` goes up through all before it:
/// that was done under the lock it is added under.
#[test]
fn a_mount_on_top_of_many_climbs_them_one_at_a_time() {
    let world = World::new();
    for _ in 0..1500 {
        world.vfs.bind_mount(&world.cx, "/", "/").expect("a mount");
    }
    world.assert_bounded("a stack of mounts on the root");
    world.vfs.unmount(&world.cx, "/").expect("it is unused");
    world.assert_bounded("the top of a stack of mounts");
}

/// The last handle on a chain of mounts goes: each held the one it is on, and dropping them went as deep
/// as the chain, until the stack was at its end.
#[test]
fn the_end_of_a_deep_chain_of_mounts_does_not_overflow_the_stack() {
    for context_last in [false, true] {
        let mut world = World::new();
        world.dir("/from");
        world.dir("/from/d");
        world.cx.chdir(&world.vfs, "/from").expect("a directory");
        for _ in 0..20_000 {
            world.vfs.bind_mount(&world.cx, "/from", "d").expect("a mount");
            world.cx.chdir(&world.vfs, "d").expect("a directory");
        }
        world.assert_bounded("a chain of mounts");
        let World { vfs, cx, _turn } = world;
        if context_last {
            drop(vfs);
            drop(cx);
        } else {
            drop(cx);
            drop(vfs);
        }
        assert_bounded("its end");
    }
}

#[test]
fn a_file_system_of_many_watches_is_unmounted_in_bounded_holds() {
    let world = World::new();
    world.dir("/m");
    world.vfs.mount(&world.cx, "/m", MemFs::new()).expect("a mount");
    let count = size(100_000);
    let (inotify, other) = (world.inotify(), world.inotify());
    {
        let at = world.vfs.open(&world.cx, "/m", OpenFlags::PATH, 0).expect("a handle");
        for n in 0..count {
            world
                .vfs
                .mknod(&world.cx, at.at(&format!("{n}")), InodeKind::Regular, 0o644, 0)
                .expect("a new file");
        }
    }
    for n in 0..count {
        world.watch(&inotify, &format!("/m/{n}"), WatchMask::MODIFY);
    }
    world.watch(&other, "/m", WatchMask::ALL_EVENTS);
    world.assert_bounded("many watches");
    world.vfs.unmount(&world.cx, "/m").expect("it is unused");
    assert_eq!(other.len(), 2, "UNMOUNT and IGNORED");
    assert_eq!(world.vfs.notifier().usage(0).1, 0);
    world.vfs.reap();
    assert_eq!(world.vfs.tree().live_dentries(), 2, "the root and /m");
    world.assert_bounded("unmounting");
    world.vfs.verify().expect("the invariants");
}

//! Watches, and the slots they live in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::{Credentials, Errno, EventMask, InodeKind, MemFs, OpenFlags, Vfs};

use super::world::World;

/// The group of a run of marks was read from the first mark after the connector's lock; when that
/// mark's slot had gone to another group, the event of the second mark did too.
#[test]
fn an_event_goes_to_no_group_that_took_over_a_marks_slot() {
    let world = World::new();
    let (a, b, other) = (world.dir(2, b"a"), world.dir(3, b"b"), world.dir(4, b"o"));
    let f = world.make(a.get(), 5, b"f", InodeKind::Regular);
    let (first, second) = (world.inotify(), world.inotify());
    first.add_watch(&b.inode_ref(), WatchMask::MOVE).expect("a watch");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let churn = scope.spawn(|| {
            let mut stolen = 0;
            while !stop.load(Ordering::Relaxed) {
                let wd = first.add_watch(&a.inode_ref(), WatchMask::MOVE).expect("a watch");
                // It may have fired: then it is gone already.
                let _ = first.rm_watch(wd);
                let mask = WatchMask::DELETE;
                let wd = second.add_watch(&other.inode_ref(), mask).expect("a watch");
                second.rm_watch(wd).expect("it is there");
                let events = second.drain();
                let real = events.iter().filter_map(|event| event.fs_event());
                stolen += real.filter(|event| event.mask != EventMask::IGNORED).count();
            }
            stolen
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            let (a, b, moved) = (a.get(), b.get(), f.get().inode());
            world.notifier.hooks().on_rename(a, b"secret", b, b"secret", moved, None);
            let _ = first.drain();
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(churn.join().expect("the churn"), 0);
    });
}

/// An update with the same interest left the mark's word as it was, so the first adder's early
/// drop took the second one's watch away.
#[test]
fn dropping_a_pending_watch_keeps_the_watch_of_a_second_adder() {
    let world = World::new();
    let f = world.file(2, b"f");
    let inotify = world.inotify();
    let inode = world.root.inode_ref();
    let pending = inotify.start_watch(&inode, WatchMask::MODIFY).expect("a watch");
    inotify.add_watch(&inode, WatchMask::MODIFY).expect("the same watch");
    drop(pending);
    world.notifier.hooks().on_modify(f.get());
    assert_eq!((inotify.len(), inotify.watch_count()), (1, 1));
    let pending = inotify.start_watch(&f.inode_ref(), WatchMask::MODIFY).expect("a watch");
    drop(pending);
    assert_eq!(inotify.watch_count(), 1, "no other group wanted that one");
}

/// A mark on an inode whose death had been reported would never have got IGNORED.
#[test]
fn a_dead_inode_gets_no_watch() {
    let world = World::new();
    let inotify = world.inotify();
    let f = world.file(2, b"f");
    let inode = f.inode_ref();
    inode.get().set_nlink(0);
    let entry =
        world.notifier.unhash(f.get(), false).expect("of this tree").expect("it had a name");
    drop(entry);
    drop(f);
    let error = inotify.add_watch(&inode, WatchMask::MODIFY).unwrap_err();
    assert_eq!(error.errno(), Errno::ENOENT);
    drop(inode);
    world.notifier.reap(|_, _, _| {});
    assert_eq!(world.tree.live_inodes(), 1);
}

/// The next tag was searched one by one under the lock of an object that others use.
#[test]
fn a_next_wd_in_a_long_run_is_found_at_once() {
    let world = World::new();
    let inotify = world.inotify();
    let files: Vec<DentryRef> =
        (0..20_000).map(|n| world.file(10 + n, format!("{n}").as_bytes())).collect();
    for file in &files {
        inotify.add_watch(&file.inode_ref(), WatchMask::MODIFY).expect("a watch");
    }
    let root = world.root.inode_ref();
    for _ in 0..20_000 {
        inotify.set_next_wd(WatchDescriptor::from_raw(1)).expect("a descriptor");
        let wd = inotify.add_watch(&root, WatchMask::CREATE).expect("a watch");
        assert_eq!(wd.as_raw(), 20_001);
        inotify.rm_watch(wd).expect("it is there");
        let _ = inotify.drain();
    }
    assert_eq!(inotify.watches().len(), 20_000);
}

/// The number of marks on one object bounds how long its lock is held.
#[test]
fn marks_on_one_object_have_a_limit() {
    let world = World::new();
    let limits = world.notifier.limits().with_max_object_marks(3);
    world.notifier.set_limits(limits);
    let root = world.root.inode_ref();
    let groups: Vec<Inotify> = (0..4).map(|_| world.inotify()).collect();
    for group in &groups[..3] {
        group.add_watch(&root, WatchMask::CREATE).expect("a watch");
    }
    let error = groups[3].add_watch(&root, WatchMask::CREATE).unwrap_err();
    assert_eq!(error.errno(), Errno::ENOSPC);
    groups[0].close();
    groups[3].add_watch(&root, WatchMask::CREATE).expect("there is room again");
}

/// `ONLYDIR` is part of the look-up, which comes before the look at permissions; a watch on an open
/// file looked at them first, and a caller that may not read a file was told `EACCES` instead of `ENOTDIR`.
#[test]
fn only_a_directory_is_asked_for_before_permission_to_watch_an_open_file() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let file = vfs.open(&cx, "/f", OpenFlags::READ | OpenFlags::CREATE, 0o600).expect("a file");
    let other = vfs.context().with_credentials(Credentials::new(1000, 1000));
    let inotify = vfs.inotify(&other).expect("an instance");
    let refused = |mask| vfs.add_watch(&other, &inotify, &file, mask).unwrap_err().errno();
    assert_eq!(refused(WatchMask::ALL_EVENTS | WatchMask::ONLYDIR), Errno::ENOTDIR);
    assert_eq!(refused(WatchMask::ALL_EVENTS), Errno::EACCES);
}

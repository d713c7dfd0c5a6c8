//! Limits that several run into at once: exactly so much is granted, and all of it comes back.

use super::shuttle_harness::{VfsWorld, check, expect, thread, together};
use crate::base::errno::Errno;
use crate::base::sync::{Arc, AtomicUsize, Ordering};
use crate::fs::{NewNode, Request};
use crate::inotify::WatchMask;
use crate::notify::Limits;
use crate::{FileSystem, InodeKind, MemFs, Mode, OpenFlags};

/// Fails (two are granted) if `count_up` in `limits.rs` loads, compares and stores.
#[test]
fn shuttle_of_three_that_add_the_last_watch_one_gets_it() {
    check(|| {
        let limits = Limits { max_user_watches: 1, ..Limits::default() };
        let world = VfsWorld::with_limits(limits, 10);
        let granted = Arc::new(AtomicUsize::new(0));
        let instances = [world.inotify(), world.inotify(), world.inotify()];
        let threads = instances.iter().zip(["/a", "/a", "/b"]).map(|(inotify, path)| {
            let (inotify, granted) = (inotify.clone(), granted.clone());
            thread(&world, move |world| {
                let mask = WatchMask::MODIFY;
                if expect(world.vfs.add_watch(&world.cx, &inotify, path, mask), &[Errno::ENOSPC]) {
                    granted.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        together(threads.collect());
        assert_eq!(granted.load(Ordering::Relaxed), 1);
        assert_eq!(world.vfs.notifier().usage(0), (3, 1));
        drop((instances, granted));
        VfsWorld::end(world);
    });
}

/// Fails (a watch is left in the end) if `release_watches` in `limits.rs` loads and stores.
#[test]
fn shuttle_instances_that_come_and_go_are_counted() {
    check(|| {
        let limits = Limits { max_user_instances: 3, ..Limits::default() };
        let world = VfsWorld::with_limits(limits, 10);
        // A user without any is forgotten, with what was counted.
        let kept = world.inotify();
        let threads = (0..3).map(|_| {
            thread(&world, |world| {
                for _ in 0..2 {
                    match world.vfs.inotify(&world.cx) {
                        Ok(inotify) => {
                            assert!(world.vfs.notifier().usage(0).0 <= 3);
                            world.watch(&inotify, "/a", WatchMask::MODIFY);
                        }
                        Err(error) => assert_eq!(error.errno(), Errno::EMFILE),
                    }
                }
            })
        });
        together(threads.collect());
        assert_eq!(world.vfs.notifier().usage(0), (1, 0));
        drop(kept);
        VfsWorld::end(world);
    });
}

/// Fails (two are granted) if `take` in `fs/memfs/space.rs` loads, compares and stores.
#[test]
fn shuttle_of_three_that_make_the_last_inode_one_gets_it() {
    check(|| {
        let fs = Arc::new(MemFs::builder().inode_limit(2).build());
        let made = Arc::new(AtomicUsize::new(0));
        let threads = [b"a", b"b", b"c"].map(|name| {
            let made = made.clone();
            thread(&fs, move |fs| {
                let kind = InodeKind::Regular;
                let new = NewNode::new(kind, Mode::new(0o644));
                if expect(fs.create(&Request::SUPERUSER, 1, name, &new), &[Errno::ENOSPC]) {
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        together(threads.into());
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert_eq!(fs.stats().inodes, 2);
    });
}

/// Fails (two are granted) if `OpenSlot::take` in `open_files.rs` loads, compares and adds.
#[test]
fn shuttle_of_three_that_open_the_last_file_one_gets_it_at_a_time() {
    check(|| {
        let world = VfsWorld::with_limits(Limits::default(), 1);
        let threads = (0..3).map(|_| {
            thread(&world, |world| {
                let opened = world.open("/a/f", OpenFlags::READ);
                assert!(world.vfs.nr_open_files() <= 1, "the limit is one");
                expect(opened, &[Errno::ENFILE]);
            })
        });
        together(threads.collect());
        assert!(world.open("/a/f", OpenFlags::READ).is_ok(), "a slot was not given back");
        VfsWorld::end(world);
    });
}

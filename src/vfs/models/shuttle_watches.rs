//! Watches by path that several threads add and remove.

use super::shuttle_harness::{
    VfsWorld, assert_ends_with_ignored, check, count, events, expect, remove, thread, together,
};
use crate::base::errno::Errno;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::inotify::{Inotify, WatchMask};
use crate::{OpenFlags, RenameFlags};

/// G1, through paths: for an adder that walks, one that helps, and one that widens what it has.
/// Fails as its namesake in `notify::models`.
#[test]
fn shuttle_g1_a_write_after_the_return_of_any_add_is_reported() {
    check(|| {
        let world = VfsWorld::new();
        for name in ["/a/g", "/a/h"] {
            world.make(name).unwrap();
        }
        let adder = |first: WatchMask| {
            thread(&world, move |world| {
                let inotify = world.inotify();
                world.watch(&inotify, "/a", first);
                world.watch(&inotify, "/a", WatchMask::MODIFY);
                for name in ["g", "h"] {
                    let file = world.open(&format!("/a/{name}"), OpenFlags::WRITE).unwrap();
                    file.write(b"x").unwrap();
                    let reported = events(&inotify);
                    assert!(
                        count(&reported, EventMask::MODIFY, name) > 0,
                        "{name} in {reported:?}"
                    );
                }
            })
        };
        together(vec![
            adder(WatchMask::MODIFY),
            adder(WatchMask::CREATE),
            thread(&world, |world| {
                world.rename("/a/f", "/b/f").unwrap();
                world.rename("/b/f", "/a/f").unwrap();
            }),
        ]);
        VfsWorld::end(world);
    });
}

/// G7, with operations that race: one event, then IGNORED, whatever comes first, a removal included.
/// Fails (two events) without the claim in `still_wanted` in `dispatch.rs`.
#[test]
fn shuttle_g7_a_one_shot_reports_one_of_three_operations_or_its_removal() {
    check(|| {
        let world = VfsWorld::new();
        let inotify = world.inotify();
        let wd = world.watch(&inotify, "/b", WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        together(vec![
            thread(&world, |world| world.make("/b/g").unwrap()),
            thread(&world, |world| world.rename("/a/f", "/b/f").unwrap()),
            thread(&world, |world| world.vfs.chmod(&world.cx, "/b", 0o700).unwrap()),
            thread(&world, {
                let inotify = inotify.clone();
                move |_| {
                    remove(&inotify, wd);
                }
            }),
        ]);
        let reported = events(&inotify);
        assert!(reported.len() <= 2, "{reported:?}");
        assert_ends_with_ignored(&reported, wd);
        assert_eq!(inotify.watch_count(), 0);
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// Begins to watch `/a`, takes some steps, and drops it.
fn start_and_drop(
    world: &Arc<VfsWorld>,
    inotify: &Inotify,
    steps: usize,
) -> Box<dyn FnOnce() + Send> {
    let inotify = inotify.clone();
    thread(world, move |world| {
        let mask = WatchMask::MODIFY;
        let mut pending = world.vfs.start_watch(&world.cx, &inotify, "/a", mask).unwrap();
        for _ in 0..steps {
            pending.step();
        }
    })
}

/// Watches that are being added are stepped, dropped and finished by three: what was dropped early is
/// gone, what was finished reports events. Fails (a watch is left, or one too many is gone) if
/// `withdraw_mark` in `marks/detach.rs` does not claim the very word that was made.
#[test]
fn shuttle_pending_watches_of_one_instance_are_dropped_by_some_and_finished_by_another() {
    check(|| {
        let world = VfsWorld::new();
        world.make("/a/g").unwrap();
        let inotify = world.inotify();
        let start = |steps| start_and_drop(&world, &inotify, steps);
        together(vec![
            start(0),
            start(2),
            thread(&world, {
                let inotify = inotify.clone();
                move |world| {
                    world.watch(&inotify, "/a", WatchMask::MODIFY);
                    let file = world.open("/a/f", OpenFlags::WRITE).unwrap();
                    file.write(b"x").unwrap();
                }
            }),
        ]);
        let reported = events(&inotify);
        assert_eq!(count(&reported, EventMask::MODIFY, "f"), 1, "{reported:?}");
        assert_eq!(
            reported.len(),
            1,
            "a watch that no caller got is withdrawn without an event: {reported:?}"
        );
        assert_eq!(inotify.watch_count(), 1);
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// The same where no thread waits: a watch that one had made and another changed stays, and is told of every
/// child. Fails (no event) if the drop in `pending.rs` leaves the walk where it is.
#[test]
fn shuttle_a_pending_watch_that_all_drop_is_gone_or_ready() {
    check(|| {
        let world = VfsWorld::new();
        world.make("/a/g").unwrap();
        let inotify = world.inotify();
        let start = |steps| start_and_drop(&world, &inotify, steps);
        together(vec![start(0), start(0), start(1)]);
        let watches = inotify.watch_count();
        for name in ["f", "g"] {
            world.open(&format!("/a/{name}"), OpenFlags::WRITE).unwrap().write(b"x").unwrap();
        }
        assert_eq!(events(&inotify).len(), 2 * watches, "{watches} watches");
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// An instance is closed while others add to it and make it report: nothing is left, and a later
/// caller gets an error. Fails (an event is left) if `Queue::close` keeps the back end.
#[test]
fn shuttle_an_instance_that_is_closed_under_adders_and_writers_leaves_nothing() {
    check(|| {
        let world = VfsWorld::new();
        let (closed, other) = (world.inotify(), world.inotify());
        world.watch(&closed, "/a", WatchMask::ALL_EVENTS);
        let wd = world.watch(&other, "/a", WatchMask::CREATE);
        together(vec![
            thread(&world, {
                let closed = closed.clone();
                move |_| closed.close()
            }),
            thread(&world, {
                let closed = closed.clone();
                move |world| {
                    for path in ["/a/f", "/b"] {
                        let mask = WatchMask::ALL_EVENTS | WatchMask::MASK_CREATE;
                        expect(
                            world.vfs.add_watch(&world.cx, &closed, path, mask),
                            &[Errno::ESHUTDOWN],
                        );
                    }
                }
            }),
            thread(&world, |world| world.make("/a/g").unwrap()),
        ]);
        assert_eq!((closed.watch_count(), closed.len()), (0, 0));
        assert_eq!(events(&other), [(wd, EventMask::CREATE, "g".into())]);
        drop((closed, other));
        VfsWorld::end(world);
    });
}

/// A watched object loses its name, is moved, and gets another watch: it is found or it is gone, and
/// every watch that was made ends. Fails (a watch on a dead inode) if `report_death` in `lifetime/death.rs` does not
/// destroy the marks.
#[test]
fn shuttle_a_watch_on_a_path_that_goes_is_refused_or_told_of_the_death() {
    check(|| {
        let world = VfsWorld::new();
        let inotify = world.inotify();
        let early = world.watch(&inotify, "/a/f", WatchMask::DELETE_SELF | WatchMask::MOVE_SELF);
        let late = world.inotify();
        together(vec![
            thread(&world, |world| {
                let _ = world.vfs.rename(&world.cx, "/a/f", "/b/f", RenameFlags::NOREPLACE);
            }),
            thread(&world, |world| {
                // One of the two names it has now.
                if !expect(world.vfs.unlink(&world.cx, "/a/f"), &[Errno::ENOENT]) {
                    expect(world.vfs.unlink(&world.cx, "/b/f"), &[Errno::ENOENT]);
                }
            }),
            thread(&world, {
                let late = late.clone();
                move |world| {
                    let mask = WatchMask::DELETE_SELF | WatchMask::MASK_CREATE;
                    let added = world.vfs.add_watch(&world.cx, &late, "/a/f", mask);
                    expect(added, &[Errno::ENOENT, Errno::EEXIST]);
                }
            }),
        ]);
        let is_gone = world.vfs.stat(&world.cx, "/a/f").is_err()
            && world.vfs.stat(&world.cx, "/b/f").is_err();
        assert!(is_gone, "a rename and then two unlinks take every name");
        assert_ends_with_ignored(&events(&inotify), early);
        let reported = events(&late);
        assert_eq!(late.watch_count(), 0, "a watch on a dead inode");
        if let Some(wd) = reported.first().map(|event| event.0) {
            assert_ends_with_ignored(&reported, wd);
        }
        drop((inotify, late));
        VfsWorld::end(world);
    });
}

/// A blocking reader, the VFS that goes, and a handle on an open file: the reader is woken, and the thread that is
/// last frees everything (G13). Fails (a deadlock) if `Inner::drop` in `vfs/mod.rs` does not shut the
/// notifier down, or (not freed) if an instance holds the notifier by `Arc`.
#[test]
fn shuttle_g13_a_vfs_a_file_a_mount_and_an_instance_are_dropped_in_any_order() {
    check(|| {
        let world = VfsWorld::new();
        let inner = Arc::new(crate::MemFs::new());
        world.vfs.mount(&world.cx, "/b", inner.clone()).unwrap();
        world.make("/b/g").unwrap();
        let inotify = world.inotify();
        world.watch(&inotify, "/b", WatchMask::OPEN | WatchMask::ONESHOT);
        world.watch(&inotify, "/a", WatchMask::ALL_EVENTS);
        let file = world.open("/a/f", OpenFlags::WRITE).unwrap();
        let other = world.open("/b/g", OpenFlags::WRITE).unwrap();
        events(&inotify);
        let mut below = world.cx.clone();
        below.chdir(&world.vfs, "/b").unwrap();
        let VfsWorld { vfs, cx, fs } =
            Arc::into_inner(world).expect("the last reference to the world");
        let tree = Arc::downgrade(vfs.tree());
        let (reader, kept) = (inotify.clone(), inotify);
        let pending = vfs.start_watch(&cx, &reader, "/", WatchMask::MODIFY).unwrap();
        together(vec![
            Box::new(move || {
                file.write(b"x").unwrap();
                drop((file, cx));
                drop(vfs);
            }),
            Box::new(move || {
                let mut seen = 0;
                let error = loop {
                    match reader.wait(None, None) {
                        Ok(()) => seen += reader.drain().len(),
                        Err(error) => break error,
                    }
                };
                assert_eq!(error.errno(), Errno::ESHUTDOWN);
                assert!(seen >= 2, "a write and a close, and only {seen} were reported");
            }),
            Box::new(move || drop((other, pending))),
            Box::new(move || drop(below)),
        ]);
        assert!(tree.upgrade().is_none(), "the tree was not freed");
        assert!(Arc::into_inner(fs).is_some(), "the file system was not let go of");
        assert!(Arc::into_inner(inner).is_some(), "the other was not let go of");
        drop(kept);
    });
}

//! The end of a group, of an inode, of a file system, of the notifier and its tree.

use super::shuttle_harness::{
    HookWorld, assert_ends_with_ignored, check, events, remove, thread, together, watch,
};
use crate::base::errno::Errno;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::Tally;
use crate::inotify::WatchMask;

/// Fails (a mark is left) if `close_group` in `marks/close.rs` does not refuse further adds: both `open` and
/// the user are checked.
#[test]
fn shuttle_g13_a_group_that_is_closed_leaves_nothing_behind() {
    check(|| {
        let world = HookWorld::new();
        let (closed, other) = (world.inotify(), world.inotify());
        let file = world.create(&world.a, b"g", 5);
        watch(&closed, &world.a, WatchMask::ALL_EVENTS);
        watch(&closed, &file, WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        watch(&other, &file, WatchMask::ALL_EVENTS);
        together(vec![
            thread(&world, {
                let closed = closed.clone();
                move |_| closed.close()
            }),
            thread(&world, |world| {
                world.modify();
                world.notifier.hooks().on_modify(file.get());
                world.unlink(&world.a, file);
            }),
            thread(&world, {
                let closed = closed.clone();
                move |world| {
                    let added = closed.add_watch(&world.b.inode_ref(), WatchMask::OPEN);
                    let removed = closed.rm_watch(crate::inotify::WatchDescriptor::from_raw(1));
                    let refused =
                        [added.err(), removed.err()].map(|error| error.map(|e| e.errno()));
                    let [add, remove] = refused;
                    assert!(add.is_none_or(|kind| kind == Errno::ESHUTDOWN), "{add:?}");
                    assert!(remove.is_none_or(|kind| kind == Errno::EINVAL), "{remove:?}");
                }
            }),
        ]);
        assert_eq!(closed.watch_count(), 0);
        assert!(closed.next().is_err_and(|error| error.errno() == Errno::ESHUTDOWN));
        assert_ends_with_ignored(&events(&other), 1);
        assert_eq!(world.notifier.usage(0), (1, 0));
        drop(closed);
        world.verify();
    });
}

/// Fails if `GroupHandle::drop` frees the slot before it closes the group, and if `MarkSlot::end` keeps the
/// generation: an event for the old group is delivered to the new one.
#[test]
fn shuttle_a_new_group_gets_no_events_of_the_old_one() {
    check(|| {
        let world = HookWorld::new();
        let old = world.inotify();
        watch(&old, &world.a, WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        watch(&old, &world.b, WatchMask::ALL_EVENTS);
        together(vec![
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"f")),
            thread(&world, |_| drop(old)),
            thread(&world, |world| {
                let new = world.inotify();
                let wd = watch(&new, &world.root, WatchMask::ALL_EVENTS);
                assert_eq!((wd, events(&new)), (1, vec![]));
                world.notifier.hooks().on_open(world.root.get());
                assert_eq!(events(&new), [(1, EventMask::OPEN | EventMask::ISDIR)]);
                new.close();
            }),
        ]);
        world.verify();
    });
}

/// After an unmount nothing is watched, and each watch got UNMOUNT. Fails if `on_unmount` visits the connectors
/// before it refuses further adds, or `insert_mark` does not check for the unmount.
#[test]
fn shuttle_an_unmount_ends_every_watch_and_refuses_new_ones() {
    check(|| {
        let world = HookWorld::new();
        let (early, late) = (world.inotify(), world.inotify());
        watch(&early, &world.a, WatchMask::MODIFY);
        watch(&early, &world.file, WatchMask::MODIFY | WatchMask::ONESHOT);
        together(vec![
            thread(&world, |world| world.notifier.on_unmount(&world.superblock)),
            thread(&world, {
                let late = late.clone();
                move |world| {
                    for dentry in [&world.a, &world.b] {
                        let added = late.add_watch(&dentry.inode_ref(), WatchMask::MODIFY);
                        let refused = added.err().map(|error| error.errno());
                        assert!(refused.is_none_or(|kind| kind == Errno::ENOENT));
                    }
                }
            }),
            thread(&world, HookWorld::modify),
        ]);
        let delivered = events(&early);
        assert_ends_with_ignored(&delivered, 1);
        assert_ends_with_ignored(&delivered, 2);
        assert!(delivered.contains(&(1, EventMask::UNMOUNT | EventMask::ISDIR)), "{delivered:?}");
        let delivered = events(&late);
        for wd in delivered.iter().map(|event| event.0) {
            assert!(
                delivered.contains(&(wd, EventMask::UNMOUNT | EventMask::ISDIR)),
                "{delivered:?}"
            );
            assert_ends_with_ignored(&delivered, wd);
        }
        assert_eq!(early.watch_count() + late.watch_count(), 0);
        assert!(world.superblock.slot().gate().load().is_shut(), "the gate was left open");
        let refused = late.add_watch(&world.a.inode_ref(), WatchMask::MODIFY);
        assert_eq!(refused.unwrap_err().errno(), Errno::ENOENT);
        world.verify();
    });
}

/// Group, notifier and tree are dropped in any order: everything is freed, and an instance keeps none of it.
/// Fails if a `GroupHandle` holds its notifier by `Arc`.
#[test]
fn shuttle_g13_group_notifier_and_tree_may_go_in_any_order() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        watch(&inotify, &world.a, WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        watch(&inotify, &world.file, WatchMask::ALL_EVENTS);
        let HookWorld { notifier, superblock, root, a, b, file } =
            Arc::into_inner(world).expect("no other reference");
        let tree = Arc::downgrade(notifier.tree());
        let notifier_left = Arc::downgrade(&notifier);
        let (last_reference, kept) = (file.clone(), inotify.clone());
        together(vec![
            Box::new(move || {
                notifier.hooks().on_modify(file.get());
                drop(file);
                drop(notifier);
            }),
            Box::new(move || {
                events(&inotify);
                drop(inotify);
            }),
            Box::new(move || drop((superblock, root, a, b, last_reference))),
        ]);
        assert!(notifier_left.upgrade().is_none(), "the notifier was not freed");
        assert!(tree.upgrade().is_none(), "the tree was not freed");
        drop(kept);
    });
}

/// A file is moved and removed while other threads put their references, one of them where a lock is held that
/// hooks take: its death is reported once. Fails (it is not reported) if `remove` in `recipes.rs` lowers the
/// link count after it has put the references, or `list_unlisted` in `lifetime/reaper.rs` does nothing. Fails
/// (twice) if `end_mark` in `marks/detach.rs` does not claim the mark.
#[test]
fn shuttle_references_that_end_beside_a_removal_report_one_death() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        let file = world.create(&world.a, b"g", 5);
        watch(&inotify, &file, WatchMask::DELETE_SELF);
        let (moved, dropped, deferred) = (file.clone(), file.clone(), file.clone());
        together(vec![
            thread(&world, |world| {
                world.rename(&world.a, &world.b, &moved, b"h");
                drop(file);
                world.unlink(&world.b, moved);
            }),
            thread(&world, |_| drop(dropped)),
            thread(&world, |world| {
                deferred.drop_deferred();
                world.notifier.reap(|_, _, _| {});
            }),
        ]);
        world.notifier.reap(|_, _, _| {});
        assert_eq!(events(&inotify), [(1, EventMask::DELETE_SELF), (1, EventMask::IGNORED)]);
        world.verify();
    });
}

/// A watched inode dies while its last watch is removed: it is freed once, by the last put. Fails if
/// `free_connector` in `marks/detach.rs` does not put the connector's reference to the inode.
#[test]
fn shuttle_an_inode_is_freed_when_its_last_watch_and_its_last_name_go_together() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        let file = world.create(&world.a, b"g", 5);
        let wd = watch(&inotify, &file, WatchMask::ALL_EVENTS);
        let before = world.root.tree().live_inodes();
        together(vec![
            thread(&world, |world| world.unlink(&world.a, file)),
            thread(&world, {
                let inotify = inotify.clone();
                move |_| {
                    remove(&inotify, wd);
                }
            }),
            thread(&world, |world| world.notifier.reap(|_, _, _| {})),
        ]);
        assert_ends_with_ignored(&events(&inotify), wd);
        world.verify();
        assert_eq!(world.root.tree().live_inodes(), before - 1);
    });
}

/// G3 for the close of a group: a waiter gets the group's marks between two batches. Fails (no waiter sees a
/// group that is partly closed) if `close_group` in `marks/close.rs` detaches all marks under one hold.
#[test]
fn shuttle_g3_a_close_lets_others_in_between_two_batches_of_marks() {
    /// More than a batch, which is 8.
    const WATCHES: usize = 10;
    let seen =
        std::sync::Arc::new(std::array::from_fn::<Tally, { WATCHES + 1 }, _>(|_| Tally::default()));
    let counted = seen.clone();
    check(move || {
        let world = HookWorld::new();
        let inotify = world.inotify();
        for ino in 0..WATCHES as u8 {
            let file = world.create(&world.b, &[b'a' + ino], u64::from(ino) + 10);
            watch(&inotify, &file, WatchMask::MODIFY);
        }
        let count_left = || {
            let (inotify, counted) = (inotify.clone(), counted.clone());
            thread(&world, move |_| counted[inotify.watch_count()].count())
        };
        let closer = inotify.clone();
        together(vec![count_left(), count_left(), thread(&world, move |_| closer.close())]);
        drop(inotify);
        world.verify();
    });
    let places: Vec<usize> = (0..=WATCHES).filter(|at| seen[*at].get() > 0).collect();
    assert_eq!(places, [0, 2, WATCHES], "how many watches were left when the count was read");
}

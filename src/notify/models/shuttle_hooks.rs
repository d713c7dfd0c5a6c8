//! Hooks under the locks of their callers, against adds and removals.

use super::shuttle_harness::{
    HookWorld, assert_ends_with_ignored, check, events, lock, remove, thread, together, watch,
};
use crate::base::mask::EventMask;
use crate::base::sync::{Mutex, rank};
use crate::inotify::Inotify;
use crate::inotify::WatchMask;

/// Fails ("lock order: ...") if `Notifier::detach`, or anything else that a hook runs, takes the lock of the
/// directory. Fails (more than one event) if `still_wanted` in `matched_marks.rs` does not claim.
#[test]
fn shuttle_g7_a_one_shot_fires_once_whatever_hook_is_called_under_the_lock_of_its_directory() {
    check(|| {
        let world = HookWorld::new();
        let one_shots = [world.inotify(), world.inotify()];
        for inotify in &one_shots {
            watch(inotify, &world.a, WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        }
        let other = world.inotify();
        together(vec![
            thread(&world, |world| {
                let file = world.create(&world.a, b"g", 5);
                world.unlink(&world.a, file);
            }),
            thread(&world, |world| {
                let _lock = lock(&world.a);
                world.notifier.hooks().on_open(world.file.get());
                world.notifier.hooks().on_attrib(world.file.get(), EventMask::ATTRIB);
                world.modify();
                world.notifier.hooks().on_close(world.file.get(), true);
            }),
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"h")),
            thread(&world, {
                let other = other.clone();
                move |world| {
                    let wd = watch(&other, &world.a, WatchMask::ALL_EVENTS);
                    world.notifier.hooks().on_open(world.a.get());
                    assert!(remove(&other, wd));
                }
            }),
        ]);
        for inotify in &one_shots {
            let events = events(inotify);
            assert_eq!(events.len(), 2, "{events:?}");
            assert_ends_with_ignored(&events, 1);
            assert_eq!(inotify.watch_count(), 0);
        }
        assert_ends_with_ignored(&events(&other), 1);
        world.verify();
    });
}

/// Fails if `send_to_group` in `dispatch.rs` loads the group of the first mark again, instead of using the
/// group that was loaded with it: the mark may be another group's by then.
#[test]
fn shuttle_an_event_goes_to_the_group_whose_mark_was_found() {
    check(|| {
        let world = HookWorld::new();
        let (owner, other_instance) = (world.inotify(), world.inotify());
        let wd = watch(&owner, &world.a, WatchMask::MOVE);
        watch(&owner, &world.b, WatchMask::MOVE);
        together(vec![
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"f")),
            thread(&world, {
                let (owner, other_instance) = (owner.clone(), other_instance.clone());
                move |world| {
                    assert!(remove(&owner, wd));
                    watch(&other_instance, &world.root, WatchMask::ALL_EVENTS);
                }
            }),
        ]);
        assert_eq!(events(&other_instance), [], "nothing happened in the root");
        let events = events(&owner);
        assert!(events.contains(&(2, EventMask::MOVED_TO)), "{events:?}");
        world.verify();
    });
}

/// MOVED_FROM and MOVED_TO of a rename are adjacent (G10), whatever else is queued. Fails if `send_to_group`
/// takes the queue's lock once for each of them.
#[test]
fn shuttle_g10_moved_from_and_moved_to_are_adjacent() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        watch(&inotify, &world.a, WatchMask::ALL_EVENTS);
        watch(&inotify, &world.b, WatchMask::ALL_EVENTS);
        together(vec![
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"f")),
            thread(&world, |world| {
                world.notifier.hooks().on_open(world.a.get());
                world.notifier.hooks().on_open(world.b.get());
            }),
        ]);
        let events = events(&inotify);
        let from = events.iter().position(|event| event.1 == EventMask::MOVED_FROM).unwrap();
        assert_eq!(events[from + 1].1, EventMask::MOVED_TO, "{events:?}");
        world.verify();
    });
}

/// Fails if `send_to_group` in `dispatch.rs` calls `still_wanted` before it has the queue's lock.
#[test]
fn shuttle_nothing_of_a_watch_comes_after_its_ignored() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        let wd = watch(&inotify, &world.a, WatchMask::ALL_EVENTS);
        together(vec![
            thread(&world, |world| {
                world.modify();
                drop(world.create(&world.a, b"g", 5));
            }),
            thread(&world, {
                let inotify = inotify.clone();
                move |_| assert!(remove(&inotify, wd))
            }),
        ]);
        assert_ends_with_ignored(&events(&inotify), wd);
        world.verify();
    });
}

/// The last put reports the death of a file once, under whatever lock: an unlink under the directory's lock, or
/// a close. Fails if `RefState::put` returns true twice.
#[test]
fn shuttle_the_death_of_a_file_is_reported_once_by_its_last_reference() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        let file = world.create(&world.a, b"g", 5);
        watch(&inotify, &world.a, WatchMask::DELETE);
        watch(&inotify, &file, WatchMask::DELETE_SELF);
        let user = file.clone();
        together(vec![
            thread(&world, |world| world.unlink(&world.a, file)),
            thread(&world, |world| {
                world.notifier.hooks().on_open(user.get());
                drop(user);
            }),
        ]);
        let events = events(&inotify);
        assert_ends_with_ignored(&events, 2);
        let death: Vec<_> = events.iter().filter(|event| event.0 == 2).collect();
        assert_eq!(death, [&(2, EventMask::DELETE_SELF), &(2, EventMask::IGNORED)]);
        assert_eq!(events.len(), 3, "{events:?}");
        world.verify();
    });
}

/// Calls a hook for an object in the directory `a` of a world.
type Hook = fn(&HookWorld);

/// Every hook except the two that end something (the drop of a `DentryRef` and `on_unmount`, below), and
/// whether its event is delivered to a watch on the directory.
const HOOKS: [(Hook, bool); 9] = [
    (|world| world.notifier.hooks().on_open(world.file.get()), true),
    (|world| world.notifier.hooks().on_access(world.file.get()), true),
    (|world| world.notifier.hooks().on_modify(world.file.get()), true),
    (|world| world.notifier.hooks().on_close(world.file.get(), false), true),
    (|world| world.notifier.hooks().on_attrib(world.file.get(), EventMask::ATTRIB), true),
    (|world| world.notifier.hooks().on_create(world.a.get(), b"n", world.file.get().inode()), true),
    (|world| world.notifier.hooks().on_link(world.file.get().inode(), world.a.get(), b"n"), true),
    (|world| world.notifier.hooks().on_delete(world.a.get(), b"n", world.file.get().inode()), true),
    (|world| world.notifier.hooks().on_link_count(world.file.get().inode()), false),
];

/// Adds a one-shot for the next event of the directory, or of the file in it.
fn last_mark(world: &HookWorld, on_directory: bool) -> Inotify {
    let inotify = world.inotify();
    let object = if on_directory { &world.a } else { &world.file };
    watch(&inotify, object, WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
    inotify
}

fn assert_fired(inotify: &Inotify) {
    let events = events(inotify);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_ends_with_ignored(&events, 1);
    assert_eq!(inotify.watch_count(), 0);
}

/// G6. Every hook, under every lock that a caller may hold at once, with a one-shot as the last mark. A second
/// thread adds to the directory and its file, and a third moves another file into it. Fails ("lock order: ...",
/// or a deadlock) if a hook takes one of those locks, and ("the reaper ran") if a hook frees dead objects.
#[test]
fn shuttle_g6_every_hook_runs_under_every_lock_with_a_one_shot_as_the_last_mark() {
    check(|| {
        let world = HookWorld::new();
        let other = world.create(&world.b, b"m", 5);
        together(vec![
            thread(&world, |world| {
                let position = Mutex::<(), { rank::FILE_POSITION }>::new(());
                let mounts = Mutex::<(), { rank::MOUNT_TABLE }>::new(());
                let table = Mutex::<(), { rank::FS_TABLE }>::new(());
                let node = Mutex::<(), { rank::FS_NODE }>::new(());
                for (hook, on_directory) in HOOKS {
                    let inotify = last_mark(world, on_directory);
                    {
                        let _outer = position.lock();
                        let _rename = world.superblock.slot().lock_rename();
                        let _dir = lock(&world.a);
                        let _inner = (mounts.lock(), table.lock(), node.lock());
                        hook(world);
                    }
                    assert_fired(&inotify);
                }
                let renamed = last_mark(world, true);
                let _rename = world.superblock.slot().lock_rename();
                let _dirs = (lock(&world.a), lock(&world.b));
                let (a, moved) = (world.a.get(), world.file.get().inode());
                world.notifier.hooks().on_rename(a, b"f", a, b"g", moved, Some(moved));
                assert_fired(&renamed);
            }),
            thread(&world, |world| {
                let inotify = world.inotify();
                for object in [&world.a, &world.file] {
                    let wd = watch(&inotify, object, WatchMask::MODIFY);
                    assert!(remove(&inotify, wd));
                }
            }),
            thread(&world, move |world| {
                // This thread calls no hook: the one-shots are for the events of the first.
                let _rename = world.superblock.slot().lock_rename();
                let _dirs = (lock(&world.a), lock(&world.b));
                let replaced =
                    other.notifier().move_dentry(other.get(), world.a.get(), b"m").unwrap();
                assert!(replaced.is_none());
            }),
        ]);
        world.verify();
    });
}

/// G6 for the hooks that end something: the death of a file under its directory's lock, and the unmount of its
/// file system, each with a one-shot as the last mark. Fails with the same changes as the test before.
#[test]
fn shuttle_g6_a_death_and_an_unmount_run_under_every_lock_with_a_one_shot_as_the_last_mark() {
    check(|| {
        let world = HookWorld::new();
        let (file, kept) = (world.create(&world.a, b"g", 5), world.create(&world.a, b"h", 6));
        let [dying, going] = [&file, &kept].map(|file| {
            let inotify = world.inotify();
            watch(&inotify, file, WatchMask::DELETE_SELF | WatchMask::ONESHOT);
            inotify
        });
        together(vec![
            thread(&world, |world| {
                let _rename = world.superblock.slot().lock_rename();
                let _other = lock(&world.root);
                world.unlink(&world.a, file);
            }),
            thread(&world, |world| {
                let _rename = world.superblock.slot().lock_rename();
                let _dirs = (lock(&world.a), lock(&world.b));
                world.notifier.on_unmount(&world.superblock);
            }),
            thread(&world, |world| {
                let inotify = world.inotify();
                for object in [&world.a, &world.b] {
                    let _ = inotify.add_watch(&object.inode_ref(), WatchMask::OPEN);
                }
            }),
        ]);
        for (inotify, may_die) in [(&dying, true), (&going, false)] {
            let delivered = events(inotify);
            assert_ends_with_ignored(&delivered, 1);
            let [(_, what), _] = delivered[..] else { panic!("{delivered:?}") };
            let expected = if may_die { EventMask::DELETE_SELF } else { EventMask::UNMOUNT };
            assert!(what == expected || what == EventMask::UNMOUNT, "{delivered:?}");
        }
        drop(kept);
        world.verify();
    });
}

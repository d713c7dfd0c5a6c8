//! Hooks under the locks of their callers, against adds and removals.

use super::shuttle_harness::{
    World, assert_ends_with_ignored, check, events, lock, remove, thread, together, watch,
};
use crate::base::mask::EventMask;
use crate::inotify::WatchMask;

/// Fails ("lock order: ...") if `Notifier::detach`, or anything else that a hook runs, takes the
/// lock of the directory; with more than one event if `still_wanted` in `dispatch.rs` does not
/// claim.
#[test]
fn shuttle_g7_a_one_shot_fires_once_whatever_hook_is_called_under_the_lock_of_its_directory() {
    check(|| {
        let world = World::new();
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
                world.notifier.on_open(world.file.get());
                world.notifier.on_attrib(world.file.get(), EventMask::ATTRIB);
                world.modify();
                world.notifier.on_close(world.file.get(), true);
            }),
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"h")),
            thread(&world, {
                let other = other.clone();
                move |world| {
                    let wd = watch(&other, &world.a, WatchMask::ALL_EVENTS);
                    world.notifier.on_open(world.a.get());
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

/// Fails if `send_to_group` in `dispatch.rs` asks the first mark for its group again, instead of
/// keeping the one that was found with it: the mark may be another's by then.
#[test]
fn shuttle_an_event_goes_to_the_group_whose_mark_was_found() {
    check(|| {
        let world = World::new();
        let (owner, stranger) = (world.inotify(), world.inotify());
        let wd = watch(&owner, &world.a, WatchMask::MOVE);
        watch(&owner, &world.b, WatchMask::MOVE);
        together(vec![
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"f")),
            thread(&world, {
                let (owner, stranger) = (owner.clone(), stranger.clone());
                move |world| {
                    assert!(remove(&owner, wd));
                    watch(&stranger, &world.root, WatchMask::ALL_EVENTS);
                }
            }),
        ]);
        assert_eq!(events(&stranger), [], "nothing happened in the root");
        let events = events(&owner);
        assert!(events.contains(&(2, EventMask::MOVED_TO)), "{events:?}");
        world.verify();
    });
}

/// The two halves of a rename stay together (G10), whatever else is queued. Fails if
/// `send_to_group` takes the queue's lock once for each part.
#[test]
fn shuttle_g10_the_halves_of_a_rename_are_adjacent() {
    check(|| {
        let world = World::new();
        let inotify = world.inotify();
        watch(&inotify, &world.a, WatchMask::ALL_EVENTS);
        watch(&inotify, &world.b, WatchMask::ALL_EVENTS);
        together(vec![
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"f")),
            thread(&world, |world| {
                world.notifier.on_open(world.a.get());
                world.notifier.on_open(world.b.get());
            }),
        ]);
        let events = events(&inotify);
        let from = events.iter().position(|event| event.1 == EventMask::MOVED_FROM).unwrap();
        assert_eq!(events[from + 1].1, EventMask::MOVED_TO, "{events:?}");
        world.verify();
    });
}

/// Fails if `send_to_group` in `dispatch.rs` asks `still_wanted` before it has the queue's lock.
#[test]
fn shuttle_nothing_of_a_watch_comes_after_its_ignored() {
    check(|| {
        let world = World::new();
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

/// The death of a file is told once, by whoever gives the last use back, under whatever lock: an
/// unlink under the directory's, or a close. Fails if `Life::put` is true for two.
#[test]
fn shuttle_the_death_of_a_file_is_told_once_by_its_last_user() {
    check(|| {
        let world = World::new();
        let inotify = world.inotify();
        let file = world.create(&world.a, b"g", 5);
        watch(&inotify, &world.a, WatchMask::DELETE);
        watch(&inotify, &file, WatchMask::DELETE_SELF);
        let user = file.clone();
        together(vec![
            thread(&world, |world| world.unlink(&world.a, file)),
            thread(&world, |world| {
                world.notifier.on_open(user.get());
                world.notifier.dput(user);
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

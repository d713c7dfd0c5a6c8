//! The flags of children while whole operations run.

use super::shuttle_harness::{
    HookWorld, check, events, is_flagged, remove, thread, together, watch,
};
use crate::base::mask::EventMask;
use crate::inotify::WatchMask;

const MODIFY: EventMask = EventMask::MODIFY;

/// Linux clears by the parent that it read before the lock: a rename into a watched directory may then lose the
/// child's flag for good. Fails in the same way if `clear` in `child_watch.rs` does not check that the locked
/// directory still is the child's.
#[test]
fn shuttle_g8_a_rename_into_a_watched_directory_is_not_undone_by_a_lazy_clear() {
    check(|| {
        let world = HookWorld::new();
        let (gone, inotify) = (world.inotify(), world.inotify());
        let wd = watch(&gone, &world.a, WatchMask::MODIFY);
        remove(&gone, wd);
        assert!(is_flagged(world.file.get()), "the flag should be stale");
        watch(&inotify, &world.b, WatchMask::MODIFY);
        together(vec![
            thread(&world, HookWorld::modify),
            thread(&world, |world| world.rename(&world.a, &world.b, &world.file, b"f")),
        ]);
        events(&inotify);
        assert!(is_flagged(world.file.get()), "the flag was lost");
        world.modify();
        assert_eq!(events(&inotify), [(1, MODIFY)]);
        world.verify();
    });
}

/// G1, for an adder that walks, for one that joins a walk, and for a watch that is widened. Fails if
/// `FlagWalk::needed` returns `None` during a walk, and if `add_mark` in `marks/attach.rs` calls it for new
/// marks only.
#[test]
fn shuttle_g1_an_event_after_the_return_of_any_adder_is_seen() {
    check(|| {
        let world = HookWorld::new();
        let files: Vec<_> = (5..8).map(|ino| world.create(&world.a, &[ino], ino.into())).collect();
        let mut threads = vec![thread(&world, |world| {
            world.rename(&world.a, &world.b, &world.file, b"f");
            world.rename(&world.b, &world.a, &world.file, b"f");
        })];
        for first in [WatchMask::MODIFY, WatchMask::CREATE] {
            let (inotify, files) = (world.inotify(), files.clone());
            threads.push(thread(&world, move |world| {
                // The second adder wants no events of children at first.
                watch(&inotify, &world.a, first);
                watch(&inotify, &world.a, WatchMask::MODIFY);
                for file in &files {
                    world.notifier.hooks().on_modify(file.get());
                    let name = file.get().name();
                    let events = inotify.drain();
                    let mut names = events.iter().filter_map(|event| Some(&event.fs_event()?.name));
                    assert!(names.any(|known| *known == name), "an event after the add was lost");
                }
            }));
        }
        together(threads);
        world.verify();
    });
}

/// A watch is added and removed while events clear the stale flags; another one is added at the end. Fails if
/// `clear` leaves `all_flagged`.
#[test]
fn shuttle_an_add_after_lost_flags_sets_them_again() {
    check(|| {
        let world = HookWorld::new();
        let inotify = world.inotify();
        together(vec![
            thread(&world, {
                let inotify = inotify.clone();
                move |world| {
                    for _ in 0..2 {
                        let wd = watch(&inotify, &world.a, WatchMask::MODIFY);
                        remove(&inotify, wd);
                    }
                }
            }),
            thread(&world, |world| (0..3).for_each(|_| world.modify())),
            thread(&world, |world| drop(world.create(&world.a, b"g", 5))),
        ]);
        events(&inotify);
        let wd = watch(&inotify, &world.a, WatchMask::MODIFY);
        world.modify();
        assert_eq!(events(&inotify), [(wd, MODIFY)]);
        world.verify();
    });
}

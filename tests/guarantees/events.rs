//! Events: under which locks, how often, of which object, in which order, and when none.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vfsnotify::inotify::WatchMask;
use vfsnotify::{EventMask, OpenFlags, RenameFlags};

use super::world::{NEW, World, happened};

#[test]
fn g6_every_hook_can_be_called_with_the_directory_locked_by_its_caller() {
    // Each operation below runs its hooks under the directory's own lock, with a one-shot as the
    // last mark on it; the lock order is checked on every acquisition.
    let world = World::new();
    world.dir("/d");
    type Operation = (WatchMask, fn(&World));
    let operations: [Operation; 6] = [
        (WatchMask::CREATE, |w| w.dir("/d/sub")),
        (WatchMask::CREATE, |w| w.file("/d/f")),
        (WatchMask::CREATE, |w| w.vfs.link(&w.cx, "/d/f", "/d/g").expect("a link")),
        (WatchMask::MOVED_FROM, |w| {
            w.vfs.rename(&w.cx, "/d/f", "/d/h", RenameFlags::empty()).expect("a rename");
        }),
        (WatchMask::DELETE, |w| w.vfs.unlink(&w.cx, "/d/g").expect("an unlink")),
        (WatchMask::DELETE, |w| w.vfs.rmdir(&w.cx, "/d/sub").expect("an rmdir")),
    ];
    for (mask, operation) in operations {
        let inotify = world.inotify();
        world.watch(&inotify, "/d", mask | WatchMask::ONESHOT);
        operation(&world);
        let events = happened(&inotify);
        assert_eq!(events.len(), 2, "{events:?}");
        assert_eq!(events[1].mask, EventMask::IGNORED);
        assert_eq!(inotify.watch_count(), 0);
    }
    world.vfs.verify().expect("the invariants");
}

#[test]
fn g7_a_oneshot_fires_once_under_mkdir_create_rename_and_unlink_from_eight_threads() {
    for round in 0..20 {
        let world = World::new();
        world.dir("/d");
        let inotify = world.inotify();
        world.watch(&inotify, "/d", WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for thread in 0..8 {
                let (world, start) = (&world, &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..20 {
                        let path = format!("/d/{thread}-{n}");
                        match thread % 4 {
                            0 => world.dir(&path),
                            1 => world.file(&path),
                            2 => {
                                world.file(&path);
                                let to = format!("{path}-moved");
                                let flags = RenameFlags::empty();
                                world.vfs.rename(&world.cx, &path, to, flags).expect("a rename");
                            }
                            _ => {
                                world.file(&path);
                                world.vfs.unlink(&world.cx, &path).expect("an unlink");
                            }
                        }
                    }
                });
            }
        });
        let events = happened(&inotify);
        assert_eq!(events.len(), 2, "round {round}: {events:?}");
        assert_eq!(events[1].mask, EventMask::IGNORED);
        assert_eq!(world.vfs.notifier().usage(0), (1, 0));
        world.vfs.verify().expect("the invariants");
    }
}

#[test]
fn g9_parent_and_name_of_an_event_belong_together() {
    let world = World::new();
    world.dir("/a");
    world.dir("/b");
    world.file("/a/in-a");
    let inotify = world.inotify();
    let a = world.watch(&inotify, "/a", WatchMask::ACCESS);
    let b = world.watch(&inotify, "/b", WatchMask::ACCESS);
    let file = world.vfs.open(&world.cx, "/a/in-a", OpenFlags::READ_WRITE, 0).expect("a file");
    file.write(b"x").expect("a write");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3000 {
                let flags = RenameFlags::empty();
                world.vfs.rename(&world.cx, "/a/in-a", "/b/in-b", flags).expect("there");
                world.vfs.rename(&world.cx, "/b/in-b", "/a/in-a", flags).expect("back");
            }
            stop.store(true, Ordering::Relaxed);
        });
        while !stop.load(Ordering::Relaxed) {
            file.pread(&mut [0], 0).expect("a read");
            for event in happened(&inotify) {
                let wanted = if event.wd.as_raw() == a { "in-a" } else { "in-b" };
                assert!(event.wd.as_raw() == a || event.wd.as_raw() == b);
                assert_eq!(event.name, wanted);
            }
        }
    });
}

#[test]
fn g10_both_events_of_a_rename_are_adjacent() {
    let world = World::new();
    world.dir("/a");
    world.dir("/b");
    let inotify = world.inotify();
    world.watch(&inotify, "/a", WatchMask::MOVE);
    world.watch(&inotify, "/b", WatchMask::MOVE);
    thread::scope(|scope| {
        for thread in 0..4 {
            let world = &world;
            scope.spawn(move || {
                let (one, two) = (format!("/a/{thread}"), format!("/b/{thread}"));
                world.file(&one);
                for _ in 0..300 {
                    let flags = RenameFlags::empty();
                    world.vfs.rename(&world.cx, &one, &two, flags).expect("there");
                    world.vfs.rename(&world.cx, &two, &one, flags).expect("back");
                }
            });
        }
    });
    let events = happened(&inotify);
    assert_eq!(events.len(), 4 * 300 * 4);
    for pair in events.chunks(2) {
        assert_eq!(pair[0].mask, EventMask::MOVED_FROM);
        assert_eq!(pair[1].mask, EventMask::MOVED_TO);
        assert_eq!(pair[0].cookie, pair[1].cookie);
        assert_ne!(pair[0].cookie, 0);
    }
}

#[test]
fn g12_failed_operations_emit_nothing() {
    let world = World::new();
    world.dir("/d");
    world.dir("/d/full");
    world.file("/d/full/f");
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::ALL_EVENTS);
    world.watch(&inotify, "/d/full", WatchMask::ALL_EVENTS);
    let (vfs, cx) = (&world.vfs, &world.cx);
    assert!(vfs.mkdir(cx, "/d/full", 0o755).is_err());
    assert!(vfs.rmdir(cx, "/d/full").is_err());
    assert!(vfs.unlink(cx, "/d/full").is_err());
    assert!(vfs.unlink(cx, "/d/none").is_err());
    assert!(vfs.rename(cx, "/d/none", "/d/x", RenameFlags::empty()).is_err());
    assert!(vfs.rename(cx, "/d/full", "/d/full/in", RenameFlags::empty()).is_err());
    assert!(vfs.open(cx, "/d/full/f", NEW | OpenFlags::EXCL, 0o644).is_err());
    assert!(vfs.open(cx, "/d/full", OpenFlags::WRITE, 0).is_err());
    assert!(vfs.link(cx, "/d/full/f", "/d/full").is_err());
    assert_eq!(inotify.drain(), []);
}

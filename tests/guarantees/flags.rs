//! The flags of children: what sets them, what clears them, and that none is lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use vfsnotify::inotify::WatchMask;
use vfsnotify::notify::Limits;
use vfsnotify::{RenameFlags, TreeConfig, Yielder};

use super::world::{NEW, World, happened};

#[test]
fn g1_an_event_after_the_return_of_any_adder_is_seen() {
    // The first adder stops in the middle of its walk until the second has returned.
    let stopped = Arc::new(Barrier::new(2));
    let resumed = Arc::new(Barrier::new(2));
    let first_chunk = Arc::new(AtomicBool::new(true));
    let yielder = {
        let (stopped, resumed, first) = (stopped.clone(), resumed.clone(), first_chunk.clone());
        Yielder::Callback(Arc::new(move || {
            if first.swap(false, Ordering::Relaxed) {
                stopped.wait();
                resumed.wait();
            }
        }))
    };
    let world = World::with(yielder, TreeConfig::default(), Limits::default());
    world.dir("/d");
    for n in 0..3000 {
        world.file(&format!("/d/{n}"));
    }
    let (one, two) = (world.inotify(), world.inotify());
    thread::scope(|scope| {
        let adder = scope.spawn(|| world.watch(&one, "/d", WatchMask::MODIFY));
        stopped.wait();
        world.watch(&two, "/d", WatchMask::MODIFY);
        for n in 0..3000 {
            world.touch(&format!("/d/{n}"));
        }
        let delivered: BTreeSet<Vec<u8>> =
            happened(&two).into_iter().map(|event| event.name.to_vec()).collect();
        assert_eq!(delivered.len(), 3000, "the second adder returned early");
        resumed.wait();
        adder.join().expect("the first adder");
    });
    world.touch("/d/7");
    assert!(happened(&one).iter().any(|event| event.name == "7"));
    world.vfs.verify().expect("the invariants");
}

#[test]
fn g2_only_adding_or_widening_a_mark_visits_children() {
    let world = World::new();
    world.dir("/d");
    for n in 0..500 {
        world.file(&format!("/d/{n}"));
    }
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::CREATE | WatchMask::DELETE);
    assert_eq!(world.chunks(), 0, "a watch for entries only needs no flags");
    let wd = world.vfs.add_watch(&world.cx, &inotify, "/d", WatchMask::MODIFY).expect("a watch");
    let after_add = world.chunks();
    assert!(after_add > 0);
    world.touch("/d/1");
    world.vfs.rename(&world.cx, "/d/2", "/d/two", RenameFlags::empty()).expect("a rename");
    world.vfs.rename(&world.cx, "/d/3", "/three", RenameFlags::empty()).expect("a rename");
    assert!(world.vfs.stat(&world.cx, "/d/none").is_err());
    world.vfs.unlink(&world.cx, "/d/4").expect("an unlink");
    inotify.rm_watch(wd).expect("a removal");
    world.touch("/d/1");
    world.touch("/d/5");
    assert_eq!(world.chunks(), after_add);
}

#[test]
fn g4_negative_dentries_cost_a_walk_nothing_and_a_second_add_walks_nothing() {
    let world = World::new();
    world.dir("/d");
    for n in 0..100_000 {
        assert!(world.vfs.stat(&world.cx, format!("/d/missing-{n}")).is_err());
    }
    for n in 0..100 {
        world.file(&format!("/d/{n}"));
    }
    let (one, two) = (world.inotify(), world.inotify());
    let wd = world.vfs.add_watch(&world.cx, &one, "/d", WatchMask::MODIFY).expect("a watch");
    let first = world.chunks();
    assert!(first <= 2, "{first} chunks for 100 children: the negatives were walked");
    world.watch(&two, "/d", WatchMask::ACCESS);
    assert_eq!(world.chunks(), first, "a second add");
    one.rm_watch(wd).expect("a removal");
    two.close();
    let one = world.inotify();
    world.watch(&one, "/d", WatchMask::MODIFY);
    assert_eq!(world.chunks(), first, "no flag was lost, so there is nothing to walk");
    world.touch("/d/99");
    assert_eq!(happened(&one).len(), 1);
}

#[test]
fn g5_a_stale_flag_is_cleared_by_its_own_child_alone() {
    let world = World::new();
    world.dir("/d");
    world.file("/d/one");
    world.file("/d/two");
    world.file("/other");
    let inotify = world.inotify();
    world.watch(&inotify, "/other", WatchMask::MODIFY);
    let wd = world.vfs.add_watch(&world.cx, &inotify, "/d", WatchMask::MODIFY).expect("a watch");
    inotify.rm_watch(wd).expect("a removal");
    let (one, two) = (world.dentry("/d/one"), world.dentry("/d/two"));
    assert!(one.dentry().is_parent_watched() && two.dentry().is_parent_watched());
    world.touch("/d/one");
    assert!(!one.dentry().is_parent_watched(), "its event found no mark");
    assert!(two.dentry().is_parent_watched(), "it was not changed");
    world.watch(&inotify, "/d", WatchMask::MODIFY);
    assert!(one.dentry().is_parent_watched(), "a lost flag makes the next add walk");
}

#[test]
fn g8_a_lazy_clear_never_loses_a_flag_to_a_rename() {
    // RULE clear: the bug of Linux, tried often; the model tests try every interleaving.
    let world = World::new();
    world.dir("/a");
    world.dir("/b");
    world.file("/a/f");
    let (delivered, stale) = (world.inotify(), world.inotify());
    world.watch(&delivered, "/b", WatchMask::ACCESS);
    let file = world.vfs.open(&world.cx, "/a/f", NEW, 0o644).expect("an open file");
    file.pwrite(b"x", 0).expect("a write");
    for round in 0..2000 {
        let wd = world.vfs.add_watch(&world.cx, &stale, "/a", WatchMask::ACCESS).expect("a watch");
        stale.rm_watch(wd).expect("a removal");
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                file.pread(&mut [0], 0).expect("a read");
            });
            start.wait();
            let flags = RenameFlags::empty();
            world.vfs.rename(&world.cx, "/a/f", "/b/f", flags).expect("a rename");
        });
        let _ = delivered.drain();
        file.pread(&mut [0], 0).expect("a read");
        assert_eq!(happened(&delivered).len(), 1, "round {round}: the event is lost");
        world.vfs.rename(&world.cx, "/b/f", "/a/f", RenameFlags::empty()).expect("back");
        let _ = (delivered.drain(), stale.drain());
    }
}

//! Bounded work under every lock, and bounded memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vfsnotify::inotify::{Event, WatchMask};
use vfsnotify::notify::{Limits, Notifier, NotifyConfig};
use vfsnotify::{Errno, OpenFlags, Tree, TreeConfig, Yielder};

use super::world::World;

#[test]
fn g3_a_walk_holds_its_lock_for_one_chunk_at_a_time() {
    let yields = Arc::new(AtomicUsize::new(0));
    let counted = yields.clone();
    let yielder = Yielder::Callback(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    let world = World::with(yielder, TreeConfig::default(), Limits::default());
    world.dir("/d");
    for n in 0..5000 {
        world.file(&format!("/d/{n}"));
    }
    // The clock moves by one microsecond at each look and the budget is one: whatever a chunk
    // had, the next may have no more, so the first chunk's 256 items are the most there are.
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::MODIFY);
    assert!(world.chunks() >= 5000 / 256, "{} chunks", world.chunks());
    assert!(yields.load(Ordering::Relaxed) >= 5000 / 256);
}

#[test]
fn g3_no_insert_touches_more_than_a_chain_while_a_directory_grows_to_three_million() {
    let tree = Tree::new(
        TreeConfig::default().with_negatives(4_000_000).with_negatives_per_directory(4_000_000),
    );
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (_superblock, root) = notifier.add_superblock(1).expect("a superblock");
    for n in 0..3_000_000 {
        notifier.remember_missing(root.get(), format!("{n}").as_bytes()).expect("a name");
    }
    assert_eq!(tree.negatives(), 3_000_000);
    let worst = tree.worst_insert(root.get());
    assert!(worst <= 32, "one insert touched {worst} entries");
}

/// A directory that one thread removed is not freed by the next operation as a whole: each operation frees a part.
#[test]
fn g3_an_operation_frees_a_bounded_part_of_a_directory_that_was_removed() {
    const NAMES: usize = 50_000;
    const AT_MOST: usize = 8 * 1024;
    let world = World::new();
    world.vfs.mkdir(&world.cx, "/d", 0o755).unwrap();
    let dir = world.vfs.open(&world.cx, "/d", OpenFlags::READ, 0).unwrap();
    for name in 0..NAMES {
        let name = format!("{name}");
        world.vfs.notifier().remember_missing(dir.dentry(), name.as_bytes()).unwrap();
    }
    drop(dir);
    let mut left = world.vfs.tree().negatives();
    assert!(left >= NAMES);
    world.vfs.rmdir(&world.cx, "/d").unwrap();
    let mut operations = 0;
    while world.vfs.tree().negatives() > 1 {
        let now = world.vfs.tree().negatives();
        // The directory itself is a name that is missing now.
        let freed = left.saturating_sub(now);
        assert!(freed <= AT_MOST, "one operation freed {freed} names");
        left = now;
        world.vfs.stat(&world.cx, "/").unwrap();
        operations += 1;
        assert!(operations < NAMES, "{now} names are left");
    }
    assert!(operations >= NAMES / AT_MOST);
    world.vfs.verify().unwrap();
}

#[test]
fn g11_everything_is_bounded_and_loss_is_counted() {
    let limits = Limits::default()
        .with_max_queued_events(10)
        .with_max_user_instances(3)
        .with_max_user_watches(5);
    let tree = TreeConfig::default().with_negatives(100).with_negatives_per_directory(60);
    let world = World::with(Yielder::None, tree, limits);
    let inotify = world.inotify();
    world.watch(&inotify, "/", WatchMask::CREATE);
    for n in 0..25 {
        world.file(&format!("/{n}"));
    }
    let events = inotify.drain();
    assert_eq!(events.len(), 11);
    assert_eq!(events[10], Event::Overflow { lost: 15 });
    assert_eq!(inotify.stats().lost, 15);

    for n in 0..4 {
        world.watch(&inotify, &format!("/{n}"), WatchMask::OPEN);
    }
    let error = world.vfs.add_watch(&world.cx, &inotify, "/9", WatchMask::OPEN).unwrap_err();
    assert_eq!(error.errno(), Errno::ENOSPC);
    let _two = [world.inotify(), world.inotify()];
    let error = world.vfs.inotify(&world.cx).unwrap_err();
    assert_eq!(error.errno(), Errno::EMFILE);
    let other_user = world.cx.clone().with_user(7);
    assert!(world.vfs.inotify(&other_user).is_ok(), "limits are per user");

    for dir in 0..4 {
        world.dir(&format!("/dir{dir}"));
        for n in 0..200 {
            assert!(world.vfs.stat(&world.cx, format!("/dir{dir}/missing-{n}")).is_err());
        }
        assert!(world.vfs.tree().negatives() <= 100, "{}", world.vfs.tree().negatives());
    }
    world.vfs.verify().expect("the invariants");
}

//! Directories of many names.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{Errno, InodeKind, OpenFlags, RenameFlags, TreeConfig, lockdep};

use super::{NEW, World, longest, size};
use vfsnotify::notify::Limits;

fn fill(world: &World, dir: &str, files: usize) {
    let at = world.vfs.open(&world.cx, dir, OpenFlags::PATH, 0).expect("a handle");
    for n in 0..files {
        let file = world.vfs.mknod(
            &world.cx,
            at.at(&format!("{n}")),
            vfsnotify::InodeKind::Regular,
            0o644,
            0,
        );
        file.expect("a new file");
    }
}

fn flood(world: &World, dir: &str, names: std::ops::Range<usize>) {
    let at = world.vfs.open(&world.cx, dir, OpenFlags::PATH, 0).expect("a handle");
    for n in names {
        let found = world.vfs.stat(&world.cx, at.at(&format!("no {n}")));
        assert_eq!(found.expect_err("it is not there").errno(), Errno::ENOENT);
    }
}

#[test]
fn a_walk_does_one_chunk_under_each_hold() {
    let world = World::new();
    world.dir("/d");
    fill(&world, "/d", size(200_000));
    flood(&world, "/d", 0..size(500_000));
    world.assert_bounded("making a directory of many names");
    let inotify = world.inotify();
    for mask in [WatchMask::MODIFY, WatchMask::ACCESS] {
        let before = lockdep::work_done();
        let wd = world.watch(&inotify, "/d", mask);
        let walked = lockdep::work_done() - before;
        if mask == WatchMask::MODIFY {
            assert!(walked >= size(200_000) as u64, "only {walked} items");
        } else {
            assert!(walked < 100, "{walked} items, although the flags were remembered");
        }
        let longest = longest(&lockdep::longest_holds(), "children");
        // 10 us at 50 ns: chunks of 200, but for the first, before anything was measured.
        assert!(longest <= 256 + 16, "{longest} children under one hold");
        world.assert_bounded("watching it");
        inotify.rm_watch(vfsnotify::inotify::WatchDescriptor::from_raw(wd)).expect("it is there");
        world.assert_bounded("watching it no more");
    }
    world.watch(&inotify, "/d", WatchMask::ALL_EVENTS);
    let file = world.vfs.open(&world.cx, "/d/7", NEW, 0o644).expect("a file");
    file.write(b"x").expect("a write");
    let rename = |from: &str, to: &str| {
        world.vfs.rename(&world.cx, from, to, RenameFlags::empty()).expect("a rename");
    };
    rename("/d/8", "/d/new");
    rename("/d/9", "/9");
    rename("/9", "/d/no 5");
    world.vfs.unlink(&world.cx, "/d/10").expect("it is there");
    assert!(inotify.len() > 5);
    world.assert_bounded("using it");
    let listed = world.vfs.list(&world.cx, "/d").expect("a listing").len();
    assert!(listed >= size(200_000) - 1);
    world.assert_bounded("listing it");
}

/// A guest chooses the size of its buffer. A thread that makes a name in the directory must not wait for all
/// of it.
#[test]
fn a_listing_into_a_large_buffer_holds_the_directory_for_a_batch_at_a_time() {
    let world = World::new();
    world.dir("/d");
    let files = size(100_000);
    fill(&world, "/d", files);
    lockdep::reset_longest_holds();
    let dir = world.vfs.open(&world.cx, "/d", OpenFlags::DIRECTORY, 0).expect("a directory");
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::ACCESS);
    let all = dir.read_dir(usize::MAX).expect("a listing");
    assert_eq!(all.len(), files + 2);
    assert_eq!(inotify.drain().len(), 1, "one call is one event");
    let longest = longest(&lockdep::longest_holds(), "directory lock");
    assert!(longest < 700, "{longest} items under one hold");
    world.assert_bounded("listing into a large buffer");
}

#[test]
fn names_over_the_budget_are_evicted_a_few_at_a_time() {
    let most = size(100_000);
    let tree = TreeConfig::default().with_negatives(most).with_negatives_per_directory(most / 2);
    let world = World::with(tree, Limits::default());
    for dir in ["/a", "/b", "/c", "/e"] {
        world.dir(dir);
    }
    for round in 0..4 {
        for dir in ["/a", "/b", "/c", "/e"] {
            // Some are looked up again, so that the CLOCK hand has to pass them.
            flood(&world, dir, round * most / 8..(round + 2) * most / 8);
            assert!(world.vfs.tree().negatives() <= most);
        }
    }
    assert!(world.vfs.tree().negatives() > most / 2);
    world.assert_bounded("evicting");
    world.vfs.verify().expect("the invariants");
}

/// Everything in the directory was looked up lately, and most of it exists: the CLOCK hand passes over all of
/// it, in vain.
#[test]
fn a_clock_scan_that_finds_nothing_stops() {
    let most = size(20_000);
    let tree = TreeConfig::default().with_negatives(most).with_negatives_per_directory(most);
    let world = World::with(tree, Limits::default());
    world.dir("/d");
    fill(&world, "/d", size(100_000));
    flood(&world, "/d", 0..most);
    for _ in 0..3 {
        flood(&world, "/d", 0..most);
    }
    flood(&world, "/d", most..most + 1000);
    world.assert_bounded("evicting in vain");
}

/// Beyond the budget each creation takes a few dentries away, and none where all are in use: neither holds
/// the directory's lock for longer, whatever the number of slots.
#[test]
fn dentries_over_the_budget_are_reclaimed_a_few_at_a_time() {
    let most = size(20_000);
    let tree = TreeConfig::default().with_dentries(most);
    let world = World::with(tree, Limits::default());
    world.dir("/d");
    fill(&world, "/d", 3 * most);
    let cached = world.vfs.tree().live_dentries();
    assert!((most / 2..most + most / 10).contains(&cached), "{cached} dentries of {most}");
    world.assert_bounded("reclaiming");
    let held: Vec<_> = (0..2 * most)
        .map(|n| {
            let path = format!("/held {n}");
            world.vfs.mknod(&world.cx, &path, InodeKind::Regular, 0o644, 0).expect("a file");
            world.vfs.open(&world.cx, &path, OpenFlags::PATH, 0).expect("it is there")
        })
        .collect();
    assert!(world.vfs.tree().live_dentries() > 2 * most, "what is in use stays");
    let longest = longest(&lockdep::longest_holds(), "directory lock");
    assert!(longest < 4096 + 1024, "{longest} items under one hold");
    world.assert_bounded("reclaiming in vain");
    drop(held);
    world.vfs.verify().expect("the invariants");
}

#[test]
fn a_removed_directory_of_many_missing_names_is_freed_in_steps() {
    let world = World::new();
    world.dir("/d");
    flood(&world, "/d", 0..size(500_000));
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::ALL_EVENTS);
    world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    world.assert_bounded("removing it");
    assert!(world.vfs.tree().negatives() > size(100_000), "an operation frees a part of it");
    let before = lockdep::work_done();
    world.vfs.reap();
    assert!(lockdep::work_done() - before >= size(500_000) as u64 / 2, "what is freed is counted");
    assert_eq!(world.vfs.tree().negatives(), 1);
    world.assert_bounded("freeing it");
}

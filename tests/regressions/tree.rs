//! Names and their directories.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::{DentryRef, InodeKind, InodeSpec, Tree, TreeConfig};

use super::world::World;

/// A rename took its place from the link before it had the lock.
#[test]
fn a_rename_within_a_directory_survives_a_move_out_of_it() {
    let world = World::new();
    let (a, b) = (world.dir(2, b"a"), world.dir(3, b"b"));
    for n in 0..5 {
        drop(world.make(a.get(), 10 + n, format!("a{n}").as_bytes(), InodeKind::Regular));
    }
    let f = world.make(a.get(), 5, b"f", InodeKind::Regular);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let between = scope.spawn(|| {
            for to in [&b, &a].into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                world.tree.rename(f.get(), to.get(), b"f").expect("a move");
            }
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            // Within one directory or the other, wherever the file is when the lock is taken.
            world.tree.rename(f.get(), a.get(), b"f").expect("a rename");
        }
        stop.store(true, Ordering::Relaxed);
        between.join().expect("the mover");
    });
    world.notifier.verify().expect("the invariants");
}

/// A directory's dentry that was dropped and not yet reaped kept the directory from being named.
#[test]
fn a_directory_whose_dentry_died_unreaped_can_be_named_again() {
    let world = World::new();
    let d = world.dir(2, b"d");
    drop(world.tree.unhash(d.get(), false).expect("of this tree"));
    drop(d);
    let again = world.dir(2, b"d");
    world.notifier.reap(|_, _, _| {});
    assert_eq!(again.get().name(), "d");
    world.notifier.verify().expect("the invariants");
}

/// A directory looked whether the budget for names that do not exist had room, and counted its name
/// afterwards: two directories took the last place both, and the tree was over its budget for good.
#[test]
fn directories_that_remember_missing_names_at_once_keep_the_budget() {
    const THREADS: u64 = 4;
    const BUDGET: usize = 3;
    let tree = Tree::new(TreeConfig { negatives: BUDGET, ..TreeConfig::default() });
    let (superblock, root) = tree.add_superblock(1).expect("a superblock");
    let dirs: Vec<DentryRef> = (0..THREADS)
        .map(|n| {
            let spec = InodeSpec { ino: n + 2, kind: InodeKind::Directory, nlink: 2 };
            let inode = tree.make_inode(&superblock, spec).expect("an inode");
            tree.instantiate(root.get(), format!("{n}").as_bytes(), inode).expect("a dentry")
        })
        .collect();
    let most = AtomicUsize::new(0);
    thread::scope(|scope| {
        for dir in &dirs {
            scope.spawn(|| {
                for n in 0..50_000 {
                    let name = format!("{n}");
                    tree.remember_missing(dir.get(), name.as_bytes()).expect("a directory");
                    most.fetch_max(tree.negatives(), Ordering::Relaxed);
                }
            });
        }
    });
    tree.verify().expect("all invariants");
    assert!(most.into_inner() <= BUDGET, "over the budget");
}

//! Names and their directories.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig};
use vfsnotify::tree::InodeSpec;
use vfsnotify::{Errno, InodeKind, Tree, TreeConfig};

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
                world.notifier.move_dentry(f.get(), to.get(), b"f").expect("a move");
            }
        });
        let start = Instant::now();
        for name in [b"g", b"h"].into_iter().cycle() {
            if start.elapsed() > Duration::from_secs(1) {
                break;
            }
            // Within one directory or the other, wherever the file is when the lock is taken.
            world.notifier.move_dentry(f.get(), a.get(), name).expect("a rename");
        }
        stop.store(true, Ordering::Relaxed);
        between.join().expect("the mover");
    });
    world.notifier.verify().expect("the invariants");
}

/// Likewise for an exchange, whichever of the two moves away meanwhile.
#[test]
fn an_exchange_survives_a_move_of_either_dentry() {
    let world = World::new();
    let (a, b) = (world.dir(2, b"a"), world.dir(3, b"b"));
    let file = |ino, name: &[u8]| world.make(a.get(), ino, name, InodeKind::Regular);
    let (f, g) = (file(5, b"f"), file(6, b"g"));
    let others: Vec<_> = (0..5).map(|n| file(10 + n, format!("a{n}").as_bytes())).collect();
    for moving in [&f, &g] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let between = scope.spawn(|| {
                for to in [&b, &a].into_iter().cycle() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let replaced = world.notifier.move_dentry(moving.get(), to.get(), b"moving");
                    if let Some(other) = replaced.expect("a move") {
                        // It had the name by an exchange.
                        world
                            .notifier
                            .move_dentry(other.get(), a.get(), b"resting")
                            .expect("a move");
                        drop(other);
                    }
                }
            });
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(500) {
                if let Err(error) = world.notifier.exchange_dentries(f.get(), g.get()) {
                    assert_eq!(error.errno(), Errno::ENOENT, "one has lost its name");
                }
            }
            stop.store(true, Ordering::Relaxed);
            between.join().expect("the mover");
        });
        world.notifier.verify().expect("the invariants");
    }
    for (n, other) in others.iter().enumerate() {
        assert_eq!(other.get().name(), format!("a{n}").as_str(), "it was not changed");
        assert_eq!(other.parent().expect("a directory").get().id(), a.get().id());
    }
}

/// A directory's dentry that had died and was not yet reaped kept the directory from being named.
#[test]
fn a_directory_whose_dentry_died_unreaped_can_be_named_again() {
    let world = World::new();
    let d = world.dir(2, b"d");
    let child = world.make(d.get(), 3, b"child", InodeKind::Regular);
    drop(world.notifier.unhash(d.get(), false).expect("of this tree"));
    drop(d);
    // It was all that kept the directory's dentry.
    world.notifier.move_dentry(child.get(), world.root.get(), b"child").expect("a move");
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
    let tree = Tree::new(TreeConfig::default().with_negatives(BUDGET));
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
    let dirs: Vec<DentryRef> = (0..THREADS)
        .map(|n| {
            let spec = InodeSpec::new(n + 2, InodeKind::Directory, 2);
            let inode = tree.make_inode(&superblock, spec).expect("an inode");
            notifier.instantiate(root.get(), format!("{n}").as_bytes(), inode).expect("a dentry")
        })
        .collect();
    let most = AtomicUsize::new(0);
    thread::scope(|scope| {
        for dir in &dirs {
            scope.spawn(|| {
                for n in 0..50_000 {
                    let name = format!("{n}");
                    notifier.remember_missing(dir.get(), name.as_bytes()).expect("a directory");
                    most.fetch_max(tree.negatives(), Ordering::Relaxed);
                }
            });
        }
    });
    tree.verify().expect("all invariants");
    assert!(most.into_inner() <= BUDGET, "over the budget");
}

/// Events of such a child were lost: a hook asks first whether anything of the child's file system is watched.
#[test]
fn a_directory_takes_nothing_of_another_superblock() {
    let world = World::new();
    let dir = world.dir(2, b"d");
    let file = world.make(dir.get(), 5, b"f", InodeKind::Regular);
    let (superblock, root) = world.notifier.add_superblock(1).expect("a superblock");
    let spec = InodeSpec::new(7, InodeKind::Regular, 1);
    let inode = world.tree.make_inode(&superblock, spec).expect("an inode");
    let other = world.notifier.instantiate(root.get(), b"o", inode.clone()).expect("a dentry");
    let kind = |error: vfsnotify::Error| error.errno();
    let refusals = [
        world.notifier.instantiate(dir.get(), b"o", inode.clone()).map(drop).map_err(kind),
        world.notifier.instantiate_unnamed(dir.get(), b"o", inode).map(drop).map_err(kind),
        world.notifier.move_dentry(other.get(), dir.get(), b"o").map(drop).map_err(kind),
        world.notifier.exchange_dentries(other.get(), file.get()).map_err(kind),
    ];
    assert_eq!(refusals, [Err(Errno::EXDEV); 4]);
    world.notifier.verify().expect("the invariants");
}

/// It was returned as what it had replaced, and a caller that went on reported its death.
#[test]
fn a_rename_to_the_same_name_replaces_nothing() {
    let world = World::new();
    let dir = world.dir(2, b"d");
    let file = world.make(dir.get(), 5, b"f", InodeKind::Regular);
    let rename = || world.notifier.move_dentry(file.get(), dir.get(), b"f").expect("a rename");
    assert!(rename().is_none());
    assert_eq!(&*file.get().name(), b"f");
    drop(world.notifier.unhash(file.get(), false).expect("its name"));
    assert!(rename().is_none(), "it has the name again");
    assert!(rename().is_none());
    world.notifier.verify().expect("the invariants");
}

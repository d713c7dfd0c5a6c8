//! The calls of an embedder with a VFS of its own: the tree, the hooks, and what listeners do.

use std::time::Duration;

use vfsnotify::inotify::{Inotify, WatchMask, decode};
use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig, Pruning};
use vfsnotify::tree::{InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Tree, TreeConfig};

use crate::on_a_small_stack;
use lab::embedder::hooks::HOOKS;
use lab::embedder::world::World;

/// How many directories are one below the other: more than one hook, or one hold of a lock, goes through.
const DEPTH: u64 = 5_000;

fn make(
    superblock: &SuperblockRef,
    dir: &DentryRef,
    name: &[u8],
    ino: u64,
    kind: InodeKind,
) -> DentryRef {
    let notifier = dir.notifier();
    let inode =
        notifier.tree().make_inode(superblock, InodeSpec::new(ino, kind, 2)).expect("an inode");
    notifier.instantiate(dir.get(), name, inode).expect("a dentry")
}

#[test]
fn every_hook_runs_on_a_small_stack() {
    for hook in HOOKS {
        for marks in hook.marks {
            on_a_small_stack(hook.name, || {
                let world = World::new();
                let group = Inotify::new(&world.notifier, 0).expect("an instance");
                for mark in *marks {
                    let mask = mark.mask | WatchMask::ONESHOT;
                    group.add_watch(&world.object(mark.on), mask).expect("a watch");
                }
                (hook.call)(&world.notifier, world.arguments());
                assert!(!group.drain().is_empty(), "{}: nothing was queued", hook.name);
                world.notifier.reap(|_, _, _| {});
                world.notifier.verify().expect("the invariants hold");
            });
        }
    }
}

/// The tree with a chain of directories, and the dentry of the last.
fn chain() -> (SuperblockRef, DentryRef, DentryRef) {
    let tree = Tree::new(TreeConfig::default());
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
    let mut last = root.clone();
    for ino in 2..DEPTH + 2 {
        last = make(&superblock, &last, b"d", ino, InodeKind::Directory);
    }
    (superblock, root, last)
}

#[test]
fn a_deep_tree_of_an_embedder_comes_and_goes_on_a_small_stack() {
    on_a_small_stack("moves and exchanges in a deep tree", || {
        let (superblock, root, last) = chain();
        let notifier = root.notifier().clone();
        let other = make(&superblock, &root, b"other", DEPTH + 2, InodeKind::Directory);
        notifier.exchange_dentries(last.get(), other.get()).expect("an exchange");
        notifier.exchange_dentries(last.get(), other.get()).expect("an exchange back");
        notifier.move_dentry(other.get(), last.get(), b"moved").expect("a move below");
        notifier.hooks().exchange(last.get(), root.get()).expect_err("a root");
        notifier.hooks().rename(other.get(), root.get(), b"back").expect("a move");
        notifier.hooks().remove(other).expect("an empty directory");
        notifier.verify().expect("the invariants hold");
    });
    on_a_small_stack("a deep tree that is pruned", || {
        let (superblock, root, last) = chain();
        let notifier = root.notifier().clone();
        drop(last);
        notifier.on_unmount(&superblock);
        let mut pruning = Pruning::below(root);
        while pruning.step() {}
        drop(pruning.into_root());
        drop(superblock);
        notifier.reap(|_, _, _| {});
        let tree = notifier.tree();
        assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
    });
    on_a_small_stack("a deep tree whose last reference ends", || {
        let (superblock, root, mut last) = chain();
        let notifier = root.notifier().clone();
        let deepest = last.clone();
        while let Some(parent) = last.parent() {
            drop(notifier.unhash(last.get(), false).expect("a dentry of this tree"));
            last = parent;
        }
        drop(last);
        // Each of the others is kept by its child alone.
        drop(deepest);
        notifier.reap(|_, _, _| {});
        assert_eq!(notifier.tree().live_dentries(), 1, "the root");
        drop((root, superblock));
    });
    on_a_small_stack("a deep tree that is dropped", || drop(chain()));
}

#[test]
fn listeners_run_on_a_small_stack() {
    on_a_small_stack("a listener", || {
        let world = World::new();
        let group = Inotify::new(&world.notifier, 0).expect("an instance");
        for n in 0..3_000_u64 {
            let name = format!("{n}");
            make(&world.superblock, &world.dir, name.as_bytes(), 100 + n, InodeKind::Regular);
        }
        let dir = world.dir.inode_ref();
        let mut pending = group.start_watch(&dir, WatchMask::ALL_EVENTS).expect("a watch");
        while !pending.step() {}
        let wd = pending.wait().expect("a watch");
        drop(group.start_watch(&world.new_dir.inode_ref(), WatchMask::ALL_EVENTS));
        // More than the queue takes.
        for n in 0..20_000 {
            let name = format!("{n:0200}");
            world.notifier.hooks().on_create(
                world.dir.get(),
                name.as_bytes(),
                world.dir.get().inode(),
            );
        }
        group.next().expect("an open queue").expect("an event");
        let mut buffer = vec![0; 1 << 16];
        let len = group.read(&mut buffer).expect("events");
        decode(&buffer[..len]).expect("whole events");
        group.wait(None, None).expect("events");
        let mut events = Vec::new();
        group.drain_into(&mut events, 5_000);
        let _ = (group.ready(), group.stats(), group.watches().len());
        group.read_wait(&mut buffer, Some(Duration::ZERO), None).expect("events");
        assert!(group.drain().len() > 1_000);
        group.rm_watch(wd).expect("a watch");
        world.notifier.shut_down();
        group.close();
    });
}

//! The flag protocol while dentries are reclaimed and looked up again, and a pruning beside changes of names.

use loom::thread;

use super::loom_parent::{A, World};
use crate::base::kind::InodeKind;
use crate::base::slot_index::Ix;
use crate::base::sync::model_helpers::{Shared, check};
use crate::notify::{DentryRef, Lookup, Notifier, NotifyConfig, Pruning};
use crate::tree::dentry::DentrySlot;
use crate::tree::{InodeSpec, SuperblockRef, Tree};

const INO: u64 = 20;

/// Looks up the child `r` of `A`, or makes it as from a file system.
fn find(world: &World) -> DentryRef {
    let dir = world.dir(A);
    loop {
        if let Lookup::Positive(found) = world.notifier.lookup(dir.get(), b"r").unwrap() {
            return found;
        }
        let spec = InodeSpec { ino: INO, kind: InodeKind::Regular, nlink: 1 };
        let inode = world.tree.make_inode(world.superblock(), spec).unwrap();
        if let Ok(made) = world.notifier.instantiate(dir.get(), b"r", inode) {
            return made;
        }
    }
}

/// Prunes `r`, if it is unreferenced, and looks it up again.
fn reclaim_and_find(world: &World, slot: Ix<DentrySlot>) {
    world.tree.prune_dentry(slot, |_| true);
    drop(find(world));
}

/// Once an add has returned, each child has the flag, also a new dentry of one that was reclaimed meanwhile.
/// Fails ("lacks the flag") if `link` in `child_watch.rs` does not set the flag or leaves `all_flagged`.
#[test]
fn loom_g1_a_child_that_is_reclaimed_beside_an_add_arrives_flagged() {
    check("reclaim/add", Some(3), || {
        let world = World::new(1, 0);
        let slot = find(&world).get().index;
        let world = Shared::new(world);
        let other = {
            let world = world.clone();
            thread::spawn(move || reclaim_and_find(&world, slot))
        };
        world.add(A);
        world.check_flags(A);
        other.join().unwrap();
        world.check_flags(A);
        assert!(find(&world).get().is_parent_watched());
        world.verify();
    });
}

/// A directory is watched, unwatched and watched again: a walk is needed if an unflagged child was linked
/// meanwhile. Fails ("lacks the flag") if `ChildWatch::link` does not set the flag or leaves `all_flagged`.
#[test]
fn loom_g8_a_child_that_is_reclaimed_beside_an_add_again_is_not_forgotten() {
    check("reclaim/add again", Some(2), || {
        let world = World::new(1, 0);
        let slot = find(&world).get().index;
        world.leave_stale(A);
        let world = Shared::new(world);
        let other = {
            let world = world.clone();
            thread::spawn(move || reclaim_and_find(&world, slot))
        };
        world.add(A);
        world.check_flags(A);
        other.join().unwrap();
        assert!(find(&world).get().is_parent_watched());
        world.verify();
    });
}

/// The slot of a child that a pruning reads is freed and reused by a directory of another file system: the
/// pruning does not enter that. Fails (the other file system loses a name) if `PruneWalk::go_down` does not
/// check the child's directory once it is referenced.
#[test]
fn loom_a_pruning_does_not_go_into_a_directory_that_is_elsewhere() {
    check("prune/reuse", Some(2), || {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let (other, elsewhere) = notifier.add_superblock(1).unwrap();
        let make = |of: &SuperblockRef, dir: &DentryRef, ino, kind| {
            let inode = of.tree().make_inode(of, InodeSpec { ino, kind, nlink: 1 }).unwrap();
            dir.notifier().instantiate(dir.get(), b"d", inode).unwrap()
        };
        let dir = make(&superblock, &root, 2, InodeKind::Directory);
        let slot = dir.get().index;
        let thread = {
            let elsewhere = elsewhere.clone();
            thread::spawn(move || {
                let notifier = dir.notifier().clone();
                drop(notifier.unhash(dir.get(), false).unwrap());
                let dentry = dir.get().reference().into_index();
                drop(dir);
                if !notifier.tree().dentry_page(dentry).hot().refs(dentry).put() {
                    return false;
                }
                notifier.report_death(dentry);
                let made = make(&other, &elsewhere, 3, InodeKind::Directory);
                assert_eq!(made.get().index, slot, "the slot was used again");
                drop(make(&other, &made, 4, InodeKind::Regular));
                true
            })
        };
        let mut pruning = Pruning::below(root);
        while pruning.step() {}
        if !thread.join().unwrap() {
            // The pruning had a reference to the directory.
            return;
        }
        let Lookup::Positive(dir) = notifier.lookup(elsewhere.get(), b"d").unwrap() else {
            panic!("the directory is gone");
        };
        assert!(matches!(notifier.lookup(dir.get(), b"d").unwrap(), Lookup::Positive(_)));
        tree.verify().unwrap();
    });
}

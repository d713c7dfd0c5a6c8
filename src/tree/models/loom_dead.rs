//! Dead objects that are not yet freed: several threads queue them, several free them.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::tree::test_references::DeferringRef;
use crate::tree::{FreeStep, InodeSpec, SuperblockRef, Tree};

struct World {
    tree: Arc<Tree>,
    superblock: SuperblockRef,
    root: DeferringRef,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let (superblock, root) = tree.add_superblock(1).unwrap();
        Self { tree, superblock, root }
    }

    /// A file that has lost its name.
    fn unnamed(&self, ino: u64) -> DeferringRef {
        let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
        let inode = self.tree.make_inode(&self.superblock, spec).unwrap();
        let file = self.tree.instantiate(self.root.get(), &[b'a' + ino as u8], inode).unwrap();
        drop(self.tree.unhash(file.get(), false).unwrap());
        file
    }

    /// Frees every dead object, as the reaper does; returns the numbers of the inodes.
    fn reap(&self) -> Vec<u64> {
        let mut freed = Vec::new();
        while self.tree.has_deferred() {
            let Some(superblock) = self.tree.next_pending_superblock() else { break };
            assert_eq!(superblock, self.superblock.id().index);
            if let Some(dentry) = self.tree.next_dead_dentry(superblock) {
                self.tree.end_alias(dentry);
                assert_eq!(self.tree.free_dead_dentry(dentry), None, "the root is in use");
                continue;
            }
            match self.tree.free_inode_step(superblock) {
                FreeStep::Done | FreeStep::More => {}
                FreeStep::Freed(inode) => {
                    freed.push(inode.ino);
                    self.tree.put_superblock(inode.superblock.index);
                }
            }
        }
        freed
    }

    /// Asserts that each of these was freed once, by now, and that nothing else is left.
    fn assert_freed(&self, mut freed: Vec<u64>, all: &[u64]) {
        freed.extend(self.reap());
        freed.sort_unstable();
        assert_eq!(freed, all);
        assert_eq!((self.tree.live_dentries(), self.tree.live_inodes()), (1, 1));
        assert!(!self.superblock.slot().deferred().has_dead(), "an operation would look in vain");
        self.tree.verify().unwrap();
    }
}

/// An object that dies while the reaper runs is freed by that run or by the next one. Fails (something
/// is never freed) if `next_pending_superblock` in `deferred.rs` drops a superblock from the queue
/// whose lists are not empty, or if `queue_superblock` does not set the flag.
#[test]
fn loom_an_object_that_dies_while_the_reaper_runs_is_freed_once() {
    check("reap/drop", Some(3), || {
        let world = Shared::new(World::new());
        let (one, two) = (world.unnamed(2), world.unnamed(3));
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                drop(one);
                world.reap()
            })
        };
        drop(two);
        world.assert_freed(other.join().unwrap(), &[2, 3]);
    });
}

/// Fails (freed twice) if `next_dead_dentry` or `free_inode_step` takes the head of its list under one
/// hold of the lock and moves it on under another.
#[test]
fn loom_two_reapers_free_everything_once() {
    check("reap/reap", Some(2), || {
        let world = Shared::new(World::new());
        drop((world.unnamed(2), world.unnamed(3)));
        let other = {
            let world = world.clone();
            thread::spawn(move || world.reap())
        };
        let mut freed = world.reap();
        freed.extend(other.join().unwrap());
        world.assert_freed(freed, &[2, 3]);
    });
}

/// A lookup by id of a dying dentry fails or keeps it. Fails (freed in use) if `Tree::dentry` takes a
/// reference without checking that there is one.
#[test]
fn loom_a_lookup_by_id_of_a_dying_dentry_keeps_it_or_fails() {
    check("id/reap", Some(3), || {
        let world = Shared::new(World::new());
        let file = world.unnamed(2);
        let id = file.get().id();
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                drop(file);
                world.reap()
            })
        };
        if let Ok(kept) = world.tree.dentry(id) {
            assert_eq!(kept.get().inode().ino(), 2);
            assert_eq!(kept.get().id(), id, "of another dentry");
        }
        world.assert_freed(other.join().unwrap(), &[2]);
    });
}

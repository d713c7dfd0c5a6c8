//! Deferred freeing: dead objects that are not yet freed, by superblock.
//!
//! Putting a reference never frees anything: the object goes on a list of its superblock that is threaded
//! through the slots themselves. So a hook, or a drop under a caller's lock, costs a few stores and no
//! allocation. A caller that holds no lock empties the lists in bounded steps. Each superblock has lists of
//! its own, so that an operation on one file system never frees for another.

use crate::base::slot_index::Ix;
use crate::base::sync::Ordering;
use crate::tree::deferred_queue::Pending;
use crate::tree::slot_kinds::{DentrySlot, InodeSlot};
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockId, SuperblockSlot};

/// An inode that was freed: the file system can be told. The inode held a reference to its superblock. The
/// receiver puts it afterwards, with [`Tree::put_superblock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FreedInode {
    pub(crate) superblock: SuperblockId,
    pub(crate) ino: u64,
    pub(crate) lookups: u64,
}

/// The result of one step of freeing inodes.
#[derive(Debug)]
pub(crate) enum FreeStep {
    /// Nothing is left to do.
    Done,
    /// A part was freed, and there may be more.
    More,
    /// An inode was freed.
    Freed(FreedInode),
}

impl Tree {
    /// Whether any superblock may have something to free.
    pub(crate) fn has_deferred(&self) -> bool {
        self.deferred.occupied.load(Ordering::Relaxed) || self.has_unlisted()
    }

    /// Whether a dentry waits to be put on the list of its superblock.
    #[inline]
    pub(crate) fn has_unlisted(&self) -> bool {
        self.deferred.unlisted.load(Ordering::Relaxed).is_some()
    }

    /// Queues a dentry whose last reference is gone, for [`Tree::next_dead_dentry`].
    pub(crate) fn defer_dentry(&self, dentry: Ix<DentrySlot>) {
        let page = self.dentry_page(dentry).hot();
        // A dead dentry keeps its inode, and that keeps its superblock.
        let superblock =
            self.inode_page(page.inode(dentry)).hot().superblock_of(page.inode(dentry));
        let mut pending = self.deferred.pending.lock();
        let heads = self.superblock_at(superblock).deferred();
        page.set_next(dentry, heads.dentries());
        heads.set_dentries(Some(dentry));
        self.queue_superblock(&mut pending, superblock);
    }

    /// [`Tree::defer_dentry`] for a thread that may hold any lock: it takes none.
    #[cold]
    pub(crate) fn defer_dentry_without_lock(&self, dentry: Ix<DentrySlot>) {
        let page = self.dentry_page(dentry).hot();
        let (push, look) = (Ordering::Release, Ordering::Relaxed);
        // The list is empty most of the time. (A load first would also hide from loom what races with this
        // loop.)
        let mut first = None;
        loop {
            page.set_next(dentry, first);
            match self.deferred.unlisted.compare_exchange(first, Some(dentry), push, look) {
                Ok(()) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Puts the dentries that were deferred without a lock on the lists of their superblocks. The thread holds
    /// no lock that a hook takes.
    #[cold]
    pub(crate) fn list_unlisted(&self) {
        let mut next = self.deferred.unlisted.swap(None, Ordering::Acquire);
        while let Some(dentry) = next {
            next = self.dentry_page(dentry).hot().next(dentry);
            self.defer_dentry(dentry);
        }
    }

    pub(super) fn defer_inode(&self, inode: Ix<InodeSlot>) {
        let superblock = self.inode_page(inode).hot().superblock_of(inode);
        let mut pending = self.deferred.pending.lock();
        let heads = self.superblock_at(superblock).deferred();
        self.inode_at(inode).set_next_dead(heads.inodes());
        heads.set_inodes(Some(inode));
        self.queue_superblock(&mut pending, superblock);
    }

    /// Notes, under the lock, that a superblock has something to free.
    fn queue_superblock(&self, pending: &mut Pending, superblock: Ix<SuperblockSlot>) {
        let heads = self.superblock_at(superblock).deferred();
        heads.set_has_dead(true);
        if !heads.is_pending() {
            heads.set_pending(true);
            heads.set_next_pending(None);
            match pending.last {
                None => pending.first = Some(superblock),
                Some(last) => {
                    self.superblock_at(last).deferred().set_next_pending(Some(superblock))
                }
            }
            pending.last = Some(superblock);
        }
        self.deferred.occupied.store(true, Ordering::Relaxed);
    }

    /// The next superblock in the queue; it may have nothing to free by now. It moves to the end of the
    /// queue, or out of the queue if it has nothing.
    pub(crate) fn next_pending_superblock(&self) -> Option<Ix<SuperblockSlot>> {
        let mut pending = self.deferred.pending.lock();
        let Some(superblock) = pending.first else {
            self.deferred.occupied.store(false, Ordering::Relaxed);
            return None;
        };
        let heads = self.superblock_at(superblock).deferred();
        pending.first = heads.next_pending();
        if pending.first.is_none() {
            pending.last = None;
        }
        heads.set_pending(false);
        if heads.is_empty() {
            heads.set_has_dead(false);
        } else {
            self.queue_superblock(&mut pending, superblock);
        }
        Some(superblock)
    }

    /// Takes a dentry off a superblock's list. The caller reports its death, then calls
    /// [`Tree::free_dead_dentry`].
    pub(crate) fn next_dead_dentry(
        &self,
        superblock: Ix<SuperblockSlot>,
    ) -> Option<Ix<DentrySlot>> {
        let _pending = self.deferred.pending.lock();
        let heads = self.superblock_at(superblock).deferred();
        let dentry = heads.dentries()?;
        heads.set_dentries(self.dentry_page(dentry).hot().next(dentry));
        Some(dentry)
    }

    /// Does one bounded step of work on the first dead inode of a superblock.
    pub(crate) fn free_inode_step(&self, superblock: Ix<SuperblockSlot>) -> FreeStep {
        let inode = {
            let _pending = self.deferred.pending.lock();
            let heads = self.superblock_at(superblock).deferred();
            let Some(inode) = heads.inodes() else {
                heads.set_has_dead(heads.dentries().is_some());
                return FreeStep::Done;
            };
            heads.set_inodes(self.inode_at(inode).next_dead());
            inode
        };
        if let Some(dir) = self.inode_at(inode).dir()
            && self.drain_directory_step(dir)
        {
            self.defer_inode(inode);
            return FreeStep::More;
        }
        FreeStep::Freed(self.free_inode(inode))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
impl Tree {
    /// Frees every dead object, and reports nothing.
    pub(super) fn free_all_dead(&self) {
        while let Some(superblock) = self.next_pending_superblock() {
            let mut dead = self.next_dead_dentry(superblock);
            while let Some(dentry) = dead {
                self.end_alias(dentry);
                dead = self.free_dead_dentry(dentry);
            }
            if let FreeStep::Freed(freed) = self.free_inode_step(superblock) {
                self.put_superblock(freed.superblock.index);
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::base::kind::InodeKind;
    use crate::tree::{InodeSpec, TreeConfig};

    fn dead_directory(tree: &std::sync::Arc<Tree>, names: usize) -> crate::tree::SuperblockRef {
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let spec = InodeSpec { ino: 2, kind: InodeKind::Directory, nlink: 2 };
        let inode = tree.make_inode(&superblock, spec).unwrap();
        let dir = tree.instantiate(root.get(), b"d", inode).unwrap();
        for n in 0..names {
            tree.add_missing(dir.get(), format!("{n}").as_bytes()).unwrap();
        }
        drop(tree.unhash(dir.get(), false).unwrap());
        drop(dir);
        let dead = tree.next_dead_dentry(superblock.id().index).unwrap();
        tree.end_alias(dead);
        tree.free_dead_dentry(dead);
        superblock
    }

    /// The CLOCK hand of the budget may come to a directory that is being freed.
    #[test]
    fn nothing_is_evicted_from_a_directory_that_is_being_freed() {
        let config = TreeConfig { negatives: 20_000, ..TreeConfig::default() };
        let tree = Tree::new(config);
        let superblock = dead_directory(&tree, 20_000);
        let (_other, root) = tree.add_superblock(1).unwrap();
        let mut step = 0;
        loop {
            for n in 0..300 {
                let name = format!("{step}-{n}");
                tree.add_missing(root.get(), name.as_bytes()).unwrap();
            }
            step += 1;
            match tree.free_inode_step(superblock.id().index) {
                FreeStep::Done => break,
                FreeStep::More => {}
                FreeStep::Freed(freed) => tree.put_superblock(freed.superblock.index),
            }
        }
        tree.verify().unwrap();
        drop(superblock);
    }

    /// G3 for a directory that is removed: its names are freed 1024 at a time, each time under a
    /// hold of its own lock only.
    #[test]
    fn a_removed_directory_of_many_names_is_freed_in_bounded_steps() {
        const NAMES: usize = 50_000;
        let tree = Tree::new(TreeConfig::default());
        let superblock = dead_directory(&tree, NAMES);
        let (mut steps, mut before) = (0, tree.negatives());
        loop {
            match tree.free_inode_step(superblock.id().index) {
                FreeStep::Done => break,
                FreeStep::More => {}
                FreeStep::Freed(freed) => {
                    assert_eq!(freed.ino, 2);
                    tree.put_superblock(freed.superblock.index);
                }
            }
            let now = tree.negatives();
            assert!(before - now <= 1024, "one step freed {} names", before - now);
            before = now;
            steps += 1;
        }
        assert!(steps >= NAMES / 1024, "{steps} steps");
        assert_eq!(tree.negatives(), 0);
        tree.verify().unwrap();
    }
}

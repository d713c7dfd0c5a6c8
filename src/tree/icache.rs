//! The inodes and superblocks of a tree.

use std::fmt;

use crate::base::chain_index::{ChainIndex, Chained};
use crate::base::errno::Errno;
use crate::base::error::{Limit, Result};
use crate::base::kind::InodeKind;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::tree::deferred::FreedInode;
use crate::tree::dentry::RawDentryRef;
use crate::tree::directory::{DirSlot, Link};
use crate::tree::inode::{Inode, InodeRef, InodeSpec};
use crate::tree::reserved_slots::Reserved;
use crate::tree::slot_kinds::InodeSlot;
use crate::tree::store::Tree;
use crate::tree::superblock::SuperblockSlot;
use crate::tree::superblock_ref::SuperblockRef;

impl Tree {
    /// Adds a superblock with a root directory of inode number `ino`. If it is `reclaimable`, its
    /// unreferenced dentries may be freed beyond the budget.
    ///
    /// # Errors
    /// `ENOMEM` if every slot is taken.
    pub(crate) fn new_superblock(
        self: &Arc<Self>,
        ino: u64,
        reclaimable: bool,
    ) -> Result<(SuperblockRef, RawDentryRef)> {
        let (index, page) =
            self.superblocks.insert(()).ok_or_else(|| self.refuse(Limit::Superblocks))?;
        page.hot().slot(index).begin(index, self.number(), reclaimable);
        if reclaimable {
            self.count_reclaimable(true);
        }
        let superblock = SuperblockRef::counted(self, index);
        let spec = InodeSpec { ino, kind: InodeKind::Directory, nlink: 2 };
        let mut slots = Reserved::default();
        let inode = self.make_inode_in(&superblock, spec, &mut slots)?;
        let dir = inode.get().dir();
        let dentry = self.new_dentry(inode, &mut slots)?;
        self.inode_at(self.dentry_page(dentry).hot().inode(dentry)).count_alias(true);
        self.dentry_page(dentry).hot().set_link(dentry, Link::ROOT);
        if let Some(dir) = dir {
            let generation = self.dentry_page(dentry).hot().refs(dentry).generation();
            self.dir_at(dir).set_dentry(dentry, generation);
        }
        Ok((superblock, RawDentryRef::counted(dentry)))
    }

    /// The inode with this number, made if the tree does not have it, with one look-up counted.
    ///
    /// Two callers with one number get one inode; an existing inode takes the new link count. An inode exists
    /// while it has a dentry, even a dead one that waits for
    /// [`Notifier::reap`](crate::notify::Notifier::reap). So give the number of a removed object to another
    /// object only when its look-ups have been given back there. Takes the lock of the superblock's inodes;
    /// O(1).
    ///
    /// # Errors
    /// `ESTALE` if the number is that of an inode of another kind, `ENOMEM` if every slot is taken,
    /// `EINVAL` for a superblock of another tree.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, _) = new_tree()?;
    /// let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let file = tree.make_inode(&superblock, spec)?;
    /// let again = tree.make_inode(&superblock, InodeSpec::new(2, InodeKind::Regular, 2))?;
    /// assert_eq!((file.get().id(), file.get().nlink()), (again.get().id(), 2));
    /// let dir = InodeSpec::new(2, InodeKind::Directory, 2);
    /// assert_eq!(tree.make_inode(&superblock, dir).unwrap_err().errno(), Errno::ESTALE);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn make_inode(
        self: &Arc<Self>,
        superblock: &SuperblockRef,
        spec: InodeSpec,
    ) -> Result<InodeRef> {
        let inode = self.make_inode_in(superblock, spec, &mut Reserved::default())?;
        inode.get().set_nlink(spec.nlink);
        Ok(inode)
    }

    /// [`Tree::make_inode`] with slots that were taken before. It leaves the link count of an existing inode
    /// as it is: the count in `spec` may be older than the one in the tree.
    pub(crate) fn make_inode_in(
        self: &Arc<Self>,
        superblock: &SuperblockRef,
        spec: InodeSpec,
        slots: &mut Reserved<'_>,
    ) -> Result<InodeRef> {
        if !Arc::ptr_eq(self, superblock.tree()) {
            return Err(Errno::EINVAL.into());
        }
        let slot = superblock.slot();
        let mut table = slot.lock_inodes();
        // An inode with the number that is alive: one more look-up of it.
        let (known, dead) = self.find_inode(&table, spec.ino);
        if let Some(known) = known {
            if self.inode_at(known).kind() != spec.kind {
                drop(table);
                self.iput(known);
                return Err(Errno::ESTALE.into());
            }
            self.inodes.with_cold(known, |lookups| *lookups += 1);
            return Ok(InodeRef::counted(self, known));
        }
        // A new one: its slots, its words, then the table, by which other threads find it.
        let dir = if spec.kind.is_dir() { Some(slots.take_dir(self)?) } else { None };
        let index = match slots.take_inode(self) {
            Ok(index) => index,
            Err(error) => {
                dir.map(|dir| self.dirs.remove(dir));
                return Err(error);
            }
        };
        Inode { page: self.inode_page(index).hot(), superblock: slot, index }.begin(spec, dir);
        if let Some(dir) = dir {
            self.dir_at(dir).set_inode(Some(index));
        }
        slot.refs().get();
        if let Some(dead) = dead {
            self.replace_dead_inode(&mut table, dead, index);
        }
        table.insert(&mut InodeChains(self), index);
        Ok(InodeRef::counted(self, index))
    }

    /// Takes a reference to the live inode with this number. Also returns the inode with the number that is
    /// dead and waits to be freed.
    fn find_inode(
        &self,
        table: &ChainIndex<InodeSlot>,
        ino: u64,
    ) -> (Option<Ix<InodeSlot>>, Option<Ix<InodeSlot>>) {
        let mut dead = None;
        let known = table.find(&InodeChains(self), self.hash_number(ino), |node| {
            let inode = self.inode_at(node);
            if inode.ino() != ino {
                return false;
            }
            let is_alive = inode.refs().try_get(None);
            if !is_alive && inode.refs().count() == 0 {
                dead = Some(node);
            }
            is_alive
        });
        (known, dead)
    }

    /// Takes a dead inode, whose number a new inode has, out of the table, and adds its look-ups to those of
    /// the new one. So the table has at most one inode of a number, and no look-up of a live number is given
    /// back.
    fn replace_dead_inode(
        &self,
        table: &mut ChainIndex<InodeSlot>,
        dead: Ix<InodeSlot>,
        new: Ix<InodeSlot>,
    ) {
        table.remove(&mut InodeChains(self), dead);
        self.inode_at(dead).set_unchained();
        let lookups = self.inodes.with_cold(dead, std::mem::take).unwrap_or(0);
        self.inodes.with_cold(new, |counted| *counted += lookups);
    }

    /// Puts a reference to an inode; the last one queues it for the reaper.
    pub(crate) fn iput(&self, inode: Ix<InodeSlot>) {
        if self.inode_at(inode).refs().put() {
            self.defer_inode(inode);
        }
    }

    pub(crate) fn put_superblock(&self, index: Ix<SuperblockSlot>) {
        let slot = self.superblock_at(index);
        if !slot.refs().put() {
            return;
        }
        if slot.is_reclaimable() {
            self.count_reclaimable(false);
        }
        if slot.refs().end() {
            self.superblocks.remove(index);
        }
    }

    /// Frees an inode without references.
    pub(super) fn free_inode(&self, index: Ix<InodeSlot>) -> FreedInode {
        let inode = self.inode_at(index);
        let (superblock, ino) = (inode.superblock(), inode.ino());
        {
            let mut table = inode.superblock.lock_inodes();
            if inode.is_chained() {
                table.remove(&mut InodeChains(self), index);
            }
        }
        if let Some(dir) = inode.dir() {
            let slot = self.dir_at(dir);
            slot.children.reset();
            self.dir_lock(dir).write().dead = false;
            slot.clear_dentry();
            slot.set_inode(None);
            self.dirs.remove(dir);
        }
        let reusable = inode.refs().end();
        let lookups = if reusable {
            self.inodes.remove(index).unwrap_or(0)
        } else {
            self.inodes.with_cold(index, std::mem::take).unwrap_or(0)
        };
        FreedInode { superblock, ino, lookups }
    }

    /// Frees a bounded part of a dead directory's negative entries; true while more are left.
    pub(super) fn drain_directory_step(&self, dir: Ix<DirSlot>) -> bool {
        let slot = self.dir_at(dir);
        let mut children = slot.children.write();
        let before = children.negatives();
        let more = children.drop_page();
        self.release_negatives(slot, before, &children);
        more
    }
}

/// The chains of a superblock's table of inodes; the links are in the inodes' slots.
struct InodeChains<'a>(&'a Tree);

impl Chained for InodeChains<'_> {
    type Slot = InodeSlot;

    fn hash(&self, node: Ix<InodeSlot>) -> u32 {
        self.0.hash_number(self.0.inode_at(node).ino())
    }

    fn next(&self, node: Ix<InodeSlot>) -> Option<Ix<InodeSlot>> {
        self.0.inode_at(node).next()
    }

    fn set_next(&mut self, node: Ix<InodeSlot>, next: Option<Ix<InodeSlot>>) {
        self.0.inode_at(node).set_next(next);
    }
}

/// `Debug` of the chains, which have no data of their own.
impl fmt::Debug for InodeChains<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InodeChains")
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::tree::test_references::DeferringRef;
    use crate::tree::{SuperblockRef, TreeConfig};

    fn file(tree: &Arc<Tree>, superblock: &SuperblockRef, root: &DeferringRef) -> DeferringRef {
        let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
        let inode = tree.make_inode(superblock, spec).unwrap();
        tree.instantiate(root.get(), b"f", inode).unwrap()
    }

    /// An id has 32 bits of generation. When a slot has used them all, it is never allocated again, and an id
    /// of its last object stays an error.
    #[test]
    fn a_slot_without_generations_left_is_not_allocated_again() {
        let tree = Tree::new(TreeConfig::default());
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let mut ids = Vec::new();
        for turn in 0..3 {
            let f = file(&tree, &superblock, &root);
            let last = (f.get().id(), f.get().inode().id());
            for (dentry, inode) in &ids {
                assert!(tree.dentry(*dentry).is_err() && tree.inode(*inode).is_err());
                assert!(last.0 != *dentry && last.1 != *inode);
            }
            if turn == 1 {
                let page = tree.dentry_page(last.0.index).hot();
                page.refs(last.0.index).exhaust_generations();
                tree.inode_at(last.1.key.index).refs().exhaust_generations();
                ids.push((f.get().id(), f.get().inode().id()));
            }
            ids.push(last);
            drop(tree.unhash(f.get(), false).unwrap());
            drop(f);
            tree.free_all_dead();
        }
        let slots: Vec<_> = ids.iter().map(|id| (id.0.index, id.1.key.index)).collect();
        assert_eq!((slots[0], slots[1]), (slots[1], slots[2]), "the slot was used again");
        assert!(slots[3].0 != slots[2].0 && slots[3].1 != slots[2].1, "and then no more");
        tree.verify().unwrap();
    }

    /// Look-ups are counted by inode, and taken once.
    #[cfg(feature = "vfs")]
    #[test]
    fn the_lookups_of_all_inodes_are_taken() {
        let tree = Tree::new(TreeConfig::default());
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let f = file(&tree, &superblock, &root);
        let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
        drop(tree.make_inode(&superblock, spec).unwrap());
        let take = || {
            let mut taken = Vec::new();
            tree.take_lookups(|of, ino, lookups| taken.push((of, ino, lookups)));
            taken
        };
        let id = superblock.id();
        assert_eq!(take(), [(id, 1, 1), (id, 2, 2)], "the root's, and two of the file's");
        assert_eq!(take(), []);
        drop(f);
    }

    #[test]
    fn a_superblock_slot_without_generations_left_is_not_allocated_again() {
        let tree = Tree::new(TreeConfig::default());
        let mut indices = Vec::new();
        for turn in 0..3 {
            let (superblock, root) = tree.add_superblock(1).unwrap();
            indices.push(superblock.id().index);
            if turn == 1 {
                superblock.slot().refs().exhaust_generations();
            }
            drop((superblock, root));
            tree.free_all_dead();
        }
        assert_eq!(indices[0], indices[1]);
        assert_ne!(indices[1], indices[2]);
    }
}

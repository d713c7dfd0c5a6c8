//! The reaper frees dead dentries and inodes, in bounded steps.

use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, assert_nothing_held};
use crate::notify::notifier::Notifier;
use crate::tree::superblock::SuperblockSlot;
use crate::tree::{FreeStep, FreedInode, SuperblockId, SuperblockRef};

/// The reference to a superblock that a freed inode held.
struct SuperblockReference<'a>(&'a Notifier, SuperblockId);

impl Drop for SuperblockReference<'_> {
    fn drop(&mut self) {
        self.0.tree().put_superblock(self.1.index);
    }
}

impl Notifier {
    /// Frees the objects that operations and hooks left behind, in bounded steps under each lock. Calls
    /// `forget` for each inode that is gone, with its superblock, its number, and the number of lookups
    /// ([`Tree::make_inode`](crate::Tree::make_inode)) that were counted on it. If the number was made again
    /// before, the new inode has taken the lookups over. Another thread may make the number again while
    /// `forget` runs. So a program that makes inodes on several threads frees its own inode when as many
    /// lookups were returned as were made.
    ///
    /// `forget` may call anything. A `reap` inside it recurses as deep as there are inodes to free.
    ///
    /// Deaths that could not be reported where they happened (see [`DentryRef`](crate::notify::DentryRef)) are
    /// reported first. Call it with no lock held that a hook's caller may hold, after operations or when idle.
    /// With nothing to do it costs one load.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (_, notifier, superblock, _) = new_tree()?;
    /// notifier.reap(|superblock, ino, lookups| println!("{superblock:?} {ino} {lookups}"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reap(&self, mut forget: impl FnMut(SuperblockId, u64, u64)) {
        while self.reap_step(&mut forget) {}
    }

    /// One step of [`Notifier::reap`]: an object, with up to 255 directories above it that only it kept, or up
    /// to 1024 names of a directory that is gone. The superblocks take turns. False when nothing is left. A
    /// program that frees a little after each operation calls this, so that no operation waits for a large
    /// directory that another one removed.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (_, notifier, _, _) = new_tree()?;
    /// while notifier.reap_step(|_, _, _| {}) {}
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reap_step(&self, forget: impl FnOnce(SuperblockId, u64, u64)) -> bool {
        if !self.tree().has_deferred() {
            return false;
        }
        self.list_unlisted();
        if let Some(superblock) = self.tree().next_pending_superblock() {
            self.reap_one(superblock, forget);
        }
        self.tree().has_deferred()
    }

    /// One step of [`Notifier::reap`] for one superblock. An operation on it then neither frees nor waits for
    /// the dead objects of other superblocks. `forget` gets the inode's number and its lookups. False when
    /// nothing of this superblock is left, and for a superblock of another tree.
    ///
    /// Call it with no lock held that a hook's caller may hold. With nothing to do it costs one load.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (_, notifier, superblock, _) = new_tree()?;
    /// while notifier.reap_step_of(&superblock, |ino, lookups| println!("{ino} {lookups}")) {}
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reap_step_of(&self, superblock: &SuperblockRef, forget: impl FnOnce(u64, u64)) -> bool {
        self.list_unlisted();
        Arc::ptr_eq(superblock.tree(), self.tree())
            && superblock.slot().deferred().has_dead()
            && self.reap_one(superblock.id().index, |_, ino, lookups| forget(ino, lookups))
    }

    /// Frees one object of a superblock, or a part of one. False when there is nothing to free.
    fn reap_one(
        &self,
        superblock: Ix<SuperblockSlot>,
        forget: impl FnOnce(SuperblockId, u64, u64),
    ) -> bool {
        assert_nothing_held("the reaper ran", self.tree().domain());
        if let Some(dentry) = self.tree().next_dead_dentry(superblock) {
            self.report_death(dentry);
            return true;
        }
        match self.tree().free_inode_step(superblock) {
            FreeStep::Done => return false,
            FreeStep::More => {}
            FreeStep::Freed(FreedInode { superblock, ino, lookups }) => {
                // The superblock's id may be reused only after `forget`. The guard puts the inode's reference
                // to it even if `forget` panics.
                let _reference = SuperblockReference(self, superblock);
                if lookups > 0 {
                    forget(superblock, ino, lookups);
                }
            }
        }
        true
    }

    #[inline]
    fn list_unlisted(&self) {
        if self.tree().has_unlisted() {
            self.tree().list_unlisted();
        }
    }

    /// Reports the deaths of a superblock's dentries that were left to the reaper.
    pub(super) fn report_deaths(&self, superblock: Ix<SuperblockSlot>) {
        self.list_unlisted();
        while let Some(dentry) = self.tree().next_dead_dentry(superblock) {
            self.report_death(dentry);
        }
    }
}

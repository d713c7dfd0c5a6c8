//! Freeing what is dead, in bounded steps.

use crate::base::index::Ix;
use crate::base::sync::{Arc, assert_nothing_held};
use crate::notify::notifier::Notifier;
use crate::tree::superblock::SuperblockSlot;
use crate::tree::{FreeStep, FreedInode, SuperblockId, SuperblockRef};

/// The reference to a superblock that a freed inode was.
struct SuperblockReference<'a>(&'a Notifier, SuperblockId);

impl Drop for SuperblockReference<'_> {
    fn drop(&mut self) {
        self.0.tree().put_superblock(self.1.index);
    }
}

impl Notifier {
    /// Frees what operations and hooks have left behind, in bounded steps under each lock, and
    /// tells `forget` of each inode that is gone: its superblock, its number, and how many look-ups
    /// ([`Tree::make_inode`](crate::Tree::make_inode)) were counted on it. Where the number has been
    /// made again before, that inode has taken the look-ups over. A program that makes inodes on
    /// several threads frees its own when as many look-ups were given back as were made: another
    /// thread may make the number again while `forget` runs.
    ///
    /// `forget` may call anything; a `reap` in it goes as deep as there are inodes to free.
    ///
    /// Deaths that could not be reported where they happened (see
    /// [`DentryRef`](crate::notify::DentryRef)) are reported first. Call it with no lock held that a hook's caller may hold, after operations or when
    /// idle; it costs one load when there is nothing to do.
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

    /// One step of [`Notifier::reap`]: an object, with up to 255 directories above it that only it kept,
    /// or up to 1024 names of a directory that is gone. The superblocks take turns.
    /// False when nothing is left. For programs that free a little after each operation, so that none
    /// of them has to wait for a large directory that another has removed.
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

    /// One step of [`Notifier::reap`] for one superblock only: an operation on it need not free, or wait
    /// for, what operations on others left. `forget` is told the inode's number and its look-ups.
    /// False when nothing of this superblock is left, and for one of another tree.
    ///
    /// Call it with no lock held that a hook's caller may hold; one load when there is nothing to do.
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

    /// Frees one object, or a part of one, of a superblock; false when it has nothing to free.
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
                // Only afterwards may the superblock's id be another's; and whatever becomes of the
                // call, the inode was a reference to it.
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

    /// Reports the deaths of a superblock's dentries that wait for the reaper.
    pub(super) fn report_deaths(&self, superblock: Ix<SuperblockSlot>) {
        self.list_unlisted();
        while let Some(dentry) = self.tree().next_dead_dentry(superblock) {
            self.report_death(dentry);
        }
    }
}

//! The parts of an inode that only this crate's own VFS uses: the locks of attributes and link counts,
//! and the look-ups that a file system gets back at the end.

use crate::base::sync::{Mutex, Ordering, Owned, RwLock, rank};
use crate::tree::inode::Inode;
use crate::tree::store::Tree;
use crate::tree::superblock::SuperblockId;

impl Tree {
    /// Takes the look-ups counted on all inodes, for a file system that gets no more requests. Calls
    /// `taken` with the superblock, the number and the count of each inode.
    pub(crate) fn take_lookups(&self, mut taken: impl FnMut(SuperblockId, u64, u64)) {
        for index in self.inodes.all() {
            // A slot may be reserved and not filled in yet.
            if !self.inode_page(index).hot().was_used(index) {
                continue;
            }
            let lookups = self.inodes.with_cold(index, std::mem::take).unwrap_or(0);
            if lookups > 0 {
                let inode = self.inode_at(index);
                taken(inode.superblock(), inode.ino(), lookups);
            }
        }
    }
}

impl<'a> Inode<'a> {
    /// The lock of its attributes. A directory's attributes are under the directory lock instead.
    pub(crate) fn attributes(&self) -> Owned<'a, RwLock<(), { rank::ATTRIBUTES }>> {
        self.page.vfs.attributes[self.place()].of(self.superblock.domain())
    }

    /// The lock of its link count, taken after all directory locks.
    pub(crate) fn links(&self) -> Owned<'a, Mutex<(), { rank::DIRECTORY }>> {
        self.page.vfs.links[self.place()].of(self.superblock.domain())
    }

    /// The state of its set-id bits: while this number stays the same, no bit has been set. `None` once
    /// all numbers are used. The caller holds the lock of the attributes.
    pub(crate) fn set_id_state(&self) -> Option<u32> {
        let state = self.page.vfs.set_id_changes[self.place()].load(Ordering::Relaxed);
        (state != u32::MAX).then_some(state)
    }

    /// Notes that a change may have left it with set-id bits. The caller holds the lock of the
    /// attributes for writing. (A directory's count is never read, and may be raised under any lock.)
    pub(crate) fn count_set_id_change(&self) {
        let changes = &self.page.vfs.set_id_changes[self.place()];
        // The count saturates: it must not return to a number that it had before.
        changes.store(changes.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }
}

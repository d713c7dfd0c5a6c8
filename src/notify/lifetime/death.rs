//! The death of dentries and inodes.

use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::base::sync::{assert_no_hook_lock, count_items, holds_hook_lock};
use crate::notify::hooks::isdir;
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::Watched;
use crate::tree::RawDentryRef;
use crate::tree::dentry::DentrySlot;

/// The number of dentries that die at once when the reference that kept all of them is put. An operation of the
/// VFS also does eight steps of the reaper at its end. Together they end every chain that a path can name (4095
/// bytes, so 2047 directories) before the operation returns.
const DEATHS_AT_ONCE: usize = 256;

impl Notifier {
    /// Puts a reference; the last put reports the death at once.
    #[inline]
    pub(crate) fn put(&self, dentry: RawDentryRef) {
        let dentry = dentry.into_index();
        if self.tree().dentry_page(dentry).hot().refs(dentry).put() {
            self.end_dentry(dentry);
        }
        assert_no_hook_lock("a reference to a dentry was given back");
    }

    /// Ends a dentry without references. The report takes the locks that hooks take. A thread that holds one of
    /// them leaves the report to the reaper, without waiting for any lock.
    fn end_dentry(&self, dentry: Ix<DentrySlot>) {
        if holds_hook_lock() {
            self.tree().defer_dentry_without_lock(dentry);
        } else {
            self.report_death(dentry);
        }
    }

    /// Reports the death of a dentry without references and frees it, then its ancestors that only it kept. A
    /// hook takes bounded time: of a chain longer than [`DEATHS_AT_ONCE`] the rest is left to the reaper.
    pub(crate) fn report_death(&self, dentry: Ix<DentrySlot>) {
        let mut dead = Some(dentry);
        for _ in 0..DEATHS_AT_ONCE {
            let Some(dentry) = dead else { return };
            count_items(1);
            let inode = self.tree().dentry_at(dentry).inode;
            self.tree().end_alias(dentry);
            if inode.nlink() == 0 {
                let end = EventMask::DELETE_SELF | isdir(inode.kind());
                self.deliver_death(inode, end);
                self.destroy_marks_on(Watched::Inode(inode), Some(end));
            }
            dead = self.tree().free_dead_dentry(dentry);
        }
        if let Some(dentry) = dead {
            self.tree().defer_dentry(dentry);
        }
    }
}

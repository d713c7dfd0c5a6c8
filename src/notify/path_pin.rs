//! The path that a queued event keeps: its dentry, and the mount through which it was reached.

use crate::base::slot_index::Ix;
use crate::notify::mount_slot::MountSlot;
#[cfg(test)]
use crate::tree::Dentry;
use crate::tree::RawDentryRef;

/// The path that a record keeps until it is read. Its references are taken under the queue's lock, by their
/// counts only. They are put with no lock held (`Notifier::release_pin`), since one may be the last reference
/// to a file without a name.
#[derive(Debug)]
pub(crate) struct EventPin {
    pub(super) dentry: RawDentryRef,
    pub(super) mount: Option<Ix<MountSlot>>,
}

#[cfg(test)]
impl EventPin {
    /// Counts one more reference to a dentry and to a mount.
    pub(crate) fn of(dentry: Dentry<'_>, mount: Option<&MountSlot>) -> Self {
        if let Some(mount) = mount {
            mount.refs().get();
        }
        Self { dentry: dentry.reference(), mount: mount.map(MountSlot::index) }
    }
}

//! Which set-id bits an operation strips, and how a write strips them before its data is written.

use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::mode::Mode;
use crate::base::sync::Ordering;
use crate::fs::{Attr, SetAttr};
use crate::tree::Inode;
use crate::vfs::credentials::Credentials;
use crate::vfs::current_operations::Nested;
use crate::vfs::file::open_file::Description;

/// Whether the set-group-id bit is dropped: it makes the file run as its group, or nothing shows that the owner may
/// set it.
fn drops_set_gid(attr: &Attr, credentials: &Credentials) -> bool {
    attr.mode.contains(Mode::SET_GID)
        && (attr.mode.contains(Mode::GROUP_EXEC) || !may_set_gid(attr.gid, credentials))
}

/// Whether these credentials may make files that run as this group.
pub(crate) fn may_set_gid(gid: u32, credentials: &Credentials) -> bool {
    credentials.is_privileged() || credentials.is_in_group(gid)
}

/// The mode without the set-user-id bit, and without the set-group-id bit if that goes too.
fn without(attr: &Attr, set_gid: bool) -> Option<Mode> {
    let gone = if set_gid { Mode::SET_ID } else { Mode::SET_UID };
    attr.mode.intersects(gone).then_some(attr.mode - gone)
}

/// The mode after a write or a truncation by a user with these credentials, if it changes.
pub(crate) fn left_by_write(attr: &Attr, credentials: &Credentials) -> Option<Mode> {
    if attr.kind != InodeKind::Regular || credentials.is_privileged() {
        return None;
    }
    without(attr, drops_set_gid(attr, credentials))
}

/// The mode after a change of owner or group by a user with these credentials, if it changes.
pub(crate) fn left_by_chown(attr: &Attr, credentials: &Credentials) -> Option<Mode> {
    if attr.kind.is_dir() {
        return None;
    }
    without(attr, drops_set_gid(attr, credentials))
}

impl Description {
    /// Changes the contents, after taking away the set-id bits that the opener's writes take away.
    /// Both are one step to changes of mode and owner: otherwise a bit set in between would stay on
    /// contents that the opener chose.
    ///
    /// A privileged opener strips nothing and takes no lock. Others hold the inode's attribute lock for
    /// reading, so they run side by side as far as the file system lets them.
    #[inline]
    pub(crate) fn strip_then<T>(&self, change: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.opener.is_privileged() {
            return change();
        }
        let _nested = Nested::enter();
        let inode = self.dentry().inode();
        let mut held = inode.attributes().read();
        if !self.is_stripped(inode)? {
            drop(held);
            let exclusive = inode.attributes().write();
            self.strip(inode)?;
            held = exclusive.downgrade();
        }
        let done = change();
        drop(held);
        done
    }

    /// [`strip_then`](Self::strip_then) the other way round, also in one step: a change that fails
    /// strips nothing, as fallocate(2) on tmpfs has it.
    pub(crate) fn change_then_strip(&self, change: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.opener.is_privileged() {
            return change();
        }
        let _nested = Nested::enter();
        let inode = self.dentry().inode();
        let held = inode.attributes().read();
        if self.is_stripped(inode)? {
            return change();
        }
        drop(held);
        let _held = inode.attributes().write();
        change()?;
        self.strip(inode)
    }

    /// Whether the opener's writes have nothing to strip. The inode's attribute lock is held, so that
    /// it stays so.
    #[inline]
    fn is_stripped(&self, inode: Inode<'_>) -> Result<bool> {
        if inode.set_id_state() == Some(self.stripped_at.load(Ordering::Relaxed)) {
            return Ok(true);
        }
        Ok(self.mode_after_write(inode)?.is_none())
    }

    /// The mode that a write leaves, if it changes. The inode's attribute lock is held.
    #[cold]
    fn mode_after_write(&self, inode: Inode<'_>) -> Result<Option<Mode>> {
        let left = left_by_write(&self.attr()?, &self.opener);
        if left.is_none() {
            self.note_stripped(inode);
        }
        Ok(left)
    }

    /// Strips, and reports it. The inode's attribute lock is held for writing.
    #[cold]
    fn strip(&self, inode: Inode<'_>) -> Result<()> {
        // Another writer may have stripped them before the lock was taken.
        let mode = self.mode_after_write(inode)?;
        if mode.is_some() {
            let change = SetAttr { mode, ..SetAttr::default() };
            self.fs.setattr(&self.request, self.ino, self.handle(), &change)?;
            self.note_stripped(inode);
            self.hooks().on_attrib(self.dentry(), EventMask::ATTRIB);
        }
        Ok(())
    }

    /// Notes that the opener's writes have nothing to strip until the mode changes by way of this VFS. Of a file
    /// system where it may change otherwise nothing is noted.
    fn note_stripped(&self, inode: Inode<'_>) {
        if self.location.mount.mounted_fs().caching().attributes
            && let Some(state) = inode.set_id_state()
        {
            self.stripped_at.store(state, Ordering::Relaxed);
        }
    }
}

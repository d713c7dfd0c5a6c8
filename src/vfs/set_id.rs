//! Which set-id bits an operation takes away, and how a write takes them away before its data comes.

use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::Ordering;
use crate::fs::{Attr, SetAttr};
use crate::tree::Inode;
use crate::vfs::context::Credentials;
use crate::vfs::file::Description;
use crate::vfs::operation::Nested;

pub(super) const SET_UID: u32 = 0o4000;
pub(super) const SET_GID: u32 = 0o2000;
const GROUP_EXEC: u32 = 0o0010;

/// Whether the set-group-id bit goes: it makes the file run as its group, or its owner's being
/// allowed to set it is not shown.
fn drops_set_gid(attr: &Attr, who: &Credentials) -> bool {
    attr.mode & SET_GID != 0 && (attr.mode & GROUP_EXEC != 0 || !may_set_gid(attr.gid, who))
}

/// Whether `who` may make files that run as this group.
pub(super) fn may_set_gid(gid: u32, who: &Credentials) -> bool {
    who.is_privileged() || who.is_in_group(gid)
}

fn without(attr: &Attr, set_uid: bool, set_gid: bool) -> Option<u32> {
    let gone = if set_uid { SET_UID } else { 0 } | if set_gid { SET_GID } else { 0 };
    (attr.mode & gone != 0).then_some(attr.mode & !gone)
}

/// The mode that is left when `who` writes to a file or cuts it, if it changes.
pub(super) fn left_by_write(attr: &Attr, who: &Credentials) -> Option<u32> {
    if attr.kind != InodeKind::Regular || who.is_privileged() {
        return None;
    }
    without(attr, true, drops_set_gid(attr, who))
}

/// The mode that is left when `who` changes the owner or group, if it changes.
pub(super) fn left_by_chown(attr: &Attr, who: &Credentials) -> Option<u32> {
    if attr.kind.is_dir() {
        return None;
    }
    without(attr, true, drops_set_gid(attr, who))
}

impl Description {
    /// Changes the contents, after taking away the set-id bits that the opener's writes take away.
    /// Both are one step to changes of mode and owner: otherwise a bit set in between would stay on
    /// contents that the opener chose.
    ///
    /// A privileged opener strips nothing and takes no lock. Others hold the inode's attribute lock for
    /// reading, so they run side by side as far as the file system lets them.
    #[inline]
    pub(super) fn strip_then<T>(&self, change: impl FnOnce() -> Result<T>) -> Result<T> {
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
    pub(super) fn change_then_strip(&self, change: impl FnOnce() -> Result<()>) -> Result<()> {
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
    fn mode_after_write(&self, inode: Inode<'_>) -> Result<Option<u32>> {
        let left = left_by_write(&self.fs.getattr(self.ino)?, &self.opener);
        if left.is_none() {
            self.note_stripped(inode);
        }
        Ok(left)
    }

    /// Strips, and reports it. The inode's attribute lock is held for writing.
    #[cold]
    fn strip(&self, inode: Inode<'_>) -> Result<()> {
        // Another may have done it before the lock was taken.
        let mode = self.mode_after_write(inode)?;
        if mode.is_some() {
            self.fs.setattr(self.ino, &SetAttr { mode, ..SetAttr::default() })?;
            self.note_stripped(inode);
            self.vfs().notifier().on_attrib(self.dentry(), EventMask::ATTRIB);
        }
        Ok(())
    }

    fn note_stripped(&self, inode: Inode<'_>) {
        if let Some(state) = inode.set_id_state() {
            self.stripped_at.store(state, Ordering::Relaxed);
        }
    }
}

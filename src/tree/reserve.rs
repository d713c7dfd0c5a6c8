//! Slots that are taken before a file system is asked to change something.
//!
//! Once a file system has made a file there is no way back, so nothing that the tree needs for it may
//! be lacking then.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::index::Ix;
use crate::base::kind::InodeKind;
use crate::tree::dcache::Tree;
use crate::tree::dentry::DentrySlot;
use crate::tree::directory::{DirSlot, is_in_link};
use crate::tree::inode::InodeSlot;

/// Slots of a tree that nobody knows yet. What is not used goes back when it is dropped.
///
/// Empty, it takes each slot when it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Reserved<'a> {
    tree: Option<&'a Tree>,
    dentry: Option<Ix<DentrySlot>>,
    inode: Option<Ix<InodeSlot>>,
    dir: Option<Ix<DirSlot>>,
}

impl Tree {
    /// Takes what a new name in a directory needs: room there, a dentry, and with a kind an inode of
    /// that kind. The room stays while the caller holds the directory's lock for writing, since
    /// all who make names there hold it too.
    ///
    /// # Errors
    /// `ENOSPC` in a full directory, `ENOMEM`.
    pub(crate) fn reserve(
        &self,
        dir: Ix<DirSlot>,
        kind: Option<InodeKind>,
    ) -> Result<Reserved<'_>> {
        self.check_room(dir)?;
        let mut slots = Reserved { tree: Some(self), ..Reserved::default() };
        slots.dentry = Some(slots.take_dentry(self)?);
        if let Some(kind) = kind {
            if kind.is_dir() {
                slots.dir = Some(slots.take_dir(self)?);
            }
            slots.inode = Some(slots.take_inode(self)?);
        }
        Ok(slots)
    }

    /// Whether a directory has room for one more child.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(crate) fn check_room(&self, dir: Ix<DirSlot>) -> Result<()> {
        if self.dir_at(dir).children.read().positives() >= self.max_children {
            return Err(Error::from(Errno::ENOSPC).with_limit(Limit::Children));
        }
        Ok(())
    }
}

impl Reserved<'_> {
    /// A dentry's slot, the reserved one if there is one.
    pub(super) fn take_dentry(&mut self, tree: &Tree) -> Result<Ix<DentrySlot>> {
        let made = || tree.dentries.insert(()).map(|(dentry, _)| dentry);
        self.dentry.take().or_else(made).ok_or_else(|| tree.refuse(Limit::Dentries))
    }

    /// An inode's slot, with one look-up counted.
    pub(super) fn take_inode(&mut self, tree: &Tree) -> Result<Ix<InodeSlot>> {
        let made = || tree.inodes.insert(1).map(|(inode, _)| inode);
        self.inode.take().or_else(made).ok_or_else(|| tree.refuse(Limit::Inodes))
    }

    /// A directory's slot.
    pub(super) fn take_dir(&mut self, tree: &Tree) -> Result<Ix<DirSlot>> {
        if let Some(dir) = self.dir.take() {
            return Ok(dir);
        }
        let (dir, _) = tree.dirs.insert(()).ok_or_else(|| tree.refuse(Limit::Directories))?;
        if !is_in_link(dir) {
            tree.dirs.remove(dir);
            return Err(tree.refuse(Limit::Directories));
        }
        Ok(dir)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let Some(tree) = self.tree else { return };
        self.dentry.take().map(|dentry| tree.dentries.remove(dentry));
        self.inode.take().map(|inode| tree.inodes.remove(inode));
        self.dir.take().map(|dir| tree.dirs.remove(dir));
    }
}

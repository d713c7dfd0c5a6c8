//! Slots that are taken before a file system is asked to change something.
//!
//! A file that a file system has made cannot be taken back. So the tree takes all slots for it first.

use crate::base::error::{Limit, Result};
use crate::base::slot_index::Ix;
use crate::tree::directory::{DirSlot, is_in_link};
use crate::tree::slot_kinds::{DentrySlot, InodeSlot};
use crate::tree::store::Tree;

/// Slots of a tree that no other thread knows yet. Unused ones are freed when this is dropped.
///
/// An empty reservation allocates each slot when it is needed.
#[derive(Debug, Default)]
pub(crate) struct Reserved<'a> {
    pub(super) tree: Option<&'a Tree>,
    pub(super) dentry: Option<Ix<DentrySlot>>,
    pub(super) inode: Option<Ix<InodeSlot>>,
    pub(super) dir: Option<Ix<DirSlot>>,
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

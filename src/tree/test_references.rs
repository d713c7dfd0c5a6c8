//! The tree alone, for its own tests: references that leave a death to the reaper, and operations on
//! names that return them.

#![cfg_attr(loom, expect(dead_code, reason = "the models need a part of it"))]

use std::fmt;

use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::tree::dcache::DcacheLookup;
use crate::tree::dentry::{Dentry, DentryId, RawDentryRef};
use crate::tree::inode::InodeRef;
use crate::tree::store::Tree;
use crate::tree::superblock_ref::SuperblockRef;

/// A counted reference to a dentry. Dropping the last one queues the dentry for the reaper.
pub(super) struct DeferringRef {
    tree: Arc<Tree>,
    /// `None` only while it is being dropped.
    dentry: Option<RawDentryRef>,
}

impl DeferringRef {
    fn new(tree: &Arc<Tree>, dentry: RawDentryRef) -> Self {
        Self { tree: tree.clone(), dentry: Some(dentry) }
    }

    pub(super) fn get(&self) -> Dentry<'_> {
        self.tree.dentry_at(self.dentry.as_ref().expect("it is there until it is dropped").index())
    }
}

impl DeferringRef {
    pub(super) fn inode_ref(&self) -> InodeRef {
        self.get().inode_ref()
    }

    pub(super) fn parent(&self) -> Option<Self> {
        Some(Self::new(&self.tree, self.tree.parent_of(self.get().index)?))
    }
}

impl Clone for DeferringRef {
    fn clone(&self) -> Self {
        Self::new(&self.tree, self.get().reference())
    }
}

impl Drop for DeferringRef {
    fn drop(&mut self) {
        let Some(dentry) = self.dentry.take().map(RawDentryRef::into_index) else { return };
        if self.tree.dentry_page(dentry).hot().refs(dentry).put() {
            self.tree.defer_dentry(dentry);
        }
    }
}

impl PartialEq for DeferringRef {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl fmt::Debug for DeferringRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The result of looking a name up.
#[derive(Debug)]
pub(super) enum Known {
    Positive(DeferringRef),
    Negative,
    Unknown,
}

impl Tree {
    pub(super) fn add_superblock(
        self: &Arc<Self>,
        ino: u64,
    ) -> Result<(SuperblockRef, DeferringRef)> {
        let (superblock, root) = self.new_superblock(ino, false)?;
        Ok((superblock, DeferringRef::new(self, root)))
    }

    pub(super) fn add_reclaimable_superblock(
        self: &Arc<Self>,
        ino: u64,
    ) -> Result<(SuperblockRef, DeferringRef)> {
        let (superblock, root) = self.new_superblock(ino, true)?;
        Ok((superblock, DeferringRef::new(self, root)))
    }

    pub(super) fn lookup(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<Known> {
        Ok(match self.find_name(dir, name)? {
            DcacheLookup::Positive(dentry) => Known::Positive(DeferringRef::new(self, dentry)),
            DcacheLookup::Negative => Known::Negative,
            DcacheLookup::Unknown => Known::Unknown,
        })
    }

    pub(super) fn instantiate(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<DeferringRef> {
        Ok(DeferringRef::new(self, self.add_name(dir, name, inode)?))
    }

    pub(super) fn instantiate_unnamed(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<DeferringRef> {
        Ok(DeferringRef::new(self, self.add_unnamed(dir, name, inode)?))
    }

    pub(super) fn directory_dentry(self: &Arc<Self>, inode: &InodeRef) -> Option<DeferringRef> {
        Some(DeferringRef::new(self, self.get_directory_dentry(inode)?))
    }

    pub(super) fn dentry(self: &Arc<Self>, id: DentryId) -> Result<DeferringRef> {
        Ok(DeferringRef::new(self, self.get_dentry(id)?))
    }

    pub(super) fn unhash(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        remember: bool,
    ) -> Result<Option<DeferringRef>> {
        let name = self.remove_name(dentry, remember)?;
        Ok(name.map(|name| DeferringRef::new(self, name)))
    }

    pub(super) fn rename(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        new_dir: Dentry<'_>,
        new_name: &[u8],
    ) -> Result<Option<DeferringRef>> {
        let replaced = self.move_name(dentry, new_dir, new_name)?;
        Ok(replaced.map(|replaced| DeferringRef::new(self, replaced)))
    }
}

//! Positive dentries: the names of inodes.

use std::fmt;

use crate::base::arena::Page;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::tree::dentry_page::{Dentries, DentryPage};
use crate::tree::directory::Link;
use crate::tree::inode::{Inode, InodeRef};
use crate::tree::inode_page::InodePage;
use crate::tree::slot_kinds::InodeSlot;
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockId, SuperblockPin};

pub(crate) use crate::tree::slot_kinds::DentrySlot;

/// Names a positive dentry of a [`Tree`]; it stays unique when the slot is used again, and among trees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DentryId {
    pub(crate) index: Ix<DentrySlot>,
    pub(crate) generation: u32,
    pub(crate) tree: u32,
}

impl fmt::Debug for DentryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DentryId({}v{})", Dentries::ordinal(self.index), self.generation)
    }
}

/// A borrowed dentry, resolved: the type that hooks take. It costs nothing to copy.
#[derive(Clone, Copy)]
pub struct Dentry<'a> {
    pub(crate) tree: &'a Arc<Tree>,
    pub(crate) page: &'a DentryPage,
    pub(crate) inode: Inode<'a>,
    pub(crate) index: Ix<DentrySlot>,
}

impl<'a> Dentry<'a> {
    /// Names it.
    #[must_use]
    pub fn id(&self) -> DentryId {
        let generation = self.page.refs(self.index).generation();
        DentryId { index: self.index, generation, tree: self.tree.number() }
    }

    /// Its inode.
    #[must_use]
    #[inline]
    pub fn inode(&self) -> Inode<'a> {
        self.inode
    }

    /// The superblock it belongs to.
    #[must_use]
    pub fn superblock(&self) -> SuperblockId {
        self.inode.superblock()
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.inode.kind().is_dir()
    }

    /// Whether it is the root of its file system.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.link().dir().is_none()
    }

    /// Whether it can be found by name; false once it has been unlinked.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.is_root() || self.page.is_hashed(self.index)
    }

    /// Whether the flag "my parent is watched" is set; it may be stale (see
    /// [`notify`](crate::notify)).
    #[must_use]
    #[inline(always)]
    pub fn is_parent_watched(&self) -> bool {
        self.page.is_watched(self.index)
    }

    #[inline(always)]
    pub(crate) fn link(&self) -> Link {
        self.page.link(self.index)
    }

    /// One more reference to it.
    #[inline]
    pub(crate) fn reference(&self) -> RawDentryRef {
        self.page.refs(self.index).get();
        RawDentryRef::counted(self.index)
    }

    /// One more reference to its inode.
    #[must_use]
    pub fn inode_ref(&self) -> InodeRef {
        self.inode.refs().get();
        InodeRef::counted(self.tree, self.inode.index)
    }
}

impl PartialEq for Dentry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(self.tree, other.tree)
    }
}

impl Eq for Dentry<'_> {}

impl fmt::Debug for Dentry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dentry").field("id", &self.id()).field("inode", &self.inode).finish()
    }
}

/// The pages of a dentry and of its inode, kept by an owner of a reference, so that a hook's argument
/// is made of a few loads.
#[derive(Clone)]
pub(crate) struct DentryPages {
    dentry: Arc<Page<DentryPage, ()>>,
    inode: Arc<Page<InodePage, u64>>,
    superblock: SuperblockPin,
    inode_index: Ix<InodeSlot>,
}

impl DentryPages {
    /// The borrowed form of the dentry, whose pages these are.
    #[inline]
    pub(crate) fn dentry<'a>(&'a self, tree: &'a Arc<Tree>, index: Ix<DentrySlot>) -> Dentry<'a> {
        let inode = Inode {
            page: self.inode.hot(),
            superblock: self.superblock.slot(),
            index: self.inode_index,
        };
        Dentry { tree, page: self.dentry.hot(), inode, index }
    }

    pub(crate) fn generation(&self, index: Ix<DentrySlot>) -> u32 {
        self.dentry.hot().refs(index).generation()
    }
}

impl Tree {
    /// The pages of a dentry that the caller has a reference to.
    pub(crate) fn pages_of(&self, index: Ix<DentrySlot>) -> DentryPages {
        let dentry = self.dentry_page(index).clone();
        let inode_index = dentry.hot().inode(index);
        let inode = self.inode_page(inode_index).clone();
        let superblock = self.superblock_pin(inode.hot().superblock_of(inode_index));
        DentryPages { dentry, inode, superblock, inode_index }
    }
}

/// A counted reference to a positive dentry: while it exists the dentry and its inode do, with or
/// without a name. Its owner puts it explicitly: the end of the last one is an event, which the tree
/// cannot report.
///
/// Debug builds panic if one is dropped; while a panic unwinds, it is lost as in other builds.
#[must_use = "a reference that is not given back keeps the dentry for good"]
#[derive(Debug)]
pub(crate) struct RawDentryRef(Ix<DentrySlot>);

impl RawDentryRef {
    /// Wraps a reference that was counted for the caller.
    #[inline]
    pub(crate) fn counted(dentry: Ix<DentrySlot>) -> Self {
        Self(dentry)
    }

    /// The dentry's slot.
    #[inline]
    #[cfg(any(feature = "vfs", test))]
    pub(crate) fn index(&self) -> Ix<DentrySlot> {
        self.0
    }

    /// Leaves the counted reference to the caller.
    #[inline]
    pub(crate) fn into_index(self) -> Ix<DentrySlot> {
        let index = self.0;
        std::mem::forget(self);
        index
    }
}

#[cfg(debug_assertions)]
impl Drop for RawDentryRef {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the reference to dentry {} is lost", self.0);
    }
}

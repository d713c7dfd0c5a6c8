//! Slots by number, and objects by id. A slot number that the tree gave out has a page: pages are never
//! freed.

use crate::base::arena::Page;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, Owned, RwLock, rank};
use crate::tree::dentry::{Dentry, DentryId, RawDentryRef};
use crate::tree::dentry_page::DentryPage;
use crate::tree::directory::{DirSlot, DirState};
use crate::tree::inode::{Inode, InodeId, InodeKey, InodeRef};
use crate::tree::inode_page::InodePage;
use crate::tree::slot_kinds::{DentrySlot, InodeSlot};
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockPin, SuperblockSlot};

impl Tree {
    #[inline]
    pub(crate) fn dentry_page(&self, index: Ix<DentrySlot>) -> &Arc<Page<DentryPage, ()>> {
        self.dentries.page(index).expect("an index that was given out has a page")
    }

    #[inline]
    pub(crate) fn inode_page(&self, index: Ix<InodeSlot>) -> &Arc<Page<InodePage, u64>> {
        self.inodes.page(index).expect("an index that was given out has a page")
    }

    #[inline]
    pub(crate) fn dir_slot(&self, index: Ix<DirSlot>) -> Option<&DirSlot> {
        Some(self.dirs.page(index)?.hot().slot(index))
    }

    #[inline]
    pub(crate) fn dir_at(&self, index: Ix<DirSlot>) -> &DirSlot {
        self.dir_slot(index).expect("an index that was given out has a page")
    }

    /// The lock of a directory; its slot is its key.
    #[inline]
    pub(crate) fn dir_lock(
        &self,
        index: Ix<DirSlot>,
    ) -> Owned<'_, RwLock<DirState, { rank::DIRECTORY }>> {
        self.dir_at(index).lock.of(self.domain())
    }

    pub(crate) fn superblock_pin(&self, index: Ix<SuperblockSlot>) -> SuperblockPin {
        let page = self.superblocks.page(index).expect("an index that was given out has a page");
        SuperblockPin::new(page.clone(), index)
    }

    pub(crate) fn superblock_at(&self, index: Ix<SuperblockSlot>) -> &SuperblockSlot {
        let page = self.superblocks.page(index).expect("an index that was given out has a page");
        page.hot().slot(index)
    }

    #[inline]
    pub(crate) fn inode_at(&self, index: Ix<InodeSlot>) -> Inode<'_> {
        let page = self.inode_page(index).hot();
        let superblock = self.superblock_at(page.superblock_of(index));
        Inode { page, superblock, index }
    }

    #[inline]
    pub(crate) fn dentry_at<'a>(self: &'a Arc<Self>, index: Ix<DentrySlot>) -> Dentry<'a> {
        let page = self.dentry_page(index).hot();
        Dentry { tree: self, page, inode: self.inode_at(page.inode(index)), index }
    }

    /// A reference to the dentry with this id.
    ///
    /// # Errors
    /// `ESTALE` if it is gone; `EINVAL` for an id of another tree.
    pub(crate) fn get_dentry(&self, id: DentryId) -> Result<RawDentryRef> {
        if id.tree != self.number() {
            return Err(Errno::EINVAL.into());
        }
        let page = self.dentries.page(id.index).ok_or(Errno::ESTALE)?;
        if !page.hot().refs(id.index).try_get(Some(id.generation)) {
            return Err(Errno::ESTALE.into());
        }
        Ok(RawDentryRef::counted(id.index))
    }

    /// A reference to the inode with this id.
    ///
    /// # Errors
    /// `ESTALE` if it is gone; `EINVAL` for an id of another tree.
    pub fn inode(self: &Arc<Self>, id: InodeId) -> Result<InodeRef> {
        if id.tree != self.number() {
            return Err(Errno::EINVAL.into());
        }
        self.inodes.page(id.key.index).ok_or(Errno::ESTALE)?;
        if !self.inode_at_unchecked_superblock(id.key) {
            return Err(Errno::ESTALE.into());
        }
        Ok(InodeRef::counted(self, id.key.index))
    }

    fn inode_at_unchecked_superblock(&self, id: InodeKey) -> bool {
        let page = self.inode_page(id.index).hot();
        page.was_used(id.index) && self.inode_at(id.index).refs().try_get(Some(id.generation))
    }

    /// Whether an inode is of this tree: a caller may pass one of another tree.
    pub(crate) fn owns(&self, inode: Inode<'_>) -> bool {
        let index = inode.superblock.index();
        self.superblocks
            .page(index)
            .is_some_and(|page| std::ptr::eq(page.hot().slot(index), inode.superblock))
    }
}

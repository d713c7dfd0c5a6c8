//! Inodes: the objects of a file system.

use std::fmt;

use crate::base::arena::Page;
use crate::base::kind::InodeKind;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, Ordering};
use crate::tree::directory::DirSlot;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::ref_state::RefState;
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockId, SuperblockPin, SuperblockSlot};

pub(crate) use crate::tree::inode_page::{InodePage, Inodes};
pub(crate) use crate::tree::slot_kinds::InodeSlot;

/// Names an inode of a [`Tree`]; it stays unique when the slot is used again, and among trees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InodeId {
    pub(crate) key: InodeKey,
    pub(crate) tree: u32,
}

impl fmt::Debug for InodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InodeId({}v{})", Inodes::ordinal(self.key.index), self.key.generation)
    }
}

/// Names an inode among those of one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InodeKey {
    pub(crate) index: Ix<InodeSlot>,
    pub(crate) generation: u32,
}

/// The properties of a new inode; see [`Tree::make_inode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InodeSpec {
    /// Its number in its file system.
    pub ino: u64,
    /// Its kind.
    pub kind: InodeKind,
    /// How many names it has.
    pub nlink: u32,
}

impl InodeSpec {
    /// An inode with this number in its file system, of this kind, with so many names.
    #[must_use]
    pub const fn new(ino: u64, kind: InodeKind, nlink: u32) -> Self {
        Self { ino, kind, nlink }
    }
}

/// A borrowed inode: the type that hooks take. It costs nothing to copy.
#[derive(Clone, Copy)]
pub struct Inode<'a> {
    pub(crate) page: &'a InodePage,
    pub(crate) superblock: &'a SuperblockSlot,
    pub(crate) index: Ix<InodeSlot>,
}

impl<'a> Inode<'a> {
    #[inline(always)]
    pub(super) fn place(&self) -> usize {
        Inodes::place(self.index)
    }

    #[inline(always)]
    pub(crate) fn refs(&self) -> &'a RefState {
        &self.page.refs[self.place()]
    }

    #[inline(always)]
    pub(crate) fn notify(&self) -> &'a NotifySlot {
        &self.page.notify[self.place()]
    }

    /// Whether it has lost its last name and its last dentry: no mark can be attached to it any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.page.aliases[self.place()].load(Ordering::Acquire) == 0 && self.nlink() == 0
    }

    pub(crate) fn count_alias(&self, more: bool) {
        let aliases = &self.page.aliases[self.place()];
        if more {
            aliases.fetch_add(1, Ordering::AcqRel);
        } else {
            aliases.fetch_sub(1, Ordering::AcqRel);
        }
    }

    #[inline]
    pub(crate) fn dir(&self) -> Option<Ix<DirSlot>> {
        self.page.dir[self.place()].load(Ordering::Relaxed)
    }

    pub(crate) fn next(&self) -> Option<Ix<InodeSlot>> {
        self.page.next[self.place()].load(Ordering::Relaxed)
    }

    pub(crate) fn set_next(&self, next: Option<Ix<InodeSlot>>) {
        self.page.next[self.place()].store(next, Ordering::Relaxed);
    }

    /// Whether it is in a chain of the superblock's table.
    pub(crate) fn is_chained(&self) -> bool {
        self.next() != Some(self.index)
    }

    /// Notes that it was taken out of its chain before it was freed.
    pub(crate) fn set_unchained(&self) {
        self.set_next(Some(self.index));
    }

    pub(crate) fn next_dead(&self) -> Option<Ix<InodeSlot>> {
        self.page.next_dead[self.place()].load(Ordering::Relaxed)
    }

    pub(crate) fn set_next_dead(&self, next: Option<Ix<InodeSlot>>) {
        self.page.next_dead[self.place()].store(next, Ordering::Relaxed);
    }

    /// Fills in the words of a new slot and sets its first reference. No other thread knows the slot yet.
    pub(crate) fn begin(&self, spec: InodeSpec, dir: Option<Ix<DirSlot>>) {
        let place = self.place();
        self.page.nlink[place].store(spec.nlink, Ordering::Relaxed);
        self.page.aliases[place].store(0, Ordering::Relaxed);
        self.page.dir[place].store(dir, Ordering::Relaxed);
        self.page.superblock[place].store(Some(self.superblock.index()), Ordering::Relaxed);
        self.page.ino[place].store(spec.ino, Ordering::Relaxed);
        self.page.kind[place].store(spec.kind.to_u8(), Ordering::Relaxed);
        self.page.next[place].store(None, Ordering::Relaxed);
        #[cfg(feature = "vfs")]
        self.page.vfs.begin(place);
        self.refs().begin();
    }

    /// Names it.
    #[must_use]
    pub fn id(&self) -> InodeId {
        InodeId { key: self.key(), tree: self.superblock.tree() }
    }

    pub(crate) fn key(&self) -> InodeKey {
        InodeKey { index: self.index, generation: self.refs().generation() }
    }

    /// Its number in its file system.
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.page.ino[self.place()].load(Ordering::Relaxed)
    }

    /// Its kind.
    #[must_use]
    #[inline]
    pub fn kind(&self) -> InodeKind {
        InodeKind::from_u8(self.page.kind[self.place()].load(Ordering::Relaxed))
    }

    /// How many names it has, as last set by [`Inode::set_nlink`].
    #[must_use]
    pub fn nlink(&self) -> u32 {
        self.page.nlink[self.place()].load(Ordering::Relaxed)
    }

    /// Sets how many names it has now. An inode without names reports its death when the next of its dentries
    /// dies (RULE death-by-any-alias).
    pub fn set_nlink(&self, nlink: u32) {
        self.page.nlink[self.place()].store(nlink, Ordering::Relaxed);
    }

    /// Counts one more name.
    pub(crate) fn raise_nlink(&self) {
        self.page.nlink[self.place()].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one name less; a directory has no other name.
    pub(crate) fn lower_nlink(&self) {
        let is_dir = self.kind().is_dir();
        let lower = |nlink: u32| Some(if is_dir { 0 } else { nlink.saturating_sub(1) });
        let order = Ordering::Relaxed;
        // The update never fails.
        let _ = self.page.nlink[self.place()].fetch_update(order, order, lower);
    }

    /// The superblock it belongs to.
    #[must_use]
    pub fn superblock(&self) -> SuperblockId {
        self.superblock.id()
    }
}

impl fmt::Debug for Inode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inode")
            .field("id", &self.id())
            .field("ino", &self.ino())
            .field("kind", &self.kind())
            .field("nlink", &self.nlink())
            .finish_non_exhaustive()
    }
}

/// A counted reference to an inode: while it exists the inode does.
///
/// Cloning takes another reference. Dropping never blocks for long and frees nothing: the rest of the work is
/// queued for the reaper.
pub struct InodeRef {
    tree: Arc<Tree>,
    page: Arc<Page<InodePage, u64>>,
    superblock: SuperblockPin,
    index: Ix<InodeSlot>,
}

impl InodeRef {
    /// Wraps a reference that the caller has counted.
    pub(crate) fn counted(tree: &Arc<Tree>, index: Ix<InodeSlot>) -> Self {
        let page = tree.inode_page(index).clone();
        let superblock = tree.superblock_pin(page.hot().superblock_of(index));
        Self { tree: tree.clone(), page, superblock, index }
    }

    /// The borrowed form.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Inode<'_> {
        Inode { page: self.page.hot(), superblock: self.superblock.slot(), index: self.index }
    }

    pub(crate) fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Hands the counted reference to the caller.
    pub(crate) fn into_counted(self) -> Ix<InodeSlot> {
        let index = self.index;
        // One more reference, which the drop at the end of this function puts.
        self.get().refs().get();
        index
    }
}

impl Clone for InodeRef {
    fn clone(&self) -> Self {
        self.get().refs().get();
        Self {
            tree: self.tree.clone(),
            page: self.page.clone(),
            superblock: self.superblock.clone(),
            index: self.index,
        }
    }
}

impl Drop for InodeRef {
    fn drop(&mut self) {
        self.tree.iput(self.index);
    }
}

impl fmt::Debug for InodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

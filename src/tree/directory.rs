//! The parts of a directory beyond its inode: its lock, its children, and the places of dentries among them.

use std::fmt;

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{AtomicU32, AtomicU64, Ordering, RwLock, rank};
use crate::tree::child_watch::ChildWatch;
use crate::tree::slot_kinds::{DentrySlot, InodeSlot};

/// The location of a positive dentry: its directory, its place among the children, and a count that changes
/// with every move. They share one word, so that one load gives values that were true at one moment.
///
/// | bits | meaning |
/// |---|---|
/// | 63..38 | the directory's slot (26 bits; 0: no parent) |
/// | 37..8 | the place among its positive children (30 bits) |
/// | 7..0 | moves, modulo 256 |
///
/// The count makes a second load of the word a proof. Without it a child could move away and back to the same
/// place between two loads, and seem never to have moved. The event of a directory that watched it in between
/// would be lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link(u64);

const DIR_BITS: u32 = 26;
const PLACE_BITS: u32 = 30;
const MOVE_BITS: u32 = 8;
/// How many directories there can be at once: the slots of all pages whose numbers fit the bits of a link.
pub(crate) const MAX_DIRS: usize = (1 << DIR_BITS) - DIR_PAGE;
/// How many slots a page of directories has: few, because they are large.
const DIR_PAGE: usize = slots(64);
/// How many positive children a directory can have.
pub(crate) const MAX_CHILDREN: usize = (1 << PLACE_BITS) - 1;

impl Link {
    /// The link of a root: no parent.
    pub(crate) const ROOT: Self = Self(0);

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// A link to a new place, one move after this one.
    pub(crate) fn moved_to(self, dir: Ix<DirSlot>, place: usize) -> Self {
        debug_assert!(is_in_link(dir) && place < MAX_CHILDREN);
        let moves = (self.0 + 1) & ((1 << MOVE_BITS) - 1);
        Self(
            u64::from(dir.word()) << (PLACE_BITS + MOVE_BITS) | (place as u64) << MOVE_BITS | moves,
        )
    }

    /// The parent's directory slot; `None` for a root.
    #[inline(always)]
    pub(crate) fn dir(self) -> Option<Ix<DirSlot>> {
        Ix::from_word((self.0 >> (PLACE_BITS + MOVE_BITS)) as u32)
    }

    #[inline(always)]
    pub(crate) fn place(self) -> usize {
        (self.0 >> MOVE_BITS) as usize & MAX_CHILDREN
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({:?}/{})", self.dir(), self.place())
    }
}

/// Whether the number of this directory fits in a link.
pub(crate) fn is_in_link(dir: Ix<DirSlot>) -> bool {
    dir.word() >> DIR_BITS == 0
}

/// The data behind a directory's lock.
#[derive(Debug, Default)]
pub(crate) struct DirState {
    /// It has been removed: no name can be created in it any more.
    pub(crate) dead: bool,
}

/// A directory's slot. When the directory is freed, the slot serves another one later. A slot number read
/// from a link is meaningful while a second load of the link gives the same value. Aligned, so that work in
/// one directory does not slow its neighbour.
///
/// The order of the fields is that of memory: first the words that hooks read, then the names, then the words
/// that holders of the directory lock write.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct DirSlot {
    /// The directory's own dentry, slot number and generation; 0 for none. (The dentry's slot may serve
    /// another dentry by the time a reader follows it.) Written by a thread that names the directory and by
    /// one that frees the dentry, each by compare-and-exchange. `AcqRel`: a thread that replaces a dead
    /// dentry sees the stores made before that died.
    dentry: AtomicU64,
    /// Its inode; written when the slot is allocated and freed.
    inode: AtomicIx<InodeSlot>,
    /// The names, the flags of the children and the events that are wanted of them.
    pub(crate) children: ChildWatch,
    /// How many negative entries it has; a hint for the CLOCK hand. Written under `children`.
    negatives: AtomicU32,
    /// The kernel's `i_rwsem`: held by operations and by callers of hooks, never by a hook.
    pub(crate) lock: RwLock<DirState, { rank::DIRECTORY }>,
}

impl Default for DirSlot {
    fn default() -> Self {
        Self {
            lock: RwLock::default(),
            children: ChildWatch::default(),
            negatives: AtomicU32::new(0),
            dentry: AtomicU64::new(0),
            inode: AtomicIx::default(),
        }
    }
}

impl DirSlot {
    /// The events of children that marks on the directory want; 0 if it watches nothing.
    #[inline(always)]
    pub(crate) fn child_interest(&self) -> u32 {
        self.children.interest()
    }

    pub(crate) fn negatives(&self) -> u32 {
        self.negatives.load(Ordering::Relaxed)
    }

    pub(crate) fn set_negatives(&self, count: usize) {
        self.negatives.store(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// The directory's dentry; `None` while the slot is free.
    pub(crate) fn dentry(&self) -> Option<Ix<DentrySlot>> {
        self.dentry_and_generation().map(|(dentry, _)| dentry)
    }

    /// The directory's dentry and its generation.
    pub(crate) fn dentry_and_generation(&self) -> Option<(Ix<DentrySlot>, u32)> {
        Ix::and_generation(self.dentry.load(Ordering::Acquire))
    }

    /// Makes a dentry the directory's own, unless the directory has another live one, by slot number and
    /// generation.
    pub(crate) fn claim_dentry(
        &self,
        dentry: Ix<DentrySlot>,
        generation: u32,
        is_alive: impl Fn(Ix<DentrySlot>, u32) -> bool,
    ) -> bool {
        let mut seen = 0;
        let own = dentry.with_generation(generation);
        loop {
            match self.dentry.compare_exchange(seen, own, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(other) => seen = other,
            }
            // 0 where another thread freed the old dentry meanwhile.
            if Ix::and_generation(seen)
                .is_some_and(|(other, generation)| is_alive(other, generation))
            {
                return false;
            }
        }
    }

    /// Clears the directory's dentry, if it is this one.
    pub(crate) fn release_dentry(&self, dentry: Ix<DentrySlot>, generation: u32) {
        let own = dentry.with_generation(generation);
        // Where this fails, another dentry has replaced it.
        let _ = self.dentry.compare_exchange(own, 0, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn clear_dentry(&self) {
        self.dentry.store(0, Ordering::Release);
    }

    pub(crate) fn set_dentry(&self, dentry: Ix<DentrySlot>, generation: u32) {
        self.dentry.store(dentry.with_generation(generation), Ordering::Release);
    }

    pub(crate) fn inode(&self) -> Option<Ix<InodeSlot>> {
        self.inode.load(Ordering::Acquire)
    }

    pub(crate) fn set_inode(&self, inode: Option<Ix<InodeSlot>>) {
        self.inode.store(inode, Ordering::Release);
    }
}

/// The directories' arena.
pub(crate) type Dirs = Arena<DirPage, ()>;

/// A page of directories.
pub(crate) struct DirPage(Column<DirSlot, DIR_PAGE>);

impl Default for DirPage {
    fn default() -> Self {
        Self(column(DirSlot::default))
    }
}

impl HotPage for DirPage {
    type Slot = DirSlot;
    const SLOTS: usize = DIR_PAGE;
}

impl DirPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<DirSlot>) -> &DirSlot {
        &self.0[Dirs::place(index)]
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_its_parts_apart() {
        let mut link = Link::ROOT;
        assert_eq!(link.dir(), None);
        let [three, last] = [3, (1 << DIR_BITS) - 1].map(|dir| Ix::from_word(dir).unwrap());
        assert!(is_in_link(last) && !is_in_link(Ix::from_word(last.word() + 1).unwrap()));
        assert_eq!(Dirs::ordinal(last) as usize, MAX_DIRS - 1);
        for _ in 0..300 {
            let next = link.moved_to(last, MAX_CHILDREN - 1);
            assert_ne!(next, link);
            assert_eq!(next.dir(), Some(last));
            assert_eq!(next.place(), MAX_CHILDREN - 1);
            link = next;
        }
        assert_ne!(link.moved_to(three, 4), link.moved_to(three, 4).moved_to(three, 4));
    }
}

//! The state of a tree's upkeep: the queue of deferred frees, and the counts of reclaim. The files
//! `deferred` and `reclaim` have the operations on them.

use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{AtomicBool, AtomicU32, AtomicUsize, Mutex, rank};
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::superblock::SuperblockSlot;

/// The superblocks that may have something to free, first in, first out.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) first: Option<Ix<SuperblockSlot>>,
    pub(super) last: Option<Ix<SuperblockSlot>>,
}

/// The deferred frees of a tree.
#[derive(Debug, Default)]
pub(crate) struct DeferredFree {
    /// Guards the lists of every superblock, and this queue of superblocks: a hold is a few stores.
    pub(super) pending: Mutex<Pending, { rank::REAPER }>,
    /// Dentries that were deferred by a thread that may take no lock: a stack through the slots'
    /// `next`. Pushed by compare-and-swap, with `Release`. Taken as a whole, with `Acquire`, by the
    /// thread that puts them on the lists.
    pub(super) unlisted: AtomicIx<DentrySlot>,
    /// Whether the queue may hold a superblock. Written under the lock; read without it, `Relaxed`, as
    /// a hint: an entry that one reader misses is seen by the next.
    pub(super) occupied: AtomicBool,
}

/// The counts by which a tree keeps its budget.
#[derive(Debug, Default)]
pub(crate) struct Reclaim {
    /// The dentries of reclaimable superblocks, and those superblocks. Written by the thread that makes
    /// or frees one, under no lock. Relaxed: no other memory depends on the budget.
    pub(super) dentries: AtomicUsize,
    pub(super) superblocks: AtomicUsize,
    /// The CLOCK hand: the next slot to pass over. Advanced by compare-and-swap by the thread that
    /// passed; Relaxed: two threads that pass over the same slots only waste time.
    pub(super) clock_cursor: AtomicU32,
    /// How often a limit of the tree was reached, so that a caller can tell it from an error of a file
    /// system. Relaxed: a thread looks for its own increments.
    pub(super) refusals: AtomicUsize,
}

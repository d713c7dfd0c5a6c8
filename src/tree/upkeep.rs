//! What a tree keeps for its upkeep: the queue of deferred frees, and what reclaim counts. The files
//! `deferred` and `reclaim` say what is done with them.

use crate::base::index::{AtomicIx, Ix};
use crate::base::sync::{AtomicBool, AtomicU32, AtomicUsize, Mutex, rank};
use crate::tree::kinds::DentrySlot;
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
    /// Dentries that were left here by a thread that could wait for no lock: a stack through the slots' `next`.
    /// Pushed by compare-and-swap, with `Release`; taken as a whole, with `Acquire`, by the thread that puts them
    /// on the lists.
    pub(super) unlisted: AtomicIx<DentrySlot>,
    /// Whether the queue may hold a superblock. Written under the lock; read without it, `Relaxed`, as
    /// a hint: an entry that one reader misses is seen by the next.
    pub(super) occupied: AtomicBool,
}

/// What a tree counts to keep its budget.
#[derive(Debug, Default)]
pub(crate) struct Reclaim {
    /// The dentries of reclaimable superblocks, and those superblocks. Written by the thread that makes or
    /// frees one, under no lock. Relaxed: a budget, nothing else depends on it.
    pub(super) dentries: AtomicUsize,
    pub(super) superblocks: AtomicUsize,
    /// The clock hand: the slot to look at next. Moved on by compare-and-swap by the thread that looked;
    /// Relaxed: two threads that look at the same slots cost time only.
    pub(super) clock_cursor: AtomicU32,
    /// How often a limit of the tree was met: so that a caller can tell it from an error of a file
    /// system's. Relaxed: a thread asks for its own.
    pub(super) refusals: AtomicUsize,
}

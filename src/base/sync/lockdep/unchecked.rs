//! The build without the check: only the held locks that hooks take are counted.

#[cfg(not(any(loom, shuttle)))]
use std::cell::Cell;

use super::longest_hold::LongestHold;
#[cfg(not(any(loom, shuttle)))]
use crate::base::sync::rank;

/// Empty in this build.
#[derive(Clone, Copy)]
pub(crate) struct Domain;

impl Domain {
    pub(crate) const ANY: Self = Self;

    #[inline(always)]
    pub(crate) fn of(_number: impl FnOnce() -> u32) -> Self {
        Self
    }
}

#[cfg(not(any(loom, shuttle)))]
thread_local! {
    /// How many locks of a counted rank this thread holds or waits for. Initialised by a constant and
    /// without a destructor, so that access is that of a plain word.
    static HOOK_LOCKS: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread holds a lock that a hook takes, as far as they are counted. Under a model
/// checker, whose threads share one thread of the operating system, none is counted, and no model drops
/// a reference under such a lock.
#[inline]
pub(crate) fn holds_hook_lock() -> bool {
    #[cfg(not(any(loom, shuttle)))]
    return HOOK_LOCKS.get() > 0;
    #[cfg(any(loom, shuttle))]
    false
}

/// Counts a lock that this thread holds, if its rank is counted.
#[derive(Debug)]
pub(crate) struct Held<const RANK: u8>;

impl<const RANK: u8> Held<RANK> {
    #[inline(always)]
    pub(crate) fn check(_domain: Domain, key: u64) -> Self {
        Self::without_waiting(key)
    }

    #[inline(always)]
    pub(crate) fn without_waiting(_key: u64) -> Self {
        #[cfg(not(any(loom, shuttle)))]
        if rank::is_counted(RANK) {
            HOOK_LOCKS.set(HOOK_LOCKS.get() + 1);
        }
        Self
    }

    #[inline(always)]
    pub(crate) fn taken(self) -> Self {
        self
    }
}

#[cfg(not(any(loom, shuttle)))]
impl<const RANK: u8> Drop for Held<RANK> {
    #[inline(always)]
    fn drop(&mut self) {
        if rank::is_counted(RANK) {
            HOOK_LOCKS.set(HOOK_LOCKS.get() - 1);
        }
    }
}

/// Unknown in this build.
#[inline(always)]
pub(crate) fn held_locks(_domain: Domain) -> usize {
    0
}

#[inline(always)]
pub(crate) fn count_items(_items: usize) {}

#[inline(always)]
pub(crate) fn without_counting<R>(run: impl FnOnce() -> R) -> R {
    run()
}

pub(super) fn held_by_all() -> String {
    String::new()
}

pub(super) fn work_done() -> u64 {
    0
}

pub(super) fn longest_holds() -> Vec<LongestHold> {
    Vec::new()
}

pub(super) fn reset_longest_holds() {}

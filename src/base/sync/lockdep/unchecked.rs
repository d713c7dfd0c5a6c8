//! Nothing: the check is off in this build.

use super::LongestHold;

/// Nothing.
#[derive(Clone, Copy)]
pub(crate) struct Domain;

impl Domain {
    pub(crate) const ANY: Self = Self;

    #[inline(always)]
    pub(crate) fn of(_number: impl FnOnce() -> u32) -> Self {
        Self
    }
}

/// Nothing.
#[derive(Debug)]
pub(crate) struct Held;

impl Held {
    #[inline(always)]
    pub(crate) fn check(_domain: Domain, _rank: u8, _key: u64) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn without_waiting(_rank: u8, _key: u64) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn taken(self) -> Self {
        self
    }
}

/// Not known in this build.
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

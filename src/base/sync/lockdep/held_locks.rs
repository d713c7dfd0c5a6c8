//! The locks that one thread holds, in the order in which it took them.

use std::panic::Location;

/// The owner of a lock: a tree, by its number, with the layers above it. A lock of [`Domain::ANY`] is
/// compared with every lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Domain(Option<u32>);

impl Domain {
    pub(crate) const ANY: Self = Self(None);

    /// The domain of the tree with this number.
    pub(crate) fn of(number: impl FnOnce() -> u32) -> Self {
        Self(Some(number()))
    }

    /// Whether the locks of the two domains are compared.
    pub(super) fn concerns(self, other: Self) -> bool {
        self == other || self == Self::ANY || other == Self::ANY
    }
}

/// A lock that a thread holds or waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldLock {
    pub(super) domain: Domain,
    pub(super) rank: u8,
    pub(super) key: u64,
    pub(super) place: &'static Location<'static>,
    pub(super) is_taken: bool,
    pub(super) token: u64,
    /// The thread's count of items when it took the lock.
    #[cfg(not(shuttle))]
    pub(super) since_work: u64,
}

/// The locks of one thread, in the order in which it took them.
#[derive(Debug, Default)]
pub(super) struct Stack {
    pub(super) last_token: u64,
    pub(super) held: Vec<HeldLock>,
}

impl Stack {
    /// Adds a lock that the thread waits for, or holds if it `is_taken`, and the items counted until
    /// now; returns the token of the entry.
    pub(super) fn enter(
        &mut self,
        domain: Domain,
        rank: u8,
        key: u64,
        is_taken: bool,
        place: &'static Location<'static>,
        work: u64,
    ) -> u64 {
        #[cfg(shuttle)]
        let _ = work;
        self.last_token += 1;
        self.held.push(HeldLock {
            domain,
            rank,
            key,
            place,
            is_taken,
            token: self.last_token,
            #[cfg(not(shuttle))]
            since_work: work,
        });
        self.last_token
    }

    pub(super) fn find(&self, token: u64) -> Option<usize> {
        self.held.iter().rposition(|held| held.token == token)
    }
}

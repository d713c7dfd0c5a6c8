//! What the notification layer hangs on an object: two plain words.

use crate::base::sync::{AtomicU32, Ordering};

/// No connector.
pub(crate) const NO_CONNECTOR: u32 = 0;

/// The words of one watchable object: an inode, a mount or a superblock.
#[derive(Debug)]
pub(crate) struct NotifySlot {
    /// The union of what all marks on the object want: a hint, so that a hook can stop before it
    /// takes a lock. Written under the lock of the object's connector, with `Release`.
    interest: AtomicU32,
    /// Which connector holds the marks: its index plus one. Changed from 0 by compare-and-swap
    /// with the connector's lock held, and back to 0 under that lock; whoever follows it
    /// takes that lock and looks whether the connector still is this object's.
    connector: AtomicU32,
}

impl Default for NotifySlot {
    fn default() -> Self {
        Self { interest: AtomicU32::new(0), connector: AtomicU32::new(NO_CONNECTOR) }
    }
}

impl NotifySlot {
    /// What the marks want, as bits of an event mask. `Acquire`: a hook that sees no interest
    /// where an adder's return happens before it would be a lost event.
    #[inline(always)]
    pub(crate) fn interest(&self) -> u32 {
        self.interest.load(Ordering::Acquire)
    }

    pub(crate) fn set_interest(&self, bits: u32) {
        self.interest.store(bits, Ordering::Release);
    }

    pub(crate) fn connector(&self) -> Option<u32> {
        self.connector.load(Ordering::Acquire).checked_sub(1)
    }

    /// [`NotifySlot::connector`] for an object that has just died. A read-modify-write: in the order
    /// of this word it comes before or after any `install`, which therefore either is seen here or
    /// sees what was written before this.
    pub(crate) fn connector_at_death(&self) -> Option<u32> {
        self.connector.fetch_or(0, Ordering::AcqRel).checked_sub(1)
    }

    /// Hangs a connector on the object; false if there is one already.
    pub(crate) fn install(&self, connector: u32) -> bool {
        self.connector
            .compare_exchange(NO_CONNECTOR, connector + 1, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// A read-modify-write as the others are: loom would let a `connector_at_death` that comes
    /// before a plain store undo it, which the memory model does not.
    pub(crate) fn remove(&self) {
        self.connector.swap(NO_CONNECTOR, Ordering::AcqRel);
    }
}

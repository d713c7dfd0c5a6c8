//! What the notification layer hangs on an object: two plain words.

use crate::base::index::{AtomicIx, Ix};
use crate::base::sync::{AtomicU32, Ordering};

/// What the marks on an object hang on. It belongs to the notification layer; only its number is
/// known here.
pub(crate) enum Connector {}

/// The words of one watchable object: an inode, a mount or a superblock.
#[derive(Debug, Default)]
pub(crate) struct NotifySlot {
    /// The union of what all marks on the object want: a hint, so that a hook can stop before it
    /// takes a lock. Written under the lock of the object's connector, with `Release`.
    interest: AtomicU32,
    /// Which connector holds the marks. Changed from none by compare-and-swap with the connector's
    /// lock held, and back to none under that lock; a reader that follows it takes that lock and
    /// checks that the connector still is this object's.
    connector: AtomicIx<Connector>,
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

    pub(crate) fn connector(&self) -> Option<Ix<Connector>> {
        self.connector.load(Ordering::Acquire)
    }

    /// [`NotifySlot::connector`] for an object that has just died. A read-modify-write: in the order
    /// of this word it comes before or after any `install`, which therefore either is seen here or
    /// sees what was written before this.
    pub(crate) fn connector_at_death(&self) -> Option<Ix<Connector>> {
        self.connector.load_in_order(Ordering::AcqRel)
    }

    /// Hangs a connector on the object; false if there is one already.
    pub(crate) fn install(&self, connector: Ix<Connector>) -> bool {
        self.connector
            .compare_exchange(None, Some(connector), Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// A read-modify-write as the others are: loom would let a `connector_at_death` that comes
    /// before a plain store undo it, which the memory model does not.
    pub(crate) fn remove(&self) {
        self.connector.swap(None, Ordering::AcqRel);
    }
}

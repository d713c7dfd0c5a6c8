//! The two plain words that the notification layer attaches to an object.

use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{AtomicU32, Ordering};

/// The list of marks on an object. It belongs to the notification layer; only its slot number is known
/// here.
pub(crate) enum Connector {}

/// The words of one watchable object: an inode, a mount or a superblock.
#[derive(Debug, Default)]
pub(crate) struct NotifySlot {
    /// The union of the interests of all marks on the object: a hint, so that a hook can stop before it
    /// takes a lock. Stored under the lock of the object's connector, with `Release`.
    interest: AtomicU32,
    /// The connector that holds the marks. Changed from none by compare-and-swap with the connector's
    /// lock held, and back to none under that lock. A reader that follows it takes that lock and checks
    /// that the connector still belongs to this object.
    connector: AtomicIx<Connector>,
}

impl NotifySlot {
    /// The interest of the marks, as bits of an event mask. `Acquire`: a hook that runs after an
    /// adder's return must see its interest, or the event would be lost.
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

    /// [`NotifySlot::connector`] for an object that has just died. A read-modify-write: if it comes
    /// after an `install`, it sees the connector. If it comes before, the installing thread sees the
    /// stores made before this call.
    pub(crate) fn connector_at_death(&self) -> Option<Ix<Connector>> {
        self.connector.load_in_order(Ordering::AcqRel)
    }

    /// Attaches a connector to the object; false if it has one already.
    pub(crate) fn install(&self, connector: Ix<Connector>) -> bool {
        self.connector
            .compare_exchange(None, Some(connector), Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// A read-modify-write like the others: loom would let an earlier `connector_at_death` undo a plain
    /// store, which the memory model does not.
    pub(crate) fn remove(&self) {
        self.connector.swap(None, Ordering::AcqRel);
    }
}

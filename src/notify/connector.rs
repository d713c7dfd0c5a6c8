//! Connectors: the marks on one object.

use smallvec::SmallVec;

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{Mutex, MutexGuard, Ordering, rank};
use crate::notify::mark::MarkSlot;
use crate::notify::watched_object::WatchedKey;
use crate::tree::notify_slot::Connector;

/// The connectors' arena.
pub(crate) type Connectors = Arena<ConnectorPage, ()>;

/// The state of a connector, behind its lock.
#[derive(Debug, Default)]
struct Connected {
    object: Option<WatchedKey>,
    /// The marks, in the order of delivery: by descending priority of the group, then by its slot.
    marks: SmallVec<[Ix<MarkSlot>; 4]>,
}

/// A connector's slot.
#[derive(Debug, Default)]
pub(crate) struct ConnectorSlot {
    connected: Mutex<Connected, { rank::CONNECTOR }>,
    /// The mark, where there is exactly one: most objects have one, and delivery finds it without the lock.
    /// Written under the lock, with `Release`; read with `Acquire`. `dispatch::sole_mark` says when the value
    /// is valid.
    sole: AtomicIx<MarkSlot>,
}

impl ConnectorSlot {
    /// Locks the connector.
    #[track_caller]
    #[inline]
    pub(crate) fn lock(&self) -> ConnectorGuard<'_> {
        ConnectorGuard { connected: self.connected.lock(), sole: &self.sole }
    }

    /// The mark, where there is exactly one.
    #[inline]
    pub(crate) fn sole(&self) -> Option<Ix<MarkSlot>> {
        self.sole.load(Ordering::Acquire)
    }
}

/// A locked connector.
pub(crate) struct ConnectorGuard<'a> {
    connected: MutexGuard<'a, Connected, { rank::CONNECTOR }>,
    sole: &'a AtomicIx<MarkSlot>,
}

impl ConnectorGuard<'_> {
    /// The object. `None` while the slot is unused: a thread that followed a stale index sees that its object
    /// is gone.
    #[inline]
    pub(crate) fn object(&self) -> Option<WatchedKey> {
        self.connected.object
    }

    pub(crate) fn set_object(&mut self, object: Option<WatchedKey>) {
        self.connected.object = object;
    }

    /// The marks, in the order of delivery.
    #[inline]
    pub(crate) fn marks(&self) -> &[Ix<MarkSlot>] {
        &self.connected.marks
    }

    pub(crate) fn insert(&mut self, at: usize, mark: Ix<MarkSlot>) {
        self.connected.marks.insert(at, mark);
        self.publish_sole();
    }

    pub(crate) fn remove(&mut self, at: usize) {
        let marks = &mut self.connected.marks;
        marks.remove(at);
        // The slot does not keep the memory that an object with many marks needed.
        if marks.spilled() && marks.len() <= marks.capacity() / 4 {
            marks.shrink_to_fit();
        }
        self.publish_sole();
    }

    pub(crate) fn clear(&mut self) {
        self.connected.marks = SmallVec::new();
        self.publish_sole();
    }

    fn publish_sole(&self) {
        let sole = match self.marks() {
            [mark] => Some(*mark),
            _ => None,
        };
        self.sole.store(sole, Ordering::Release);
    }
}

/// A page of connectors.
pub(crate) struct ConnectorPage(Column<ConnectorSlot, { slots(256) }>);

impl Default for ConnectorPage {
    fn default() -> Self {
        Self(column(ConnectorSlot::default))
    }
}

impl HotPage for ConnectorPage {
    type Slot = Connector;
    const SLOTS: usize = slots(256);
}

impl ConnectorPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<Connector>) -> &ConnectorSlot {
        &self.0[Connectors::place(index)]
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// After many marks the slot shrinks to the memory of a few.
    #[test]
    fn a_connector_shrinks_when_its_marks_go() {
        let slot = ConnectorSlot::default();
        let mut connected = slot.lock();
        let mark = |number| Ix::from_word(number).unwrap();
        for at in 0..1000 {
            connected.insert(at, mark(at as u32 + 1));
        }
        let most = connected.connected.marks.capacity();
        for left in (0..1000).rev() {
            connected.remove(left);
            let capacity = connected.connected.marks.capacity();
            assert!(capacity <= (4 * left).max(4) + 4, "room for {capacity} with {left} marks");
            if left == 999 {
                assert_eq!(capacity, most, "one that goes changes nothing");
            }
        }
        connected.insert(0, mark(7));
        assert_eq!(slot.sole(), Some(mark(7)));
        connected.insert(1, mark(8));
        assert_eq!(slot.sole(), None);
        connected.clear();
        assert!(connected.marks().is_empty() && !connected.connected.marks.spilled());
    }
}

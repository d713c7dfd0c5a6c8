//! Connectors: the marks on one object.

use smallvec::SmallVec;

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::index::{AtomicIx, Ix};
use crate::base::sync::{Arc, Mutex, MutexGuard, Ordering, rank};
use crate::notify::mark::MarkSlot;
use crate::tree::InodeKey;
use crate::tree::notify_slot::{Connector, NotifySlot};
use crate::tree::superblock::SuperblockSlot;

/// The connectors' arena.
pub(crate) type Connectors = Arena<ConnectorPage, ()>;

/// What marks can be put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// An inode, of this superblock.
    Inode(InodeKey),
    /// A mount, by its place in a table of mounts.
    Mount(Ix<MountMarks>),
    /// A superblock.
    Superblock(Ix<SuperblockSlot>),
}

/// An object in eight bytes: the kind is in the upper bits of the index; all zero for none.
#[derive(Clone, Copy, Debug, Default)]
struct PackedObject {
    index_and_kind: u32,
    generation: u32,
}

const KIND_SHIFT: u32 = 30;
const MOUNT: u32 = 1 << KIND_SHIFT;
const SUPERBLOCK: u32 = 2 << KIND_SHIFT;
const KIND: u32 = 3 << KIND_SHIFT;

impl PackedObject {
    fn new(object: Object) -> Self {
        let (index_and_kind, generation) = match object {
            // An arena has fewer than 2^30 inodes.
            Object::Inode(id) => (id.index.word(), id.generation),
            Object::Mount(index) => (index.word() | MOUNT, 0),
            Object::Superblock(index) => (index.word() | SUPERBLOCK, 0),
        };
        Self { index_and_kind, generation }
    }

    fn get(self) -> Option<Object> {
        let Self { index_and_kind, generation } = self;
        let index = index_and_kind & !KIND;
        match index_and_kind & KIND {
            MOUNT => Ix::from_word(index).map(Object::Mount),
            SUPERBLOCK => Ix::from_word(index).map(Object::Superblock),
            _ => Ix::from_word(index).map(|index| Object::Inode(InodeKey { index, generation })),
        }
    }
}

/// What stands behind a connector's lock.
#[derive(Debug, Default)]
struct Connected {
    object: PackedObject,
    /// The marks, in the order of delivery: groups of higher priority first, else by slot.
    marks: SmallVec<[Ix<MarkSlot>; 4]>,
}

/// A connector's slot.
#[derive(Debug, Default)]
pub(crate) struct ConnectorSlot {
    connected: Mutex<Connected, { rank::CONNECTOR }>,
    /// The mark, where there is exactly one: most objects have one, and delivery finds it without
    /// the lock. Written under it, with `Release`; read with `Acquire`, and believed as far as
    /// `dispatch::sole_mark` says.
    sole: AtomicIx<MarkSlot>,
}

impl ConnectorSlot {
    /// The connector, locked.
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

/// Holds a connector.
pub(crate) struct ConnectorGuard<'a> {
    connected: MutexGuard<'a, Connected, { rank::CONNECTOR }>,
    sole: &'a AtomicIx<MarkSlot>,
}

impl ConnectorGuard<'_> {
    /// The object; `None` while the slot serves nobody, so that whoever followed a stale index
    /// finds out.
    pub(crate) fn object(&self) -> Option<Object> {
        self.connected.object.get()
    }

    pub(crate) fn set_object(&mut self, object: Option<Object>) {
        self.connected.object = object.map_or(PackedObject::default(), PackedObject::new);
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
        // What an object with many marks had needed is not kept by its slot.
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

/// Where the marks on a mount hang: each mount of an embedder owns one and passes it with its
/// events (see [`Victim`](crate::notify::Victim)).
///
/// ```
/// let marks = vfsnotify::notify::MountMarks::default();
/// assert!(!marks.is_watched());
/// ```
#[derive(Clone, Debug, Default)]
pub struct MountMarks(Arc<NotifySlot>);

impl MountMarks {
    #[inline(always)]
    pub(crate) fn notify(&self) -> &NotifySlot {
        &self.0
    }

    /// Whether anybody wants to hear of this mount.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.0.interest() != 0
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_unpacked_as_it_was_packed() {
        fn slot<T>(number: u32) -> Ix<T> {
            Ix::from_word(number).unwrap()
        }
        assert_eq!(PackedObject::default().get(), None);
        for number in [1, 2, 12_345, KIND_SHIFT, MOUNT - 1] {
            for generation in [0, 1, u32::MAX] {
                let object = Object::Inode(InodeKey { index: slot(number), generation });
                assert_eq!(PackedObject::new(object).get(), Some(object));
            }
            for object in [Object::Mount(slot(number)), Object::Superblock(slot(number))] {
                assert_eq!(PackedObject::new(object).get(), Some(object));
            }
        }
    }

    #[test]
    fn a_mount_is_watched_while_its_marks_want_anything() {
        let marks = MountMarks::default();
        assert!(!marks.is_watched());
        marks.clone().notify().set_interest(4);
        assert!(marks.is_watched());
    }

    /// A slot that served an object with many marks goes back to the room of a few.
    #[test]
    fn what_many_marks_needed_is_not_kept() {
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

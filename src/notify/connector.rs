//! Connectors: the marks on one object.

use smallvec::SmallVec;

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::sync::{Arc, AtomicU32, Mutex, MutexGuard, Ordering, rank};
use crate::tree::InodeKey;
use crate::tree::directory::NONE;
use crate::tree::notify_slot::NotifySlot;

/// The connectors' arena.
pub(crate) type Connectors = Arena<ConnectorPage, ()>;

/// What marks can be put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// An inode, of this superblock.
    Inode(InodeKey),
    /// A mount, by its place in a table of mounts.
    Mount(u32),
    /// A superblock.
    Superblock(u32),
}

/// An object in eight bytes: the kind, or that there is none, is in the upper bits of the index.
#[derive(Clone, Copy, Debug)]
struct PackedObject {
    index: u32,
    generation: u32,
}

const KIND_SHIFT: u32 = 30;
const MOUNT: u32 = 1 << KIND_SHIFT;
const SUPERBLOCK: u32 = 2 << KIND_SHIFT;
const KIND: u32 = 3 << KIND_SHIFT;

impl PackedObject {
    const NONE: Self = Self { index: KIND, generation: 0 };

    fn new(object: Object) -> Self {
        match object {
            // An arena has fewer than 2^30 inodes.
            Object::Inode(id) => Self { index: id.index, generation: id.generation },
            Object::Mount(index) => Self { index: index | MOUNT, generation: 0 },
            Object::Superblock(index) => Self { index: index | SUPERBLOCK, generation: 0 },
        }
    }

    fn get(self) -> Option<Object> {
        let Self { index, generation } = self;
        match index & KIND {
            0 => Some(Object::Inode(InodeKey { index, generation })),
            MOUNT => Some(Object::Mount(index & !KIND)),
            SUPERBLOCK => Some(Object::Superblock(index & !KIND)),
            _ => None,
        }
    }
}

/// What stands behind a connector's lock.
#[derive(Debug)]
struct Connected {
    object: PackedObject,
    /// The marks, in the order of delivery: groups of higher priority first, else by slot.
    marks: SmallVec<[u32; 4]>,
}

/// A connector's slot.
#[derive(Debug)]
pub(crate) struct ConnectorSlot {
    connected: Mutex<Connected, { rank::CONNECTOR }>,
    /// The mark, where there is exactly one: most objects have one, and delivery finds it without
    /// the lock. Written under it, with `Release`; read with `Acquire`, and believed as far as
    /// `dispatch::sole_mark` says.
    sole: AtomicU32,
}

impl Default for ConnectorSlot {
    fn default() -> Self {
        let connected = Connected { object: PackedObject::NONE, marks: SmallVec::new() };
        Self { connected: Mutex::new(connected), sole: AtomicU32::new(NONE) }
    }
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
    pub(crate) fn sole(&self) -> Option<u32> {
        let mark = self.sole.load(Ordering::Acquire);
        (mark != NONE).then_some(mark)
    }
}

/// Holds a connector.
pub(crate) struct ConnectorGuard<'a> {
    connected: MutexGuard<'a, Connected, { rank::CONNECTOR }>,
    sole: &'a AtomicU32,
}

impl ConnectorGuard<'_> {
    /// The object; `None` while the slot serves nobody, so that whoever followed a stale index
    /// finds out.
    pub(crate) fn object(&self) -> Option<Object> {
        self.connected.object.get()
    }

    pub(crate) fn set_object(&mut self, object: Option<Object>) {
        self.connected.object = object.map_or(PackedObject::NONE, PackedObject::new);
    }

    /// The marks, in the order of delivery.
    #[inline]
    pub(crate) fn marks(&self) -> &[u32] {
        &self.connected.marks
    }

    pub(crate) fn insert(&mut self, at: usize, mark: u32) {
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
            [mark] => *mark,
            _ => NONE,
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
    const SLOTS: usize = slots(256);
}

impl ConnectorPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> &ConnectorSlot {
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
        assert_eq!(PackedObject::NONE.get(), None);
        for index in [0, 1, 12_345, KIND_SHIFT, MOUNT - 1] {
            for generation in [0, 1, u32::MAX] {
                let object = Object::Inode(InodeKey { index, generation });
                assert_eq!(PackedObject::new(object).get(), Some(object));
            }
            for object in [Object::Mount(index), Object::Superblock(index)] {
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
        for mark in 0..1000 {
            connected.insert(mark as usize, mark);
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
        connected.insert(0, 7);
        assert_eq!(slot.sole(), Some(7));
        connected.insert(1, 8);
        assert_eq!(slot.sole(), None);
        connected.clear();
        assert!(connected.marks().is_empty() && !connected.connected.marks.spilled());
    }
}

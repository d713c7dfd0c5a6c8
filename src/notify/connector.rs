//! Connectors: the marks on one object.

use smallvec::SmallVec;

use crate::base::arena::{Arena, HotPage, slots};
use crate::base::sync::{Arc, AtomicU32, Mutex, Ordering, rank};
use crate::tree::InodeId;
use crate::tree::directory::NONE;
use crate::tree::notify_slot::NotifySlot;

/// The connectors' arena.
pub(crate) type Connectors = Arena<ConnectorPage, ()>;

/// What marks can be put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// An inode, of this superblock.
    Inode(InodeId),
    /// A mount, by its place in a table of mounts.
    #[expect(dead_code, reason = "no back end puts marks on mounts yet")]
    Mount(u32),
    /// A superblock.
    #[expect(dead_code, reason = "no back end puts marks on superblocks yet")]
    Superblock(u32),
}

/// What stands behind a connector's lock.
#[derive(Debug, Default)]
pub(crate) struct Connected {
    /// The object; `None` while the slot serves nobody, so that whoever followed a stale index
    /// finds out.
    pub(crate) object: Option<Object>,
    /// The marks, in the order of delivery: groups of higher priority first, else by slot.
    pub(crate) marks: SmallVec<[u32; 4]>,
}

/// A connector's slot.
#[derive(Debug)]
pub(crate) struct ConnectorSlot {
    pub(crate) connected: Mutex<Connected, { rank::CONNECTOR }>,
    /// The neighbours in the superblock's list of connectors on inodes. Written under that
    /// list's lock; Relaxed.
    next: AtomicU32,
    prev: AtomicU32,
}

impl Default for ConnectorSlot {
    fn default() -> Self {
        Self { connected: Mutex::default(), next: AtomicU32::new(NONE), prev: AtomicU32::new(NONE) }
    }
}

impl ConnectorSlot {
    pub(crate) fn next(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    pub(crate) fn prev(&self) -> u32 {
        self.prev.load(Ordering::Relaxed)
    }

    pub(crate) fn set_next(&self, next: u32) {
        self.next.store(next, Ordering::Relaxed);
    }

    pub(crate) fn set_prev(&self, prev: u32) {
        self.prev.store(prev, Ordering::Relaxed);
    }
}

/// A page of connectors.
pub(crate) struct ConnectorPage([ConnectorSlot; slots(256)]);

impl Default for ConnectorPage {
    fn default() -> Self {
        Self(std::array::from_fn(|_| ConnectorSlot::default()))
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

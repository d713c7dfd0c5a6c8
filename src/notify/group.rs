//! Groups: listeners, each with a queue and a set of marks.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::chain_index::ChainIndex;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, rank};
use crate::notify::delivery_order::Group;
use crate::notify::limits::User;
use crate::notify::mark::MarkSlot;
use crate::notify::mark_tags::Tags;
use crate::notify::path_pin::EventPin;
use crate::notify::queue::{DueWakeup, Queue};
#[cfg(test)]
use crate::notify::record::fanotify_like;
use crate::notify::record::inotify;

/// The groups' arena.
pub(crate) type Groups = Arena<GroupPage, ()>;

/// The marks of a group, behind its lock.
#[derive(Debug, Default)]
pub(crate) struct GroupMarks {
    /// No mark is added once it is false.
    pub(crate) open: bool,
    /// The marks by tag; the links of the chains are in the marks' slots.
    pub(crate) by_tag: ChainIndex<MarkSlot>,
    pub(crate) count: usize,
    pub(crate) tags: Tags,
    pub(crate) user: Option<Arc<User>>,
}

/// The queue of a group, by the kind of listener. An embedder cannot add a kind: foreign code would run under
/// the queue's lock.
#[derive(Debug, Default)]
#[cfg_attr(not(test), expect(clippy::large_enum_variant, reason = "only a free slot has no queue"))]
pub(crate) enum GroupKind {
    /// The slot serves no group.
    #[default]
    None,
    /// An inotify instance.
    Inotify(Queue<inotify::InotifyRecord>),
    /// A listener that combines its marks, ignores events and pins paths. For tests of the core beyond inotify.
    #[cfg(test)]
    FanotifyLike(Queue<fanotify_like::FanotifyLikeRecord>),
}

impl GroupKind {
    /// The queue of an inotify instance.
    #[inline]
    pub(crate) fn inotify(&mut self) -> &mut Queue<inotify::InotifyRecord> {
        match self {
            Self::Inotify(queue) => queue,
            _ => unreachable!("an inotify instance holds its group"),
        }
    }

    /// Whether all marks of the group are combined for an event.
    pub(crate) fn combines_marks(&self) -> bool {
        match self {
            Self::None | Self::Inotify(_) => false,
            #[cfg(test)]
            Self::FanotifyLike(_) => true,
        }
    }

    /// Closes the queue to new events, at the end of the notifier. Queued records can still be read, except
    /// those that keep paths: a path keeps the tree, and the tree the notifier. Returns those; the caller frees
    /// them with no lock held.
    pub(crate) fn seal(&mut self) -> (Self, DueWakeup) {
        match self {
            Self::None => (Self::None, DueWakeup::default()),
            Self::Inotify(queue) => (Self::None, queue.seal()),
            #[cfg(test)]
            Self::FanotifyLike(_) => self.close(),
        }
    }

    /// Closes the queue. Returns its records; the caller frees them with no lock held.
    pub(crate) fn close(&mut self) -> (Self, DueWakeup) {
        match self {
            Self::None => (Self::None, DueWakeup::default()),
            Self::Inotify(queue) => {
                let (records, wakeup) = queue.close();
                (Self::Inotify(records), wakeup)
            }
            #[cfg(test)]
            Self::FanotifyLike(queue) => {
                let (records, wakeup) = queue.close();
                (Self::FanotifyLike(records), wakeup)
            }
        }
    }

    /// Closes the queue of a group whose notifier is gone or about to go. Records that keep paths stay: the
    /// drop of the notifier takes them out.
    pub(crate) fn close_without_notifier(&mut self) -> (Self, DueWakeup) {
        match self {
            #[cfg(test)]
            Self::FanotifyLike(queue) => (Self::None, queue.seal()),
            other => other.close(),
        }
    }

    /// Whether its records may keep paths.
    pub(crate) fn may_keep_paths(&self) -> bool {
        match self {
            Self::None | Self::Inotify(_) => false,
            #[cfg(test)]
            Self::FanotifyLike(queue) => queue.len() > 0,
        }
    }

    /// Pops the next path that a record of a closed queue keeps.
    pub(crate) fn pop_pin(&mut self) -> Option<EventPin> {
        match self {
            Self::None | Self::Inotify(_) => None,
            #[cfg(test)]
            Self::FanotifyLike(queue) => {
                std::iter::from_fn(|| queue.pop()).find_map(|record| record.pin)
            }
        }
    }

    /// The bytes that are charged for its queue.
    pub(crate) fn charged(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Inotify(queue) => queue.charged(),
            #[cfg(test)]
            Self::FanotifyLike(queue) => queue.charged(),
        }
    }
}

/// The slot of a group, until the last handle is dropped. Aligned, so that two threads that queue events for
/// two groups write to different cache lines.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct GroupSlot {
    pub(crate) queue: Mutex<GroupKind, { rank::QUEUE }>,
    pub(crate) marks: Mutex<GroupMarks, { rank::GROUP_MARKS }>,
    /// An event is delivered to groups of higher priority first. Written before the group is published;
    /// Relaxed.
    priority: AtomicU8,
    /// [`GroupKind::combines_marks`]. Written and read as `priority`.
    combines_marks: AtomicBool,
}

impl Default for GroupSlot {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            marks: Mutex::default(),
            priority: AtomicU8::new(0),
            combines_marks: AtomicBool::new(false),
        }
    }
}

impl GroupSlot {
    pub(crate) fn priority(&self) -> u8 {
        self.priority.load(Ordering::Relaxed)
    }

    pub(crate) fn combines_marks(&self) -> bool {
        self.combines_marks.load(Ordering::Relaxed)
    }

    /// Begins the life of a group in a slot that only the caller has.
    pub(crate) fn begin(&self, kind: GroupKind, priority: u8, user: Arc<User>) {
        self.priority.store(priority, Ordering::Relaxed);
        self.combines_marks.store(kind.combines_marks(), Ordering::Relaxed);
        *self.marks.lock() = GroupMarks { open: true, user: Some(user), ..GroupMarks::default() };
        *self.queue.lock() = kind;
    }
}

/// A page of groups.
pub(crate) struct GroupPage(Column<GroupSlot, { slots(16) }>);

impl Default for GroupPage {
    fn default() -> Self {
        Self(column(GroupSlot::default))
    }
}

impl HotPage for GroupPage {
    type Slot = Group;
    const SLOTS: usize = slots(16);
}

impl GroupPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<Group>) -> &GroupSlot {
        &self.0[Groups::place(index)]
    }
}

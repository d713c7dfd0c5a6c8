//! Groups: listeners, each with a queue and a set of marks.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::chain_index::ChainIndex;
use crate::base::index::Ix;
use crate::base::sync::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, rank};
use crate::notify::delivery_order::Group;
use crate::notify::limits::User;
use crate::notify::mark::MarkSlot;
use crate::notify::pin::EventPin;
use crate::notify::queue::{DueWakeup, Queue};
use crate::notify::record::inotify;
#[cfg(test)]
use crate::notify::record::uniting;
use crate::notify::tags::Tags;

/// The groups' arena.
pub(crate) type Groups = Arena<GroupPage, ()>;

/// The marks of a group, behind its lock.
#[derive(Debug, Default)]
pub(crate) struct GroupMarks {
    /// No mark is added once it is false.
    pub(crate) open: bool,
    /// The marks by tag; their links are in their slots.
    pub(crate) by_tag: ChainIndex<MarkSlot>,
    pub(crate) count: usize,
    pub(crate) tags: Tags,
    pub(crate) user: Option<Arc<User>>,
}

/// The queue of a group, by the kind of listener. There is no kind with rules of an embedder's: foreign code would
/// run under the queue's lock.
#[derive(Debug, Default)]
#[cfg_attr(not(test), expect(clippy::large_enum_variant, reason = "only a free slot has no queue"))]
pub(crate) enum GroupKind {
    /// The slot serves no group.
    #[default]
    None,
    /// An inotify instance.
    Inotify(Queue<inotify::Record>),
    /// A listener that unites its marks, ignores and pins paths: keeps this core honest about more than inotify.
    #[cfg(test)]
    Uniting(Queue<uniting::Record>),
}

impl GroupKind {
    /// The queue of an inotify instance.
    #[inline]
    pub(crate) fn inotify(&mut self) -> &mut Queue<inotify::Record> {
        match self {
            Self::Inotify(queue) => queue,
            _ => unreachable!("an inotify instance holds its group"),
        }
    }

    /// Whether an event is delivered with all marks of the group together.
    pub(crate) fn unites(&self) -> bool {
        match self {
            Self::None | Self::Inotify(_) => false,
            #[cfg(test)]
            Self::Uniting(_) => true,
        }
    }

    /// Closes the queue to new events, at the end of the notifier. What is queued can still be read, but for records that
    /// keep paths: they would keep the tree, and it the notifier. Those are returned, to be freed with no lock held.
    pub(crate) fn seal(&mut self) -> (Self, DueWakeup) {
        match self {
            Self::None => (Self::None, DueWakeup::default()),
            Self::Inotify(queue) => (Self::None, queue.seal()),
            #[cfg(test)]
            Self::Uniting(_) => self.close(),
        }
    }

    /// Closes the queue. Its records are returned, to be freed with no lock held.
    pub(crate) fn close(&mut self) -> (Self, DueWakeup) {
        match self {
            Self::None => (Self::None, DueWakeup::default()),
            Self::Inotify(queue) => {
                let (records, wakeup) = queue.close();
                (Self::Inotify(records), wakeup)
            }
            #[cfg(test)]
            Self::Uniting(queue) => {
                let (records, wakeup) = queue.close();
                (Self::Uniting(records), wakeup)
            }
        }
    }

    /// Closes the queue of a group whose notifier has gone, or is about to: records that keep paths stay, for the end of the
    /// notifier to take them out.
    pub(crate) fn close_without_notifier(&mut self) -> (Self, DueWakeup) {
        match self {
            #[cfg(test)]
            Self::Uniting(queue) => (Self::None, queue.seal()),
            other => other.close(),
        }
    }

    /// Whether records in it may keep paths.
    pub(crate) fn may_keep_paths(&self) -> bool {
        match self {
            Self::None | Self::Inotify(_) => false,
            #[cfg(test)]
            Self::Uniting(queue) => queue.len() > 0,
        }
    }

    /// The next path that the records of a closed queue keep.
    pub(crate) fn pop_pin(&mut self) -> Option<EventPin> {
        match self {
            Self::None | Self::Inotify(_) => None,
            #[cfg(test)]
            Self::Uniting(queue) => {
                std::iter::from_fn(|| queue.pop()).find_map(|record| record.pin)
            }
        }
    }

    /// How many bytes of its queue are charged.
    pub(crate) fn charged(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Inotify(queue) => queue.charged(),
            #[cfg(test)]
            Self::Uniting(queue) => queue.charged(),
        }
    }
}

/// A group's slot. It stays with the group until the last handle on it is dropped. Aligned, so that
/// two threads that feed two groups write to no common cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct GroupSlot {
    pub(crate) queue: Mutex<GroupKind, { rank::QUEUE }>,
    pub(crate) marks: Mutex<GroupMarks, { rank::GROUP_MARKS }>,
    /// Higher ones hear first. Written before the group is known; Relaxed.
    priority: AtomicU8,
    /// [`GroupKind::unites`]. Likewise.
    unites: AtomicBool,
}

impl Default for GroupSlot {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            marks: Mutex::default(),
            priority: AtomicU8::new(0),
            unites: AtomicBool::new(false),
        }
    }
}

impl GroupSlot {
    pub(crate) fn priority(&self) -> u8 {
        self.priority.load(Ordering::Relaxed)
    }

    pub(crate) fn unites(&self) -> bool {
        self.unites.load(Ordering::Relaxed)
    }

    /// Begins a group's life in a slot that is the caller's alone.
    pub(crate) fn begin(&self, kind: GroupKind, priority: u8, user: Arc<User>) {
        self.priority.store(priority, Ordering::Relaxed);
        self.unites.store(kind.unites(), Ordering::Relaxed);
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

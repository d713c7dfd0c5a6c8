//! Groups: listeners, each with a queue and a set of marks.

use crate::base::arena::{Arena, Column, HotPage, Page, column, slots};
use crate::base::chain_index::{ChainIndex, Chained};
use crate::base::error::{Error, Limit, Result};
use crate::base::index::Ix;
use crate::base::sync::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, Weak, rank};
use crate::notify::limits::{QueueCharge, User};
use crate::notify::mark::MarkSlot;
use crate::notify::notifier::Notifier;
use crate::notify::queue::{Backend, Queue};
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

/// A group's slot. It stays with the group until the last handle on it is dropped. Aligned, so that
/// two threads that feed two groups write to no common cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct GroupSlot {
    pub(crate) queue: Mutex<Queue, { rank::QUEUE }>,
    pub(crate) marks: Mutex<GroupMarks, { rank::GROUP_MARKS }>,
    /// Higher ones hear first. Written before the group is known; Relaxed.
    priority: AtomicU8,
}

impl Default for GroupSlot {
    fn default() -> Self {
        Self { queue: Mutex::default(), marks: Mutex::default(), priority: AtomicU8::new(0) }
    }
}

impl GroupSlot {
    pub(crate) fn priority(&self) -> u8 {
        self.priority.load(Ordering::Relaxed)
    }
}

/// Where a group stands in the order of delivery: groups of higher priority first, else by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeliveryOrder {
    /// The priority, from the highest down.
    class: u8,
    pub(crate) group: Ix<GroupSlot>,
}

impl DeliveryOrder {
    pub(crate) fn new(priority: u8, group: Ix<GroupSlot>) -> Self {
        Self { class: u8::MAX - priority, group }
    }

    /// A group that is compared with no other of another priority.
    #[inline]
    pub(crate) fn of_one(group: Ix<GroupSlot>) -> Self {
        Self { class: 0, group }
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
    type Slot = GroupSlot;
    const SLOTS: usize = slots(16);
}

impl GroupPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<GroupSlot>) -> &GroupSlot {
        &self.0[Groups::place(index)]
    }
}

/// The chains of a group's table of marks.
pub(crate) struct MarkChains<'a>(pub(crate) &'a Notifier);

impl Chained for MarkChains<'_> {
    type Slot = MarkSlot;

    fn hash(&self, node: Ix<MarkSlot>) -> u32 {
        self.0.hash_tag(self.0.mark(node).tag())
    }

    fn next(&self, node: Ix<MarkSlot>) -> Option<Ix<MarkSlot>> {
        self.0.mark(node).next()
    }

    fn set_next(&mut self, node: Ix<MarkSlot>, next: Option<Ix<MarkSlot>>) {
        self.0.mark(node).set_next(next);
    }
}

/// The owner's handle on a group. Dropping it closes the group and frees its slot.
///
/// It holds the notifier weakly: the group outlives it, and what is queued can still be read.
#[derive(Debug)]
pub(crate) struct GroupHandle {
    notifier: Weak<Notifier>,
    page: Arc<Page<GroupPage, ()>>,
    index: Ix<GroupSlot>,
    /// Closed by its owner. Set once; Relaxed, since the locks order what follows from it.
    closed: AtomicBool,
}

impl GroupHandle {
    /// Makes a group of a user.
    ///
    /// # Errors
    /// `EMFILE` at the user's limit, `ENOMEM` if every slot is taken, `ESHUTDOWN`.
    pub(crate) fn new(
        notifier: &Arc<Notifier>,
        backend: &'static dyn Backend,
        priority: u8,
        user: u32,
    ) -> Result<Self> {
        let limits = notifier.limits();
        let user = notifier.users().charge_instance(user, &limits)?;
        let Some((index, page)) = notifier.groups().insert(()) else {
            notifier.users().release_instance(&user);
            return Err(Error::from(crate::base::errno::Errno::ENOMEM).with_limit(Limit::Marks));
        };
        let page = page.clone();
        let slot = page.hot().slot(index);
        slot.priority.store(priority, Ordering::Relaxed);
        let charge = QueueCharge::of(user.clone());
        *slot.marks.lock() = GroupMarks { open: true, user: Some(user), ..GroupMarks::default() };
        *slot.queue.lock() = Queue::open(backend, limits.max_queued_events, charge);
        let handle = Self {
            notifier: Arc::downgrade(notifier),
            page,
            index,
            closed: AtomicBool::new(false),
        };
        // The flag is raised before all slots are looked through: one of the two sees the other.
        if notifier.is_shut() {
            return Err(crate::base::errno::Errno::ESHUTDOWN.into());
        }
        Ok(handle)
    }

    pub(crate) fn index(&self) -> Ix<GroupSlot> {
        self.index
    }

    pub(crate) fn slot(&self) -> &GroupSlot {
        self.page.hot().slot(self.index)
    }

    pub(crate) fn notifier(&self) -> Option<Arc<Notifier>> {
        self.notifier.upgrade()
    }

    /// Whether its owner has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Stops the group: nothing is queued any more, its marks go one at a time, each under a brief
    /// hold of its locks, and whoever waits for it is woken.
    pub(crate) fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        match self.notifier.upgrade() {
            Some(notifier) => notifier.close_group(self.index),
            None => close_queue(self.slot()),
        }
    }
}

/// Closes a queue; its events are freed here, with no lock held.
pub(crate) fn close_queue(slot: &GroupSlot) {
    let (events, ring) = slot.queue.lock().close();
    ring.ring();
    drop(events);
}

impl Drop for GroupHandle {
    fn drop(&mut self) {
        self.close();
        // The slot may live on among others of its page, with the notifier or without it.
        let bell = std::mem::take(&mut *self.slot().queue.lock());
        let marks = std::mem::take(&mut *self.slot().marks.lock());
        drop((bell, marks));
        if let Some(notifier) = self.notifier.upgrade() {
            notifier.groups().remove(self.index);
        }
    }
}

//! The owner's handle on a group.

use crate::base::arena::Page;
use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, AtomicBool, Ordering, Weak};
use crate::notify::delivery_order::Group;
use crate::notify::group::{GroupKind, GroupPage, GroupSlot};
use crate::notify::limits::QueueCharge;
use crate::notify::notifier::Notifier;

/// The owner's handle on a group. The drop closes the group and frees its slot.
///
/// It holds the notifier weakly: the group outlives the notifier, and events that are queued can still be read.
#[derive(Debug)]
pub(crate) struct GroupHandle {
    notifier: Weak<Notifier>,
    page: Arc<Page<GroupPage, ()>>,
    index: Ix<Group>,
    /// The owner has closed the group. Set once; Relaxed, since the locks order everything that follows from
    /// it.
    closed: AtomicBool,
}

impl GroupHandle {
    /// Makes a group that is charged to a user. `kind` makes its queue from the limit in events and the charge
    /// for its memory.
    ///
    /// # Errors
    /// `EMFILE` at the user's limit, `ENOMEM` if every slot is taken, `ESHUTDOWN`.
    pub(crate) fn new(
        notifier: &Arc<Notifier>,
        kind: impl FnOnce(usize, QueueCharge) -> GroupKind,
        priority: u8,
        user: u32,
    ) -> Result<Self> {
        let limits = notifier.limits();
        let user = notifier.users().charge_instance(user, &limits)?;
        let Some((index, page)) = notifier.groups().insert(()) else {
            notifier.users().release_instance(&user);
            return Err(Error::from(Errno::ENOMEM).with_limit(Limit::Marks));
        };
        let page = page.clone();
        let charge = QueueCharge::of(user.clone());
        let kind = kind(limits.max_queued_events, charge);
        page.hot().slot(index).begin(kind, priority, user);
        let handle = Self {
            notifier: Arc::downgrade(notifier),
            page,
            index,
            closed: AtomicBool::new(false),
        };
        // `shut_down` sets the flag and then seals every slot; here the slot is filled and then the flag is
        // read. So at least one of the two sees the other.
        if notifier.is_shut() {
            return Err(Errno::ESHUTDOWN.into());
        }
        Ok(handle)
    }

    pub(crate) fn index(&self) -> Ix<Group> {
        self.index
    }

    pub(crate) fn slot(&self) -> &GroupSlot {
        self.page.hot().slot(self.index)
    }

    pub(crate) fn notifier(&self) -> Option<Arc<Notifier>> {
        self.notifier.upgrade()
    }

    /// Whether the owner has closed the group.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Stops the group. No further event is queued, its marks are detached in batches, each under a brief hold
    /// of its locks, and its waiting readers are woken.
    pub(crate) fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        match self.notifier.upgrade() {
            Some(notifier) => notifier.close_group(self.index),
            None => {
                // The last reference to the notifier has gone. Its drop takes records that keep paths out of
                // the queues, and may not have reached this group yet.
                let (records, wakeup) = self.slot().queue.lock().close_without_notifier();
                wakeup.wake();
                drop(records);
            }
        }
    }
}

impl Drop for GroupHandle {
    fn drop(&mut self) {
        self.close();
        // The page keeps the slot alive, with the notifier or without it.
        let queue = {
            let mut queue = self.slot().queue.lock();
            // The drop of the notifier takes the remaining records out.
            if queue.may_keep_paths() { GroupKind::None } else { std::mem::take(&mut *queue) }
        };
        let marks = std::mem::take(&mut *self.slot().marks.lock());
        drop((queue, marks));
        if let Some(notifier) = self.notifier.upgrade() {
            notifier.groups().remove(self.index);
        }
    }
}

//! Limits, and the users whose usage is counted against them.

use std::collections::HashMap;

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::sync::{Arc, AtomicU32, AtomicUsize, Mutex, Ordering, count_items, rank};
use crate::base::walk_pace::Pace;

/// The limits of a notifier: those of Linux's `fs.inotify` sysctls, and more where Linux has none.
///
/// The watches and queues of one user take at most about, in bytes:
///
/// * `max_user_watches` times 140: a mark, a connector, and their places in the tables. (A watch also keeps its
///   inode in memory, which its file system bounds.)
/// * `max_user_instances` times 46,000: a group, the first 128 events of its queue, for which it always has
///   room (40 bytes each, and 271 for a name of 255 bytes), and an empty chunk.
/// * `max_user_queue_bytes`.
///
/// Users are numbers that contexts carry. The embedder decides how many users and contexts there are; a context
/// costs the memory that its owner holds for it.
///
/// ```
/// use vfsnotify::notify::{Limits, NotifyConfig};
/// let limits = Limits::default().with_max_queued_events(1000).with_max_user_watches(500);
/// let config = NotifyConfig::default().with_limits(limits);
/// assert_eq!(config.limits.max_user_watches, 500);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Events in one queue (default 16384); read when a group is made. A full queue loses further events, and
    /// an overflow record counts them.
    pub max_queued_events: usize,
    /// Groups of one user (default 128). Beyond it, `EMFILE`.
    pub max_user_instances: u32,
    /// Marks of one user (default 1048576). Beyond it, `ENOSPC`.
    pub max_user_watches: u32,
    /// Marks on one object, of all groups (default 1024). It bounds how long delivery reads them under one
    /// lock. Linux has no such limit. Beyond it, `ENOSPC`.
    pub max_object_marks: usize,
    /// Memory of all queues of one user, in bytes (default 128 MiB), without the first 128 events of each.
    /// Where it is used up, a queue overflows before its own limit is reached. Linux has no such limit (its
    /// memory controllers have). A program with many unread queues of long names reaches it first; 200 full
    /// queues of short names do not.
    pub max_user_queue_bytes: usize,
    /// Memory of all queues of all users, counted in the same way (default 1 GiB).
    pub max_total_queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_queued_events: 16_384,
            max_user_instances: 128,
            max_user_watches: 1 << 20,
            max_object_marks: 1024,
            max_user_queue_bytes: 128 << 20,
            max_total_queue_bytes: 1 << 30,
        }
    }
}

impl Limits {
    /// Sets [`Limits::max_queued_events`].
    #[must_use]
    pub const fn with_max_queued_events(mut self, max_queued_events: usize) -> Self {
        self.max_queued_events = max_queued_events;
        self
    }

    /// Sets [`Limits::max_user_instances`].
    #[must_use]
    pub const fn with_max_user_instances(mut self, max_user_instances: u32) -> Self {
        self.max_user_instances = max_user_instances;
        self
    }

    /// Sets [`Limits::max_user_watches`].
    #[must_use]
    pub const fn with_max_user_watches(mut self, max_user_watches: u32) -> Self {
        self.max_user_watches = max_user_watches;
        self
    }

    /// Sets [`Limits::max_object_marks`].
    #[must_use]
    pub const fn with_max_object_marks(mut self, max_object_marks: usize) -> Self {
        self.max_object_marks = max_object_marks;
        self
    }

    /// Sets [`Limits::max_user_queue_bytes`].
    #[must_use]
    pub const fn with_max_user_queue_bytes(mut self, max_user_queue_bytes: usize) -> Self {
        self.max_user_queue_bytes = max_user_queue_bytes;
        self
    }

    /// Sets [`Limits::max_total_queue_bytes`].
    #[must_use]
    pub const fn with_max_total_queue_bytes(mut self, max_total_queue_bytes: usize) -> Self {
        self.max_total_queue_bytes = max_total_queue_bytes;
        self
    }
}

/// The configuration of a [`Notifier`](crate::notify::Notifier).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NotifyConfig {
    /// The limits at the start; they can be changed later.
    pub limits: Limits,
    /// The pace of walks.
    pub pace: Pace,
}

impl NotifyConfig {
    /// Sets [`NotifyConfig::limits`].
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`NotifyConfig::pace`].
    #[must_use]
    pub fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }
}

/// The memory of all queues, and its limits. The queues keep it after the notifier is gone.
#[derive(Debug)]
pub(crate) struct QueueMemory {
    /// The used bytes. Changed by compare-and-swap up to the limit; Relaxed, since no other data depends on it.
    used: AtomicUsize,
    /// The limits, in bytes. Relaxed: a change need not be seen at once.
    total_limit: AtomicUsize,
    user_limit: AtomicUsize,
}

impl Default for QueueMemory {
    fn default() -> Self {
        let unlimited = || AtomicUsize::new(usize::MAX);
        Self { used: AtomicUsize::new(0), total_limit: unlimited(), user_limit: unlimited() }
    }
}

impl QueueMemory {
    /// The bytes that all queues take beyond their first chunks.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The limits in bytes: of one user and in total.
    pub(crate) fn limits(&self) -> (usize, usize) {
        (self.user_limit.load(Ordering::Relaxed), self.total_limit.load(Ordering::Relaxed))
    }

    pub(crate) fn set_limits(&self, user: usize, total: usize) {
        self.user_limit.store(user, Ordering::Relaxed);
        self.total_limit.store(total, Ordering::Relaxed);
    }
}

/// Adds to a count, unless the sum exceeds the limit.
fn charge_up_to(count: &AtomicUsize, bytes: usize, limit: usize) -> bool {
    let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= limit);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

/// The charge of one queue, which its drop returns. The default has no user: it is never refused.
#[derive(Debug, Default)]
pub(crate) struct QueueCharge {
    user: Option<Arc<User>>,
    bytes: usize,
}

impl QueueCharge {
    /// The charge of a queue of a user.
    pub(crate) fn of(user: Arc<User>) -> Self {
        Self { user: Some(user), bytes: 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Charges all of `bytes`, to the user and to the total, or none of them.
    pub(crate) fn try_charge(&mut self, bytes: usize) -> bool {
        if let Some(user) = &self.user {
            let (user_limit, total_limit) = user.memory.limits();
            if !charge_up_to(&user.queued, bytes, user_limit) {
                return false;
            }
            if !charge_up_to(&user.memory.used, bytes, total_limit) {
                user.queued.fetch_sub(bytes, Ordering::Relaxed);
                return false;
            }
        }
        self.bytes += bytes;
        true
    }

    pub(crate) fn uncharge(&mut self, bytes: usize) {
        self.bytes -= bytes;
        if let Some(user) = &self.user {
            user.queued.fetch_sub(bytes, Ordering::Relaxed);
            user.memory.used.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for QueueCharge {
    fn drop(&mut self) {
        self.uncharge(self.bytes);
    }
}

/// The usage of one user.
#[derive(Debug, Default)]
pub(crate) struct User {
    id: u32,
    /// Groups and marks. Counted up to a limit by compare-and-swap; Relaxed, since no other data depends on
    /// them.
    instances: AtomicU32,
    watches: AtomicU32,
    /// The bytes that are charged for its queues. A thread that holds one of the queues changes it; Relaxed for
    /// the same reason.
    queued: AtomicUsize,
    memory: Arc<QueueMemory>,
}

fn count_up(count: &AtomicU32, limit: u32) -> bool {
    let mut now = count.load(Ordering::Relaxed);
    while now < limit {
        match count.compare_exchange_weak(now, now + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(other) => now = other,
        }
    }
    false
}

impl User {
    /// Counts one more mark.
    pub(crate) fn charge_watch(&self, limits: &Limits) -> Result<()> {
        if count_up(&self.watches, limits.max_user_watches) {
            Ok(())
        } else {
            Err(Error::from(Errno::ENOSPC).with_limit(Limit::Watches))
        }
    }

    pub(crate) fn release_watches(&self, count: u32) {
        self.watches.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn watches(&self) -> u32 {
        self.watches.load(Ordering::Relaxed)
    }
}

/// All users that have a group.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_id: Mutex<HashMap<u32, Arc<User>>, { rank::LEAF }>,
    memory: Arc<QueueMemory>,
}

impl Users {
    /// Counts one more group of a user.
    pub(crate) fn charge_instance(&self, id: u32, limits: &Limits) -> Result<Arc<User>> {
        let mut users = self.by_id.lock();
        if users.len() == users.capacity() {
            // The table may be reallocated.
            count_items(users.len());
        }
        let memory = &self.memory;
        let made = || Arc::new(User { id, memory: memory.clone(), ..User::default() });
        let user = users.entry(id).or_insert_with(made).clone();
        if count_up(&user.instances, limits.max_user_instances) {
            return Ok(user);
        }
        if user.instances.load(Ordering::Relaxed) == 0 {
            users.remove(&id);
        }
        drop(users);
        Err(Error::from(Errno::EMFILE).with_limit(Limit::Instances))
    }

    /// Uncounts a group of a user. A user without groups is removed.
    pub(crate) fn release_instance(&self, user: &Arc<User>) {
        let mut users = self.by_id.lock();
        if user.instances.fetch_sub(1, Ordering::Relaxed) == 1 {
            // The entry is made again with the user's next group. The value is freed after the lock: the caller
            // holds another reference.
            users.remove(&user.id);
        }
    }

    /// Groups and marks of a user.
    pub(crate) fn usage(&self, id: u32) -> (u32, u32) {
        let users = self.by_id.lock();
        users
            .get(&id)
            .map_or((0, 0), |user| (user.instances.load(Ordering::Relaxed), user.watches()))
    }

    /// The bytes that are charged for the queues of a user.
    pub(crate) fn queued_bytes(&self, id: u32) -> usize {
        self.by_id.lock().get(&id).map_or(0, |user| user.queued.load(Ordering::Relaxed))
    }

    /// The number of users that have a group.
    pub(crate) fn known(&self) -> usize {
        self.by_id.lock().len()
    }

    /// The memory of all queues.
    pub(crate) fn memory(&self) -> &QueueMemory {
        &self.memory
    }
}

//! Limits, and the users against whom they are counted.

use std::collections::HashMap;

use crate::base::error::{ErrorKind, Result};
use crate::base::pace::Pace;
use crate::base::sync::{Arc, AtomicU32, Mutex, Ordering, count_items, rank};

/// The limits of the notification side, as Linux's `fs.inotify` sysctls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events in one queue; captured when a group is made (default 16384).
    pub max_queued_events: usize,
    /// Groups of one user (default 128).
    pub max_user_instances: u32,
    /// Marks of one user (default 1048576).
    pub max_user_watches: u32,
    /// Marks on one object, of all groups (default 1024): it bounds how long delivery looks at
    /// them under one lock. Linux has no such limit.
    pub max_object_marks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_queued_events: 16_384,
            max_user_instances: 128,
            max_user_watches: 1 << 20,
            max_object_marks: 1024,
        }
    }
}

/// How a [`Notifier`](crate::notify::Notifier) is set up.
#[derive(Clone, Debug, Default)]
pub struct NotifyConfig {
    /// The limits at the start; they can be changed later.
    pub limits: Limits,
    /// The pace of walks.
    pub pace: Pace,
}

/// What one user has.
#[derive(Debug, Default)]
pub(crate) struct User {
    id: u32,
    /// Groups and marks. Counted up to a limit by compare-and-swap; Relaxed, since nothing else
    /// hangs on them.
    instances: AtomicU32,
    watches: AtomicU32,
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
            Err(ErrorKind::NoSpace.into())
        }
    }

    pub(crate) fn release_watches(&self, count: u32) {
        self.watches.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn watches(&self) -> u32 {
        self.watches.load(Ordering::Relaxed)
    }
}

/// All users that have something.
#[derive(Debug, Default)]
pub(crate) struct Users(Mutex<HashMap<u32, Arc<User>>, { rank::LEAF }>);

impl Users {
    /// Counts one more group of a user.
    pub(crate) fn charge_instance(&self, id: u32, limits: &Limits) -> Result<Arc<User>> {
        let mut users = self.0.lock();
        if users.len() == users.capacity() {
            // It may be made anew.
            count_items(users.len());
        }
        let user =
            users.entry(id).or_insert_with(|| Arc::new(User { id, ..User::default() })).clone();
        if count_up(&user.instances, limits.max_user_instances) {
            return Ok(user);
        }
        if user.instances.load(Ordering::Relaxed) == 0 {
            users.remove(&id);
        }
        drop(users);
        Err(ErrorKind::TooManyInstances.into())
    }

    /// A group of this user is gone; a user without any is forgotten.
    pub(crate) fn release_instance(&self, user: &Arc<User>) {
        let mut users = self.0.lock();
        if user.instances.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Made again when the user comes back. The value is freed after the lock: the
            // caller holds one more.
            users.remove(&user.id);
        }
    }

    /// Groups and marks of a user.
    pub(crate) fn usage(&self, id: u32) -> (u32, u32) {
        let users = self.0.lock();
        users
            .get(&id)
            .map_or((0, 0), |user| (user.instances.load(Ordering::Relaxed), user.watches()))
    }
}

//! Counts and limits of the open files of a [`Vfs`](crate::Vfs).

use std::collections::HashMap;

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::sync::{AtomicU64, AtomicUsize, Mutex, Ordering, rank};
use crate::vfs::file::pipe::Pipes;

/// Counts and limits of the open files of a [`Vfs`](crate::Vfs), and its pipes.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    /// How many descriptions there are. Relaxed: a budget, not a protocol.
    open: AtomicUsize,
    max: usize,
    /// How many each user has, where there is a limit on that.
    users: Option<UserFiles>,
    /// The last id given to a description. Relaxed: only its being unique matters.
    last_id: AtomicU64,
    pipes: Pipes,
}

/// The descriptions of each user that has some.
#[derive(Debug)]
struct UserFiles {
    max: usize,
    open: Mutex<HashMap<u32, usize>, { rank::LEAF }>,
}

impl UserFiles {
    /// Counts one more; false at the limit.
    fn take(&self, user: u32) -> bool {
        let mut open = self.open.lock();
        let count = open.get(&user).copied().unwrap_or(0);
        if count >= self.max {
            return false;
        }
        open.insert(user, count + 1);
        true
    }

    /// Counts one less; a user without any is forgotten.
    fn give(&self, user: u32) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&user);
            }
        }
    }
}

impl OpenFiles {
    /// Room for `max` descriptions, of which one user may have `max_user`.
    pub(crate) fn new(max: usize, max_user: usize) -> Self {
        let users = UserFiles { max: max_user, open: Mutex::default() };
        Self {
            open: AtomicUsize::new(0),
            max,
            users: (max_user < max).then_some(users),
            last_id: AtomicU64::new(0),
            pipes: Pipes::default(),
        }
    }

    /// How many descriptions there are.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn pipes(&self) -> &Pipes {
        &self.pipes
    }

    /// Counts one more description of a user.
    ///
    /// # Errors
    /// `EMFILE` at the limit of the user, `ENFILE` at that of all.
    pub(crate) fn take(&self, user: u32) -> Result<()> {
        if let Some(users) = &self.users
            && !users.take(user)
        {
            return Err(Error::from(Errno::EMFILE).with_limit(Limit::OpenFiles));
        }
        let full = |open| (open < self.max).then_some(open + 1);
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, full).is_err() {
            if let Some(users) = &self.users {
                users.give(user);
            }
            return Err(Error::from(Errno::ENFILE).with_limit(Limit::OpenFiles));
        }
        Ok(())
    }

    /// Counts one less.
    pub(crate) fn give(&self, user: u32) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(users) = &self.users {
            users.give(user);
        }
    }
}

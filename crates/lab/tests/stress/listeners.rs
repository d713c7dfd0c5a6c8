//! The instances that threads share, and those that have been replaced.

#![expect(clippy::disallowed_types, reason = "a program that uses the crate has locks of its own")]

use std::sync::Arc;

use fastrand::Rng;
use parking_lot::{Mutex, RwLock};
use vfsnotify::Result;
use vfsnotify::inotify::Inotify;

use crate::listener::{Delivered, Listener};
use crate::pool::Pool;

/// How many instances are shared.
const LISTENERS: usize = 4;

/// The users who have shared instances; their limits are the low ones.
pub(crate) const USERS: [u32; 3] = [0, 1000, 1001];

fn user_of(nth: usize) -> u32 {
    USERS[nth % USERS.len()]
}

/// All shared instances. The first has one-shots only.
#[derive(Debug)]
pub(crate) struct Listeners {
    shared: Vec<RwLock<Arc<Listener>>>,
    /// Those that have been replaced, and may still be in use.
    replaced: Pool<Arc<Listener>>,
    delivered: Mutex<Delivered>,
}

impl Listeners {
    /// New instances, each made for a user.
    pub(crate) fn new(make: impl Fn(u32) -> Result<Inotify>) -> Self {
        let one = |nth| {
            let inotify = make(user_of(nth)).expect("the first instances");
            RwLock::new(Arc::new(Listener::new(inotify, nth == 0)))
        };
        let shared = (0..LISTENERS).map(one).collect();
        Self { shared, replaced: Pool::default(), delivered: Mutex::default() }
    }

    /// One of them.
    pub(crate) fn any(&self, rng: &mut Rng) -> Arc<Listener> {
        self.shared[rng.usize(0..LISTENERS)].read().clone()
    }

    /// Puts a new instance in the place of one.
    pub(crate) fn replace(
        &self,
        rng: &mut Rng,
        make: impl Fn(u32) -> Result<Inotify>,
    ) -> Result<()> {
        let nth = rng.usize(0..LISTENERS);
        let new = Arc::new(Listener::new(make(user_of(nth))?, nth == 0));
        let old = std::mem::replace(&mut *self.shared[nth].write(), new);
        self.replaced.put(old);
        Ok(())
    }

    /// Ends a replaced instance that is unused: read to its end, closed, or just dropped.
    pub(crate) fn end_one(&self, rng: &mut Rng) {
        let Some(listener) = self.replaced.take() else { return };
        // No thread can find it any more, so that the count only falls. (`Arc::try_unwrap` rests on a fence,
        // which ThreadSanitizer does not see.)
        if Arc::strong_count(&listener) > 1 {
            return self.replaced.put(listener);
        }
        let delivered = match rng.u8(0..4) {
            0 => {
                listener.inotify.close();
                listener.vanish()
            }
            1 => listener.vanish(),
            _ => listener.finish(),
        };
        self.delivered.lock().add(delivered);
    }

    /// Gives all out, when no thread works any more.
    pub(crate) fn take_all(&mut self) -> Vec<Arc<Listener>> {
        let mut all: Vec<_> = self.shared.drain(..).map(RwLock::into_inner).collect();
        all.extend(std::iter::from_fn(|| self.replaced.take()));
        all
    }

    /// Reads all to their ends, when no thread works any more, and looks what is still counted against
    /// their users: as long as a user has an instance, what it had is remembered.
    pub(crate) fn end_all(
        &mut self,
        make: impl Fn(u32) -> Result<Inotify>,
        usage: impl Fn(u32) -> (u32, u32),
    ) {
        let keepers = USERS.map(|user| make(user).expect("the limits are high again"));
        for listener in self.take_all() {
            assert_eq!(Arc::strong_count(&listener), 1, "no thread works any more");
            self.delivered.lock().add(listener.finish());
        }
        for user in USERS {
            assert_eq!(usage(user), (1, 0), "instances and watches of user {user}");
        }
        drop(keepers);
        for user in USERS {
            assert_eq!(usage(user), (0, 0), "instances and watches of user {user}");
        }
    }

    /// The counts of the ended ones.
    pub(crate) fn delivered(&self) -> Delivered {
        *self.delivered.lock()
    }
}

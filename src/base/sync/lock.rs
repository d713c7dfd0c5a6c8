//! Ranked locks over parking_lot, loom or shuttle.

#![cfg_attr(
    not(any(loom, shuttle)),
    expect(clippy::disallowed_types, reason = "this is where the ranked locks are made")
)]

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::lockdep::{Domain, Held};

#[cfg(loom)]
mod raw {
    //! loom's locks with parking_lot's interface: no lock is poisoned.
    pub(super) use loom::sync::{MutexGuard, RwLockWriteGuard};

    /// loom cannot downgrade a hold for writing to one for reading: it stays one for writing, which
    /// admits fewer schedules.
    pub(super) enum RwLockReadGuard<'a, T> {
        Read(loom::sync::RwLockReadGuard<'a, T>),
        Downgraded(RwLockWriteGuard<'a, T>),
    }
    impl<T> std::ops::Deref for RwLockReadGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            match self {
                Self::Read(guard) => guard,
                Self::Downgraded(guard) => guard,
            }
        }
    }
    #[cfg(any(feature = "vfs", test))]
    pub(super) fn downgrade<T>(guard: RwLockWriteGuard<'_, T>) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard::Downgraded(guard)
    }

    pub(super) struct Mutex<T>(loom::sync::Mutex<T>);
    impl<T> Mutex<T> {
        pub(super) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }
        pub(super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }

    pub(super) struct RwLock<T>(loom::sync::RwLock<T>);
    impl<T> RwLock<T> {
        pub(super) fn new(value: T) -> Self {
            Self(loom::sync::RwLock::new(value))
        }
        pub(super) fn read(&self) -> RwLockReadGuard<'_, T> {
            RwLockReadGuard::Read(self.0.read().unwrap())
        }
        pub(super) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap()
        }
        pub(super) fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
            self.0.try_read().ok().map(RwLockReadGuard::Read)
        }
        pub(super) fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
            self.0.try_write().ok()
        }
    }
}
#[cfg(all(shuttle, not(loom)))]
mod raw {
    pub(super) use shuttle_parking_lot::{
        Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    };

    #[cfg(any(feature = "vfs", test))]
    pub(super) fn downgrade<T>(guard: RwLockWriteGuard<'_, T>) -> RwLockReadGuard<'_, T> {
        RwLockWriteGuard::downgrade(guard)
    }
}
#[cfg(not(any(loom, shuttle)))]
mod raw {
    pub(super) use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

    #[cfg(any(feature = "vfs", test))]
    pub(super) fn downgrade<T>(guard: RwLockWriteGuard<'_, T>) -> RwLockReadGuard<'_, T> {
        RwLockWriteGuard::downgrade(guard)
    }
}

/// A lock with its [`Domain`]: the form in which a lock is taken that may be held while a file system
/// is called.
pub(crate) struct Owned<'a, Lock> {
    lock: &'a Lock,
    domain: Domain,
}

/// A mutual exclusion lock of rank `RANK`.
pub(crate) struct Mutex<T, const RANK: u8> {
    raw: raw::Mutex<T>,
}

/// Holds a [`Mutex`].
pub(crate) struct MutexGuard<'a, T, const RANK: u8> {
    // The lock is released before its entry is removed from the thread's list: fields drop in order.
    raw: raw::MutexGuard<'a, T>,
    _held: Held<RANK>,
}

impl<T, const RANK: u8> Mutex<T, RANK> {
    /// A lock around `value`.
    pub(crate) fn new(value: T) -> Self {
        Self { raw: raw::Mutex::new(value) }
    }

    /// The lock as one of this domain.
    #[inline(always)]
    pub(crate) fn of(&self, domain: Domain) -> Owned<'_, Self> {
        Owned { lock: self, domain }
    }

    /// Waits for the lock.
    #[track_caller]
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T, RANK> {
        self.lock_keyed(0)
    }

    /// Waits for the lock, one of several of its rank, to be taken in ascending order of `key`.
    #[track_caller]
    #[inline]
    pub(crate) fn lock_keyed(&self, key: u64) -> MutexGuard<'_, T, RANK> {
        self.of(Domain::ANY).lock_keyed(key)
    }
}

impl<'a, T, const RANK: u8> Owned<'a, Mutex<T, RANK>> {
    /// See [`Mutex::lock`].
    #[track_caller]
    #[inline]
    pub(crate) fn lock(self) -> MutexGuard<'a, T, RANK> {
        self.lock_keyed(0)
    }

    /// See [`Mutex::lock_keyed`].
    #[track_caller]
    #[inline]
    pub(crate) fn lock_keyed(self, key: u64) -> MutexGuard<'a, T, RANK> {
        let held = Held::check(self.domain, key);
        let raw = self.lock.raw.lock();
        MutexGuard { raw, _held: held.taken() }
    }
}

impl<T, const RANK: u8> MutexGuard<'_, T, RANK> {
    /// Releases the lock to a waiting thread, for a loop that would otherwise take it again before that
    /// thread is awake.
    pub(crate) fn unlock_fair(self) {
        #[cfg(not(any(loom, shuttle)))]
        raw::MutexGuard::unlock_fair(self.raw);
    }
}

impl<T, const RANK: u8> Deref for MutexGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.raw
    }
}

impl<T, const RANK: u8> DerefMut for MutexGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.raw
    }
}

impl<T: Default, const RANK: u8> Default for Mutex<T, RANK> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, const RANK: u8> fmt::Debug for Mutex<T, RANK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("rank", &RANK).finish_non_exhaustive()
    }
}

/// A readers-writer lock of rank `RANK`.
pub(crate) struct RwLock<T, const RANK: u8> {
    raw: raw::RwLock<T>,
}

/// Holds a [`RwLock`] for reading.
pub(crate) struct RwLockReadGuard<'a, T, const RANK: u8> {
    raw: raw::RwLockReadGuard<'a, T>,
    _held: Held<RANK>,
}

/// Holds a [`RwLock`] for writing.
pub(crate) struct RwLockWriteGuard<'a, T, const RANK: u8> {
    raw: raw::RwLockWriteGuard<'a, T>,
    _held: Held<RANK>,
}

impl<T, const RANK: u8> RwLock<T, RANK> {
    /// A lock around `value`.
    pub(crate) fn new(value: T) -> Self {
        Self { raw: raw::RwLock::new(value) }
    }

    /// The lock as one of this domain.
    #[inline(always)]
    pub(crate) fn of(&self, domain: Domain) -> Owned<'_, Self> {
        Owned { lock: self, domain }
    }

    /// Waits for the lock, for reading.
    #[track_caller]
    #[inline]
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T, RANK> {
        self.read_keyed(0)
    }

    /// Waits for the lock, for reading, as one of several of its rank; see [`Mutex::lock_keyed`].
    #[track_caller]
    #[inline]
    pub(crate) fn read_keyed(&self, key: u64) -> RwLockReadGuard<'_, T, RANK> {
        self.of(Domain::ANY).read_keyed(key)
    }

    /// Waits for the lock, for writing.
    #[track_caller]
    #[inline]
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T, RANK> {
        self.write_keyed(0)
    }

    /// Waits for the lock, for writing, as one of several of its rank; see [`Mutex::lock_keyed`].
    #[track_caller]
    #[inline]
    pub(crate) fn write_keyed(&self, key: u64) -> RwLockWriteGuard<'_, T, RANK> {
        self.of(Domain::ANY).write_keyed(key)
    }

    /// Whether a thread waits to write, or writes: for loops that hold the lock for reading for long.
    /// False under a model checker, where no thread reads for long.
    #[inline]
    pub(crate) fn is_wanted_for_writing(&self) -> bool {
        #[cfg(not(any(loom, shuttle)))]
        return self.raw.is_locked_exclusive();
        #[cfg(any(loom, shuttle))]
        false
    }

    /// Takes the lock for reading if no thread holds it for writing.
    #[track_caller]
    #[inline]
    pub(crate) fn try_read(&self) -> Option<RwLockReadGuard<'_, T, RANK>> {
        let raw = self.raw.try_read()?;
        Some(RwLockReadGuard { raw, _held: Held::without_waiting(0) })
    }

    /// Takes the lock for writing if no thread holds it.
    #[track_caller]
    #[inline]
    pub(crate) fn try_write(&self) -> Option<RwLockWriteGuard<'_, T, RANK>> {
        let raw = self.raw.try_write()?;
        Some(RwLockWriteGuard { raw, _held: Held::without_waiting(0) })
    }
}

impl<'a, T, const RANK: u8> Owned<'a, RwLock<T, RANK>> {
    #[cfg(feature = "vfs")]
    /// See [`RwLock::read`].
    #[track_caller]
    #[inline]
    pub(crate) fn read(self) -> RwLockReadGuard<'a, T, RANK> {
        self.read_keyed(0)
    }

    /// See [`RwLock::read_keyed`].
    #[track_caller]
    #[inline]
    pub(crate) fn read_keyed(self, key: u64) -> RwLockReadGuard<'a, T, RANK> {
        let held = Held::check(self.domain, key);
        let raw = self.lock.raw.read();
        RwLockReadGuard { raw, _held: held.taken() }
    }

    /// See [`RwLock::write`].
    #[track_caller]
    #[inline]
    pub(crate) fn write(self) -> RwLockWriteGuard<'a, T, RANK> {
        self.write_keyed(0)
    }

    /// See [`RwLock::write_keyed`].
    #[track_caller]
    #[inline]
    pub(crate) fn write_keyed(self, key: u64) -> RwLockWriteGuard<'a, T, RANK> {
        let held = Held::check(self.domain, key);
        let raw = self.lock.raw.write();
        RwLockWriteGuard { raw, _held: held.taken() }
    }
}

#[cfg(any(feature = "vfs", test))]
impl<'a, T, const RANK: u8> RwLockWriteGuard<'a, T, RANK> {
    /// Downgrades the hold to one for reading. No writer can take the lock in between.
    pub(crate) fn downgrade(self) -> RwLockReadGuard<'a, T, RANK> {
        RwLockReadGuard { raw: raw::downgrade(self.raw), _held: self._held }
    }
}

impl<T, const RANK: u8> Deref for RwLockReadGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.raw
    }
}

impl<T, const RANK: u8> Deref for RwLockWriteGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.raw
    }
}

impl<T, const RANK: u8> DerefMut for RwLockWriteGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.raw
    }
}

impl<T: Default, const RANK: u8> Default for RwLock<T, RANK> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T, const RANK: u8> fmt::Debug for RwLock<T, RANK> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").field("rank", &RANK).finish_non_exhaustive()
    }
}

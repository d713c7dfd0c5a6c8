//! The only importer of locks and atomics.
//!
//! Everything else in the crate imports `crate::base::sync`, so that three things hold everywhere. Each
//! lock has a [`rank`], checked at run time in debug builds and under `--cfg lockdep`. Under `--cfg
//! loom` and `--cfg shuttle` the same code runs on the model checkers' types. And `tests/layering` can
//! prove both by reading the imports.

#[cfg(all(test, not(any(loom, shuttle))))]
mod counted_atomics;
mod lock;
pub mod lockdep;
#[cfg(test)]
pub(crate) mod model_helpers;
pub(crate) mod rank;
#[cfg(all(test, any(debug_assertions, lockdep), not(any(loom, shuttle))))]
mod tests;
mod wakeup;

pub(crate) use lock::{Mutex, MutexGuard, Owned, RwLock, RwLockWriteGuard};
#[cfg(all(test, any(debug_assertions, lockdep), not(any(loom, shuttle))))]
pub(crate) use lockdep::taken_locks;
pub(crate) use lockdep::{
    Domain, assert_no_hook_lock, assert_nothing_held, count_items, holds_hook_lock,
    without_counting,
};
pub(crate) use wakeup::ReadyReceiver;
pub(crate) use wakeup::Wakeup;

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
#[cfg(all(feature = "vfs", shuttle))]
pub(crate) use shuttle::sync::atomic::fence;
#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::atomic::Ordering;
#[cfg(all(feature = "vfs", not(shuttle)))]
pub(crate) use std::sync::atomic::fence;
#[cfg(not(any(test, loom, shuttle)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) use counted_atomics::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, loads};

/// Shared ownership and one-time initialisation are the standard library's in every build. The
/// protocols do not depend on the order of a reference count, and no modelled thread waits for a page
/// that is being made (pages are made under a modelled lock).
pub(crate) use std::sync::{Arc, OnceLock, Weak};

/// A number that no other call in this process gets, for 2^32 calls. The model checkers do not see it:
/// only its uniqueness matters.
pub(crate) fn unique_number() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

#[cfg(loom)]
pub(crate) use loom::thread::yield_now;
#[cfg(shuttle)]
pub(crate) use shuttle::thread::yield_now;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::thread::yield_now;

/// A static of each thread. Shuttle's threads share one thread of the operating system, so there the
/// model checker tells them apart. (loom's do too, but the VFS, which uses this, has no loom model.)
#[cfg(all(feature = "vfs", shuttle))]
pub(crate) use shuttle::thread_local;
#[cfg(all(feature = "vfs", not(shuttle)))]
pub(crate) use std::thread_local;

//! The run-time check of the locks: their order, their holders, and the work under each hold.
//!
//! Each thread lists the locks it holds. Taking a lock whose rank (and key) is not above all of them
//! panics with both names and both places, before a deadlock can happen. Loops that run under a lock
//! count their items (`count_items`), and the most items counted under one hold are recorded for each
//! rank: a bound on holds that needs no clock and no quiet machine.
//!
//! A file system may use another VFS, and is called with locks of its own VFS held: the file position,
//! the rename lock, the locks of directories and attributes. So these and the mount table have a
//! `Domain`, and locks of one VFS are not compared with those of another. All other locks have none and
//! are compared with every lock: no foreign code is called under them.
//!
//! On in debug builds and under `--cfg lockdep`. In other builds a thread counts only its holds of
//! locks that hooks take (`holds_hook_lock`), and every other item here is empty; under loom all are.
//! Under shuttle the order is checked, but no item is counted, and a thread sees only its own locks.

#[cfg(all(any(debug_assertions, lockdep), not(loom)))]
mod checked;
#[cfg(all(any(debug_assertions, lockdep), not(loom)))]
mod held_locks;
mod hold_limits;
mod longest_hold;
#[cfg(all(any(debug_assertions, lockdep), not(any(loom, shuttle))))]
mod longest_holds;
#[cfg(all(any(debug_assertions, lockdep), not(any(loom, shuttle))))]
mod thread_list;
#[cfg(not(all(any(debug_assertions, lockdep), not(loom))))]
mod unchecked;

#[cfg(all(any(debug_assertions, lockdep), not(loom)))]
use checked as imp;
#[cfg(not(all(any(debug_assertions, lockdep), not(loom))))]
use unchecked as imp;

pub use hold_limits::BOUNDS;
pub(crate) use imp::Domain;
pub(super) use imp::Held;
#[cfg(all(test, any(debug_assertions, lockdep), not(any(loom, shuttle))))]
pub(crate) use imp::taken_locks;
pub(crate) use imp::{count_items, holds_hook_lock, without_counting};
pub use longest_hold::LongestHold;

/// Whether the check is on in this build.
#[must_use]
pub const fn is_on() -> bool {
    cfg!(all(any(debug_assertions, lockdep), not(loom)))
}

/// A line for each lock of the crate that any living thread holds or waits for: for a watchdog.
/// Empty where the check is off.
#[must_use]
pub fn held_by_all() -> String {
    imp::held_by_all()
}

/// How many items the loops under locks have counted on this thread since it began: for a clock that
/// advances with work. 0 where the check is off.
#[must_use]
pub fn work_done() -> u64 {
    imp::work_done()
}

/// For each rank of which a lock was released since the last reset, its longest hold, from the
/// outermost rank inwards. Empty where the check is off.
#[must_use]
pub fn longest_holds() -> Vec<LongestHold> {
    imp::longest_holds()
}

/// Resets the longest holds. A hold that has begun counts from its beginning when it ends.
pub fn reset_longest_holds() {
    imp::reset_longest_holds();
}

/// Asserts that no hold of a named lock since the last reset had more than `most` items.
///
/// # Panics
///
/// If one had, with its place; and if there is no lock of that name, so that renaming a lock does not
/// silently drop its bound. Where the check is off it asserts nothing.
pub fn assert_bounds(bounds: &[(&str, u64)]) {
    let holds = longest_holds();
    for (lock, most) in bounds {
        assert!(!is_on() || super::rank::is_name(lock), "there is no lock named \"{lock}\"");
        if let Some(hold) = holds.iter().find(|hold| hold.lock == *lock) {
            assert!(hold.items <= *most, "more than {most} items under one hold of {hold}");
        }
    }
}

/// Asserts, where the check is on, that this thread holds no lock of the crate that belongs to this
/// domain or to none. Called before foreign code runs (a file system call, a yielder, a callback). A
/// file system that runs on another VFS may hold locks of that VFS here.
#[track_caller]
#[inline]
pub(crate) fn assert_nothing_held(about: &str, domain: Domain) {
    let held = imp::held_locks(domain);
    assert!(held == 0, "{about} with {held} locks of the crate held");
}

/// Asserts, where the check is on, that this thread holds no lock that a hook takes. During unwinding
/// it does not panic again.
#[track_caller]
#[inline]
pub(crate) fn assert_no_hook_lock(about: &str) {
    if is_on() && holds_hook_lock() && !std::thread::panicking() {
        panic!("{about} under a lock of the crate that hooks take");
    }
}

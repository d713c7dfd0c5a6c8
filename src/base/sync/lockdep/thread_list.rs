//! All threads that ever took a lock, so that a watchdog can say which thread holds which lock.
//!
//! A thread enrolls when it first takes a lock of the crate. Its list is behind a lock of its own,
//! which is held for a push or a pop, and under which nothing else is taken.

#![expect(clippy::disallowed_types, reason = "the check of the ranked locks cannot use them")]

use std::fmt::Write;
use std::sync::{Arc, Weak};
use std::thread;

use parking_lot::Mutex;

use super::held_locks::Stack;

/// A thread's list, shared with the watchdog.
pub(super) type SharedStack = Arc<Mutex<Stack>>;

struct Thread {
    name: String,
    stack: Weak<Mutex<Stack>>,
}

/// Taken before any thread's list.
static THREADS: Mutex<Vec<Thread>> = Mutex::new(Vec::new());

/// Makes the list of this thread; other threads can find it while the thread lives.
pub(super) fn enroll() -> SharedStack {
    let stack = SharedStack::default();
    let thread = thread::current();
    let name = thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
    let mut threads = THREADS.lock();
    threads.retain(|thread| thread.stack.strong_count() > 0);
    threads.push(Thread { name, stack: Arc::downgrade(&stack) });
    stack
}

/// See [`held_by_all`](super::held_by_all).
pub(super) fn held_by_all() -> String {
    let threads = THREADS.lock();
    let mut lines = String::new();
    for thread in &*threads {
        let Some(stack) = thread.stack.upgrade() else { continue };
        // Copied, so that the thread does not wait for the formatting.
        let held = stack.lock().held.clone();
        for entry in held {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "thread \"{}\" {entry}", thread.name);
        }
    }
    lines
}

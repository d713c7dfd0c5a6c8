//! The build with the check: each lock that is taken is compared with those the thread holds.

use std::panic::Location;

pub(crate) use super::held_locks::Domain;
use super::held_locks::{HeldLock, Stack};
#[cfg(shuttle)]
use super::longest_hold::LongestHold;
use crate::base::sync::rank;

#[cfg(not(shuttle))]
mod own {
    use std::cell::Cell;

    use super::super::held_locks::Stack;
    use super::super::thread_list::{self, SharedStack};

    thread_local! {
        static STACK: SharedStack = thread_list::enroll();
        /// Has no destructor, so that it can be used until the end of the thread.
        pub(super) static WORK: Cell<u64> = const { Cell::new(0) };
        /// Does nothing in this build.
        pub(super) static PAUSED: Cell<bool> = const { Cell::new(false) };
    }

    /// `None` on a thread that is being torn down: its list is gone. Locks that later destructors of
    /// the thread take are not checked.
    pub(super) fn with_stack<R>(look: impl FnOnce(&mut Stack) -> R) -> Option<R> {
        STACK.try_with(|stack| look(&mut stack.lock())).ok()
    }
}

#[cfg(shuttle)]
mod own {
    use std::cell::RefCell;

    use super::super::held_locks::Stack;

    shuttle::thread_local! {
        static STACK: RefCell<Stack> = RefCell::new(Stack::default());
    }

    pub(super) fn with_stack<R>(look: impl FnOnce(&mut Stack) -> R) -> Option<R> {
        Some(STACK.with(|stack| look(&mut stack.borrow_mut())))
    }
}

use own::with_stack;

/// Proof that a lock is on the thread's list; dropping it removes the entry.
#[derive(Debug)]
pub(crate) struct Held<const RANK: u8> {
    /// 0 if there was no list.
    token: u64,
}

impl<const RANK: u8> Held<RANK> {
    /// Checks the order, then enters the lock as waited for. Call it before waiting, and
    /// [`taken`](Self::taken) afterwards.
    #[track_caller]
    pub(crate) fn check(domain: Domain, key: u64) -> Self {
        let (rank, place) = (RANK, Location::caller());
        let entered = with_stack(|stack| {
            let against =
                |held: &&HeldLock| held.domain.concerns(domain) && !may_follow(**held, rank, key);
            match stack.held.iter().find(against).copied() {
                None => Ok(stack.enter(domain, rank, key, false, place, work_done())),
                Some(held) => Err(held),
            }
        });
        // The list is unlocked by now: a panic hook may read it.
        match entered {
            None => Self { token: 0 },
            Some(Ok(token)) => Self { token },
            Some(Err(held)) => panic!(
                "lock order: \"{}\" (key {key:#x}) at {place} while \"{}\" (key {:#x}) \
                 is held since {}",
                rank::name(rank),
                rank::name(held.rank),
                held.key,
                held.place,
            ),
        }
    }

    /// Enters a lock that was taken without waiting, which needs no order.
    #[track_caller]
    pub(crate) fn without_waiting(key: u64) -> Self {
        let place = Location::caller();
        let entered =
            with_stack(|stack| stack.enter(Domain::ANY, RANK, key, true, place, work_done()));
        Self { token: entered.unwrap_or(0) }
    }

    /// Notes that the wait is over.
    pub(crate) fn taken(self) -> Self {
        with_stack(|stack| {
            let Some(at) = stack.find(self.token) else { return };
            let entry = &mut stack.held[at];
            entry.is_taken = true;
            #[cfg(not(shuttle))]
            {
                entry.since_work = work_done();
            }
        });
        self
    }
}

impl<const RANK: u8> Drop for Held<RANK> {
    fn drop(&mut self) {
        let left = with_stack(|stack| stack.find(self.token).map(|at| stack.held.remove(at)));
        #[cfg(not(shuttle))]
        if let Some(Some(entry)) = left
            && entry.is_taken
        {
            super::longest_holds::ended(entry.rank, work_done() - entry.since_work, entry.place);
        }
        #[cfg(shuttle)]
        let _ = left;
    }
}

fn may_follow(held: HeldLock, rank: u8, key: u64) -> bool {
    if rank::TERMINAL.contains(&held.rank) {
        return false;
    }
    held.rank < rank || (held.rank == rank && rank::NESTABLE.contains(&rank) && held.key < key)
}

/// How many locks of the crate this thread has taken so far.
#[cfg(all(test, not(shuttle)))]
pub(crate) fn taken_locks() -> u64 {
    with_stack(|stack| stack.last_token).unwrap_or(0)
}

/// How many locks of the crate this thread holds that belong to this domain or to none.
pub(crate) fn held_locks(domain: Domain) -> usize {
    let concern =
        |stack: &mut Stack| stack.held.iter().filter(|held| held.domain.concerns(domain)).count();
    with_stack(concern).unwrap_or(0)
}

/// Whether this thread holds a lock that a hook takes: of the rank of `group.marks`, or inside it.
pub(crate) fn holds_hook_lock() -> bool {
    with_stack(|stack| stack.held.iter().any(|held| held.rank >= rank::GROUP_MARKS))
        .unwrap_or(false)
}

/// Counts items of a loop toward every lock that this thread holds. A loop that may run under a lock
/// reports its progress here, for a bound on the work under one hold.
#[inline]
pub(crate) fn count_items(items: usize) {
    #[cfg(not(shuttle))]
    if !own::PAUSED.get() {
        own::WORK.set(own::WORK.get() + items as u64);
    }
    #[cfg(shuttle)]
    let _ = items;
}

/// Runs a function that may hold a lock for any time, since no other thread runs: a check of
/// invariants.
pub(crate) fn without_counting<R>(run: impl FnOnce() -> R) -> R {
    // Setting the count back afterwards would be wrong: the holds inside would have ended with it.
    #[cfg(not(shuttle))]
    let before = own::PAUSED.replace(true);
    let result = run();
    #[cfg(not(shuttle))]
    own::PAUSED.set(before);
    result
}

#[cfg(not(shuttle))]
pub(super) fn work_done() -> u64 {
    own::WORK.with(std::cell::Cell::get)
}

#[cfg(not(shuttle))]
pub(super) use super::longest_holds::{longest_holds, reset_longest_holds};
#[cfg(not(shuttle))]
pub(super) use super::thread_list::held_by_all;

#[cfg(shuttle)]
pub(super) fn work_done() -> u64 {
    0
}

#[cfg(shuttle)]
pub(super) fn longest_holds() -> Vec<LongestHold> {
    Vec::new()
}

#[cfg(shuttle)]
pub(super) fn reset_longest_holds() {}

#[cfg(shuttle)]
pub(super) fn held_by_all() -> String {
    with_stack(|stack| stack.held.iter().map(|entry| format!("this thread {entry}\n")).collect())
        .unwrap_or_default()
}

impl std::fmt::Display for HeldLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (verb, since) = if self.is_taken { ("holds", "since") } else { ("waits for", "at") };
        write!(
            f,
            "{verb} \"{}\" (key {:#x}) {since} {}",
            rank::name(self.rank),
            self.key,
            self.place
        )
    }
}

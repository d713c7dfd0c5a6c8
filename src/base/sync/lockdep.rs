//! The run-time check of the lock order.
//!
//! Each thread keeps the locks it holds. Taking one whose rank (and key) is not above all of them
//! panics with both names and both places, before anything can deadlock. In a release build
//! without `--cfg lockdep` every item here is empty.

#[cfg(all(any(debug_assertions, lockdep), not(loom)))]
mod checked {
    use std::cell::RefCell;
    use std::panic::Location;

    use super::super::rank;

    #[derive(Clone, Copy)]
    struct Entry {
        rank: u8,
        key: u64,
        token: u64,
        place: &'static Location<'static>,
    }

    #[derive(Default)]
    struct Stack {
        next_token: u64,
        held: Vec<Entry>,
    }

    #[cfg(not(shuttle))]
    thread_local! {
        static STACK: RefCell<Stack> = RefCell::default();
    }
    #[cfg(shuttle)]
    shuttle::thread_local! {
        static STACK: RefCell<Stack> = RefCell::new(Stack::default());
    }

    /// Proof that a lock was entered on the thread's list; dropping it takes it off again.
    #[derive(Debug)]
    pub(crate) struct Held(u64);

    impl Held {
        /// Checks the order, then enters the lock. Call it before waiting for the lock.
        #[track_caller]
        pub(crate) fn check(rank: u8, key: u64) -> Self {
            let place = Location::caller();
            let worst = STACK.with(|stack| {
                stack.borrow().held.iter().copied().find(|held| !may_follow(*held, rank, key))
            });
            if let Some(held) = worst {
                panic!(
                    "lock order: \"{}\" (key {key:#x}) at {place} while \"{}\" (key {:#x}) \
                     is held since {}",
                    rank::name(rank),
                    rank::name(held.rank),
                    held.key,
                    held.place,
                );
            }
            Self::enter(rank, key, place)
        }

        /// Enters a lock that was taken without waiting; no order is needed for that.
        #[track_caller]
        pub(crate) fn without_waiting(rank: u8, key: u64) -> Self {
            Self::enter(rank, key, Location::caller())
        }

        fn enter(rank: u8, key: u64, place: &'static Location<'static>) -> Self {
            STACK.with(|stack| {
                let mut stack = stack.borrow_mut();
                let token = stack.next_token;
                stack.next_token += 1;
                stack.held.push(Entry { rank, key, token, place });
                Self(token)
            })
        }
    }

    fn may_follow(held: Entry, rank: u8, key: u64) -> bool {
        if rank::TERMINAL.contains(&held.rank) {
            return false;
        }
        held.rank < rank || (held.rank == rank && rank::NESTABLE.contains(&rank) && held.key < key)
    }

    impl Drop for Held {
        fn drop(&mut self) {
            // A thread that is being torn down has no list any more, and needs none.
            #[cfg(not(shuttle))]
            let _ = STACK.try_with(|stack| leave(&mut stack.borrow_mut(), self.0));
            #[cfg(shuttle)]
            STACK.with(|stack| leave(&mut stack.borrow_mut(), self.0));
        }
    }

    fn leave(stack: &mut Stack, token: u64) {
        if let Some(at) = stack.held.iter().rposition(|held| held.token == token) {
            stack.held.remove(at);
        }
    }

    /// How many locks of the crate this thread has taken so far.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn taken_locks() -> u64 {
        STACK.with(|stack| stack.borrow().next_token)
    }

    /// How many locks of the crate this thread holds.
    pub(crate) fn held_locks() -> usize {
        STACK.with(|stack| stack.borrow().held.len())
    }
}

#[cfg(not(all(any(debug_assertions, lockdep), not(loom))))]
mod checked {
    /// Nothing: the check is off in this build.
    #[derive(Debug)]
    pub(crate) struct Held;

    impl Held {
        #[inline(always)]
        pub(crate) fn check(_rank: u8, _key: u64) -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn without_waiting(_rank: u8, _key: u64) -> Self {
            Self
        }
    }

    /// Not known in this build.
    #[inline(always)]
    pub(crate) fn held_locks() -> usize {
        0
    }
}

pub(super) use checked::Held;
#[cfg(all(test, any(debug_assertions, lockdep), not(any(loom, shuttle))))]
pub(crate) use checked::taken_locks;

/// Asserts, where the check is on, that this thread holds no lock of the crate: before foreign
/// code runs (a file system call, a yielder, a callback).
#[track_caller]
#[inline]
pub(crate) fn assert_nothing_held(about: &str) {
    let held = checked::held_locks();
    assert!(held == 0, "{about} with {held} locks of the crate held");
}

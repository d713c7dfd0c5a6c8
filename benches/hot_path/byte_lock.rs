//! A lock of one byte without contention: the price of whatever must be ordered between
//! threads, by which the figures of a machine can be read.

use std::sync::atomic::{AtomicU8, Ordering};

use super::team;
use benches::per_call;

/// Nanoseconds of locking and unlocking, with so many threads, each on a lock of its own.
pub(crate) fn time(threads: usize, calls: u32) -> f64 {
    team::mean(threads, |_| {
        // Far from what the other thread has.
        let lock = Box::new([const { AtomicU8::new(0) }; 4096]);
        let byte = &lock[2048];
        let time = per_call(calls, || {
            let locked = byte.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            let unlocked = byte.compare_exchange(1, 0, Ordering::Release, Ordering::Relaxed);
            assert!(locked.is_ok() && unlocked.is_ok(), "no other thread has it");
        });
        assert_eq!(byte.load(Ordering::Relaxed), 0);
        time
    })
}

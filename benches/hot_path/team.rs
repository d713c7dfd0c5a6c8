//! One thread, or two that begin together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` on this many threads at once, each with its number, and returns what they
/// measured. All begin within the time that a load of a shared word takes.
pub(crate) fn run<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    if threads == 1 {
        return vec![work(0)];
    }
    let waiting = AtomicUsize::new(threads);
    let start = |number: usize| {
        waiting.fetch_sub(1, Ordering::AcqRel);
        // Not a barrier that sleeps: the last to wake would run alone for a while.
        while waiting.load(Ordering::Acquire) > 0 {
            std::hint::spin_loop();
        }
        work(number)
    };
    let start = &start;
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|number| scope.spawn(move || start(number))).collect();
        all.into_iter().map(|thread| thread.join().expect("a thread that measured")).collect()
    })
}

/// The mean of what so many threads measured.
pub(crate) fn mean(threads: usize, work: impl Fn(usize) -> f64 + Sync) -> f64 {
    run(threads, work).iter().sum::<f64>() / threads as f64
}

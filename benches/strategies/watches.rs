//! A watch that comes and goes while others work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::strategy::Strategy;

/// How a watch comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// As fast as it can, each add a walk.
    Nonstop,
    /// With a rest after each change, in which others find the flags as they are.
    Resting(Duration),
}

/// Stops the other threads when this one is done, also if it panics.
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn come_and_go(strategy: &dyn Strategy, pattern: Pattern) {
    strategy.add(0);
    if let Pattern::Resting(rest) = pattern {
        thread::sleep(rest);
    }
    strategy.remove(0);
    match pattern {
        Pattern::Nonstop => strategy.lose(),
        Pattern::Resting(rest) => thread::sleep(rest),
    }
}

/// The activity beside some work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meanwhile {
    /// How often the watch came and went.
    pub(crate) watches: u64,
    /// How many walks began.
    pub(crate) walks: u64,
}

/// Does `work` while a watch comes and goes; `work` is told how often it has.
pub(crate) fn beside(
    strategy: &dyn Strategy,
    pattern: Pattern,
    work: impl FnOnce(&AtomicU64),
) -> Meanwhile {
    let (stop, watches) = (AtomicBool::new(false), AtomicU64::new(0));
    let walks = strategy.walks();
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        let other = scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                come_and_go(strategy, pattern);
                watches.fetch_add(1, Ordering::Release);
            }
        });
        while watches.load(Ordering::Acquire) == 0 {
            assert!(!other.is_finished(), "the watches are gone");
            thread::yield_now();
        }
        work(&watches);
    });
    let walks = strategy.walks() - walks;
    assert!(walks > 0, "{}: nothing was walked over", strategy.name());
    Meanwhile { watches: watches.into_inner(), walks }
}

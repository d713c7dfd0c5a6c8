//! The load of the other core while an operation is measured.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cores::stay_on;
use crate::stage::Stage;

/// The work of another thread meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// Nothing. The directory is watched, and its walk is complete.
    Idle,
    /// Stores to an array of its own, as fast as it can; the directory is watched as in `Idle`.
    /// The effect of the machine itself on two busy cores.
    Busy,
    /// Walks over the directory, again and again.
    Walks,
}

impl Neighbour {
    pub(crate) const ALL: [Self; 3] = [Self::Idle, Self::Busy, Self::Walks];

    /// As the records call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "beside a busy thread",
            Self::Walks => "during the walk",
        }
    }

    /// Does `work` with this neighbour on `stage`, and returns how many events of children the
    /// watch reported meanwhile. Walks must go on for `least_walking` of the time at least.
    pub(crate) fn beside(
        self,
        stage: &dyn Stage,
        least_walking: f64,
        work: impl FnOnce(&Turns),
    ) -> usize {
        if self == Self::Walks {
            let walked = beside(|turns| walk(stage, turns), work);
            let share = walked.walking.as_secs_f64() / walked.total.as_secs_f64();
            assert!(share > least_walking, "walks went on for too little of the time: {share}");
            return walked.delivered;
        }
        let wd = stage.add();
        if self == Self::Busy {
            beside(store, work);
        } else {
            work(&Turns::idle());
        }
        stage.remove(wd)
    }
}

/// How many whole turns of the neighbour a measurement lasts at least. On a machine with other work
/// the neighbour may not run at all for a while.
const LEAST_TURNS: usize = 2;

/// The core of the operations, and that of the other thread.
pub(crate) const OWN_CORE: usize = 0;
const NEIGHBOURS_CORE: usize = 1;

/// How often the neighbour has done its work, and whether it is to stop.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    stop: AtomicBool,
    done: AtomicUsize,
    is_idle: bool,
}

impl Turns {
    fn idle() -> Self {
        Self { is_idle: true, ..Self::default() }
    }

    /// The number of turns after which a measurement that begins now may end.
    pub(crate) fn enough(&self) -> usize {
        if self.is_idle { 0 } else { self.done.load(Ordering::Acquire) + LEAST_TURNS }
    }

    /// Whether so many have been done.
    pub(crate) fn are_done(&self, turns: usize) -> bool {
        self.done.load(Ordering::Acquire) >= turns
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// Stops the other thread when this one is done, also if it panics.
struct Stop<'a>(&'a Turns);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Release);
    }
}

/// Does `work` while another thread does `other`, beginning after its first turn.
fn beside<R: Send>(other: impl FnOnce(&Turns) -> R + Send, work: impl FnOnce(&Turns)) -> R {
    let turns = Turns::default();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            stay_on(NEIGHBOURS_CORE);
            other(&turns)
        });
        let stop = Stop(&turns);
        while !turns.are_done(1) {
            assert!(!other.is_finished(), "the other thread is gone");
            thread::yield_now();
        }
        work(&turns);
        drop(stop);
        other.join().expect("the other thread went well")
    })
}

/// The figures of a walker.
#[derive(Debug, Default)]
struct Walked {
    walking: Duration,
    total: Duration,
    delivered: usize,
}

fn walk(stage: &dyn Stage, turns: &Turns) -> Walked {
    let mut walked = Walked::default();
    let begin = Instant::now();
    while !turns.is_over() {
        let start = Instant::now();
        let wd = stage.add();
        walked.walking += start.elapsed();
        walked.delivered += stage.remove(wd);
        turns.count();
    }
    walked.total = begin.elapsed();
    walked
}

/// Four megabytes: about what a walk writes and reads before it comes round.
const STORED_WORDS: usize = 1 << 20;

fn store(turns: &Turns) {
    let words: Vec<AtomicU32> = (0..STORED_WORDS).map(|_| AtomicU32::new(0)).collect();
    while !turns.is_over() {
        for word in black_box(&words) {
            word.store(1, Ordering::Relaxed);
        }
        turns.count();
    }
}

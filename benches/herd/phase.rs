//! One phase: ten threads that open and close, and one with a watch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::side::{HERD, Side};
use benches::clock::CpuBlocks;
use benches::thread_cpu;

/// The length of a slice of the curve.
pub(crate) const SLICE: Duration = Duration::from_millis(50);
/// How often a watch comes where it comes at intervals.
const INTERVAL: Duration = Duration::from_millis(10);

/// The action of the watch meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Before,
    AtIntervals,
    WithoutPause,
    After,
}

/// In the order in which they are run.
pub(crate) const PHASES: [Phase; 4] =
    [Phase::Before, Phase::AtIntervals, Phase::WithoutPause, Phase::After];

impl Phase {
    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::AtIntervals => "a watch every 10 ms",
            Self::WithoutPause => "watches without a pause",
            Self::After => "after",
        }
    }

    /// Whether the watch comes and goes in it.
    pub(crate) const fn has_watches(self) -> bool {
        matches!(self, Self::AtIntervals | Self::WithoutPause)
    }
}

/// The figures of a phase.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Files opened and closed in each slice.
    pub(crate) slices: Vec<u64>,
    /// Files opened and closed.
    pub(crate) done: u64,
    /// The longest open and close.
    pub(crate) longest: Duration,
    /// The longest CPU time of a few in a row.
    pub(crate) longest_cpu: Duration,
    /// The CPU time of the threads that open and close.
    pub(crate) cpu: Duration,
    /// The CPU time of the thread with the watch.
    pub(crate) watch_cpu: Duration,
    /// How long each turn of the watch took.
    pub(crate) turns: Vec<Duration>,
}

impl Outcome {
    fn add(&mut self, thread: &Self) {
        self.slices.resize(self.slices.len().max(thread.slices.len()), 0);
        for (all, own) in self.slices.iter_mut().zip(&thread.slices) {
            *all += own;
        }
        self.done += thread.done;
        self.longest = self.longest.max(thread.longest);
        self.longest_cpu = self.longest_cpu.max(thread.longest_cpu);
        self.cpu += thread.cpu;
    }
}

/// When a phase begins, for all its threads.
struct Gate {
    barrier: Barrier,
    begun: OnceLock<Instant>,
    is_over: AtomicBool,
}

impl Gate {
    fn pass(&self) -> Instant {
        self.barrier.wait();
        *self.begun.get_or_init(Instant::now)
    }
}

/// Opens and closes one file until the phase is over.
fn open_and_close(side: &dyn Side, file: usize, gate: &Gate, length: Duration) -> Outcome {
    let slices = length.as_nanos().div_ceil(SLICE.as_nanos()) as usize;
    let mut outcome = Outcome { slices: vec![0; slices], ..Outcome::default() };
    let begun = gate.pass();
    let mut cpu = CpuBlocks::begin();
    let mut last = Instant::now();
    // At least once, however late this thread comes to run.
    loop {
        side.open_close(file);
        cpu.count();
        let now = Instant::now();
        outcome.longest = outcome.longest.max(now - last);
        let slice = ((now - begun).as_nanos() / SLICE.as_nanos()) as usize;
        // The last one of a thread may end after the phase.
        if let Some(count) = outcome.slices.get_mut(slice) {
            *count += 1;
            outcome.done += 1;
        }
        last = now;
        if last - begun >= length {
            break;
        }
    }
    (outcome.longest_cpu, outcome.cpu) = cpu.end();
    outcome
}

/// Lets the watch come and go until the others are done; returns how long each turn took, and the
/// CPU time of all.
fn come_and_go(side: &dyn Side, phase: Phase, gate: &Gate) -> (Vec<Duration>, Duration) {
    let mut next = gate.pass();
    let (cpu, mut turns) = (thread_cpu(), Vec::new());
    while phase.has_watches() {
        let begun = Instant::now();
        side.watch();
        turns.push(begun.elapsed());
        if gate.is_over.load(Ordering::Relaxed) {
            break;
        }
        if phase == Phase::AtIntervals {
            // A turn that took longer than the interval puts off those after it.
            next = Instant::now().max(next + INTERVAL);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    (turns, thread_cpu() - cpu)
}

/// Runs a phase.
pub(crate) fn run(side: &dyn Side, phase: Phase, length: Duration) -> Outcome {
    let gate = Gate {
        barrier: Barrier::new(HERD + 1),
        begun: OnceLock::new(),
        is_over: AtomicBool::new(false),
    };
    let mut outcome = Outcome::default();
    thread::scope(|scope| {
        let gate = &gate;
        let watcher = scope.spawn(move || come_and_go(side, phase, gate));
        let spawn = |file| scope.spawn(move || open_and_close(side, file, gate, length));
        let herd: Vec<_> = (0..HERD).map(spawn).collect();
        for thread in herd {
            outcome.add(&thread.join().expect("a thread of the herd"));
        }
        gate.is_over.store(true, Ordering::Relaxed);
        (outcome.turns, outcome.watch_cpu) = watcher.join().expect("the thread of the watch");
    });
    assert!(outcome.done > 0, "no file was opened in {length:?}");
    assert_eq!(outcome.turns.is_empty(), !phase.has_watches(), "a watch in {phase:?}");
    outcome
}

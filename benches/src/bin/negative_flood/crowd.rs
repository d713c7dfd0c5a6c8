//! Ten threads that work in a directory, and what they feel of what happens meanwhile.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::names::Pattern;
use crate::side::{Result, Side};
use benches::Latency;
use benches::clock::CpuBlocks;

/// How many threads there are.
pub(crate) const CROWD: usize = 10;
/// How many turns of opening and looking up come between two files that are made and removed.
const TURNS: usize = 8;

/// Their operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    OpenClose,
    LookUp,
    Create,
    Unlink,
}

/// All kinds.
pub(crate) const KINDS: [Kind; 4] = [Kind::OpenClose, Kind::LookUp, Kind::Create, Kind::Unlink];

impl Kind {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OpenClose => "open and close",
            Self::LookUp => "lookup",
            Self::Create => "create",
            Self::Unlink => "unlink",
        }
    }
}

/// The directory they work in, and what is there.
#[derive(Debug)]
pub(crate) struct Ground<'a, S: Side> {
    pub(crate) side: &'a S,
    pub(crate) dir: &'a S::Dir,
    pub(crate) positive: &'a Pattern,
    /// The names that are known not to exist, and how many.
    pub(crate) negative: &'a Pattern,
    pub(crate) negatives: usize,
}

/// Their latencies, or one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Felt {
    /// For how long.
    pub(crate) time: Duration,
    /// How long each kind of operation took, in wall time.
    pub(crate) kinds: [Latency; KINDS.len()],
    /// The longest CPU time of [`CpuBlocks::LENGTH`] operations in a row.
    pub(crate) longest_cpu: Duration,
    /// How many operations there were.
    pub(crate) done: u64,
}

impl Felt {
    /// Operations in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.time.as_secs_f64()
    }

    fn add(&mut self, other: &Self) {
        for (own, other) in self.kinds.iter_mut().zip(&other.kinds) {
            own.add(other);
        }
        self.longest_cpu = self.longest_cpu.max(other.longest_cpu);
        self.done += other.done;
    }
}

/// Times what one thread does.
struct Stopwatch {
    felt: Felt,
    cpu: CpuBlocks,
}

impl Stopwatch {
    fn time(&mut self, kind: Kind, work: impl FnOnce() -> Result) -> Result {
        let begun = Instant::now();
        work()?;
        self.felt.kinds[kind as usize].record_wall(begun.elapsed());
        self.felt.done += 1;
        self.cpu.count();
        Ok(())
    }
}

/// The names that a thread makes and removes: known not to exist when it is not at work.
fn own_name(thread: usize) -> Vec<u8> {
    format!("of-thread-{thread}").into_bytes()
}

fn work<S: Side>(ground: &Ground<'_, S>, thread: usize, stop: &AtomicBool) -> Result<Felt> {
    let Ground { side, dir, .. } = *ground;
    let own = own_name(thread);
    let file = ground.positive.name(thread);
    let mut missing = ground.negative.names();
    let mut number = thread;
    let mut watch = Stopwatch { felt: Felt::default(), cpu: CpuBlocks::begin() };
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..TURNS {
            watch.time(Kind::OpenClose, || side.open_close(dir, &file))?;
            watch.time(Kind::LookUp, || side.look_up(dir, &file, true))?;
            // Anywhere among them, so that it is in no cache.
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            let name = missing.get((number >> 20) % ground.negatives);
            watch.time(Kind::LookUp, || side.look_up(dir, name, false))?;
        }
        watch.time(Kind::Create, || side.create(dir, &own))?;
        watch.time(Kind::Unlink, || side.unlink(dir, &own))?;
    }
    (watch.felt.longest_cpu, _) = watch.cpu.end();
    Ok(watch.felt)
}

/// Lets the crowd work while `meanwhile` runs; `idle` has one more thread that tidies up every
/// now and then, as a server's idle thread does. Returns what the crowd felt, and what came of it.
pub(crate) fn with_crowd<S: Side, R>(
    ground: &Ground<'_, S>,
    idle: bool,
    meanwhile: impl FnOnce() -> Result<R>,
) -> Result<(Felt, R)> {
    let (stop, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let barrier = Barrier::new(CROWD + 1);
    thread::scope(|scope| {
        let (stop, barrier) = (&stop, &barrier);
        let threads: Vec<_> = (0..CROWD)
            .map(|thread| {
                scope.spawn(move || {
                    barrier.wait();
                    work(ground, thread, stop)
                })
            })
            .collect();
        if idle {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    ground.side.tidy();
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        barrier.wait();
        let begun = Instant::now();
        let result = meanwhile();
        let mut felt = Felt { time: begun.elapsed(), ..Felt::default() };
        stop.store(true, Ordering::Relaxed);
        let all: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        for own in all {
            felt.add(&own.map_err(|_| "a thread of the crowd panicked")??);
        }
        Ok((felt, result?))
    })
}

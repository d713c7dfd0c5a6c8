//! The length of a chunk of work under a lock, and the yield between two chunks.

use std::fmt;
use std::time::Duration;

use crate::base::clock::{Clock, SystemClock};
use crate::base::sync::{Arc, yield_now};

/// The action of a walk between two chunks, while it holds no lock of the crate.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Yielder {
    /// Gives up the rest of the thread's time slice, after each millisecond of work. A waiting thread
    /// gets the lock between any two chunks anyway, and on a busy machine a thread that yields at each
    /// of them hardly runs.
    #[default]
    Thread,
    /// Calls the embedder: a scheduler of its own, a fuzzer's choice, a counter of a test.
    ///
    /// The callback must not call into the crate's blocking operations on the same directory.
    Callback(Arc<dyn Fn() + Send + Sync>),
    /// Does nothing.
    None,
}

impl Yielder {
    /// Yields.
    ///
    /// ```
    /// vfsnotify::Yielder::Thread.yield_now();
    /// ```
    pub fn yield_now(&self) {
        match self {
            Self::Thread => yield_now(),
            Self::Callback(callback) => callback(),
            Self::None => {}
        }
    }
}

impl fmt::Debug for Yielder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "Thread",
            Self::Callback(_) => "Callback",
            Self::None => "None",
        })
    }
}

/// The pace of walks: a budget in time for each hold of a lock, a clock and a [`Yielder`].
///
/// ```
/// use std::time::Duration;
/// use vfsnotify::{Pace, Yielder};
/// let pace = Pace::default().with_budget(Duration::from_micros(5)).with_yielder(Yielder::None);
/// assert_eq!(pace.budget(), Duration::from_micros(5));
/// ```
#[derive(Clone, Debug)]
pub struct Pace {
    budget: Duration,
    clock: Arc<dyn Clock>,
    yielder: Yielder,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            budget: Duration::from_micros(10),
            clock: Arc::new(SystemClock::default()),
            yielder: Yielder::default(),
        }
    }
}

impl Pace {
    /// The same pace with another budget for each chunk.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// The same pace with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same pace with another yielder.
    #[must_use]
    pub fn with_yielder(mut self, yielder: Yielder) -> Self {
        self.yielder = yielder;
        self
    }

    /// The longest a chunk should take.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// The yielder.
    #[must_use]
    pub fn yielder(&self) -> &Yielder {
        &self.yielder
    }

    pub(crate) fn chunks(&self) -> ChunkSizer {
        ChunkSizer { items: FIRST_CHUNK, picos_per_item: None, since_break: Duration::ZERO }
    }
}

/// How long a thread works before it yields its time slice; 0 under a model checker, which must see
/// every yield.
const BETWEEN_BREAKS: Duration =
    if cfg!(any(loom, shuttle)) { Duration::ZERO } else { Duration::from_millis(1) };

/// The length of a chunk before anything has been measured.
const FIRST_CHUNK: u32 = chunk(256);
/// No chunk is longer, however short the clock says that an item takes: the bound on a hold of a lock
/// must not rest on one measurement.
pub(crate) const LONGEST_CHUNK: u32 = chunk(2048);

/// The longest chunk: one item under a model checker, which examines what happens between two.
const fn chunk(ordinary: u32) -> u32 {
    if cfg!(any(loom, shuttle)) { 1 } else { ordinary }
}

/// A budget in time, applied in items: each chunk is measured, the measurement is smoothed, and the
/// length adapts.
#[derive(Debug)]
pub(crate) struct ChunkSizer {
    items: u32,
    picos_per_item: Option<u64>,
    /// How long all chunks since the last break took.
    since_break: Duration,
}

impl ChunkSizer {
    /// How many items the next chunk may have; at least one.
    #[cfg(test)]
    pub(crate) fn items(&self) -> u32 {
        self.items
    }

    /// Runs one chunk and adapts; `work` returns how many items it did. The clock is read before and
    /// after, outside any lock that `work` takes.
    pub(crate) fn measure(&mut self, pace: &Pace, work: impl FnOnce(u32) -> u32) -> u32 {
        let start = pace.clock.monotonic();
        let done = work(self.items);
        let took = pace.clock.monotonic().saturating_sub(start);
        self.since_break = self.since_break.saturating_add(took);
        if done > 0 {
            self.adapt(pace.budget, done, took);
        }
        done
    }

    /// Yields, if it is time to. The caller holds no lock.
    pub(crate) fn pause(&mut self, pace: &Pace) {
        if matches!(pace.yielder, Yielder::Thread) && self.since_break < BETWEEN_BREAKS {
            return;
        }
        self.since_break = Duration::ZERO;
        pace.yielder.yield_now();
    }

    fn adapt(&mut self, budget: Duration, done: u32, took: Duration) {
        let picos = |time: Duration| {
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).saturating_mul(1000)
        };
        let sample = picos(took) / u64::from(done);
        // Shrink the estimate at once, grow it by an eighth per sample. Waiting for the lock and
        // preemption can only lengthen a measurement: a preempted walker must not shrink its chunks.
        let smooth = match self.picos_per_item {
            None => sample,
            Some(old) => sample.min(old.saturating_add(old / 8 + 1)),
        };
        self.picos_per_item = Some(smooth);
        let fits = picos(budget) / smooth.max(1);
        // At most twice the last chunk: a clock that stood still must not make chunks unbounded.
        let most = LONGEST_CHUNK.min(self.items.saturating_mul(2));
        self.items = u32::try_from(fits).unwrap_or(u32::MAX).clamp(1, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::sync::{AtomicU64, Ordering};

    #[derive(Debug)]
    struct Stepped(AtomicU64);
    impl Clock for Stepped {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }
        fn monotonic(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::Relaxed))
        }
    }

    /// Each reading is ten years later: sums of them overflow.
    #[test]
    fn a_clock_that_leaps_makes_chunks_short() {
        let clock = Arc::new(Stepped(AtomicU64::new(0)));
        let pace = Pace::default().with_clock(clock.clone());
        let mut chunks = pace.chunks();
        chunks.since_break = Duration::MAX;
        for _ in 0..400 {
            clock.0.store(0, Ordering::Relaxed);
            chunks.measure(&pace, |_| {
                clock.0.store(u64::MAX, Ordering::Relaxed);
                1
            });
        }
        assert_eq!(chunks.items(), 1);
    }

    fn final_chunk(nanos_per_item: u64) -> u32 {
        let clock = Arc::new(Stepped(AtomicU64::new(0)));
        let pace = Pace::default().with_budget(Duration::from_micros(20)).with_clock(clock.clone());
        let mut chunks = pace.chunks();
        for _ in 0..100 {
            chunks.measure(&pace, |items| {
                clock.0.fetch_add(u64::from(items) * nanos_per_item, Ordering::Relaxed);
                items
            });
        }
        chunks.items()
    }

    #[test]
    fn a_chunk_fits_the_budget() {
        assert_eq!(final_chunk(100), 200);
        assert_eq!(final_chunk(10), 2000);
    }

    /// A walker that was preempted once must not stay slow for the rest of its walk.
    #[test]
    fn one_long_chunk_changes_little() {
        let clock = Arc::new(Stepped(AtomicU64::new(0)));
        let pace = Pace::default().with_budget(Duration::from_micros(20)).with_clock(clock.clone());
        let mut chunks = pace.chunks();
        let mut chunk = |wait: u64| {
            chunks.measure(&pace, |items| {
                clock.0.fetch_add(wait + u64::from(items) * 10, Ordering::Relaxed);
                items
            })
        };
        let usual = (0..100).map(|_| chunk(0)).last();
        assert_eq!(usual, Some(2000));
        chunk(20_000_000);
        assert!(chunk(0) > 1700);
        assert_eq!(chunk(0), 2000);
    }

    #[test]
    fn a_chunk_has_at_least_one_item_and_at_most_the_longest() {
        assert_eq!(final_chunk(1_000_000), 1);
        assert_eq!(final_chunk(0), LONGEST_CHUNK);
    }
}

//! A loop whose every turn is timed.

use std::time::{Duration, Instant};

use benches::{Latency, thread_cpu};

/// The turns of a loop, in wall time and in CPU time of the thread.
///
/// Each clock is read once a turn, so a turn's figure has one reading of both in it (about 0.3 us),
/// and no moment between two turns is lost.
#[derive(Debug)]
pub(crate) struct Turns {
    last: Instant,
    last_cpu: Duration,
    pub latency: Latency,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { last: Instant::now(), last_cpu: thread_cpu(), latency: Latency::default() }
    }

    /// The next turn begins now; what was before is not measured.
    pub(crate) fn begin(&mut self) {
        (self.last, self.last_cpu) = (Instant::now(), thread_cpu());
    }

    /// A turn ends, and the next begins.
    pub(crate) fn turn(&mut self) {
        let (now, cpu) = (Instant::now(), thread_cpu());
        self.latency.record_wall(now - self.last);
        let nanos = u64::try_from((cpu - self.last_cpu).as_nanos()).unwrap_or(u64::MAX);
        self.latency.cpu.saturating_record(nanos);
        (self.last, self.last_cpu) = (now, cpu);
    }
}

//! The distribution of a latency, in wall time and in CPU time of the thread.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::clock::thread_cpu;

/// Two histograms of nanoseconds, up to a minute, to three digits.
#[derive(Clone, Debug)]
pub struct Latency {
    /// By the wall clock.
    pub wall: Histogram<u64>,
    /// By the CPU clock of the thread.
    pub cpu: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        let empty = || Histogram::new_with_max(60_000_000_000, 3).expect("bounds that make sense");
        Self { wall: empty(), cpu: empty() }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Latency {
    /// Runs `work` once and records how long it took, on the wall and on the CPU.
    ///
    /// The CPU clock is a system call on either side of the work; the wall clock is read inside
    /// of these, so that it does not count them.
    pub fn time<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let cpu = thread_cpu();
        let start = Instant::now();
        let result = work();
        self.wall.saturating_record(nanos(start.elapsed()));
        self.cpu.saturating_record(nanos(thread_cpu() - cpu));
        result
    }

    /// Records a wall time alone.
    pub fn record_wall(&mut self, time: Duration) {
        self.wall.saturating_record(nanos(time));
    }

    /// Adds what another thread recorded.
    pub fn add(&mut self, other: &Self) {
        self.wall.add(&other.wall).expect("the same bounds");
        self.cpu.add(&other.cpu).expect("the same bounds");
    }

    /// The wall time, in nanoseconds, that a share of all stayed within.
    pub fn wall_at(&self, quantile: f64) -> f64 {
        self.wall.value_at_quantile(quantile) as f64
    }

    /// The CPU time, in nanoseconds, that a share of all stayed within.
    pub fn cpu_at(&self, quantile: f64) -> f64 {
        self.cpu.value_at_quantile(quantile) as f64
    }
}

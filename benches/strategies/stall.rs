//! The latency of one other thread while a watch comes and goes as fast as it can.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::strategy::{Child, Event, PROBED, Strategy};
use crate::watches::{Pattern, beside};
use benches::{Latency, Report, Sample, longest_gap};

pub(crate) const SCENARIO: &str = "stall of others";

/// The watch comes at least so often while a round lasts.
const LEAST_WATCHES: u64 = 3;

/// The kinds of calls. Each is measured by itself: one that waits for a walk would let the next
/// one come just after it.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// Events of children.
    Touch,
    /// The lock that a missed look-up needs of the directory.
    Miss,
}

impl Call {
    const ALL: [Self; 2] = [Self::Touch, Self::Miss];

    fn name(self) -> &'static str {
        match self {
            Self::Touch => "touch",
            Self::Miss => "miss",
        }
    }

    fn make(self, strategy: &dyn Strategy, number: usize) {
        match self {
            Self::Touch => {
                strategy.touch(Child::Probed(number), Event::Unwanted, 0);
            }
            Self::Miss => strategy.miss(),
        }
    }

    /// One round of calls.
    fn round(self, strategy: &dyn Strategy, time: Duration) -> Latency {
        let mut latency = Latency::default();
        beside(strategy, Pattern::Nonstop, |watches| {
            let (start, begin) = (Instant::now(), watches.load(Ordering::Acquire));
            for number in (0..PROBED).cycle() {
                let called = Instant::now();
                self.make(strategy, number);
                latency.record_wall(called.elapsed());
                let enough = watches.load(Ordering::Acquire) >= begin + LEAST_WATCHES;
                if enough && start.elapsed() >= time {
                    break;
                }
            }
        });
        latency
    }
}

/// The figures of each kind of call, in microseconds.
#[derive(Debug, Default)]
struct Stalls {
    p999: Sample,
    longest: Sample,
}

impl Stalls {
    fn add(&mut self, latency: &Latency) {
        self.p999.0.push(latency.wall_at(0.999) / 1e3);
        self.longest.0.push(latency.wall_at(1.0) / 1e3);
    }
}

/// Measures all in turn.
pub(crate) fn measure(
    strategies: &[&dyn Strategy],
    rounds: usize,
    time: Duration,
    report: &mut Report,
) {
    let mut all: Vec<[Stalls; Call::ALL.len()]> =
        strategies.iter().map(|_| Default::default()).collect();
    let mut gap = Sample::default();
    for _ in 0..rounds {
        gap.0.push(longest_gap(time).0.as_secs_f64() * 1e6);
        for (strategy, stalls) in strategies.iter().zip(&mut all) {
            for (call, stalls) in Call::ALL.iter().zip(stalls) {
                stalls.add(&call.round(*strategy, time));
            }
        }
    }
    let size = strategies.first().map_or(0, |strategy| strategy.children() as u64);
    report.sample(SCENARIO, size, "machine", "longest gap", "us", &gap);
    for (strategy, stalls) in strategies.iter().zip(&all) {
        let size = strategy.children() as u64;
        for (stalls, call) in stalls.iter().zip(Call::ALL.map(Call::name)) {
            for (sample, quantile) in [(&stalls.p999, "p99.9"), (&stalls.longest, "longest")] {
                let what = format!("{quantile} {call}");
                report.sample(SCENARIO, size, strategy.name(), &what, "us", sample);
            }
        }
    }
}

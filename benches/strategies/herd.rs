//! Ten threads that touch ten children while watches come and go.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::strategy::{Child, Event, PROBED, Strategy};
use crate::watches::{Pattern, Stop, beside};
use benches::{Report, Sample};

pub(crate) const SCENARIO: &str = "herd";

/// How long the watch stays, and stays away.
const REST: Duration = Duration::from_millis(1);

/// How many events happened in a second, one thread to each child.
fn touches_per_second(strategy: &dyn Strategy, time: Duration) -> f64 {
    let (stop, start) = (AtomicBool::new(false), Barrier::new(PROBED + 1));
    let touches = AtomicU64::new(0);
    let mut took = Duration::ZERO;
    thread::scope(|scope| {
        let over = Stop(&stop);
        for number in 0..PROBED {
            let (stop, start, touches) = (&stop, &start, &touches);
            scope.spawn(move || {
                let mut own = 0;
                start.wait();
                while !stop.load(Ordering::Relaxed) {
                    strategy.touch(Child::Probed(number), Event::Unwanted, 0);
                    own += 1;
                }
                touches.fetch_add(own, Ordering::Relaxed);
            });
        }
        start.wait();
        let begin = Instant::now();
        thread::sleep(time);
        drop(over);
        took = begin.elapsed();
    });
    let touches = touches.into_inner();
    assert!(touches > 0, "no child was probed");
    touches as f64 / took.as_secs_f64()
}

/// The figures of one algorithm, one entry a round.
#[derive(Debug, Default)]
struct Herd {
    quiet: Sample,
    during: Sample,
    watches: Sample,
    walks_per_watch: Sample,
}

impl Herd {
    fn round(&mut self, strategy: &dyn Strategy, time: Duration) {
        self.quiet.0.push(touches_per_second(strategy, time));
        let begin = Instant::now();
        let mut rate = 0.0;
        let meanwhile =
            beside(strategy, Pattern::Resting(REST), |_| rate = touches_per_second(strategy, time));
        self.during.0.push(rate);
        self.watches.0.push(meanwhile.watches as f64 / begin.elapsed().as_secs_f64());
        self.walks_per_watch.0.push(meanwhile.walks as f64 / meanwhile.watches as f64);
    }

    fn report(&self, strategy: &dyn Strategy, report: &mut Report) {
        let (size, side) = (strategy.children() as u64, strategy.name());
        let mut say = |what: &str, unit: &str, sample: &Sample| {
            report.sample(SCENARIO, size, side, what, unit, sample);
        };
        say("touches per second, quiet", "1/s", &self.quiet);
        say("touches per second, watches come and go", "1/s", &self.during);
        say("come and go / quiet", "x", &self.during.over(&self.quiet));
        say("watches per second", "1/s", &self.watches);
        say("walks per watch", "", &self.walks_per_watch);
    }
}

/// Measures all in turn.
pub(crate) fn measure(
    strategies: &[&dyn Strategy],
    rounds: usize,
    time: Duration,
    report: &mut Report,
) {
    let mut all: Vec<Herd> = strategies.iter().map(|_| Herd::default()).collect();
    for _ in 0..rounds {
        for (strategy, herd) in strategies.iter().zip(&mut all) {
            herd.round(*strategy, time);
        }
    }
    for (strategy, herd) in strategies.iter().zip(&all) {
        herd.report(*strategy, report);
    }
}

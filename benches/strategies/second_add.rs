//! A second adder that comes while the first one walks: when it returns, and what is delivered to it.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::spin_until;
use crate::strategy::{Child, Event, Strategy};
use benches::{Report, Sample};

pub(crate) const SCENARIO: &str = "second add during the walk";

/// The outcome of one second adder.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    took: Duration,
    /// It returned when the last child of the walk had no flag.
    is_early: bool,
    /// It got that child's next event.
    delivered: bool,
}

/// Two watchers on an unwatched directory, the second one `delay` after the first.
fn trial(strategy: &dyn Strategy, delay: Duration) -> Outcome {
    strategy.forget();
    // Not a barrier: the woken thread comes much later than the thread that wakes it.
    let (ready, go) = (AtomicBool::new(false), AtomicBool::new(false));
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            ready.store(true, Ordering::Release);
            spin_until(|| go.load(Ordering::Acquire));
            strategy.add(0);
        });
        spin_until(|| ready.load(Ordering::Acquire));
        go.store(true, Ordering::Release);
        let begin = Instant::now();
        while begin.elapsed() < delay {
            hint::spin_loop();
        }
        let begin = Instant::now();
        strategy.add(1);
        let took = begin.elapsed();
        let is_early = !strategy.is_flagged(Child::Last);
        let delivered = strategy.touch(Child::Last, Event::Wanted, 1);
        Outcome { took, is_early, delivered }
    });
    strategy.remove(0);
    strategy.remove(1);
    outcome
}

/// How long a first add takes here and now.
fn walk_time(strategy: &dyn Strategy) -> Duration {
    strategy.forget();
    let start = Instant::now();
    strategy.add(0);
    let took = start.elapsed();
    strategy.remove(0);
    took
}

/// How far apart those come that come at the same moment, so that some meet the first adder
/// between its interest and its walk.
const MOMENT: Duration = Duration::from_micros(1);

/// Measures all in turn. Every other second adder comes at the same moment as the first, the
/// others evenly over the time of its walk.
pub(crate) fn measure(strategies: &[&dyn Strategy], trials: u32, report: &mut Report) {
    let walks: Vec<Duration> = strategies.iter().map(|strategy| walk_time(*strategy)).collect();
    let mut all: Vec<Vec<Outcome>> = strategies.iter().map(|_| Vec::new()).collect();
    for number in 0..trials {
        for ((strategy, walk), outcomes) in strategies.iter().zip(&walks).zip(&mut all) {
            let span = if number % 2 == 0 { MOMENT } else { *walk };
            let delay = span * number / trials;
            outcomes.push(trial(*strategy, delay));
        }
    }
    for (strategy, outcomes) in strategies.iter().zip(&all) {
        report_one(*strategy, outcomes, report);
    }
}

fn report_one(strategy: &dyn Strategy, outcomes: &[Outcome], report: &mut Report) {
    let (size, side) = (strategy.children() as u64, strategy.name());
    let early = outcomes.iter().filter(|outcome| outcome.is_early).count();
    let lost = outcomes.iter().filter(|outcome| !outcome.delivered).count();
    if side == "vfsnotify" {
        assert_eq!((early, lost), (0, 0), "an add that returned was not ready");
    }
    let times = outcomes.iter().map(|outcome| outcome.took.as_secs_f64() * 1e3).collect();
    let mut say = |what: &str, value: f64| report.value(SCENARIO, size, side, what, "", value);
    say("trials", outcomes.len() as f64);
    say("returned early", early as f64);
    say("events lost", lost as f64);
    report.sample(SCENARIO, size, side, "time per add", "ms", &Sample(times));
}

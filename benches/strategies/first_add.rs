//! The first add alone.

use std::time::Instant;

use crate::strategy::{Child, Event, Strategy};
use benches::{Report, interleave};

pub(crate) const SCENARIO: &str = "first add";

/// Milliseconds of one.
fn first_add(strategy: &dyn Strategy) -> f64 {
    let name = strategy.name();
    strategy.forget();
    assert!(!strategy.is_flagged(Child::Last), "{name}: a flag that should be gone");
    let walks = strategy.walks();
    let start = Instant::now();
    strategy.add(0);
    let took = start.elapsed();
    assert_eq!(strategy.walks(), walks + 1, "{name}: one walk");
    assert!(strategy.is_flagged(Child::Last), "{name}: a child was left out");
    assert!(strategy.touch(Child::Last, Event::Wanted, 0), "{name}: an event was not delivered");
    strategy.remove(0);
    assert!(!strategy.touch(Child::Last, Event::Wanted, 0), "{name}: delivered without a watch");
    took.as_secs_f64() * 1e3
}

/// Measures all in turn.
pub(crate) fn measure(strategies: &[&dyn Strategy], rounds: usize, report: &mut Report) {
    let mut adds: Vec<_> = strategies.iter().map(|strategy| || first_add(*strategy)).collect();
    let mut sides: Vec<&mut dyn FnMut() -> f64> =
        adds.iter_mut().map(|add| add as &mut dyn FnMut() -> f64).collect();
    let samples = interleave(rounds, &mut sides);
    for (strategy, sample) in strategies.iter().zip(&samples) {
        let size = strategy.children() as u64;
        report.sample(SCENARIO, size, strategy.name(), "time per add", "ms", sample);
    }
}

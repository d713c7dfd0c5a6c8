//! Watches that come and go, each of which must be ready when it has come.

use std::time::{Duration, Instant};

use crate::names::{Names, Pattern};
use crate::side::{Result, Side};
use benches::Sample;

/// Children picked at random.
#[derive(Clone, Debug)]
pub(crate) struct Children {
    names: Names,
    count: usize,
    state: u64,
}

impl Children {
    /// Of this many, with these names.
    pub(crate) fn new(pattern: &Pattern, count: usize) -> Self {
        Self { names: pattern.names(), count, state: 1 }
    }

    fn pick(&mut self) -> &[u8] {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.names.get((self.state >> 33) as usize % self.count)
    }
}

/// Adds a watch, checks that it reports a child, and removes it; returns how long the adding
/// took. The child's flag is gone afterwards, so that the next watch needs a walk of its own.
pub(crate) fn come_and_go<S: Side>(
    side: &S,
    dir: &S::Dir,
    children: &mut Children,
) -> Result<Duration> {
    let begun = Instant::now();
    let watch = side.watch(dir)?;
    let took = begun.elapsed();
    let name = children.pick();
    side.touch(dir, name)?;
    side.expect_touch(watch, name)?;
    side.unwatch(watch)?;
    side.touch(dir, name)?;
    side.expect_silence()?;
    Ok(took)
}

/// In microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Lets a watch come and go for this long, at least once; returns what each adding took, in
/// microseconds.
pub(crate) fn churn<S: Side>(
    side: &S,
    dir: &S::Dir,
    children: &mut Children,
    time: Duration,
) -> Result<Sample> {
    let begun = Instant::now();
    let mut added = Sample::default();
    while added.0.is_empty() || begun.elapsed() < time {
        added.0.push(micros(come_and_go(side, dir, children)?));
    }
    Ok(added)
}

//! Rounds: what is compared is measured in turn, so that a machine that changes its speed changes
//! it for all sides.

use std::hint::black_box;
use std::time::Instant;

/// The figures of several rounds.
#[derive(Clone, Debug, Default)]
pub struct Sample(pub Vec<f64>);

impl Sample {
    /// The middle one; not a number if there is none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            len if len % 2 == 1 => sorted[len / 2],
            len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
        }
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The ratios of each round to that of another sample.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, two)| one / two).collect())
    }
}

/// One side of a comparison: measures once and returns the figure.
pub type Side<'a> = &'a mut dyn FnMut() -> f64;

/// Lets each side measure once in each round, in turn; the order alternates.
pub fn interleave(rounds: usize, sides: &mut [Side<'_>]) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); sides.len()];
    for round in 0..rounds {
        for turn in 0..sides.len() {
            let at = if round % 2 == 0 { turn } else { sides.len() - 1 - turn };
            samples[at].0.push(sides[at]());
        }
    }
    samples
}

/// Nanoseconds of one call of `work`, inlined into a loop, without those of the empty loop.
#[inline(always)]
pub fn per_call(calls: u32, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    for call in 0..calls {
        black_box(call);
    }
    let empty = start.elapsed();
    let start = Instant::now();
    for call in 0..calls {
        black_box(call);
        work();
    }
    (start.elapsed().as_nanos() as f64 - empty.as_nanos() as f64) / f64::from(calls)
}

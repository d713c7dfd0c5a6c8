//! Filling a directory, and what that takes.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::side::{Result, Side};
use benches::clock::CpuBlocks;
use benches::longest_gap;

/// How often the bar moves, and the empty loop runs.
const STEP: usize = 1 << 14;
/// How much longer the work runs than the empty loop.
const GAP_SHARE: u32 = 8;

/// The times of many operations of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    /// How many there were.
    pub(crate) count: usize,
    /// How long all took.
    pub(crate) took: Duration,
    /// The longest, in wall time.
    pub(crate) longest: Duration,
    /// The longest CPU time of [`CpuBlocks::LENGTH`] in a row.
    pub(crate) longest_cpu: Duration,
    /// The longest gap of an empty loop that ran in turn with them, in wall and in CPU time: what
    /// the machine does to such a figure.
    pub(crate) gap: (Duration, Duration),
    /// By how many bytes the memory grew.
    pub(crate) bytes: usize,
}

impl Filled {
    /// How many bytes each took.
    pub(crate) fn bytes_each(&self) -> f64 {
        self.bytes as f64 / self.count as f64
    }

    /// How many were done in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

/// Does something `count` times, and shows it.
pub(crate) fn fill<S: Side>(
    side: &S,
    count: usize,
    bar: &ProgressBar,
    mut work: impl FnMut(usize) -> Result,
) -> Result<Filled> {
    bar.reset();
    bar.set_length(count as u64);
    let before = side.memory();
    let (mut took, mut longest) = (Duration::ZERO, Duration::ZERO);
    let mut gap = (Duration::ZERO, Duration::ZERO);
    let mut cpu = CpuBlocks::begin();
    for first in (0..count).step_by(STEP) {
        let begun = Instant::now();
        let mut last = begun;
        for number in first..count.min(first + STEP) {
            work(number)?;
            cpu.count();
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
        }
        took += last - begun;
        let (wall, loop_cpu) = longest_gap((last - begun) / GAP_SHARE);
        gap = (gap.0.max(wall), gap.1.max(loop_cpu));
        bar.set_position(count.min(first + STEP) as u64);
        cpu.skip();
    }
    let (longest_cpu, _) = cpu.end();
    let bytes = side.memory().saturating_sub(before);
    Ok(Filled { count, took, longest, longest_cpu, gap, bytes })
}

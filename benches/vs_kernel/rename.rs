//! Renames within one directory: a file gets its second name and its first one again, from an open
//! directory, unwatched, watched by one group, and by ten. Reading the events is not counted.

use std::time::{Duration, Instant};

use vfsnotify::inotify::WatchMask;

use super::side::{Measure, Side, Sides, Target};
use super::table::{Ratio, Row, Table};
use benches::{Args, KernelDir, Sample};

/// How many groups watch the directory, and what that is called.
const STATES: [(&str, usize); 3] = [
    ("renames, unwatched", 0),
    ("renames, parent watched", 1),
    ("renames, parent watched by ten groups", 10),
];

/// How many renames are done before the events are read: no queue overflows.
const BATCH: usize = 1000;

/// Adds the rows.
pub(crate) fn run(args: &Args, dirs: &[KernelDir], table: &mut Table) {
    if !STATES.iter().any(|(name, _)| args.wants(name)) {
        return;
    }
    let sides = Sides::new(dirs, 10);
    let figures = sides.rounds(args.pick(5, 31), &Renames { batches: args.pick(2, 5) });
    for (number, (name, _)) in STATES.iter().enumerate() {
        let mut row = |alone: &str, own: &Sample| {
            table.row(Row {
                scenario: format!("{name}{alone}"),
                size: 0,
                what: "renames per second",
                unit: "1/s",
                kernel: figures.of_kernel(number),
                own: own.clone(),
                ratio: Ratio::OfRates,
            });
        };
        row("", &figures.vfs[number]);
        row(", without path and file system", &figures.hook[number]);
    }
}

/// Batches of renames in each state.
struct Renames {
    batches: usize,
}

impl Measure for Renames {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64> {
        STATES.map(|(_, groups)| self.per_second(side, groups)).to_vec()
    }
}

impl Renames {
    fn per_second<S: Side>(&self, side: &S, groups: usize) -> f64 {
        let watch = |group| side.watch(group, Target::Directory, WatchMask::MOVE);
        let wds: Vec<i32> = (0..groups).map(watch).collect();
        let mut time = Duration::ZERO;
        for _ in 0..self.batches {
            let start = Instant::now();
            for _ in 0..BATCH / 2 {
                side.rename(false);
                side.rename(true);
            }
            time += start.elapsed();
            for group in 0..groups {
                assert_eq!(side.drain(group), 2 * BATCH, "two events of each rename");
            }
        }
        for (group, wd) in wds.into_iter().enumerate() {
            side.unwatch(group, wd);
            assert_eq!(side.drain(group), 1, "IGNORED");
        }
        (self.batches * BATCH) as f64 / time.as_secs_f64()
    }
}

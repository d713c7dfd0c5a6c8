//! A one-shot watch on a file: it is added, by path, and triggered by a write of one byte; it goes
//! with its event, and the event and IGNORED are read.

use vfsnotify::inotify::WatchMask;

use super::side::{BUFFER, Measure, Side, Sides, Target};
use super::table::{Ratio, Row, Table};
use benches::{Args, KernelDir, per_call};

const SCENARIO: &str = "one-shot: add, trigger, remove, read";

/// Adds the rows.
pub(crate) fn run(args: &Args, dirs: &[KernelDir], table: &mut Table) {
    if !args.wants(SCENARIO) {
        return;
    }
    let sides = Sides::new(dirs, 1);
    let figures = sides.rounds(args.pick(9, 51), &OneShot { lives: args.pick(500, 2000) });
    for (alone, own) in
        [("", &figures.vfs[0]), (", without path and file system", &figures.hook[0])]
    {
        table.row(Row {
            scenario: format!("{SCENARIO}{alone}"),
            size: 0,
            what: "time of all four",
            unit: "us",
            kernel: figures.of_kernel(0),
            own: own.clone(),
            ratio: Ratio::OfTimes,
        });
    }
}

/// This many lives of a watch.
struct OneShot {
    lives: u32,
}

impl Measure for OneShot {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64> {
        let mut buffer = vec![0; BUFFER];
        let file = side.file(0);
        let life = per_call(self.lives, || {
            side.watch(0, Target::File(0), WatchMask::MODIFY | WatchMask::ONESHOT);
            side.write(file);
            assert_eq!(side.take(0, &mut buffer), 32, "the event and IGNORED, without names");
        });
        side.write(file);
        assert_eq!(side.drain(0), 0, "the watch went with its event");
        vec![life / 1000.0]
    }
}

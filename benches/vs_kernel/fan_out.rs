//! Delivery of one event to each of many groups on one directory, and reading it.
//!
//! The kernel's figure is that of a write of one byte, less one of the same round while nothing was
//! watched; the crate's is that of the hook alone, less the same. Each group is read once for each event, with a call
//! of its own, into the bytes of `struct inotify_event` on both sides.

use std::time::Instant;

use vfsnotify::inotify::WatchMask;

use super::side::{BUFFER, Figures, Measure, Side, Sides, Target};
use super::table::{Ratio, Row, Table};
use benches::kernel::RaisedLimit;
use benches::{Args, KernelDir, Sample, per_call};

const DELIVERY: &str = "delivery to many groups";
const READING: &str = "reading in many groups";

/// How many groups.
const SIZES: [usize; 4] = [1, 10, 100, 1000];
/// How many events are delivered in one measurement, over all groups.
const DELIVERIES: usize = 4000;

/// Adds the rows.
pub(crate) fn run(args: &Args, dirs: &[KernelDir], table: &mut Table) {
    if !args.wants(DELIVERY) && !args.wants(READING) {
        return;
    }
    let most = SIZES[SIZES.len() - 1];
    // Room for those of other programs too.
    let raised = RaisedLimit::to("max_user_instances", 128 + most as u64);
    raise_open_files();
    let sides = Sides::new(dirs, most);
    for size in SIZES {
        let measure = FanOut { groups: size, events: (DELIVERIES / size).max(10) };
        // A side of the kernel's with fewer groups has no figures.
        let figures = sides.rounds(args.pick(5, 25), &measure);
        row(table, DELIVERY, size, 0, &figures);
        row(table, READING, size, 1, &figures);
        for side in sides.kernel.iter().filter(|side| side.groups() < size) {
            let what = if raised.is_some() { "open files" } else { "max_user_instances" };
            let why = format!("{} groups only: no right to raise {what}", side.groups());
            table.left_out(&format!("{DELIVERY}, {size}"), &side.name, &why);
        }
    }
}

/// Each group of the kernel's is an open file.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If it fails there are fewer groups, which is told.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn row(table: &mut Table, scenario: &str, size: usize, figure: usize, figures: &Figures) {
    let is_there = |(_, sample): &(String, Sample)| sample.median().is_finite();
    table.row(Row {
        scenario: scenario.to_owned(),
        size: size as u64,
        what: "time per group and event",
        unit: "ns",
        kernel: figures.of_kernel(figure).into_iter().filter(is_there).collect(),
        own: figures.hook[figure].clone(),
        ratio: Ratio::OfTimes,
    });
}

/// Delivery to so many groups, and reading: nanoseconds for each group and event.
struct FanOut {
    groups: usize,
    events: usize,
}

impl Measure for FanOut {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64> {
        if side.groups() < self.groups {
            return vec![f64::NAN; 2];
        }
        let file = side.file(0);
        let unwatched = per_call(S::CALLS, || side.write(file));
        let watch = |group| side.watch(group, Target::Directory, WatchMask::MODIFY);
        let wds: Vec<i32> = (0..self.groups).map(watch).collect();
        let mut buffer = vec![0; BUFFER];
        let clock = clock_cost();
        let (mut delivery, mut reading) = (0.0, 0.0);
        for _ in 0..self.events {
            let start = Instant::now();
            side.write(file);
            let written = Instant::now();
            for group in 0..self.groups {
                assert_eq!(side.take(group, &mut buffer), 32, "one event");
            }
            reading += written.elapsed().as_nanos() as f64 - clock;
            delivery += (written - start).as_nanos() as f64 - clock;
        }
        for (group, wd) in wds.into_iter().enumerate() {
            side.unwatch(group, wd);
            assert_eq!(side.drain(group), 1, "nothing was left unread");
        }
        let events = self.events as f64;
        let groups = self.groups as f64;
        vec![(delivery / events - unwatched) / groups, reading / events / groups]
    }
}

/// The distance of two successive readings of the clock.
fn clock_cost() -> f64 {
    let apart = |_| Instant::now().elapsed().as_nanos() as f64;
    Sample((0..101).map(apart).collect()).median()
}

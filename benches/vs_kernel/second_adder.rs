//! A second adder that comes while the first one's walk goes on: does it return before its watch is
//! ready, and is its next event lost?
//!
//! Two threads, each with a group of its own, add a watch on the same directory at the same time,
//! the one now a little earlier, now a little later than the other. When its add has returned,
//! each writes to a child of its own, one of the two that a walk comes to last, and looks whether
//! the event is there. Then both watches go, and both children are written to once more, so that
//! their flags are cleared; a watch elsewhere makes the hook look at all.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::pwrite;
use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask, decode};
use vfsnotify::notify::DentryRef;

use super::children::{Forest, Order, child};
use super::kernel_side::flags;
use super::side::BUFFER;
use super::table::{Ratio, Row, Table};
use benches::{Args, Embedded, KernelInotify, Sample};

const SCENARIO: &str = "second adder during a walk";

/// How many children the directory has.
const CHILDREN: usize = 20_000;

/// A directory that two threads, 0 and 1, watch, each with a group and a child of its own.
trait Contested: Sync {
    fn add(&self, adder: usize) -> i32;
    fn remove(&self, adder: usize, wd: i32);
    fn write(&self, adder: usize);
    /// Reads everything; returns whether there was an event of its own child.
    fn delivered(&self, adder: usize) -> bool;
    /// Whether its child carries the flag, where that can be seen.
    fn is_flagged(&self, adder: usize) -> Option<bool>;
}

/// The outcome for one thread in one trial.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    start: Instant,
    end: Instant,
    was_ready: Option<bool>,
    delivered: bool,
}

impl Outcome {
    fn time(&self) -> Duration {
        self.end - self.start
    }
}

/// The outcomes of all trials on one side.
#[derive(Debug, Default)]
struct Count {
    early: usize,
    lost: usize,
    /// How long the adds took that returned early, in microseconds.
    early_times: Vec<f64>,
}

/// Adds the rows.
pub(crate) fn run(args: &Args, forests: &[Forest], table: &mut Table) {
    if !args.wants(SCENARIO) {
        return;
    }
    let trials = args.pick(300, 4000);
    let own = count(&InTree::new(), trials);
    assert_eq!(own.lost, 0, "an event was lost");
    assert_eq!(own.early, 0, "an add returned before its watch was ready");
    let mut all = Vec::new();
    for forest in forests {
        let of_kernel = count(&InKernel::new(forest), trials);
        if !of_kernel.early_times.is_empty() {
            let times = Sample(of_kernel.early_times.clone());
            let what = "time of an early return";
            table.report.sample(SCENARIO, trials as u64, forest.side(), what, "us", &times);
        }
        all.push((forest.side().to_owned(), of_kernel));
    }
    let mut row = |scenario: &str, what, of: &dyn Fn(&Count) -> usize| {
        let sample = |count: &Count| Sample(vec![of(count) as f64]);
        table.row(Row {
            scenario: format!("{SCENARIO}, {scenario}"),
            size: trials as u64,
            what,
            unit: "",
            kernel: all.iter().map(|(side, count)| (side.clone(), sample(count))).collect(),
            own: sample(&own),
            ratio: Ratio::None,
        });
    };
    row("returned before it was ready", "trials", &|count| count.early);
    row("lost its next event", "trials", &|count| count.lost);
}

fn count<C: Contested>(contested: &C, trials: usize) -> Count {
    let meeting = Meeting::default();
    let (ours, theirs) = std::thread::scope(|scope| {
        let other = scope.spawn(|| adder(contested, 1, trials, &meeting));
        (adder(contested, 0, trials, &meeting), other.join().expect("an adder"))
    });
    let pairs: Vec<(Outcome, Outcome)> = ours.into_iter().zip(theirs).map(by_length).collect();
    // No walk took less than this.
    let walk = pairs.iter().map(|(first, _)| first.time()).min().unwrap_or_default();
    let mut count = Count::default();
    for (first, second) in pairs {
        let is_early = match second.was_ready.zip(first.was_ready) {
            Some((second, first)) => !(second && first),
            // Where the flag cannot be seen: both the add and the time since the first one began
            // were too short for a walk.
            None => second.time() < walk / 4 && second.end < first.start + walk / 2,
        };
        if is_early {
            count.early += 1;
            count.early_times.push(second.time().as_nanos() as f64 / 1000.0);
        }
        count.lost += usize::from(!first.delivered || !second.delivered);
    }
    count
}

/// The one that walked first: it took longer.
fn by_length((one, two): (Outcome, Outcome)) -> (Outcome, Outcome) {
    if one.time() > two.time() { (one, two) } else { (two, one) }
}

/// One of the two threads.
fn adder<C: Contested>(
    contested: &C,
    adder: usize,
    trials: usize,
    meeting: &Meeting,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(trials);
    let mut meetings = 0..;
    let mut meet = || meeting.wait(meetings.next().expect("no end"));
    for trial in 0..trials {
        meet();
        wait_a_little(trial, adder);
        let start = Instant::now();
        let wd = contested.add(adder);
        let end = Instant::now();
        let was_ready = contested.is_flagged(adder);
        contested.write(adder);
        let delivered = contested.delivered(adder);
        outcomes.push(Outcome { start, end, was_ready, delivered });
        meet();
        contested.remove(adder, wd);
        meet();
        // Both watches are gone: this clears the flag.
        contested.write(adder);
        contested.delivered(adder);
        assert_ne!(contested.is_flagged(adder), Some(true), "the flag is still there");
    }
    outcomes
}

/// Up to some microseconds, for one of the two.
fn wait_a_little(trial: usize, adder: usize) {
    if trial % 2 == adder {
        let until = Instant::now() + Duration::from_nanos((trial / 2 % 64 * 50) as u64);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
}

/// Where two threads wait for each other, without sleeping.
#[derive(Debug, Default)]
struct Meeting(AtomicUsize);

impl Meeting {
    /// Waits until both have come this many times.
    fn wait(&self, number: usize) {
        self.0.fetch_add(1, Ordering::AcqRel);
        let mut turns = 0_u32;
        while self.0.load(Ordering::Acquire) < 2 * (number + 1) {
            turns += 1;
            if turns.is_multiple_of(10_000) {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

/// The kernel's.
#[derive(Debug)]
struct InKernel {
    path: PathBuf,
    groups: [KernelInotify; 2],
    files: [OwnedFd; 2],
    _elsewhere: KernelInotify,
}

impl InKernel {
    fn new(forest: &Forest) -> Self {
        let path = forest.names(CHILDREN, Order::Creation);
        let file = |number| {
            let how = OFlags::RDWR | OFlags::CLOEXEC;
            open(path.join(child(number)), how, Mode::empty()).expect("an open file")
        };
        let group = || KernelInotify::new().expect("an inotify instance");
        let elsewhere = group();
        elsewhere.add(forest.dir.path(), flags(WatchMask::ATTRIB)).expect("a watch");
        // The oldest ones are last in the kernel's list.
        let files = [file(0), file(1)];
        Self { path, groups: [group(), group()], files, _elsewhere: elsewhere }
    }
}

impl Contested for InKernel {
    fn add(&self, adder: usize) -> i32 {
        self.groups[adder].add(&self.path, flags(WatchMask::MODIFY)).expect("a watch")
    }

    fn remove(&self, adder: usize, wd: i32) {
        self.groups[adder].remove(wd).expect("the watch is there");
    }

    fn write(&self, adder: usize) {
        assert_eq!(pwrite(&self.files[adder], b"y", 0), Ok(1));
    }

    fn delivered(&self, adder: usize) -> bool {
        let mut buffer = [0; BUFFER];
        let len = rustix::io::read(self.groups[adder].fd(), &mut buffer).unwrap_or(0);
        is_among(&child(adder), &buffer[..len])
    }

    fn is_flagged(&self, _who: usize) -> Option<bool> {
        None
    }
}

/// The crate's.
#[derive(Debug)]
struct InTree {
    world: Embedded,
    dir: DentryRef,
    groups: [Inotify; 2],
    files: [DentryRef; 2],
    _elsewhere: Inotify,
}

impl InTree {
    fn new() -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "many");
        let files = [0, 1].map(|number| world.file(&dir, &child(number)));
        world.files_in_creation_order(&dir, CHILDREN - files.len());
        let elsewhere = world.group();
        elsewhere.add_watch(&world.root.inode_ref(), WatchMask::ATTRIB).expect("a watch");
        Self { groups: [world.group(), world.group()], dir, files, world, _elsewhere: elsewhere }
    }
}

impl Contested for InTree {
    fn add(&self, adder: usize) -> i32 {
        let inode = self.dir.inode_ref();
        self.groups[adder].add_watch(&inode, WatchMask::MODIFY).expect("a watch").as_raw()
    }

    fn remove(&self, adder: usize, wd: i32) {
        self.groups[adder].rm_watch(WatchDescriptor::from_raw(wd)).expect("the watch is there");
    }

    fn write(&self, adder: usize) {
        self.world.notifier.hooks().on_modify(self.files[adder].get());
    }

    fn delivered(&self, adder: usize) -> bool {
        let mut buffer = [0; BUFFER];
        let len = self.groups[adder].read(&mut buffer).unwrap_or(0);
        is_among(&child(adder), &buffer[..len])
    }

    fn is_flagged(&self, adder: usize) -> Option<bool> {
        Some(self.files[adder].get().is_parent_watched())
    }
}

/// Whether there is an event of a child of this name among those in the bytes.
fn is_among(name: &str, bytes: &[u8]) -> bool {
    let events = decode(bytes).expect("whole events");
    events.iter().any(|event| *event.name == *name.as_bytes())
}

//! The longest single insertion while one directory grows, and what it takes to be rid of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vfsnotify::notify::{DentryRef, Lookup};

use super::names::{self, BATCH, Name};
use super::turns::Turns;
use benches::memory;
use benches::{Embedded, Latency, Report, longest_gap};

/// Runs `work` while another thread does nothing but look at the clocks; returns the longest gap
/// that one saw, in wall time and in CPU time: what the machine itself adds to a longest time.
fn beside_an_empty_loop<R>(work: impl FnOnce() -> R) -> (R, (Duration, Duration)) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let gaps = scope.spawn(|| {
            let mut longest = (Duration::ZERO, Duration::ZERO);
            while !done.load(Ordering::Relaxed) {
                let (wall, cpu) = longest_gap(Duration::from_millis(100));
                longest = (longest.0.max(wall), longest.1.max(cpu));
            }
            longest
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, gaps.join().expect("a loop that does nothing"))
    })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Grows one directory to `count` negative dentries, timing each, and removes it.
pub(crate) fn measure(report: &mut Report, count: usize) {
    let world = Embedded::default();
    let dir = world.dir(&world.root, "dir");
    let (turns, gap) = beside_an_empty_loop(|| grow(&world, &dir, count));
    assert_eq!(world.tree.negatives(), count, "all are there");
    write_longest(report, "grow one directory", count, "insert", &turns, gap);
    remove(report, &world, dir, count);
}

fn grow(world: &Embedded, dir: &DentryRef, count: usize) -> Latency {
    let mut names = vec![Name::default(); BATCH];
    let mut turns = Turns::new();
    for first in (0..count).step_by(BATCH) {
        names::successive(&mut names, b"negative-", first);
        turns.begin();
        for name in &names {
            world.notifier.remember_missing(dir.get(), name).expect("a negative dentry");
            turns.turn();
        }
    }
    turns.latency
}

/// The longest of many, once in this run: there is no median of longest times.
fn write_longest(
    report: &mut Report,
    scenario: &str,
    count: usize,
    what: &str,
    latency: &Latency,
    gap: (Duration, Duration),
) {
    let size = count as u64;
    let mut one = |side: &str, what: String, value: f64| {
        report.value(scenario, size, side, &what, "us", value);
    };
    let side = "vfsnotify";
    one(side, format!("{what}, p99.99 wall"), latency.wall_at(0.9999) / 1e3);
    one(side, format!("{what}, longest wall"), latency.wall_at(1.0) / 1e3);
    one(side, format!("{what}, longest CPU"), latency.cpu_at(1.0) / 1e3);
    one("machine", format!("{what}, longest wall"), micros(gap.0));
    one("machine", format!("{what}, longest CPU"), micros(gap.1));
}

/// Removes the directory with all it has, while another thread goes on working in another one.
fn remove(report: &mut Report, world: &Embedded, dir: DentryRef, count: usize) {
    let mut one = |what: &str, unit: &str, value: f64| {
        report.value("remove the directory", count as u64, "vfsnotify", what, unit, value);
    };
    let before = memory::resident();
    let start = Instant::now();
    dir.get().inode().set_nlink(0);
    let name =
        world.notifier.unhash(dir.get(), false).expect("a dentry of this tree").expect("a name");
    drop(name);
    drop(dir);
    one("time of rmdir", "us", micros(start.elapsed()));
    assert_eq!(world.tree.negatives(), count, "nothing is freed yet");

    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let (took, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| work_elsewhere(world, &begun, &done));
        while !begun.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        let mut forgotten = 0;
        world.notifier.reap(|_, _, _| forgotten += 1);
        let took = start.elapsed();
        done.store(true, Ordering::Relaxed);
        assert_eq!(forgotten, 1, "the directory's inode is gone");
        (took, other.join().expect("a thread that went on"))
    });
    assert!(world.tree.negatives() <= 1, "and all its names");
    assert!(other.latency.wall.len() > 1, "another thread worked meanwhile");
    one("time of reaping", "ms", took.as_secs_f64() * 1e3);
    one("time of reaping, each name", "ns", took.as_nanos() as f64 / count as f64);
    one("longest step seen, wall", "us", micros(other.longest_step));
    let given_back = before.saturating_sub(memory::resident()) as f64 / before as f64;
    one("share of memory given back", "", given_back);
    let gap = longest_gap(took);
    let what = "another's look-up and insert";
    write_longest(report, "remove the directory", count, what, &other.latency, gap);
}

/// The figures of a thread that went on while a directory was freed.
#[derive(Debug)]
struct Elsewhere {
    /// Its own operations.
    latency: Latency,
    /// The longest time in which the number of names did not go down, once it had begun to.
    longest_step: Duration,
}

/// Looks a name up and remembers it again, over and over, in a directory of its own.
fn work_elsewhere(world: &Embedded, begun: &AtomicBool, done: &AtomicBool) -> Elsewhere {
    let dir = world.dir(&world.root, "elsewhere");
    let name = names::name(b"negative-", 1);
    world.notifier.remember_missing(dir.get(), &name).expect("a negative dentry");
    let mut turns = Turns::new();
    let mut longest_step = Duration::ZERO;
    let (mut left, mut since) = (world.tree.negatives(), None);
    while !done.load(Ordering::Relaxed) {
        turns.begin();
        let found = world.notifier.lookup(dir.get(), &name).expect("a directory");
        world.notifier.remember_missing(dir.get(), &name).expect("a negative dentry");
        turns.turn();
        assert!(matches!(found, Lookup::Negative));
        begun.store(true, Ordering::Release);
        let now_left = world.tree.negatives();
        if now_left < left {
            let now = Instant::now();
            longest_step = longest_step.max(now - since.replace(now).unwrap_or(now));
            left = now_left;
        }
    }
    Elsewhere { latency: turns.latency, longest_step }
}

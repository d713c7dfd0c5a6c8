//! A directory that grows, in a process of its own: time and memory of each name.

use std::time::{Duration, Instant};

use vfsnotify::InodeKind;
use vfsnotify::tree::{InodeRef, InodeSpec};

use super::names::{self, BATCH, Name};
use benches::memory::{self, resident};
use benches::{Embedded, Report, Sample};

/// How many names lie between two looks at the memory.
const STRIDE: usize = 100_000;

/// The figures of a growing directory.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    /// Nanoseconds of each insertion.
    pub time: f64,
    /// Bytes of each name at the end.
    pub mean: f64,
    /// The most bytes of each name at any look, from a tenth of the end on.
    pub peak: f64,
    /// Bytes of each inode; 0 for negative dentries.
    pub inode: f64,
    /// Nanoseconds of making each inode.
    pub inode_time: f64,
    /// Nanoseconds of each insertion between two looks, by how many names there were.
    pub curve: Vec<(f64, f64)>,
}

impl Growth {
    /// A directory with so many negative dentries.
    pub(crate) fn of_negatives(count: usize) -> Self {
        from_numbers(&memory::in_fresh_process("negatives", count))
    }

    /// A directory with so many files.
    pub(crate) fn of_positives(count: usize) -> Self {
        from_numbers(&memory::in_fresh_process("positives", count))
    }
}

/// Answers for a process that was begun for one growth.
pub(crate) fn probe(what: &str, count: usize) -> Vec<f64> {
    let growth = match what {
        "negatives" => negatives(count),
        "positives" => positives(count),
        other => panic!("no rule for how {other} grow"),
    };
    into_numbers(&growth)
}

fn into_numbers(growth: &Growth) -> Vec<f64> {
    let Growth { time, mean, peak, inode, inode_time, curve } = growth;
    let points = curve.iter().flat_map(|(count, time)| [*count, *time]);
    [*time, *mean, *peak, *inode, *inode_time].into_iter().chain(points).collect()
}

fn from_numbers(numbers: &[f64]) -> Growth {
    let [time, mean, peak, inode, inode_time, points @ ..] = numbers else {
        panic!("a probe that measured nothing")
    };
    let curve = points.chunks_exact(2).map(|point| (point[0], point[1])).collect();
    let [time, mean, peak, inode, inode_time] = [time, mean, peak, inode, inode_time].map(|x| *x);
    Growth { time, mean, peak, inode, inode_time, curve }
}

/// The records of a growing directory.
#[derive(Debug)]
struct Log {
    count: usize,
    empty: usize,
    time: Duration,
    peak: f64,
    curve: Vec<(f64, f64)>,
}

impl Log {
    /// The log of a directory that is to have `count` names; `empty` bytes are not theirs.
    fn new(count: usize, empty: usize) -> Self {
        let stride = stride(count);
        let curve = Vec::with_capacity(count / stride + 1);
        Self { count, empty, time: Duration::ZERO, peak: 0.0, curve }
    }

    /// Runs `insert` over the names in batches, timing it and looking at the memory.
    fn grow(&mut self, word: &[u8; 9], mut insert: impl FnMut(usize, &[Name])) {
        let mut names = vec![Name::default(); BATCH];
        let stride = stride(self.count);
        let mut since = Duration::ZERO;
        for first in (0..self.count).step_by(BATCH) {
            names::successive(&mut names, word, first);
            let start = Instant::now();
            insert(first, &names);
            since += start.elapsed();
            let made = first + BATCH;
            if made.is_multiple_of(stride) {
                self.curve.push((made as f64, since.as_nanos() as f64 / stride as f64));
                self.time += since;
                since = Duration::ZERO;
                if made >= self.count / 10 {
                    self.peak = self.peak.max(self.bytes_each(made));
                }
            }
        }
    }

    fn bytes_each(&self, made: usize) -> f64 {
        resident().saturating_sub(self.empty) as f64 / made as f64
    }

    fn finish(self) -> Growth {
        Growth {
            time: self.time.as_nanos() as f64 / self.count as f64,
            mean: self.bytes_each(self.count),
            peak: self.peak,
            inode: 0.0,
            inode_time: 0.0,
            curve: self.curve,
        }
    }
}

/// A small directory is looked at more often.
fn stride(count: usize) -> usize {
    STRIDE.min(count / 10).max(BATCH)
}

fn negatives(count: usize) -> Growth {
    let world = Embedded::default();
    let dir = world.dir(&world.root, "dir");
    let mut log = Log::new(count, resident());
    log.grow(b"negative-", |_, names| {
        for name in names {
            world.notifier.remember_missing(dir.get(), name).expect("a negative dentry");
        }
    });
    assert_eq!(world.tree.negatives(), count, "all are there");
    let growth = log.finish();
    // Looking at it must not be optimised away, and freeing it is not measured here.
    std::mem::forget(world);
    growth
}

fn positives(count: usize) -> Growth {
    let world = Embedded::default();
    let dir = world.dir(&world.root, "dir");
    let mut inodes: Vec<InodeRef> = Vec::with_capacity(count);
    let before = resident();
    let start = Instant::now();
    for number in 0..count {
        let spec = InodeSpec::new(10 + number as u64, InodeKind::Regular, 1);
        inodes.push(world.tree.make_inode(&world.superblock, spec).expect("an inode"));
    }
    let inode_time = start.elapsed().as_nanos() as f64 / count as f64;
    // The vector that holds them on the way is not counted.
    let inode = (resident() - before) as f64 / count as f64 - size_of::<InodeRef>() as f64;
    // They are taken from the end: in the order in which they were made.
    inodes.reverse();
    let mut log = Log::new(count, resident());
    log.grow(b"positive-", |_, names| {
        for name in names {
            let inode = inodes.pop().expect("as many inodes as names");
            let file = world.notifier.instantiate(dir.get(), name, inode).expect("a dentry");
            drop(file);
        }
    });
    assert_eq!(world.tree.live_dentries(), count + 2, "all are there, the directory and its root");
    let growth = log.finish();
    std::mem::forget(world);
    Growth { inode, inode_time, ..growth }
}

/// Writes what several growths came to.
pub(crate) fn write(report: &mut Report, scenario: &str, count: usize, growths: &[Growth]) {
    let size = count as u64;
    let mut one = |what: &str, unit: &str, pick: &dyn Fn(&Growth) -> f64| {
        let sample = Sample(growths.iter().map(pick).collect());
        report.sample(scenario, size, "vfsnotify", what, unit, &sample);
    };
    one("time per insert", "ns", &|growth| growth.time);
    one("inserts per second", "1/s", &|growth| 1e9 / growth.time);
    one("bytes each, mean", "B", &|growth| growth.mean);
    one("bytes each, peak", "B", &|growth| growth.peak);
    if growths.iter().all(|growth| growth.inode > 0.0) {
        one("bytes of its inode", "B", &|growth| growth.inode);
        one("time per inode", "ns", &|growth| growth.inode_time);
    }
    if let Some(growth) = growths.first() {
        let curve = growth.curve.clone();
        report.curve(scenario, size, "vfsnotify", "time per insert, by size", "ns", curve);
    }
}

//! Remembering names when the budget for negative dentries is used up: each evicts another.

use std::sync::Arc;

use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig};
use vfsnotify::tree::InodeSpec;
use vfsnotify::{InodeKind, Tree, TreeConfig};

use super::names::{self, BATCH, Name};
use super::turns::Turns;
use benches::{Args, Latency, Report, Sample};

/// How the negative dentries lie, and which budget they use up.
#[derive(Clone, Copy, Debug)]
struct Shape {
    name: &'static str,
    directories: usize,
    /// The tree's budget is used up, not the directories' own.
    of_tree: bool,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "evict in one directory", directories: 1, of_tree: false },
    Shape { name: "evict among directories", directories: 100, of_tree: true },
];

/// Directories full of names that do not exist.
#[derive(Debug)]
struct Full {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    dirs: Vec<DentryRef>,
    budget: usize,
    next: usize,
}

impl Full {
    fn new(shape: Shape, budget: usize) -> Self {
        let negatives = if shape.of_tree { budget } else { usize::MAX };
        let negatives_per_directory = if shape.of_tree { usize::MAX } else { budget };
        let tree = Tree::new(
            TreeConfig::default()
                .with_negatives(negatives)
                .with_negatives_per_directory(negatives_per_directory),
        );
        let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        let dirs = (0..shape.directories)
            .map(|number| {
                let ino = 2 + number as u64;
                let spec = InodeSpec::new(ino, InodeKind::Directory, 2);
                let inode = tree.make_inode(&superblock, spec).expect("an inode");
                let name = format!("{number}");
                notifier.instantiate(root.get(), name.as_bytes(), inode).expect("a directory")
            })
            .collect();
        let mut full = Self { tree, notifier, dirs, budget, next: 0 };
        full.remember(budget, &mut Turns::new());
        assert_eq!(full.tree.negatives(), budget, "the budget is used up, and nothing evicted");
        full
    }

    /// Remembers so many new names, each batch of them in the next directory.
    fn remember(&mut self, count: usize, turns: &mut Turns) {
        let mut batch = vec![Name::default(); BATCH];
        for _ in (0..count).step_by(BATCH) {
            names::successive(&mut batch, b"negative-", self.next);
            let dir = self.dirs[self.next / BATCH % self.dirs.len()].get();
            self.next += BATCH;
            turns.begin();
            for name in &batch {
                self.notifier.remember_missing(dir, name).expect("a negative dentry");
                turns.turn();
            }
        }
    }

    /// The latency of each of as many new names as the budget has.
    fn evict(&mut self) -> Latency {
        let mut turns = Turns::new();
        self.remember(self.budget, &mut turns);
        let left = self.tree.negatives();
        assert!(left <= self.budget, "{left} names in a budget of {}", self.budget);
        assert!(left > self.budget / 2, "{left} names of {} are left", self.budget);
        turns.latency
    }
}

/// Measures both shapes.
pub(crate) fn measure(args: &Args, report: &mut Report, budget: usize) {
    for shape in SHAPES {
        let mut full = Full::new(shape, budget);
        let latencies: Vec<Latency> = (0..args.pick(3, 5)).map(|_| full.evict()).collect();
        let mut one = |what: &str, unit: &str, pick: fn(&Latency) -> f64| {
            let sample = Sample(latencies.iter().map(pick).collect());
            report.sample(shape.name, budget as u64, "vfsnotify", what, unit, &sample);
        };
        one("time per insert, mean", "ns", |latency| latency.wall.mean());
        one("insert, p99.9 wall", "us", |latency| latency.wall_at(0.999) / 1e3);
        one("insert, longest wall", "us", |latency| latency.wall_at(1.0) / 1e3);
        one("insert, longest CPU", "us", |latency| latency.cpu_at(1.0) / 1e3);
    }
}

//! The first watch on a directory that wants events of its children: time per child, positive and
//! negative.
//!
//! The kernel walks over all children whenever a directory starts to be watched, so one directory
//! serves for all rounds. The crate would remember that its flags are still set; it gets a fresh
//! directory in each round.

use std::path::Path;
use std::time::Instant;

use vfsnotify::inotify::WatchMask;
use vfsnotify::notify::{DentryRef, Lookup};

use super::children::{Forest, Order, child, shuffled};
use super::kernel_side::flags;
use super::table::{Ratio, Row, Table};
use benches::{Args, Embedded, KernelInotify, Sample};

const POSITIVE: &str = "first add per positive child";
const NEGATIVE: &str = "first add per negative child";

/// The mask of the watches: something that can happen to a child.
const MASK: WatchMask = WatchMask::MODIFY;

/// In nanoseconds: an add that takes less for each child has walked over none.
const FASTEST_STEP: f64 = 5.0;

/// Adds the rows.
pub(crate) fn run(args: &Args, forests: &[Forest], table: &mut Table) {
    let usual = args.pick(20_000, 100_000);
    for order in Order::BOTH {
        if args.wants(POSITIVE) {
            let all: Vec<&Forest> = forests.iter().collect();
            positive(table, &all, (usual, order), args.pick(3, 5));
            let large: Vec<&Forest> = forests.iter().filter(|forest| forest.most > usual).collect();
            if let Some(forest) = large.first() {
                positive(table, &large, (forest.most, order), 3);
            }
        }
        if args.wants(NEGATIVE) {
            negative(table, forests, (usual, order), args.pick(3, 5));
        }
    }
}

fn positive(table: &mut Table, forests: &[&Forest], (count, order): (usize, Order), rounds: usize) {
    let paths: Vec<_> = forests.iter().map(|forest| forest.names(count, order)).collect();
    let mut kernel: Vec<(String, Sample)> =
        forests.iter().map(|forest| (forest.side().to_owned(), Sample::default())).collect();
    let mut own = Sample::default();
    for _ in 0..rounds {
        own.0.push(add_in_tree(count, order));
        for (path, (_, sample)) in paths.iter().zip(&mut kernel) {
            sample.0.push(add_in_kernel(path, count, Some(&child(0))));
        }
    }
    table.row(row(POSITIVE, count, order, kernel, own));
    if order == Order::Random {
        for (forest, path) in forests.iter().zip(&paths) {
            forest.remove(path);
        }
    }
}

fn negative(table: &mut Table, forests: &[Forest], (count, order): (usize, Order), rounds: usize) {
    let scenario = format!("{NEGATIVE}, {}", order.name());
    let places: Vec<_> = forests.iter().map(|forest| forest.negatives(count, order)).collect();
    let mut kernel: Vec<(String, Sample)> =
        forests.iter().map(|forest| (forest.side().to_owned(), Sample::default())).collect();
    let mut own = Sample::default();
    for _ in 0..rounds {
        own.0.push(add_beside_negatives(count, order));
        for (path, (_, sample)) in places.iter().zip(&mut kernel) {
            sample.0.push(add_in_kernel(path, count, None));
        }
    }
    kernel.retain(|(side, sample)| {
        let is_there = sample.median() > FASTEST_STEP;
        if !is_there {
            table.left_out(&scenario, side, "keeps no negative dentries");
        }
        is_there
    });
    table.row(row(NEGATIVE, count, order, kernel, own));
}

fn row(
    scenario: &str,
    count: usize,
    order: Order,
    kernel: Vec<(String, Sample)>,
    own: Sample,
) -> Row {
    Row {
        scenario: format!("{scenario}, {}", order.name()),
        size: count as u64,
        what: "time per child",
        unit: "ns",
        kernel,
        own,
        ratio: Ratio::OfTimes,
    }
}

/// Nanoseconds per child of a first add in a directory of the kernel's.
fn add_in_kernel(path: &Path, count: usize, file: Option<&str>) -> f64 {
    let inotify = KernelInotify::new().expect("an inotify instance");
    let start = Instant::now();
    let wd = inotify.add(path, flags(MASK)).expect("a watch");
    let time = start.elapsed();
    if let Some(file) = file {
        std::fs::write(path.join(file), b"x").expect("a write");
        assert!(inotify.drain() > 0, "the watch is ready");
    }
    inotify.remove(wd).expect("the watch is there");
    time.as_nanos() as f64 / count as f64
}

/// Nanoseconds per child of a first add in a fresh directory of the crate's.
fn add_in_tree(count: usize, order: Order) -> f64 {
    let world = Embedded::default();
    let dir = world.dir(&world.root, "many");
    match order {
        Order::Creation => world.files_in_creation_order(&dir, count),
        Order::Random => world.files_in_random_order(&dir, count),
    }
    let per_child = add_in(&world, &dir, count);
    for name in ["0".to_owned(), format!("{}", count - 1)] {
        let Ok(Lookup::Positive(file)) = world.notifier.lookup(dir.get(), name.as_bytes()) else {
            panic!("{name} is not there");
        };
        assert!(file.get().is_parent_watched(), "the watch is ready");
    }
    per_child
}

/// The same where all children are negative dentries.
fn add_beside_negatives(count: usize, order: Order) -> f64 {
    let world = Embedded::default();
    let dir = world.dir(&world.root, "many");
    let numbers = match order {
        Order::Creation => (0..count).collect(),
        Order::Random => shuffled(count),
    };
    for number in numbers {
        world.notifier.remember_missing(dir.get(), child(number).as_bytes()).expect("a name");
    }
    assert_eq!(world.tree.negatives(), count);
    add_in(&world, &dir, count)
}

fn add_in(world: &Embedded, dir: &DentryRef, count: usize) -> f64 {
    let (inotify, inode) = (world.group(), dir.inode_ref());
    let start = Instant::now();
    inotify.add_watch(&inode, MASK).expect("a watch");
    start.elapsed().as_nanos() as f64 / count as f64
}

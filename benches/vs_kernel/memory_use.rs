//! Bytes of memory per negative dentry and per inotify watch.
//!
//! The crate's figure is by how much this process has grown; it is taken first of all, while
//! nothing has been freed that could be used again, and once. The kernel's is by how much all slabs
//! together have grown (`Slab` of `/proc/meminfo`), which needs no rights; beside it stand the sizes
//! of the objects, where the kernel shows them. A watch is counted without its inode.

use rustix::fs::stat;
use rustix::io::Errno;
use vfsnotify::inotify::WatchMask;

use super::children::{Forest, child};
use super::kernel_side::flags;
use super::table::{Ratio, Row, Table};
use benches::kernel::RaisedLimit;
use benches::{Args, Embedded, KernelInotify, Sample, memory};

const NEGATIVE: &str = "memory of a negative dentry";
const WATCH: &str = "memory of a watch";

/// In bytes: where less is used for each name that was missed, nothing is kept of it.
const SMALLEST_DENTRY: f64 = 100.0;

/// Adds the rows.
pub(crate) fn run(args: &Args, forests: &[Forest], table: &mut Table) {
    let count = args.pick(200_000, 1_000_000);
    if args.wants(NEGATIVE) {
        let own = own_negative(count);
        let kernel = forests.iter().filter_map(|forest| kernel_negative(forest, count, table));
        let kernel = kernel.collect();
        row(table, NEGATIVE, count, kernel, own);
        object_size(table, NEGATIVE, &["dentry"]);
    }
    // A watch is the same on all file systems, and the largest directory gives the best figure.
    let largest = forests.iter().max_by_key(|forest| forest.most);
    if let Some(forest) = largest.filter(|_| args.wants(WATCH)) {
        let count = forest.most;
        let own = own_watch(count);
        let kernel = kernel_watch(forest, count, table).into_iter().collect();
        row(table, WATCH, count, kernel, own);
        object_size(table, WATCH, &["inotify_inode_mark", "fsnotify_mark_connector"]);
    }
}

fn row(table: &mut Table, scenario: &str, count: usize, kernel: Vec<(String, f64)>, own: f64) {
    assert!(own > 0.0, "{scenario}: no memory was used");
    let kernel = kernel.into_iter().map(|(side, bytes)| (side, Sample(vec![bytes]))).collect();
    table.row(Row {
        scenario: scenario.to_owned(),
        size: count as u64,
        what: "bytes each",
        unit: "B",
        kernel,
        own: Sample(vec![own]),
        ratio: Ratio::OfTimes,
    });
}

/// A name of 20 bytes.
fn name(number: usize) -> String {
    format!("negative-{number:011}")
}

fn own_negative(count: usize) -> f64 {
    let world = Embedded::default();
    let before = memory::resident();
    world.negatives(&world.root, count);
    let grown = memory::resident() - before;
    assert_eq!(world.tree.negatives(), count);
    grown as f64 / count as f64
}

fn own_watch(count: usize) -> f64 {
    let world = Embedded::default();
    let files: Vec<_> = (0..count).map(|number| world.file(&world.root, &child(number))).collect();
    let inotify = world.group();
    let before = memory::resident();
    for file in &files {
        inotify.add_watch(&file.inode_ref(), WatchMask::MODIFY).expect("a watch");
    }
    let grown = memory::resident() - before;
    assert_eq!(inotify.watch_count(), count);
    grown as f64 / count as f64
}

fn kernel_negative(forest: &Forest, count: usize, table: &mut Table) -> Option<(String, f64)> {
    let dir = forest.dir.subdir("missing");
    let before = slab()?;
    for number in 0..count {
        assert_eq!(stat(dir.join(name(number))).err(), Some(Errno::NOENT));
    }
    let each = (slab()? - before) / count as f64;
    if each < SMALLEST_DENTRY {
        table.left_out(NEGATIVE, forest.side(), "keeps no negative dentries");
        return None;
    }
    Some((forest.side().to_owned(), each))
}

fn kernel_watch(forest: &Forest, count: usize, table: &mut Table) -> Option<(String, f64)> {
    let Some(_raised) = RaisedLimit::to("max_user_watches", count as u64 + 10_000) else {
        table.left_out(WATCH, forest.side(), "raising max_user_watches needs root");
        return None;
    };
    let path = forest.files(count);
    let inotify = KernelInotify::new().expect("an inotify instance");
    let before = slab()?;
    for number in 0..count {
        inotify.add(&path.join(child(number)), flags(WatchMask::MODIFY)).expect("a watch");
    }
    Some((forest.side().to_owned(), (slab()? - before) / count as f64))
}

/// The bytes of all slabs.
fn slab() -> Option<f64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("Slab:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0)
}

/// Records the size of objects together, if each is shown.
fn object_size(table: &mut Table, scenario: &str, objects: &[&str]) {
    match objects.iter().map(|object| size_of_object(object)).sum::<Option<f64>>() {
        Some(bytes) => table.report.value(scenario, 0, "linux", "size of the objects", "B", bytes),
        None => table.left_out(scenario, "linux", "sizes of objects are shown to root only"),
    }
}

/// From sysfs, which knows every kind of object, or from slabinfo, which does not know those that
/// share their slabs with others.
fn size_of_object(object: &str) -> Option<f64> {
    let sysfs = std::fs::read_to_string(format!("/sys/kernel/slab/{object}/slab_size"));
    if let Some(size) = sysfs.ok().and_then(|size| size.trim().parse().ok()) {
        return Some(size);
    }
    let slabinfo = std::fs::read_to_string("/proc/slabinfo").ok()?;
    let line = slabinfo.lines().find(|line| line.split_whitespace().next() == Some(object))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

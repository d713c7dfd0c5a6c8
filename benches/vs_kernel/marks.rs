//! Watches on many files: adding, removing, and closing the group that has them all.
//!
//! The kernel's add takes a path. What it takes without looking that up is what is left when the
//! time of access(2) with the same path is taken off, which looks up the same and asks for the same
//! right to read; the crate has a call for it.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};
use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::Lookup;
use vfsnotify::tree::InodeRef;
use vfsnotify::{Context, InodeKind, OpenFlags, Vfs};

use super::children::{Forest, child};
use super::kernel_side::flags;
use super::table::{Ratio, Row, Table};
use super::vfs_side::{BASE, roomy_vfs};
use benches::kernel::RaisedLimit;
use benches::{Args, KernelInotify, Sample};

/// The figures of one round, in this order: name, what, unit.
const FIGURES: [(&str, &str, &str); 5] = [
    ("add_watch on many files, by path", "time per watch", "ns"),
    ("add_watch on many files, look-up not counted", "time per watch", "ns"),
    ("rm_watch on many files", "time per watch", "ns"),
    ("closing a group, per mark", "time per mark", "ns"),
    ("closing a group", "time", "ms"),
];

/// How many watches are removed before IGNORED of them is read; no queue overflows.
const CHUNK: usize = 4096;

/// The limit of the kernel's that is in the way.
const LIMIT: &str = "max_user_watches";

const MASK: WatchMask = WatchMask::MODIFY;

/// The files of one side.
trait Files {
    /// Adds a watch on each of these, and says how long that took, with its path and without.
    fn add(&mut self, numbers: std::ops::Range<usize>) -> Added;
    /// Removes these watches, and says how long that took; the events are read.
    fn remove(&mut self, wds: &[i32]) -> Duration;
    /// Closes the group, and says how long that took.
    fn close(&mut self) -> Duration;
}

/// The time of adding some watches.
#[derive(Debug)]
struct Added {
    wds: Vec<i32>,
    by_path: Duration,
    without: Duration,
}

/// Adds the rows.
pub(crate) fn run(args: &Args, forests: &[Forest], table: &mut Table) {
    if !FIGURES.iter().any(|(name, ..)| args.wants(name)) {
        return;
    }
    let counted: Vec<(&Forest, usize)> =
        forests.iter().map(|forest| (forest, allowed(args, forest, table))).collect();
    let mut sizes: Vec<usize> = counted.iter().map(|(_, count)| *count).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let alike = counted.iter().filter(|(_, count)| *count == size);
        rows(table, &alike.map(|(forest, _)| *forest).collect::<Vec<_>>(), size);
    }
}

/// The rows of this many files, on all these file systems of the kernel's.
fn rows(table: &mut Table, forests: &[&Forest], count: usize) {
    // That it can be raised, if it has to be, was tried before.
    let _raised = RaisedLimit::to(LIMIT, needed(count));
    let mut kernel: Vec<InKernel> =
        forests.iter().map(|forest| InKernel::new(forest, count)).collect();
    let mut own = InVfs::new(count);
    let mut of_own = vec![Sample::default(); FIGURES.len()];
    let mut of_kernel = vec![of_own.clone(); kernel.len()];
    for _ in 0..3 {
        push(&mut of_own, round(&mut own, count));
        for (side, samples) in kernel.iter_mut().zip(&mut of_kernel) {
            push(samples, round(side, count));
        }
    }
    for (number, (name, what, unit)) in FIGURES.into_iter().enumerate() {
        let of_side = |(forest, samples): (&&Forest, &Vec<Sample>)| {
            (forest.side().to_owned(), samples[number].clone())
        };
        table.row(Row {
            scenario: name.to_owned(),
            size: count as u64,
            what,
            unit,
            kernel: forests.iter().zip(&of_kernel).map(of_side).collect(),
            own: of_own[number].clone(),
            ratio: Ratio::OfTimes,
        });
    }
}

fn push(samples: &mut [Sample], figures: [f64; 5]) {
    for (sample, figure) in samples.iter_mut().zip(figures) {
        sample.0.push(figure);
    }
}

/// How many files can be watched: all of the largest directory, if the limit can be raised.
fn allowed(args: &Args, forest: &Forest, table: &mut Table) -> usize {
    let wanted = args.pick(5000, forest.most);
    if RaisedLimit::to(LIMIT, needed(wanted)).is_some() {
        return wanted;
    }
    let count = wanted.min(half_of_the_limit());
    let why = format!("{count} files and not {wanted}: raising {LIMIT} needs root");
    table.left_out(FIGURES[0].0, forest.side(), &why);
    count
}

/// The limit for so many watches: others have some too.
fn needed(watches: usize) -> u64 {
    watches as u64 + 10_000
}

fn half_of_the_limit() -> usize {
    let limit = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{LIMIT}"));
    limit.ok().and_then(|limit| limit.trim().parse::<usize>().ok()).unwrap_or(8192) / 2
}

/// Adds all watches and removes them, adds them again and closes the group.
fn round(files: &mut impl Files, count: usize) -> [f64; 5] {
    let (mut by_path, mut without, mut removing) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let chunks = || (0..count).step_by(CHUNK).map(|at| at..count.min(at + CHUNK));
    let mut wds = Vec::with_capacity(count);
    for chunk in chunks() {
        let added = files.add(chunk);
        by_path += added.by_path;
        without += added.without;
        wds.extend(added.wds);
    }
    for chunk in wds.chunks(CHUNK) {
        removing += files.remove(chunk);
    }
    for chunk in chunks() {
        files.add(chunk);
    }
    let closing = files.close();
    let each = |time: Duration| time.as_nanos() as f64 / count as f64;
    let all = closing.as_secs_f64() * 1000.0;
    [each(by_path), each(without), each(removing), each(closing), all]
}

/// The kernel's.
#[derive(Debug)]
struct InKernel {
    path: std::path::PathBuf,
    inotify: KernelInotify,
}

impl InKernel {
    fn new(forest: &Forest, files: usize) -> Self {
        let path = forest.files(files);
        Self { path, inotify: KernelInotify::new().expect("an inotify instance") }
    }
}

impl Files for InKernel {
    fn add(&mut self, numbers: std::ops::Range<usize>) -> Added {
        let paths: Vec<_> = numbers.map(|number| self.path.join(child(number))).collect();
        let start = Instant::now();
        for path in &paths {
            access(path, Access::READ_OK).expect("the file is there");
        }
        let looked_up = start.elapsed();
        let mut wds = Vec::with_capacity(paths.len());
        let start = Instant::now();
        wds.extend(paths.iter().map(|path| self.add_one(path)));
        let by_path = start.elapsed();
        Added { wds, by_path, without: by_path.saturating_sub(looked_up) }
    }

    fn remove(&mut self, wds: &[i32]) -> Duration {
        let start = Instant::now();
        for &wd in wds {
            self.inotify.remove(wd).expect("the watch is there");
        }
        let time = start.elapsed();
        assert_eq!(self.inotify.drain(), wds.len(), "IGNORED of each");
        time
    }

    fn close(&mut self) -> Duration {
        let other = KernelInotify::new().expect("an inotify instance");
        let full = std::mem::replace(&mut self.inotify, other);
        let start = Instant::now();
        drop(full);
        start.elapsed()
    }
}

impl InKernel {
    fn add_one(&self, path: &Path) -> i32 {
        self.inotify.add(path, flags(MASK)).expect("a watch")
    }
}

/// The crate's.
#[derive(Debug)]
struct InVfs {
    vfs: Vfs,
    cx: Context,
    path: String,
    inotify: Inotify,
    /// For the adds without a look-up.
    aside: Inotify,
}

impl InVfs {
    fn new(files: usize) -> Self {
        let (vfs, cx) = roomy_vfs();
        let path = format!("{BASE}/many");
        vfs.mkdir(&cx, &path, 0o755).expect("a directory");
        for number in 0..files {
            let file = format!("{path}/{}", child(number));
            vfs.mknod(&cx, file, InodeKind::Regular, 0o644, 0).expect("a new file");
        }
        let group = || vfs.inotify(&cx).expect("a group");
        Self { inotify: group(), aside: group(), path, vfs, cx }
    }

    fn inodes(&self, numbers: std::ops::Range<usize>) -> Vec<InodeRef> {
        let dir = self.vfs.open(&self.cx, &self.path, OpenFlags::PATH, 0).expect("the directory");
        let inode = |number| {
            let name = child(number);
            match self.vfs.notifier().lookup(dir.dentry(), name.as_bytes()) {
                Ok(Lookup::Positive(dentry)) => dentry.inode_ref(),
                other => panic!("{name}: {other:?}"),
            }
        };
        numbers.map(inode).collect()
    }

    /// The time that the adds take on inodes that were looked up before: with the connectors gone again
    /// that they made.
    fn add_without(&self, inodes: &[InodeRef]) -> Duration {
        let mut wds = Vec::with_capacity(inodes.len());
        let start = Instant::now();
        wds.extend(inodes.iter().map(|inode| self.aside.add_watch(inode, MASK)));
        let time = start.elapsed();
        for wd in wds {
            self.aside.rm_watch(wd.expect("a watch")).expect("the watch is there");
        }
        assert_eq!(self.aside.drain().len(), inodes.len(), "IGNORED of each");
        time
    }
}

impl Files for InVfs {
    fn add(&mut self, numbers: std::ops::Range<usize>) -> Added {
        let without = self.add_without(&self.inodes(numbers.clone()));
        let paths: Vec<_> =
            numbers.map(|number| format!("{}/{}", self.path, child(number))).collect();
        let mut wds = Vec::with_capacity(paths.len());
        let start = Instant::now();
        wds.extend(paths.iter().map(|path| {
            let wd = self.vfs.add_watch(&self.cx, &self.inotify, path, MASK);
            wd.expect("a watch").as_raw()
        }));
        Added { wds, by_path: start.elapsed(), without }
    }

    fn remove(&mut self, wds: &[i32]) -> Duration {
        let start = Instant::now();
        for &wd in wds {
            self.inotify.rm_watch(WatchDescriptor::from_raw(wd)).expect("the watch is there");
        }
        let time = start.elapsed();
        assert_eq!(self.inotify.drain().len(), wds.len(), "IGNORED of each");
        time
    }

    fn close(&mut self) -> Duration {
        let other = self.vfs.inotify(&self.cx).expect("a group");
        let full = std::mem::replace(&mut self.inotify, other);
        let start = Instant::now();
        drop(full);
        start.elapsed()
    }
}

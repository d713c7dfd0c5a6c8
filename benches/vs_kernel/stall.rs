//! The latency of other threads while the first watch on a directory walks over its children: an open, a write,
//! a create and a missed look-up in that directory.
//!
//! One thread does one of these over and over, and each time that overlaps an add is counted; the
//! other adds the watch, removes it, and adds it again. Linux walks every time. The crate walks
//! again because a flag was lost meanwhile: after each removal a child is written to.
//!
//! A watch elsewhere on the same file system stays all the time. Without any, no hook would look at
//! the flags that the last watch has left, and a child whose flag is still set stalls from the
//! beginning of the next walk on, whether the walk has come to it or not.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, open, stat, unlinkat};
use rustix::io::{Errno, pwrite};
use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{Context, File, InodeKind, OpenFlags, Vfs};

use super::children::{Forest, Order, child};
use super::kernel_side::flags;
use super::table::{Ratio, Row, Table};
use super::vfs_side::{BASE, roomy_vfs};
use benches::{Args, KernelInotify, Latency, Sample, longest_gap};

const SCENARIO: &str = "stall during a walk";

/// The figures, in this order.
const FIGURES: [(&str, f64); 2] = [("longest", 1.0), ("p99.9", 0.999)];

/// The operation of the other thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Open,
    Write,
    Create,
    Miss,
}

const WORKS: [(Work, &str); 4] = [
    (Work::Open, "open and close"),
    (Work::Write, "write"),
    (Work::Create, "create and unlink"),
    (Work::Miss, "missed lookup"),
];

/// The number of the next name that is not known yet.
static NAMES: AtomicUsize = AtomicUsize::new(0);

/// Tells the other thread when this one has come to its end, be it a failure.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory with many children.
///
/// The child that is opened and written to is the newest one: a walk comes to it first.
trait Crowd: Sync {
    /// Adds the watch; returns its descriptor.
    fn add(&self) -> i32;
    /// Removes the watch, and lets the flag of a child get lost.
    fn remove(&self, wd: i32);
    /// A path in the directory.
    fn path(&self, name: &str) -> String;
    /// Does it once; `path` is one that does not exist.
    fn work(&self, work: Work, path: &str);
}

/// Adds the rows.
pub(crate) fn run(args: &Args, forests: &[Forest], table: &mut Table) {
    if !args.wants(SCENARIO) {
        return;
    }
    let mut sizes: Vec<usize> = forests.iter().map(|forest| forest.most).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let alike: Vec<&Forest> = forests.iter().filter(|forest| forest.most == size).collect();
        let kernel: Vec<KernelCrowd> =
            alike.iter().map(|forest| KernelCrowd::new(forest, size)).collect();
        let own = VfsCrowd::new(size);
        for (work, name) in WORKS {
            rows(args, table, (&alike, &kernel, &own), size, (work, name));
        }
    }
    let (wall, _) = longest_gap(Duration::from_millis(args.pick(100, 1000)));
    let gap = wall.as_nanos() as f64 / 1000.0;
    table.report.value(SCENARIO, 0, "machine", "longest gap", "us", gap);
}

fn rows(
    args: &Args,
    table: &mut Table,
    (forests, kernel, own): (&[&Forest], &[KernelCrowd], &VfsCrowd),
    size: usize,
    (work, name): (Work, &str),
) {
    let mut of_kernel = vec![[Sample::default(), Sample::default()]; kernel.len()];
    let mut of_own = [Sample::default(), Sample::default()];
    for _ in 0..args.pick(3, 5) {
        // More of the short walks than of the long ones, so that there is something to count.
        push(&mut of_own, &overlapping(own, work, args.pick(20, 40)));
        for (crowd, samples) in kernel.iter().zip(&mut of_kernel) {
            push(samples, &overlapping(crowd, work, args.pick(3, 5)));
        }
    }
    for (number, (figure, _)) in FIGURES.iter().enumerate() {
        let of_side = |(forest, samples): (&&Forest, &[Sample; 2])| {
            (forest.side().to_owned(), samples[number].clone())
        };
        table.row(Row {
            scenario: format!("{SCENARIO}, {name}, {figure}"),
            size: size as u64,
            what: "latency",
            unit: "us",
            kernel: forests.iter().zip(&of_kernel).map(of_side).collect(),
            own: of_own[number].clone(),
            ratio: Ratio::OfTimes,
        });
    }
}

fn push(samples: &mut [Sample; 2], latency: &Latency) {
    for (sample, (_, share)) in samples.iter_mut().zip(FIGURES) {
        sample.0.push(latency.wall_at(share) / 1000.0);
    }
}

/// The latency of what another thread does while a watch is added, over so many adds, and more if
/// the other thread did not get to run during any of them.
fn overlapping<C: Crowd>(crowd: &C, work: Work, walks: usize) -> Latency {
    // Odd while the watch is being added.
    let adding = AtomicUsize::new(0);
    let (overlaps, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let latency = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut latency = Latency::default();
            while !is_over.load(Ordering::Relaxed) {
                let path = crowd.path(&format!("new-{}", NAMES.fetch_add(1, Ordering::Relaxed)));
                let before = adding.load(Ordering::SeqCst);
                let start = Instant::now();
                crowd.work(work, &path);
                let time = start.elapsed();
                let after = adding.load(Ordering::SeqCst);
                if before % 2 == 1 || before != after {
                    latency.record_wall(time);
                    overlaps.fetch_add(1, Ordering::Relaxed);
                }
            }
            latency
        });
        let over = Over(&is_over);
        for walk in 0..10 * walks {
            if walk >= walks && overlaps.load(Ordering::Relaxed) > 0 {
                break;
            }
            // Meanwhile the other works undisturbed, and clears the flags it comes across.
            pause();
            adding.fetch_add(1, Ordering::SeqCst);
            let wd = crowd.add();
            adding.fetch_add(1, Ordering::SeqCst);
            crowd.remove(wd);
        }
        drop(over);
        other.join().expect("a thread that measured")
    });
    assert!(!latency.wall.is_empty(), "nothing happened during the walks");
    latency
}

/// A while without walks. It spins: a thread that wakes up may do so on the core of the other thread.
fn pause() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
}

/// The kernel's.
#[derive(Debug)]
struct KernelCrowd {
    path: PathBuf,
    inotify: KernelInotify,
    newest: PathBuf,
    file: OwnedFd,
    other: OwnedFd,
    _elsewhere: KernelInotify,
}

impl KernelCrowd {
    fn new(forest: &Forest, size: usize) -> Self {
        let path = forest.names(size, Order::Creation);
        let newest = path.join(child(size - 1));
        let read_write = |path: &Path| {
            open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).expect("a file")
        };
        let elsewhere = KernelInotify::new().expect("an inotify instance");
        elsewhere.add(forest.dir.path(), flags(WatchMask::ATTRIB)).expect("a watch");
        Self {
            inotify: KernelInotify::new().expect("an inotify instance"),
            file: read_write(&newest),
            other: read_write(&path.join(child(size - 2))),
            newest,
            path,
            _elsewhere: elsewhere,
        }
    }
}

impl Crowd for KernelCrowd {
    fn add(&self) -> i32 {
        self.inotify.add(&self.path, flags(WatchMask::MODIFY)).expect("a watch")
    }

    fn remove(&self, wd: i32) {
        assert_eq!(pwrite(&self.other, b"y", 0), Ok(1));
        self.inotify.remove(wd).expect("the watch is there");
        assert!(self.inotify.drain() >= 2, "the watch was ready");
        assert_eq!(pwrite(&self.other, b"y", 0), Ok(1));
    }

    fn path(&self, name: &str) -> String {
        self.path.join(name).into_os_string().into_string().expect("a path of our own")
    }

    fn work(&self, work: Work, path: &str) {
        match work {
            Work::Open => {
                let file = open(&self.newest, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
                drop(file.expect("an open file"));
            }
            Work::Write => assert_eq!(pwrite(&self.file, b"y", 0), Ok(1)),
            Work::Create => {
                let how = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                drop(open(path, how, Mode::RUSR | Mode::WUSR).expect("a new file"));
                unlinkat(CWD, path, AtFlags::empty()).expect("the file is there");
            }
            Work::Miss => assert_eq!(stat(path).err(), Some(Errno::NOENT)),
        }
    }
}

/// The crate's.
#[derive(Debug)]
struct VfsCrowd {
    vfs: Vfs,
    cx: Context,
    path: String,
    inotify: Inotify,
    newest: String,
    file: File,
    other: File,
    _elsewhere: Inotify,
}

impl VfsCrowd {
    fn new(size: usize) -> Self {
        let (vfs, cx) = roomy_vfs();
        let path = format!("{BASE}/many");
        vfs.mkdir(&cx, &path, 0o755).expect("a directory");
        for number in 0..size {
            let file = format!("{path}/{}", child(number));
            vfs.mknod(&cx, file, InodeKind::Regular, 0o644, 0).expect("a new file");
        }
        let newest = format!("{path}/{}", child(size - 1));
        let read_write =
            |path: &str| vfs.open(&cx, path, OpenFlags::READ_WRITE, 0).expect("a file");
        let elsewhere = vfs.inotify(&cx).expect("a group");
        vfs.add_watch(&cx, &elsewhere, BASE, WatchMask::ATTRIB).expect("a watch");
        Self {
            inotify: vfs.inotify(&cx).expect("a group"),
            file: read_write(&newest),
            other: read_write(&format!("{path}/{}", child(size - 2))),
            path,
            newest,
            vfs,
            cx,
            _elsewhere: elsewhere,
        }
    }
}

impl Crowd for VfsCrowd {
    fn add(&self) -> i32 {
        let wd = self.vfs.add_watch(&self.cx, &self.inotify, &self.path, WatchMask::MODIFY);
        wd.expect("a watch").as_raw()
    }

    fn remove(&self, wd: i32) {
        assert_eq!(self.other.pwrite(b"y", 0), Ok(1));
        self.inotify.rm_watch(WatchDescriptor::from_raw(wd)).expect("the watch is there");
        assert!(self.inotify.drain().len() >= 2, "the watch was ready");
        // A flag stays where the lock that clearing it needs is busy just then.
        while self.other.dentry().is_parent_watched() {
            std::thread::yield_now();
            assert_eq!(self.other.pwrite(b"y", 0), Ok(1));
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn work(&self, work: Work, path: &str) {
        let (vfs, cx) = (&self.vfs, &self.cx);
        match work {
            Work::Open => {
                vfs.open(cx, &self.newest, OpenFlags::READ_WRITE, 0).expect("an open file").close();
            }
            Work::Write => assert_eq!(self.file.pwrite(b"y", 0), Ok(1)),
            Work::Create => {
                let how = OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
                vfs.open(cx, path, how, 0o600).expect("a new file").close();
                vfs.unlink(cx, path).expect("the file is there");
            }
            Work::Miss => assert_eq!(vfs.exists(cx, path), Ok(false)),
        }
    }
}

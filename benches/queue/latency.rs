//! From a hook to a reader that is blocked.

use std::fs::File;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::WatchFlags;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::DentryRef;

use benches::{Args, Embedded, KernelDir, KernelInotify, Latency, Report, Sample};

/// How long the writer waits for the reader to be blocked, once that one has said that it will be.
const IDLE: Duration = Duration::from_micros(50);

/// The end of a blocked reader's wait, in nanoseconds since the run began, and how many have ended.
#[derive(Debug, Default)]
struct Woken {
    at: AtomicU64,
    waits: AtomicU64,
    ends: AtomicU64,
}

/// Wakes a reader so many times: `wait` blocks until there is an event and takes it, `wake` makes
/// one. What is recorded is the time from before `wake` to after `wait`.
fn run(count: u64, wait: impl Fn() + Sync, wake: impl Fn() + Sync) -> Latency {
    let start = Instant::now();
    let woken = Woken::default();
    let read = || {
        stay_on(1);
        for number in 1..=count {
            woken.waits.store(number, Ordering::Release);
            wait();
            let at = start.elapsed().as_nanos() as u64;
            woken.at.store(at, Ordering::Relaxed);
            woken.ends.store(number, Ordering::Release);
        }
    };
    let write = || {
        stay_on(0);
        let mut latency = Latency::default();
        for number in 1..=count {
            reaches(&woken.waits, number);
            let idle = Instant::now();
            while idle.elapsed() < IDLE {
                std::hint::spin_loop();
            }
            let before = start.elapsed();
            wake();
            reaches(&woken.ends, number);
            let after = Duration::from_nanos(woken.at.load(Ordering::Relaxed));
            latency.record_wall(after.saturating_sub(before));
        }
        latency
    };
    std::thread::scope(|scope| {
        scope.spawn(read);
        scope.spawn(write).join().expect("a writer that woke")
    })
}

/// Lets this thread stay on one of the processors that the program may use, if there are so many:
/// writer and reader on one would not be what is measured.
fn stay_on(number: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    if let Some(cpu) = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).nth(number) {
        let mut one = CpuSet::new();
        one.set(cpu);
        // Refused, the scheduler chooses, and the figures are noisier.
        let _ = sched_setaffinity(None, &one);
    }
}

/// Waits, on the CPU, until a count is as high as this.
fn reaches(count: &AtomicU64, number: u64) {
    while count.load(Ordering::Acquire) < number {
        std::hint::spin_loop();
    }
}

/// A way of blocking, and the thread that wakes.
trait Pair {
    fn scenario(&self) -> &'static str;
    fn side(&self) -> &str;
    fn run(&self, count: u64) -> Latency;
}

const IN_WAIT: &str = "latency, reader in wait";
const ON_READY: &str = "latency, reader on ready";

/// A watched directory of the crate's.
#[derive(Debug)]
struct Watched {
    world: Embedded,
    file: DentryRef,
    inotify: Inotify,
    on_ready: bool,
}

impl Watched {
    fn new(on_ready: bool) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "dir");
        let file = world.file(&dir, "file");
        let inotify = world.group();
        inotify.add_watch(&dir.inode_ref(), WatchMask::MODIFY).expect("a watch");
        Self { world, file, inotify, on_ready }
    }

    fn take(&self) {
        assert!(self.inotify.next().expect("an open group").is_some(), "woken for an event");
    }
}

impl Pair for Watched {
    fn scenario(&self) -> &'static str {
        if self.on_ready { ON_READY } else { IN_WAIT }
    }

    fn side(&self) -> &str {
        "vfsnotify"
    }

    fn run(&self, count: u64) -> Latency {
        let wake = || self.world.notifier.hooks().on_modify(self.file.get());
        let latency = if self.on_ready {
            let ready = self.inotify.ready();
            let wait = || {
                // A token may be left from before: "maybe something to read".
                while self.inotify.is_empty() {
                    ready.recv().expect("an open group");
                }
                self.take();
            };
            run(count, wait, wake)
        } else {
            let wait = || {
                self.inotify.wait(None, None).expect("an open group");
                self.take();
            };
            run(count, wait, wake)
        };
        assert!(self.inotify.is_empty());
        latency
    }
}

/// A watched directory of the kernel's.
#[derive(Debug)]
struct KernelWatched {
    dir: KernelDir,
    file: File,
    inotify: KernelInotify,
}

impl KernelWatched {
    fn new(dir: KernelDir) -> Self {
        let path = dir.subdir("latency");
        let file = File::create(path.join("file")).expect("a file");
        let inotify = KernelInotify::new().expect("an inotify instance");
        inotify.add(&path, WatchFlags::MODIFY).expect("a watch");
        Self { dir, file, inotify }
    }
}

impl Pair for KernelWatched {
    fn scenario(&self) -> &'static str {
        IN_WAIT
    }

    fn side(&self) -> &str {
        &self.dir.side
    }

    fn run(&self, count: u64) -> Latency {
        let wait = || {
            let fd = self.inotify.fd();
            poll(&mut [PollFd::new(&fd, PollFlags::IN)], None).expect("a wait");
            assert_eq!(self.inotify.read(&mut [MaybeUninit::uninit(); 512]), 1, "one event");
        };
        let wake = || {
            rustix::io::pwrite(&self.file, b"x", 0).expect("a write");
        };
        run(count, wait, wake)
    }
}

/// A thread that is parked and woken, and nothing else: what any wake-up costs here.
#[derive(Debug)]
struct Parked;

impl Pair for Parked {
    fn scenario(&self) -> &'static str {
        IN_WAIT
    }

    fn side(&self) -> &str {
        "machine"
    }

    fn run(&self, count: u64) -> Latency {
        let reader = std::sync::OnceLock::new();
        let tokens = AtomicU64::new(0);
        let wait = || {
            reader.get_or_init(std::thread::current);
            while tokens.load(Ordering::Acquire) == 0 {
                std::thread::park();
            }
            tokens.fetch_sub(1, Ordering::AcqRel);
        };
        let wake = || {
            tokens.fetch_add(1, Ordering::AcqRel);
            reader.get().map(std::thread::Thread::unpark).expect("a reader that waits");
        };
        run(count, wait, wake)
    }
}

/// Measures every pair in turn.
pub(crate) fn measure(args: &Args, report: &mut Report) {
    let mut pairs: Vec<Box<dyn Pair>> =
        vec![Box::new(Watched::new(false)), Box::new(Watched::new(true)), Box::new(Parked)];
    for dir in KernelDir::all(args) {
        pairs.push(Box::new(KernelWatched::new(dir)));
    }
    let count = args.pick(300, 4000);
    let mut latencies: Vec<Vec<Latency>> = pairs.iter().map(|_| Vec::new()).collect();
    for _ in 0..args.pick(3, 9) {
        for (pair, latencies) in pairs.iter().zip(&mut latencies) {
            latencies.push(pair.run(count));
        }
    }
    for (pair, latencies) in pairs.iter().zip(&latencies) {
        for (what, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let at = |latency: &Latency| latency.wall_at(quantile) / 1e3;
            let sample = Sample(latencies.iter().map(at).collect());
            report.sample(pair.scenario(), 0, pair.side(), what, "us", &sample);
        }
    }
}

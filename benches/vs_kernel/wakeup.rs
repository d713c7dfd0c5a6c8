//! From a write to a reader that was blocked: the write of one byte, the event, the wake-up, and
//! the read of the event.

use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::gettid;
use vfsnotify::inotify::WatchMask;

use super::side::{BUFFER, Measure, Side, Sides, Target};
use super::table::{Ratio, Row, Table};
use benches::{Args, KernelDir, Latency};

const SCENARIO: &str = "write to a blocked reader";

/// The figures, in this order.
const FIGURES: [(&str, f64); 2] = [("p50", 0.5), ("p99", 0.99)];

/// How long the reader is left asleep: long enough for its core to be idle.
const PAUSE: Duration = Duration::from_micros(300);

/// Adds the rows.
pub(crate) fn run(args: &Args, dirs: &[KernelDir], table: &mut Table) {
    if !args.wants(SCENARIO) {
        return;
    }
    let sides = Sides::new(dirs, 1);
    let figures = sides.rounds(args.pick(3, 9), &Wakeup { writes: args.pick(200, 1000) });
    for (number, (name, _)) in FIGURES.iter().enumerate() {
        table.row(Row {
            scenario: format!("{SCENARIO}, {name}"),
            size: 0,
            what: "latency",
            unit: "us",
            kernel: figures.of_kernel(number),
            own: figures.vfs[number].clone(),
            ratio: Ratio::OfTimes,
        });
    }
}

/// This many writes, each to a blocked reader.
struct Wakeup {
    writes: usize,
}

impl Measure for Wakeup {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64> {
        let wd = side.watch(0, Target::Directory, WatchMask::MODIFY);
        let start = Instant::now();
        let nanos = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let (written, reads, thread) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicI32::new(0));
        let latency = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                thread.store(gettid().as_raw_nonzero().get(), Ordering::Release);
                let mut latency = Latency::default();
                let mut buffer = vec![0; BUFFER];
                for _ in 0..self.writes {
                    side.wait(0);
                    assert_eq!(side.take(0, &mut buffer), 32, "one event");
                    let since = nanos() - written.load(Ordering::Acquire);
                    latency.record_wall(Duration::from_nanos(since));
                    reads.fetch_add(1, Ordering::Release);
                }
                latency
            });
            for number in 0..self.writes {
                while reads.load(Ordering::Acquire) < number || !is_asleep(&thread) {
                    assert!(!reader.is_finished(), "the reader has failed");
                    std::thread::yield_now();
                }
                pause();
                written.store(nanos(), Ordering::Release);
                side.write(side.file(0));
            }
            reader.join().expect("a reader that measured")
        });
        side.unwatch(0, wd);
        assert_eq!(side.drain(0), 1, "nothing was left unread");
        FIGURES.map(|(_, share)| latency.wall_at(share) / 1000.0).to_vec()
    }
}

/// Whether a thread sleeps, as the kernel sees it: on neither side is a reader that still spins a
/// blocked one.
fn is_asleep(thread: &AtomicI32) -> bool {
    let stat = format!("/proc/self/task/{}/stat", thread.load(Ordering::Acquire));
    let stat = std::fs::read_to_string(stat).unwrap_or_default();
    // The state comes after the name, which is in parentheses.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('S'))
}

/// It spins: a thread that sleeps has to be woken first, and its core too.
fn pause() {
    let pause = Instant::now();
    while pause.elapsed() < PAUSE {
        std::hint::spin_loop();
    }
}

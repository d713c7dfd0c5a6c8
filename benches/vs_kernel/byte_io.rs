//! The cost of the hook on a read or a write of one byte, on one core and on two.
//!
//! The kernel's hook cannot be called alone: its cost is what the system call takes above the same
//! call while nothing is watched, measured within the same round, since the machine has two speeds.
//! The crate is measured both ways. Through the VFS its figure is that difference too. As *hook
//! alone* it is the whole hook on a resolved reference, less an empty loop: everything an embedder
//! pays, while the kernel's difference leaves out what its hook takes to find that nothing is
//! watched. So the ratio of the hook alone is if anything too small.
//!
//! The operations go to two files of the directory in turn: equal events of one file one after the
//! other would become one event.

use std::sync::atomic::{AtomicUsize, Ordering};

use vfsnotify::inotify::WatchMask;

use super::side::{BUFFER, FILES, Figures, Measure, Side, Sides, Target, above};
use super::table::{Ratio, Row, Table};
use benches::{Args, KernelDir, Sample, per_call};

/// How many events are queued before they are read.
const BATCH: u32 = 128;
/// How many events are measured at once: they take longer than hooks that match no mark.
const DELIVERED: u32 = 4096;
/// The bytes of an event with a short name.
const EVENT: u32 = 32;

/// The states in which an operation is measured, in this order.
const STATES: [&str; 4] =
    ["no watch", "a watch elsewhere", "parent watched for something else", "event queued and read"];

/// The operations, in this order.
const OPERATIONS: [&str; 2] = ["1-byte write", "1-byte read"];

/// One of the operations.
trait Operation {
    fn call<S: Side>(side: &S, file: S::File<'_>);
}

struct Write;
struct Read;

impl Operation for Write {
    #[inline(always)]
    fn call<S: Side>(side: &S, file: S::File<'_>) {
        side.write(file);
    }
}

impl Operation for Read {
    #[inline(always)]
    fn call<S: Side>(side: &S, file: S::File<'_>) {
        side.read(file);
    }
}

/// Adds the rows.
pub(crate) fn run(args: &Args, dirs: &[KernelDir], table: &mut Table) {
    if OPERATIONS.iter().any(|operation| args.wants(operation)) {
        let sides = Sides::new(dirs, 1);
        let alone = sides.rounds(args.pick(41, 401), &OnOneCore);
        rows(table, "", STATES.len(), &alone);
        if std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2) {
            let together = sides.rounds(args.pick(21, 201), &OnTwoCores);
            rows(table, ", two threads", 3, &together);
        } else {
            for operation in OPERATIONS {
                table.left_out(&format!("{operation}, two threads"), "all", "one core only");
            }
        }
    }
}

/// The rows of figures that come by operation and then by state.
fn rows(table: &mut Table, threads: &str, states: usize, figures: &Figures) {
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let unwatched = number * states;
        table.row(Row {
            scenario: format!("{operation}{threads}, {}", STATES[0]),
            size: 0,
            what: "time per call",
            unit: "ns",
            kernel: figures.of_kernel(unwatched),
            own: figures.vfs[unwatched].clone(),
            ratio: Ratio::OfTimes,
        });
        for (state, name) in STATES.iter().enumerate().take(states).skip(1) {
            let at = unwatched + state;
            let kernel = figures.of_kernel_above(at, unwatched);
            let mut row = |alone: &str, what, own: Sample, ratio| {
                let scenario = format!("{operation}{threads}, {name}{alone}");
                let kernel = kernel.clone();
                table.row(Row { scenario, size: 0, what, unit: "ns", kernel, own, ratio });
            };
            let own = above(&figures.vfs[at], &figures.vfs[unwatched]);
            row("", "time over no watch", own, Ratio::OfDifferences);
            let own = figures.hook[at].clone();
            row(", hook alone", "time of the hook", own, Ratio::OfDifference);
        }
    }
}

/// Each operation in each state, on one core.
struct OnOneCore;

impl Measure for OnOneCore {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64> {
        let mut figures = in_each_state(side, quiet::<S, Write>, Some(delivered::<S, Write>));
        figures.extend(in_each_state(side, quiet::<S, Read>, Some(delivered::<S, Read>)));
        figures
    }
}

/// Each operation in the states in which it matches no mark, on two cores, each with a file of its
/// own.
struct OnTwoCores;

impl Measure for OnTwoCores {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64> {
        let mut figures = in_each_state(side, quiet_on_two::<S, Write>, None);
        figures.extend(in_each_state(side, quiet_on_two::<S, Read>, None));
        figures
    }
}

/// Lets `quiet` measure in the states in which the operation matches no mark, and `delivered` where it
/// is delivered.
fn in_each_state<S: Side>(
    side: &S,
    quiet: fn(&S) -> f64,
    delivered: Option<fn(&S) -> f64>,
) -> Vec<f64> {
    let mut figures = vec![quiet(side)];
    let elsewhere = side.watch(0, Target::Elsewhere, WatchMask::ALL_EVENTS);
    figures.push(quiet(side));
    let parent = side.watch(0, Target::Directory, WatchMask::ATTRIB);
    figures.push(quiet(side));
    if let Some(delivered) = delivered {
        let same = side.watch(0, Target::Directory, WatchMask::MODIFY | WatchMask::ACCESS);
        assert_eq!(same, parent);
        figures.push(delivered(side));
    }
    side.unwatch(0, parent);
    side.unwatch(0, elsewhere);
    assert_eq!(side.drain(0), 2, "the watches were there, and nothing was left unread");
    figures
}

/// The first event after a watch has gone clears a flag, which is not part of what is measured.
fn warm_up<S: Side, O: Operation>(side: &S) {
    for number in (0..FILES.len()).cycle().take(16) {
        O::call(side, side.file(number));
    }
}

/// Nanoseconds of an operation that matches no mark.
fn quiet<S: Side, O: Operation>(side: &S) -> f64 {
    warm_up::<S, O>(side);
    let (one, two) = (side.file(0), side.file(1));
    let pair = per_call(S::CALLS / 2, || {
        O::call(side, one);
        O::call(side, two);
    });
    assert_eq!(side.drain(0), 0, "it matches no mark");
    pair / 2.0
}

/// Nanoseconds of an operation that queues an event, and of its part in reading a batch of them.
fn delivered<S: Side, O: Operation>(side: &S) -> f64 {
    warm_up::<S, O>(side);
    assert_eq!(side.drain(0), 16, "the watch is ready");
    let mut buffer = vec![0; BUFFER];
    let (one, two) = (side.file(0), side.file(1));
    let batch = per_call(S::CALLS.min(DELIVERED) / BATCH, || {
        for _ in 0..BATCH / 2 {
            O::call(side, one);
            O::call(side, two);
        }
        assert_eq!(side.take(0, &mut buffer), (BATCH * EVENT) as usize);
    });
    batch / f64::from(BATCH)
}

/// Nanoseconds of an operation that matches no mark, with two threads at it: the mean of both.
fn quiet_on_two<S: Side, O: Operation>(side: &S) -> f64 {
    let waiting = AtomicUsize::new(2);
    let work = |number: usize| {
        let file = side.file(number);
        O::call(side, file);
        waiting.fetch_sub(1, Ordering::AcqRel);
        // Not a barrier that sleeps: the last to wake would run alone for a while.
        while waiting.load(Ordering::Acquire) > 0 {
            std::hint::spin_loop();
        }
        per_call(S::CALLS, || O::call(side, file))
    };
    let work = &work;
    let both = std::thread::scope(|scope| {
        let other = scope.spawn(move || work(1));
        work(0) + other.join().expect("a thread that measured")
    });
    assert_eq!(side.drain(0), 0, "it matches no mark");
    both / 2.0
}

//! The cost of the hooks of a read, of a write, and of an open with its close.
//!
//! `cargo bench --bench hot_path [-- --full] [SCENARIO]`; the short form takes at most 10 s, the
//! full one 120 s. `SCENARIO` is a part of a name below.
//!
//! Five states of the world, each for each kind of hook:
//!
//! | | scenario | what is there |
//! |---|---|---|
//! | (a) | `no watch` | no mark on the whole file system |
//! | (b) | `watch elsewhere` | one mark on a file of another directory |
//! | (c) | `parent watched for another event` | a mark on the directory that does not want this event: the children carry the flag, and the hook asks the parent |
//! | (d) | `match` | a mark on the directory that wants it: an event with an inline name is queued and drained |
//! | (e) | `after the watch went` | the mark of (d) is gone, the flags are not; a mark elsewhere keeps the gate open |
//!
//! **What is counted.** The hook is called from a loop into which it is inlined, on a dentry that
//! was resolved before the loop: pointers to its words are in registers, what the words hold is
//! loaded by each call. The same loop without the hook, with the same `black_box` of its counter, is
//! measured beside it and subtracted. So this is throughput, as in a busy VFS between whose hooks
//! other work goes on, not the latency of one call. `open and close` is two hooks; its figures are for
//! one hook (half of the pair) as all others are.
//!
//! **(d)** queues batches of 256 events from two children in turn, so that nothing merges (which is
//! asserted), and drains each batch with `drain_into` into a vector that is used again. The queue's
//! memory is warm. `time per event` is the sum of `of which hook` (with the push) and `of which
//! drain` (which drops the events too). The clock is read three times a batch.
//!
//! **(e)** goes through many children in the order in which they were made: `first touch` is the
//! first call on each, which clears the flag under the directory's lock (with an open and a close,
//! only the open does), `later touch` the next call on each, `later touch, one file` calls on one
//! child only, as in (a) to (c).
//!
//! **`byte lock`** is what the machine takes to lock and unlock a byte without contention: two
//! atomic compare-and-swaps. Machines differ most in that, and one machine from hour to hour; a match
//! has a few of them.
//!
//! **Two threads** run at the same time: for (a) to (c) on two files of one directory, for (d) on two
//! directories and groups, for (e) on the two parts of one directory. The figure is the time of a
//! call on either thread, `2 threads over 1` its ratio to the one-thread figure of the same round;
//! 1.0 means that they do not disturb each other, and 2.0 that two threads do no more than one. Of
//! figures below half a nanosecond, which a processor hides among the loop's own instructions, the
//! ratio says nothing.

mod byte_lock;
mod hook;
mod matching;
mod quiet;
mod stale;
mod team;

use benches::{Args, Report, Sample};
use hook::{Hook, OpenClose, Read, Write};
use matching::{Cost, Matching};
use quiet::Quiet;
use stale::{Stale, Touches};

/// How much of everything one run does.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    rounds: usize,
    /// Calls in one figure of (a) to (c).
    calls: u32,
    /// Batches of 256 events in one figure of (d).
    batches: u32,
    /// Children of (e).
    children: usize,
}

fn main() {
    let args = Args::of_process();
    let mut report = Report::new("hot_path", &args, (10, 120));
    let short = Sizes { rounds: 5, calls: 1_000_000, batches: 200, children: 10_000 };
    let full = Sizes { rounds: 15, calls: 10_000_000, batches: 3000, children: 200_000 };
    let sizes = args.pick(short, full);
    all_of::<Read>(&args, &mut report, sizes);
    all_of::<Write>(&args, &mut report, sizes);
    all_of::<OpenClose>(&args, &mut report, sizes);
    byte_lock(&args, &mut report, sizes);
}

fn all_of<H: Hook>(args: &Args, report: &mut Report, sizes: Sizes) {
    quiet::<H>(args, report, sizes);
    matching::<H>(args, report, sizes);
    stale::<H>(args, report, sizes);
}

/// The figures of one and of two threads.
type Pair<T> = [Vec<T>; 2];

/// Writes one figure of the crate's with one thread and with two, and their ratio.
fn write(report: &mut Report, scenario: &str, size: u64, what: &str, figures: &[Sample; 2]) {
    write_of("vfsnotify", report, scenario, size, what, figures);
}

fn write_of(
    side: &str,
    report: &mut Report,
    scenario: &str,
    size: u64,
    what: &str,
    [one, two]: &[Sample; 2],
) {
    report.sample(scenario, size, side, &format!("{what}, 1 thread"), "ns", one);
    report.sample(scenario, size, side, &format!("{what}, 2 threads"), "ns", two);
    let what = format!("{what}, 2 threads over 1");
    report.sample(scenario, size, side, &what, "x", &two.over(one));
}

/// One figure out of several that were taken together.
fn each<T>(pair: &Pair<T>, pick: impl Fn(&T) -> f64) -> [Sample; 2] {
    [0, 1].map(|at| Sample(pair[at].iter().map(&pick).collect()))
}

/// Measures with one thread and with two in each round.
fn rounds<T>(count: usize, mut measure: impl FnMut(usize) -> T) -> Pair<T> {
    let mut pair = [Vec::new(), Vec::new()];
    for round in 0..count {
        for turn in 0..2 {
            let at = (round + turn) % 2;
            pair[at].push(measure(at + 1));
        }
    }
    pair
}

fn quiet<H: Hook>(args: &Args, report: &mut Report, sizes: Sizes) {
    let makers = [Quiet::no_watch, Quiet::watch_elsewhere, Quiet::parent_watched];
    let worlds: Vec<Quiet> = makers
        .into_iter()
        .map(|make| make())
        .filter(|world| args.wants(&name::<H>(world.name)))
        .collect();
    // The states of the world take turns within a round, so that all see the same machine.
    let times = rounds(sizes.rounds, |threads| {
        let time = |world: &Quiet| world.time_per_hook::<H>(threads, sizes.calls);
        worlds.iter().map(time).collect::<Vec<f64>>()
    });
    for (at, world) in worlds.iter().enumerate() {
        let figures = each(&times, |times| times[at]);
        write(report, &name::<H>(world.name), 0, "time per hook", &figures);
    }
}

fn matching<H: Hook>(args: &Args, report: &mut Report, sizes: Sizes) {
    let scenario = name::<H>("match");
    if !args.wants(&scenario) {
        return;
    }
    let world = Matching::new::<H>();
    let costs: Pair<Cost> =
        rounds(sizes.rounds, |threads| world.cost_per_event::<H>(threads, sizes.batches));
    let mut one = |what: &str, pick: fn(&Cost) -> f64| {
        write(report, &scenario, 0, what, &each(&costs, pick));
    };
    one("time per event", |cost| cost.hook + cost.drain);
    one("of which hook", |cost| cost.hook);
    one("of which drain", |cost| cost.drain);
}

fn stale<H: Hook>(args: &Args, report: &mut Report, sizes: Sizes) {
    let scenario = name::<H>("after the watch went");
    if !args.wants(&scenario) {
        return;
    }
    let world = Stale::new(sizes.children);
    let touches: Pair<Touches> =
        rounds(sizes.rounds, |threads| world.time_per_hook::<H>(threads, sizes.calls));
    let mut one = |what: &str, size: usize, pick: fn(&Touches) -> f64| {
        write(report, &scenario, size as u64, what, &each(&touches, pick));
    };
    one("first touch", sizes.children, |touches| touches.first);
    one("later touch", sizes.children, |touches| touches.later);
    one("later touch, one file", 0, |touches| touches.one);
}

fn byte_lock(args: &Args, report: &mut Report, sizes: Sizes) {
    let scenario = "byte lock";
    if !args.wants(scenario) {
        return;
    }
    let times = rounds(sizes.rounds, |threads| byte_lock::time(threads, sizes.calls / 10));
    let figures = each(&times, |time| *time);
    write_of("machine", report, scenario, 0, "lock and unlock", &figures);
}

fn name<H: Hook>(state: &str) -> String {
    format!("{}, {state}", H::NAME)
}

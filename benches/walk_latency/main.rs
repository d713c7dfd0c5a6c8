//! The latency of other threads while a thread walks over a directory with many children, to flag them for a
//! new watch: the distribution of the time of operations in that very directory.
//!
//! One thread adds and removes a `MODIFY` watch on the directory in a loop, each time after a flag
//! was lost, so that nearly all the time a walk is going on. The other thread, on a core of its
//! own, does one operation over and over and notes how long each call takes. Operations are the
//! scenarios:
//!
//! | scenario | what is timed |
//! |---|---|
//! | nothing | the clock alone: the floor of all figures, and what the machine itself does to them (side "machine") |
//! | hook | a hook of a child, for an event the watch does not want: no lock |
//! | write | a hook of a child for the event the watch wants: delivered under `children` (read), merged in the queue |
//! | open and close | look-up, both hooks, and giving the dentry back |
//! | lookup hit / lookup cached miss / lookup new miss | a name that is there, one known to be missing, an unknown one (which makes a negative dentry) |
//! | create and unlink | a file made and removed, with hooks, and reaped |
//! | rename | within the directory, with its hook |
//!
//! These are on a tree and its notifier alone (`Embedded`: the crate's locks and little around
//! them), over 7 million children. `, through the vfs` are the same on the public `Vfs` over
//! `MemFs` with fewer children, where the operations are whole system calls; the sides "linux
//! tmpfs" and "linux ext4" are the kernel's, by system calls, while it walks over its own children
//! (as many as can be made in the time; tmpfs keeps no negative dentries, so its cached misses are
//! new ones).
//!
//! Each is measured in three states, in turn in each round: "idle" (the directory is watched, no
//! walk, no other thread), "beside a busy thread" (the same, and a thread that only stores to an array
//! of its own: what two busy cores do to each other, and the machine to both; only its p99.9 is
//! recorded), and "during the walk". Records: p50, p99, p99.9 and max in wall time (taken with the
//! wall clock alone) and in CPU time of the thread (taken separately, since reading that clock is
//! a system call); the median of the rounds, and their range. "p99.9 wall, walk / idle" and "walk
//! / busy" are the ratios of each round. "wall distribution over nines" is a curve over all
//! rounds: x is the number of nines (3 is 99.9 %), y nanoseconds.
//!
//! A call that is stalled for the length of a walk is one among thousands between two walks, so
//! quantiles of calls flatter the side that stalls: "share of time in stalls" is the part of the time
//! that went to calls of a millisecond or longer, and "calls" says how many calls there were. (A
//! machine with other work makes stalls of its own; compare the states.) Where a call takes a
//! microsecond, one in a thousand meets the machine's timer, which is what p99.9 shows then.
//!
//! "holder, one chunk" is the other side of it: the walk driven step by step, in microseconds of
//! each step, an upper bound for how long the walker holds the lock. Beside it stands the machine's
//! own longest gap, seen by an empty loop for as long in the same rounds: a step cannot be shorter
//! at its longest than what the machine does to a loop of nothing.
//!
//! Checked on the way: each add walked; walks took most of the time; the watch was told of writes and
//! of nothing else; nothing was lost.
//!
//! `cargo bench --bench walk_latency -- [--full] [SCENARIO]`

mod cores;
mod distribution;
mod embedded_stage;
mod holder;
mod kernel_stage;
mod neighbour;
mod stage;
mod vfs_stage;

use std::time::Duration;

use benches::{Args, KernelDir, Report};
use distribution::{Extent, measure, scenario};
use embedded_stage::EmbeddedStage;
use kernel_stage::KernelStage;
use stage::{Stage, names};
use vfs_stage::VfsStage;

fn main() {
    let args = Args::of_process();
    let mut report = Report::new("walk_latency", &args, (15, 240));
    cores::stay_on(neighbour::OWN_CORE);
    let extent = Extent {
        rounds: args.pick(3, 5),
        time: Duration::from_millis(args.pick(10, 100)),
        calls: args.pick(20_000, 200_000),
        least_walking: args.pick(0.0, 0.5),
    };
    let wants = |scenario: &str| args.wants(scenario);
    let wants_any = |suffix: &str| names::ALL.iter().any(|name| wants(&scenario(suffix, name)));
    if wants(holder::SCENARIO) || wants_any("") {
        let stage = EmbeddedStage::new(args.pick(200_000, 7_000_000));
        if wants(holder::SCENARIO) {
            let time = Duration::from_millis(args.pick(50, 1000));
            holder::measure(&stage, extent.rounds, time, &mut report);
        }
        measure(&stage, &extent, wants, &mut report);
    }
    if wants_any(", through the vfs") {
        let stage = VfsStage::new(args.pick(20_000, 200_000));
        measure(&stage, &extent, wants, &mut report);
    }
    if wants_any("") {
        measure_kernel(&args, extent, &mut report);
    }
}

/// The kernel's side. Its walks take long, so each state is given more time, and there are fewer
/// rounds.
fn measure_kernel(args: &Args, extent: Extent, report: &mut Report) {
    let extent = Extent { rounds: 3, time: extent.time * args.pick(1, 2), ..extent };
    for base in KernelDir::all(args) {
        let children = match &*base.side {
            "linux tmpfs" => args.pick(20_000, 1_000_000),
            _ => args.pick(5_000, 100_000),
        };
        let stage = KernelStage::new(base, children);
        println!("  {}: {} files are there", stage.side(), stage.children());
        measure(&stage, &extent, |scenario| args.wants(scenario), report);
    }
}

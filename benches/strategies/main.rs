//! The gain of each step of the history: the algorithms by which Linux kept, or was to keep, the
//! flag "my parent is watched" in each child, beside this crate's, on directories of the same
//! size.
//!
//! | side | when | how flags are set | how stale flags go |
//! |---|---|---|---|
//! | eager set and clear | before Linux 6.11 | by every add, a walk over all children under the directory's lock | by another such walk, of every thread that meets one |
//! | in-progress flag | the request for comments of October 2022 | the same, resting every 50 thousand children, and left out while another walk is going on | the same |
//! | eager set, lazy clear | since Linux 6.11 | by the first add, in one long hold of the lock | one by one, by the event that meets it |
//! | vfsnotify | this crate | by the first add, in short chunks that further adders help with | one by one |
//!
//! The first three are models, written from the descriptions: an array of children in creation
//! order, each with a word of flags behind a lock of its own, on a cache line of its own, and the
//! directory's lock, which a walk holds and which every thread needs for a moment that takes a
//! reference on the directory or looks for a new name in it. The locks are spinlocks; the
//! directory's goes to its waiters in turn, as the kernel's do; and waiters give up their core
//! after a while, since a program's threads can lose theirs while they hold a lock. Nothing but
//! the flags is modelled: delivery, names and the costs of system calls are left out on these
//! sides, and are there on this crate's as far as they are needed. (In their place an add of a
//! model waits for half a microsecond between its look-up of the directory and its interest.) So
//! compare stalls, ratios and losses rather than nanoseconds.
//!
//! | scenario | what is measured |
//! |---|---|
//! | first add | the add of a watch on an unwatched directory, alone |
//! | stall of others | one thread's events of ten children ("touch"), and its use of the directory's lock ("miss"), while another adds and removes a watch as fast as it can, a walk each time: p99.9 and the longest of each round, beside the machine's longest gap |
//! | herd | ten threads touch ten children: events per second while nothing is watched, and while a watch comes and goes with a millisecond between; how many walks that took for each watch |
//! | second add during the walk | a second adder, at the moment of the first one or during its walk: how often it returned before the last child was flagged, and how often it did not get that child's next event |
//!
//! Half of the second adders come within a microsecond of the first, to meet the window between
//! its interest and its walk; so the counts say that it can happen, not how often it does. With ten
//! threads on few cores, a herd is no larger than the cores are many: more of them make the first
//! two rows worse.
//!
//! `cargo bench --bench strategies -- [--full] [SCENARIO]`

mod eager;
mod first_add;
mod herd;
mod in_progress;
mod lazy;
mod model;
mod ours;
mod second_add;
mod stall;
mod strategy;
mod watches;

use std::time::Duration;

use benches::{Args, Report};
use eager::Eager;
use in_progress::InProgress;
use lazy::Lazy;
use model::Directory;
use ours::Ours;
use strategy::Strategy;

fn main() {
    let args = Args::of_process();
    let mut report = Report::new("strategies", &args, (10, 180));
    let children = args.pick(50_000, 1_000_000);
    let directory = || Directory::new(children);
    let (eager, in_progress, lazy, ours) =
        (Eager(directory()), InProgress::new(directory()), Lazy(directory()), Ours::new(children));
    let strategies: [&dyn Strategy; 4] = [&eager, &in_progress, &lazy, &ours];
    let time = |short, full| Duration::from_millis(args.pick(short, full));
    if args.wants(first_add::SCENARIO) {
        first_add::measure(&strategies, args.pick(5, 7), &mut report);
    }
    if args.wants(stall::SCENARIO) {
        stall::measure(&strategies, args.pick(3, 5), time(30, 500), &mut report);
    }
    if args.wants(herd::SCENARIO) {
        herd::measure(&strategies, args.pick(3, 5), time(50, 1000), &mut report);
    }
    if args.wants(second_add::SCENARIO) {
        second_add::measure(&strategies, args.pick(50, 300), &mut report);
    }
}

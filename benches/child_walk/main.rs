//! The cost of adding and removing a watch in the number of the directory's children, beside the
//! kernel and beside what the machine takes to set as many flags in an array.
//!
//! A directory that begins to be watched has the flag "my parent is watched" set in each positive
//! child. For 10 thousand to 7 million children, made in the order of their slots in memory
//! ("creation order") or moved in at random ("shuffled order"), each round makes a *fresh*
//! directory and takes, in turn:
//!
//! | scenario | what is timed |
//! |---|---|
//! | first add | the add of a `MODIFY` watch on a directory that was never watched: the walk over all children |
//! | second add | the add by another group, the walk being complete |
//! | remove | the removal of the only watch |
//! | re-add with no flag lost | the add right after it: the flags are remembered |
//! | re-add with lost flags | the add after the removal and one event on each of some stale children, which took their flags: a whole walk again |
//!
//! Making the largest directory (7 million), or one with negative children, takes too long to do
//! it for each round: there the first round's add is the first of the directory's life, and the
//! others follow a removal and lost flags, with cold caches. They walk just the same, since a walk
//! stores to each flag whether it is set or not.
//!
//! `, beside negatives` is the same in creation order with 10 million negative children in the
//! same directory (short form: 100 thousand), for the larger sizes only: in shuffled order they
//! would stand apart from the positive ones in the same way. "with / without negatives" compares
//! its first adds with those of a directory without any, in turn. "first add, negative children
//! alone" has no positive children at all.
//!
//! Figures: times per child in nanoseconds, of the whole call (so 10 thousand children include the
//! microsecond that any add takes; the time slices that the walk yields between chunks belong to
//! it too, the CPU time stands beside it); times of single calls in microseconds, medians of
//! some hundred. "machine" is the array-scan limit: plain stores to an array of words, through an
//! array of indices in the same order.
//!
//! The kernel's side is taken in the same rounds, on directories whose children are files (their
//! dentries are in its cache; shuffled ones were made elsewhere and renamed into the directory at
//! random). Linux walks over all children at each add that finds no watch: the first one of a
//! round stands beside the first add, the median of those right after it beside the re-add with
//! lost flags, and what an add takes on an empty directory is taken off. Before the first adds,
//! and the plain scan, the caches of the processor are filled with other things, for each side
//! alike; the re-adds find them warm. Above the largest directory the kernel is given here, that
//! one is measured beside this crate's larger one, and the record says so ("time per child of
//! ..."). "kernel / vfsnotify" is the ratio to the faster one of its file systems in each round.
//!
//! Checked on the way: walks happen when they should and only then; of up to 1000 children, none
//! has the flag before the first add, all have it after each add, and all are delivered; nothing else
//! is.
//!
//! `cargo bench --bench child_walk -- [--full] [SCENARIO]`

mod case;
mod directory;
mod kernel_side;
mod negatives;
mod order;
mod scan;

use benches::{Args, KernelDir, Report, Sample};
use case::Case;
use directory::Figures;
use kernel_side::KernelDirectory;
use order::Order;

const ORDERS: [Order; 2] = [Order::Creation, Order::Shuffled];

fn main() {
    let args = Args::of_process();
    let mut report = Report::new("child_walk", &args, (15, 300));
    for order in ORDERS {
        measure_order(&args, order, &mut report);
    }
    if args.wants(negatives::SCENARIO) {
        negatives::measure(&args, &mut report);
    }
}

/// The cases of one order, from the smallest to the largest.
fn cases(args: &Args, order: Order) -> Vec<Case> {
    let (sizes, negatives) = (
        args.pick(&[10_000, 100_000][..], &[10_000, 100_000, 1_000_000, 7_000_000]),
        args.pick(100_000, 10_000_000),
    );
    let has_negatives =
        |children| order == Order::Creation && children >= args.pick(100_000, 1_000_000);
    sizes
        .iter()
        .map(|&children| Case {
            order,
            children,
            negatives: has_negatives(children).then_some(negatives),
            rounds: rounds(children),
        })
        .collect()
}

/// Small directories are made in no time, and a short walk is disturbed more easily.
fn rounds(children: usize) -> usize {
    match children {
        0..=10_000 => 11,
        10_001..=100_000 => 5,
        100_001..=1_000_000 => 3,
        _ => 5,
    }
}

/// How many children a directory of the kernel's has at most: they are made and removed one system
/// call at a time, much slower than they are walked over.
fn most_children(args: &Args, side: &str) -> usize {
    match side {
        "linux tmpfs" => args.pick(10_000, 1_000_000),
        _ => args.pick(10_000, 100_000),
    }
}

fn measure_order(args: &Args, order: Order, report: &mut Report) {
    let mut kernels: Vec<KernelDirectory> = Vec::new();
    let mut by_size: Vec<(usize, Figures)> = Vec::new();
    for case in cases(args, order) {
        if !case.is_wanted(args) {
            continue;
        }
        kernels = directories_for(args, &case, kernels);
        by_size.push((case.children, case.measure(&kernels, report)));
    }
    report_flatness(order, &by_size, report);
}

/// The kernel's directories for a case: those that are there, or larger ones where the case is
/// larger and the kernel may have them.
fn directories_for(args: &Args, case: &Case, there: Vec<KernelDirectory>) -> Vec<KernelDirectory> {
    let is_old = |base: &KernelDir| {
        there.iter().any(|old| {
            old.side() == base.side
                && old.children == case.children.min(most_children(args, &base.side))
        })
    };
    let fresh: Vec<KernelDir> =
        KernelDir::all(args).into_iter().filter(|base| !is_old(base)).collect();
    let mut kept = there;
    for base in fresh {
        kept.retain(|old| old.side() != base.side);
        let children = case.children.min(most_children(args, &base.side));
        let directory = KernelDirectory::of_files(base, case.order, children);
        directory.check_delivered();
        kept.push(directory);
    }
    kept
}

/// That what must not depend on the number of children does not.
fn report_flatness(order: Order, by_size: &[(usize, Figures)], report: &mut Report) {
    let [(_, small), .., (size, large)] = by_size else { return };
    let mut say = |call: &str, small: &Sample, large: &Sample| {
        let scenario = format!("{call}, {}", order.name());
        let ratio = large.median() / small.median();
        report.value(&scenario, *size as u64, "vfsnotify", "largest / smallest size", "x", ratio);
    };
    say("second add", &small.second, &large.second);
    say("re-add with no flag lost", &small.remembered, &large.remembered);
    say("remove", &small.remove, &large.remove);
}

//! The thundering herd: ten threads open and close ten files of a directory with millions of
//! negative dentries, while a watch on that directory comes and goes.
//!
//! `cargo bench --bench herd [-- --full]`
//!
//! This is the reproducer of the mail thread of October 2022. There the directory's children were
//! walked when the watch came, and walked again, by every thread that touched one of them, when it
//! had gone. Here both sides run it: a [`Vfs`](vfsnotify::Vfs) over `MemFs`, and the kernel on a
//! file system that keeps negative dentries (tmpfs keeps none). Each file is opened by its name in
//! an open directory and closed again.
//!
//! A round has four phases, one after the other on both sides:
//!
//! | phase | what the watch does |
//! |---|---|
//! | `before` | nothing |
//! | `a watch every 10 ms` | it comes, is seen to report, and goes, a hundred times a second |
//! | `watches without a pause` | it comes and goes as fast as one thread can |
//! | `after` | nothing; what it left behind is cleared by the first touch of each file |
//!
//! The watch is for MODIFY, so that it needs the flags of the children, while opening and closing
//! reports nothing: what is measured is the walk and not delivery. Each turn of it writes to a
//! file and wants exactly that event, and writes once more when the watch has gone, so that this
//! file's flag is lost and the next watch cannot do without a walk. Another watch elsewhere on the
//! same file system stays, since neither side looks at flags while nothing at all is watched.
//!
//! The meaning of the figures, for each phase:
//!
//! - `throughput`: files opened and closed in a second, by all ten threads; `lowest 50 ms` is that
//!   of the worst slice, and `throughput over time` the curve of all slices of the first round,
//!   with the phases one behind the other.
//! - `throughput over before`: the herd is gone if this is near the next.
//! - `cpu share left`: the share of the processors that the thread of the watch left to the ten
//!   that open and close; what the ratio above can be at best, if there are no more processors
//!   than threads. On Linux that thread spends its time in the walk, with the locks held.
//! - `cpu per open and close`: does not depend on that share. Spinning for a lock is in it.
//! - `longest open and close`: in wall time, ten threads on the processors there are, so a time
//!   slice of others is in it; the phase `before` shows how long that is.
//! - `longest cpu, 16 in a row`: the CPU clock is read every 16 operations; no single one took
//!   longer than that.
//! - `watches`: turns of the watch in a second; `turn of the watch` and `longest turn of the watch`
//!   say how long they take: to come, be written under, go, and be written under again. This crate
//!   yields between the chunks of a walk, and on a busy machine gets the processor back when the
//!   others have had theirs.
//!
//! `longest empty loop` is what the machine itself adds to a longest time, on an idle processor.

mod figures;
mod kernel_side;
mod phase;
mod side;
mod vfs_side;

use std::time::Duration;

use benches::{Args, KernelDir, Report, Sample, longest_gap};
use figures::Figures;
use kernel_side::KernelSide;
use phase::{PHASES, run};
use side::{Side, Sizes};
use vfs_side::VfsSide;

fn main() {
    let args = Args::of_process();
    let mut report = Report::new("herd", &args, (10, 120));
    if !args.wants("herd") {
        return;
    }
    let rounds = args.pick(3, 5);
    let length = Duration::from_millis(args.pick(200, 1000));
    let children = args.pick(1_000, 10_000);

    let vfs = VfsSide::new(Sizes { negatives: args.pick(100_000, 10_000_000), children });
    let dirs = KernelDir::all(&args);
    let kernels = kernels(&dirs, Sizes { negatives: args.pick(20_000, 1_000_000), children });
    for (side, why) in &kernels.left_out {
        report.left_out("herd", side, why);
    }
    let mut sides: Vec<&dyn Side> = vec![&vfs];
    sides.extend(kernels.sides.iter().map(|side| side as &dyn Side));

    let mut all: Vec<Figures> = sides.iter().map(|_| Figures::default()).collect();
    let mut gaps = Sample::default();
    for round in 0..rounds {
        for phase in PHASES {
            for turn in 0..sides.len() {
                let at = if round % 2 == 0 { turn } else { sides.len() - 1 - turn };
                all[at].add(phase, run(sides[at], phase, length));
            }
        }
        gaps.0.push(longest_gap(length).0.as_secs_f64() * 1e3);
    }
    for (side, figures) in sides.iter().zip(&all) {
        side.check();
        figures.report(&mut report, *side, length);
    }
    report.sample("herd", 0, "machine", "longest empty loop", "ms", &gaps);
}

/// The kernel's sides there are, and those there are not.
#[derive(Default)]
struct Kernels<'a> {
    sides: Vec<KernelSide<'a>>,
    left_out: Vec<(String, String)>,
}

/// The kernel on the first of these directories where it keeps negative dentries.
fn kernels(dirs: &[KernelDir], sizes: Sizes) -> Kernels<'_> {
    let mut kernels = Kernels::default();
    if dirs.is_empty() {
        kernels.left_out.push(("linux".to_owned(), "no directory to work in".to_owned()));
    }
    for dir in dirs {
        let refusal = if kernels.sides.is_empty() {
            match KernelSide::new(dir, sizes) {
                Ok(side) => {
                    kernels.sides.push(side);
                    continue;
                }
                Err(why) => why,
            }
        } else {
            "another file system of the kernel's is measured".to_owned()
        };
        kernels.left_out.push((dir.side.clone(), refusal));
    }
    kernels
}

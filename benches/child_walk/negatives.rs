//! Children that do not exist: what each costs a first add.

use std::time::Instant;

use vfsnotify::inotify::WatchMask;

use crate::kernel_side::{KernelDirectory, KernelFigures};
use crate::scan::Sweep;
use benches::{Args, Embedded, KernelDir, Report, Sample};

pub(crate) const SCENARIO: &str = "first add, negative children alone";
const ROUNDS: usize = 5;

/// A directory of this crate's with negative children and one without, both unwatched.
struct Pair {
    world: Embedded,
    names: usize,
}

impl Pair {
    /// The first add on either, nanoseconds per name, the empty directory's taken off.
    fn first_add(&self, sweep: &Sweep) -> f64 {
        let [warm, full, empty] =
            ["warm", "full", "empty"].map(|name| self.world.dir(&self.world.root, name));
        self.world.negatives(&full, self.names);
        // The very first watch makes room for all others.
        let [_, full, empty] = [warm, full, empty].map(|dir| {
            let (group, inode) = (self.world.group(), dir.inode_ref());
            sweep.run();
            let start = Instant::now();
            group.add_watch(&inode, WatchMask::MODIFY).expect("a watch");
            start.elapsed().as_nanos() as f64
        });
        (full - empty) / self.names as f64
    }
}

/// Measures both sides in turn.
pub(crate) fn measure(args: &Args, report: &mut Report) {
    let names = args.pick(10_000, 1_000_000);
    let mut kernels = Vec::new();
    for base in KernelDir::all(args) {
        let side = base.side.clone();
        match KernelDirectory::of_negatives(base, names) {
            Some(directory) => kernels.push(directory),
            None => report.left_out(SCENARIO, &side, "it keeps no negative dentries"),
        }
    }
    let mut theirs = vec![KernelFigures::default(); kernels.len()];
    let (mut ours, sweep) = (Sample::default(), Sweep::default());
    for _ in 0..ROUNDS {
        ours.0.push(Pair { world: Embedded::default(), names }.first_add(&sweep));
        for (kernel, figures) in kernels.iter().zip(&mut theirs) {
            kernel.adds(&sweep, figures);
        }
    }
    let size = names as u64;
    report.sample(SCENARIO, size, "vfsnotify", "time per name", "ns", &ours);
    for (kernel, figures) in kernels.iter().zip(&theirs) {
        report.sample(SCENARIO, size, kernel.side(), "time per name", "ns", &figures.first);
    }
}

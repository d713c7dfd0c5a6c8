//! The kernel's side: directories of the same size on its file systems.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::inotify::WatchFlags;

use crate::order::Order;
use crate::scan::Sweep;
use benches::{KernelDir, KernelInotify, Sample};

/// How many adds make up a round, the first one included.
const ADDS: usize = 6;

/// The figures of a directory, nanoseconds per child, one entry a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct KernelFigures {
    /// The first add of the round.
    pub(crate) first: Sample,
    /// The median of those right after it, each after a removal.
    pub(crate) again: Sample,
}

/// A directory of the kernel's with many children.
#[derive(Debug)]
pub(crate) struct KernelDirectory {
    base: KernelDir,
    path: PathBuf,
    empty: PathBuf,
    /// How many children it has.
    pub(crate) children: usize,
}

impl KernelDirectory {
    /// Makes one whose children are files, all of them in the dentry cache in this order.
    pub(crate) fn of_files(base: KernelDir, order: Order, children: usize) -> Self {
        let path = base.files("watched", children);
        let path = match order {
            Order::Creation => path,
            Order::Shuffled => move_at_random(&base, &path, children),
        };
        let empty = base.subdir("empty");
        Self { base, path, empty, children }
    }

    /// Makes one whose children are names known not to exist. `None` if the file system does not
    /// keep those.
    pub(crate) fn of_negatives(base: KernelDir, children: usize) -> Option<Self> {
        let (path, empty) = (base.subdir("watched"), base.subdir("empty"));
        let before = negatives_of_kernel()?;
        for number in 0..children {
            let missing = path.join(format!("negative-{number:011}"));
            assert!(std::fs::symlink_metadata(missing).is_err(), "a missing name exists");
        }
        // Others make and lose negative dentries meanwhile, but not that many.
        let made = negatives_of_kernel()?.saturating_sub(before);
        (made * 2 > children).then_some(Self { base, path, empty, children })
    }

    /// Whose it is.
    pub(crate) fn side(&self) -> &str {
        &self.base.side
    }

    /// The add of the only watch on it, after whatever else was done: like a first add, since
    /// Linux walks over all children whenever there was no watch before. Then the same again
    /// several times.
    pub(crate) fn adds(&self, sweep: &Sweep, figures: &mut KernelFigures) {
        let of_none = median(&self.times(&self.empty));
        sweep.run();
        let of_all = self.times(&self.path);
        let per_child = |time: f64| (time - of_none) / self.children as f64;
        assert!(median(&of_all) > 2.0 * of_none, "the kernel did not walk: {of_all:?} ns");
        figures.first.0.push(per_child(of_all[0]));
        figures.again.0.push(per_child(median(&of_all[1..])));
    }

    /// The times of some adds of a watch, in nanoseconds, each the only one on the directory.
    fn times(&self, path: &Path) -> [f64; ADDS] {
        let inotify = KernelInotify::new().expect("an inotify instance");
        let times = std::array::from_fn(|_| {
            let start = Instant::now();
            let wd = inotify.add(path, WatchFlags::MODIFY).expect("a watch");
            let took = start.elapsed();
            inotify.remove(wd).expect("the watch is there");
            took.as_nanos() as f64
        });
        assert_eq!(inotify.drain(), ADDS, "one IN_IGNORED for each watch, and nothing else");
        times
    }

    /// Sees to it that children are reported; for a directory of files.
    pub(crate) fn check_delivered(&self) {
        let inotify = KernelInotify::new().expect("an inotify instance");
        inotify.add(&self.path, WatchFlags::MODIFY).expect("a watch");
        for number in [0, self.children / 2, self.children - 1] {
            let mut file = File::options()
                .write(true)
                .open(self.path.join(number.to_string()))
                .expect("the file is there");
            file.write_all(b"x").expect("a write");
            assert_eq!(inotify.drain(), 1, "the write to {number} was not delivered");
        }
    }
}

/// Moves all files to another directory, so that their order there is not that of their dentries
/// in memory.
fn move_at_random(base: &KernelDir, from: &Path, count: usize) -> PathBuf {
    let to = base.subdir("shuffled");
    for number in Order::Shuffled.numbers(count) {
        let name = number.to_string();
        std::fs::rename(from.join(&name), to.join(&name)).expect("a rename");
    }
    to
}

/// How many negative dentries the kernel has; `None` if it does not say.
fn negatives_of_kernel() -> Option<usize> {
    let state = std::fs::read_to_string("/proc/sys/fs/dentry-state").ok()?;
    state.split_whitespace().nth(4)?.parse().ok()
}

fn median(times: &[f64]) -> f64 {
    Sample(times.to_vec()).median()
}

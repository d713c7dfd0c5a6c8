//! Removing a directory with everything in it.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::fill::{Filled, fill};
use crate::names::Pattern;
use crate::side::{Result, Side};
use benches::thread_cpu;

/// How many steps of freeing follow the removal of a file: as many as a `Vfs` does after an operation,
/// more than it leaves behind itself. What others have left is freed too.
const STEPS: usize = 8;

/// The time it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removed {
    /// To unlink the files, freeing them included.
    pub(crate) files: Filled,
    /// To remove the directory itself: until it is gone for all threads.
    pub(crate) rmdir: (Duration, Duration),
    /// To free it, with all its negative dentries, after that.
    pub(crate) free: (Duration, Duration),
    /// The longest step of that.
    pub(crate) longest_step: (Duration, Duration),
}

/// How long something takes, on the wall and on the CPU of this thread.
fn time<R>(work: impl FnOnce() -> R) -> (R, (Duration, Duration)) {
    let (cpu, begun) = (thread_cpu(), Instant::now());
    let result = work();
    (result, (begun.elapsed(), thread_cpu() - cpu))
}

/// Removes a directory with this many files.
pub(crate) fn remove<S: Side>(
    side: &S,
    dir: S::Dir,
    pattern: &Pattern,
    files: usize,
    bar: &ProgressBar,
) -> Result<Removed> {
    let mut names = pattern.names();
    let files = fill(side, files, bar, |number| {
        side.unlink(&dir, names.get(number))?;
        for _ in 0..STEPS {
            if !side.tidy_step() {
                break;
            }
        }
        Ok(())
    })?;
    side.tidy();
    let (gone, rmdir) = time(|| side.rmdir(dir));
    gone?;
    let mut longest_step = (Duration::ZERO, Duration::ZERO);
    let ((), free) = time(|| {
        loop {
            let (more, (wall, cpu)) = time(|| side.tidy_step());
            longest_step = (longest_step.0.max(wall), longest_step.1.max(cpu));
            if !more {
                break;
            }
        }
    });
    Ok(Removed { files, rmdir, free, longest_step })
}

//! Cores: the walker has one, the operations another. Left alone, a scheduler with other work puts
//! both on one, where they take turns and hardly ever meet.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of this process, as they were before any thread was told to stay on one.
static CORES: OnceLock<Vec<usize>> = OnceLock::new();

fn cores() -> &'static [usize] {
    CORES.get_or_init(|| {
        let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
        (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
    })
}

/// Keeps this thread, and those that it starts, on the core of this number; does nothing where
/// there is only one, or where the system does not allow it.
pub(crate) fn stay_on(number: usize) {
    let cores = cores();
    if cores.len() < 2 {
        return;
    }
    let mut set = CpuSet::new();
    set.set(cores[number % cores.len()]);
    // Where it is refused, the threads meet less often, and the figures are still those of threads.
    let _ = sched_setaffinity(None, &set);
}

//! The memory of this process.

fn status(key: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    kib.and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// How many bytes of memory this process has now.
pub fn resident() -> usize {
    status("VmRSS")
}

/// The most bytes it had at any time, or since the last [`reset_peak`].
pub fn peak() -> usize {
    status("VmHWM")
}

/// Lets the peak begin at what there is now; does nothing where the kernel refuses.
pub fn reset_peak() {
    // Without it the peak is that of the whole process, which is still an upper bound.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// How many bytes the kernel has in its slabs, where its dentries and inodes are; 0 if it does
/// not say.
pub fn kernel_slabs() -> usize {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = meminfo.lines().find_map(|line| line.strip_prefix("Slab:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

/// Set for a process that was begun by [`in_fresh_process`]: what it is to measure, and how many.
const PROBE: &str = "VFSNOTIFY_BENCH_PROBE";

/// Figures that were taken in a process of their own, where nothing had been allocated and freed
/// before: what is left of that would be used again and counted for nothing.
///
/// Begins this program anew; the first thing in `main` must be [`answer_probe`].
pub fn in_fresh_process(probe: &str, size: usize) -> Vec<f64> {
    let program = std::env::current_exe().expect("this program");
    let child = std::process::Command::new(program)
        .env(PROBE, format!("{probe} {size}"))
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("a process");
    assert!(child.status.success(), "the probe {probe} of {size} failed");
    let answer = String::from_utf8(child.stdout).expect("numbers");
    answer.split_whitespace().map(|figure| figure.parse().expect("a number")).collect()
}

/// Whether this process was begun by [`in_fresh_process`]; if so it measures, answers, and is done.
pub fn answer_probe(measure: impl FnOnce(&str, usize) -> Vec<f64>) -> bool {
    let Ok(wanted) = std::env::var(PROBE) else { return false };
    let (probe, size) = wanted.rsplit_once(' ').expect("a probe and a size");
    for figure in measure(probe, size.parse().expect("a size")) {
        print!("{figure} ");
    }
    true
}

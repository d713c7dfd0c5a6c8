//! The times of operations on many marks, and how it is written down.

use std::time::{Duration, Instant};

use benches::{Report, Sample};

/// Nanoseconds for each mark.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) add: f64,
    pub(crate) update: f64,
    pub(crate) remove: f64,
    pub(crate) close: f64,
}

/// How long `work` takes.
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

impl Times {
    /// So many turns of the same, each of so many marks.
    pub(crate) fn of_turns(
        turns: usize,
        marks: usize,
        mut turn: impl FnMut() -> [Duration; 4],
    ) -> Self {
        let mut sum = [Duration::ZERO; 4];
        for _ in 0..turns {
            for (sum, time) in sum.iter_mut().zip(turn()) {
                *sum += time;
            }
        }
        let each = |time: Duration| time.as_nanos() as f64 / (turns * marks) as f64;
        let [add, update, remove, close] = sum.map(each);
        Self { add, update, remove, close }
    }
}

/// One of the figures.
type Pick = fn(&Times) -> f64;

/// Writes what several rounds took: for each mark, and for all.
pub(crate) fn write(report: &mut Report, marks: usize, side: &str, rounds: &[Times]) {
    let picks: [(&str, Pick); 4] = [
        ("add", |times| times.add),
        ("update", |times| times.update),
        ("remove", |times| times.remove),
        ("close", |times| times.close),
    ];
    for (what, pick) in picks {
        let each = Sample(rounds.iter().map(pick).collect());
        let all = Sample(each.0.iter().map(|nanos| nanos * marks as f64 / 1e6).collect());
        let (what, total) = (format!("time per mark, {what}"), format!("time of all, {what}"));
        report.sample("many inodes", marks as u64, side, &what, "ns", &each);
        if marks > 1 {
            report.sample("many inodes", marks as u64, side, &total, "ms", &all);
        }
    }
}

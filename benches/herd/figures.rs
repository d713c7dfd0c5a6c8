//! The figures of one side.

use std::thread::available_parallelism;
use std::time::Duration;

use crate::phase::{Outcome, PHASES, Phase, SLICE};
use crate::side::Side;
use benches::{Report, Sample};

/// The outcomes of all rounds, phase by phase in the order of [`PHASES`].
#[derive(Debug, Default)]
pub(crate) struct Figures([Vec<Outcome>; PHASES.len()]);

impl Figures {
    /// Adds the outcome of one round.
    pub(crate) fn add(&mut self, phase: Phase, outcome: Outcome) {
        self.0[phase as usize].push(outcome);
    }

    fn sample(&self, phase: Phase, figure: impl Fn(&Outcome) -> f64) -> Sample {
        Sample(self.0[phase as usize].iter().map(figure).collect())
    }

    /// Reports everything; a phase took `length`.
    pub(crate) fn report(&self, report: &mut Report, side: &dyn Side, length: Duration) {
        let seconds = length.as_secs_f64();
        let throughput = |outcome: &Outcome| outcome.done as f64 / seconds;
        let before = self.sample(Phase::Before, throughput);
        let size = side.negatives() as u64;
        let processors = available_parallelism().map_or(1, usize::from) as f64;
        for phase in PHASES {
            let scenario = format!("herd, {}", phase.name());
            let mut say = |what: &str, unit: &str, sample: &Sample| {
                report.sample(&scenario, size, side.name(), what, unit, sample);
            };
            let of = |figure: &dyn Fn(&Outcome) -> f64| self.sample(phase, figure);
            let during = of(&throughput);
            say("throughput", "1/s", &during);
            if phase != Phase::Before {
                say("throughput over before", "x", &during.over(&before));
            }
            if phase.has_watches() {
                let share = |outcome: &Outcome| {
                    1.0 - outcome.watch_cpu.as_secs_f64() / (processors * seconds)
                };
                say("cpu share left", "x", &of(&share));
                say("watches", "1/s", &of(&|outcome| outcome.turns.len() as f64 / seconds));
                say("turn of the watch", "us", &of(&median_turn));
                say(
                    "longest turn of the watch",
                    "ms",
                    &of(&|outcome| outcome.turns.iter().copied().max().map_or(f64::NAN, millis)),
                );
            }
            say("lowest 50 ms", "1/s", &of(&lowest));
            say("cpu per open and close", "ns", &of(&cpu_each));
            say("longest open and close", "ms", &of(&|outcome| millis(outcome.longest)));
            say(
                "longest cpu, 16 in a row",
                "us",
                &of(&|outcome| outcome.longest_cpu.as_secs_f64() * 1e6),
            );
            if let Some(first) = self.0[phase as usize].first() {
                let points = curve(first, phase as usize as f64 * seconds);
                let what = "throughput over time";
                report.curve(&scenario, size, side.name(), what, "1/s", points);
            }
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn per_second(slice: u64) -> f64 {
    slice as f64 / SLICE.as_secs_f64()
}

/// The throughput of the worst slice.
fn lowest(outcome: &Outcome) -> f64 {
    outcome.slices.iter().copied().map(per_second).fold(f64::INFINITY, f64::min)
}

fn median_turn(outcome: &Outcome) -> f64 {
    Sample(outcome.turns.iter().map(|turn| turn.as_secs_f64() * 1e6).collect()).median()
}

fn cpu_each(outcome: &Outcome) -> f64 {
    outcome.cpu.as_nanos() as f64 / outcome.done as f64
}

/// Seconds, from `begin` on, and throughput in the slice that begins there.
fn curve(outcome: &Outcome, begin: f64) -> Vec<(f64, f64)> {
    let slices = outcome.slices.iter().enumerate();
    slices
        .map(|(at, count)| (begin + at as f64 * SLICE.as_secs_f64(), per_second(*count)))
        .collect()
}

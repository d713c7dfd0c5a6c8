//! The distribution of each operation's time beside each neighbour, over several rounds.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::neighbour::{Neighbour, Turns};
use crate::stage::{Operation, Stage, names};
use benches::{Latency, Report, Sample};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) rounds: usize,
    /// How long each operation is measured in each round, beside each neighbour and with each
    /// clock.
    pub(crate) time: Duration,
    /// Or how many calls, whichever comes first.
    pub(crate) calls: usize,
    /// Which part of the time the walker must have spent in adds, or something else was measured. The
    /// short form, which may run on a busy machine, only asks that there was a walk.
    pub(crate) least_walking: f64,
}

/// Quantiles and their names in the records. The last is the longest.
const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")];

/// Which of them the target is about.
const TARGET: usize = 2;

/// The threshold of a stall. A call that takes long is only one of many calls, and a quantile of
/// calls hardly sees it; a thread that waits for it sees nothing else.
const STALL: Duration = Duration::from_millis(1);

/// One operation beside one neighbour.
#[derive(Debug)]
struct Beside {
    neighbour: Neighbour,
    /// All rounds, without the CPU clock, which is a system call; and with it.
    all: Latency,
    calls: u64,
    /// Events that the watch reported; the same event again and again is merged, so that there
    /// may be no more than one for each walk.
    delivered: usize,
    /// Which part of the time went to calls that took [`STALL`] or longer, in each round.
    stalled: Sample,
    /// For each quantile, nanoseconds of each round.
    wall: [Sample; QUANTILES.len()],
    cpu: [Sample; QUANTILES.len()],
}

impl Beside {
    fn new(neighbour: Neighbour) -> Self {
        let samples = || std::array::from_fn(|_| Sample::default());
        let all = Latency::default();
        let stalled = Sample::default();
        Self { neighbour, all, calls: 0, delivered: 0, stalled, wall: samples(), cpu: samples() }
    }

    /// One round: first without the CPU clock, then with it.
    fn measure(&mut self, stage: &dyn Stage, operation: &mut Operation<'_>, extent: &Extent) {
        let (mut wall, mut cpu) = (Latency::default(), Latency::default());
        let (mut stalled, mut total) = (Duration::ZERO, Duration::ZERO);
        let delivered = self.neighbour.beside(stage, extent.least_walking, |turns| {
            let begin = Instant::now();
            repeat(extent, turns, || {
                let start = Instant::now();
                (operation.run)();
                let took = start.elapsed();
                wall.record_wall(took);
                if took >= STALL {
                    stalled += took;
                }
            });
            total = begin.elapsed();
            repeat(extent, turns, || cpu.time(&mut operation.run));
        });
        self.delivered += delivered;
        self.stalled.0.push(stalled.as_secs_f64() / total.as_secs_f64());
        for (at, (quantile, _)) in QUANTILES.iter().enumerate() {
            self.wall[at].0.push(wall.wall_at(*quantile));
            self.cpu[at].0.push(cpu.cpu_at(*quantile));
        }
        self.calls += wall.wall.len();
        self.all.wall.add(&wall.wall).expect("the same bounds");
        self.all.cpu.add(&cpu.cpu).expect("the same bounds");
    }

    fn report(&self, subject: &Subject<'_>, report: &mut Report) {
        let Subject { scenario, size, side } = *subject;
        let neighbour = self.neighbour.name();
        if self.neighbour == Neighbour::Busy {
            // Only there to tell what the machine does from what the walk does.
            let what = format!("{} wall, {neighbour}", QUANTILES[TARGET].1);
            return report.sample(scenario, size, side, &what, "ns", &self.wall[TARGET]);
        }
        for (samples, clock) in [(&self.wall, "wall"), (&self.cpu, "cpu")] {
            for ((_, quantile), sample) in QUANTILES.iter().zip(samples) {
                let what = format!("{quantile} {clock}, {neighbour}");
                report.sample(scenario, size, side, &what, "ns", sample);
            }
        }
        let what = format!("wall distribution over nines, {neighbour}");
        report.curve(scenario, size, side, &what, "ns", curve(&self.all.wall));
        let what = format!("share of time in stalls, {neighbour}");
        report.sample(scenario, size, side, &what, "", &self.stalled);
        let what = format!("calls, {neighbour}");
        report.value(scenario, size, side, &what, "", self.calls as f64);
    }
}

/// The fields that all records of an operation have in common.
#[derive(Clone, Copy)]
struct Subject<'a> {
    scenario: &'a str,
    size: u64,
    side: &'a str,
}

/// Calls `work` until the time is up, or often enough, and the neighbour has had its turns.
fn repeat(extent: &Extent, turns: &Turns, mut work: impl FnMut()) {
    let (start, enough) = (Instant::now(), turns.enough());
    for call in 1.. {
        work();
        let is_long = call >= extent.calls || start.elapsed() >= extent.time;
        if is_long && turns.are_done(enough) {
            break;
        }
    }
}

/// The distribution as points: how many nines of all calls stayed within how many nanoseconds
/// (1: 90 %, 3: 99.9 %), up to the longest.
fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    const STEP: f64 = 0.25;
    let most = (histogram.len().max(1) as f64).log10();
    let mut points: Vec<(f64, f64)> = (0..)
        .map(|step| f64::from(step) * STEP)
        .take_while(|nines| *nines < most)
        .map(|nines| (nines, histogram.value_at_quantile(1.0 - 10_f64.powf(-nines)) as f64))
        .collect();
    points.push((most, histogram.max() as f64));
    points
}

/// The name of an operation's scenario on a stage.
pub(crate) fn scenario(stage_suffix: &str, operation: &str) -> String {
    format!("{operation}{stage_suffix}")
}

/// Measures and reports those operations of a stage that are wanted.
pub(crate) fn measure(
    stage: &dyn Stage,
    extent: &Extent,
    wants: impl Fn(&str) -> bool,
    report: &mut Report,
) {
    for mut operation in stage.operations() {
        let scenario = scenario(stage.suffix(), operation.name);
        if !wants(&scenario) {
            continue;
        }
        let mut sides = Neighbour::ALL.map(Beside::new);
        for round in 0..extent.rounds {
            for turn in 0..sides.len() {
                let at = if round % 2 == 0 { turn } else { sides.len() - 1 - turn };
                sides[at].measure(stage, &mut operation, extent);
            }
        }
        for side in &sides {
            assert_eq!(side.delivered > 0, operation.is_delivered, "{}: {side:?}", operation.name);
        }
        let side = if operation.name == names::NOTHING { "machine" } else { stage.side() };
        let subject = Subject { scenario: &scenario, size: stage.children() as u64, side };
        sides.iter().for_each(|beside| beside.report(&subject, report));
        report_ratios(&sides, &subject, report);
    }
}

fn report_ratios(sides: &[Beside; 3], subject: &Subject<'_>, report: &mut Report) {
    let Subject { scenario, size, side } = *subject;
    let [idle, busy, walks] = sides;
    let name = QUANTILES[TARGET].1;
    for (other, short) in [(idle, "idle"), (busy, "busy")] {
        let ratio = walks.wall[TARGET].over(&other.wall[TARGET]);
        report.sample(scenario, size, side, &format!("{name} wall, walk / {short}"), "x", &ratio);
    }
}

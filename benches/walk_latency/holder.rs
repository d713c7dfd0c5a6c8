//! The walker itself: how long it holds the lock at most, chunk by chunk.

use std::thread;
use std::time::{Duration, Instant};

use crate::embedded_stage::EmbeddedStage;
use crate::stage::Stage;
use benches::{Latency, Report, Sample, longest_gap};

pub(crate) const SCENARIO: &str = "holder, one chunk";

/// Each step of a walk does one chunk and takes the lock once, so its time is an upper bound of
/// that hold; what it takes beyond the hold is two readings of a clock.
fn steps(stage: &EmbeddedStage, time: Duration) -> (Latency, usize) {
    let (mut latency, mut walks) = (Latency::default(), 0);
    let start = Instant::now();
    while start.elapsed() < time {
        let mut pending = stage.start();
        while !latency.time(|| pending.step()) {
            thread::yield_now();
        }
        stage.remove(pending.wait().expect("a watch that is ready").as_raw());
        walks += 1;
    }
    (latency, walks)
}

const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")];

/// Measures steps, and the machine's own gaps for as long, in turn.
pub(crate) fn measure(stage: &EmbeddedStage, rounds: usize, time: Duration, report: &mut Report) {
    let mut wall: [Sample; 4] = std::array::from_fn(|_| Sample::default());
    let mut cpu = wall.clone();
    let (mut gap_wall, mut gap_cpu) = (Sample::default(), Sample::default());
    let mut chunks = Sample::default();
    for _ in 0..rounds {
        let (latency, walks) = steps(stage, time);
        for (at, (quantile, _)) in QUANTILES.iter().enumerate() {
            wall[at].0.push(latency.wall_at(*quantile) / 1e3);
            cpu[at].0.push(latency.cpu_at(*quantile) / 1e3);
        }
        chunks.0.push(latency.wall.len() as f64 / walks as f64);
        let (longest, longest_cpu) = longest_gap(time);
        gap_wall.0.push(longest.as_secs_f64() * 1e6);
        gap_cpu.0.push(longest_cpu.as_secs_f64() * 1e6);
    }
    let size = stage.children() as u64;
    let mut say = |side: &str, what: &str, unit: &str, sample: &Sample| {
        report.sample(SCENARIO, size, side, what, unit, sample);
    };
    for (at, (_, quantile)) in QUANTILES.iter().enumerate() {
        say("vfsnotify", &format!("{quantile} cpu"), "us", &cpu[at]);
        say("vfsnotify", &format!("{quantile} wall"), "us", &wall[at]);
    }
    say("vfsnotify", "chunks per walk", "", &chunks);
    say("machine", "longest gap, cpu", "us", &gap_cpu);
    say("machine", "longest gap, wall", "us", &gap_wall);
}

//! The output of a bench: a table on the terminal, and a file of JSON lines from which the plots and
//! the tables of `docs/benchmarks.md` are made.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::args::Args;
use super::rounds::Sample;

/// One figure. `bench`, `scenario`, `size`, `side` and `what` together name it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// The name of the bench: `child_walk`.
    pub bench: String,
    /// The case: `first add, creation order`.
    pub scenario: String,
    /// How many children, marks or groups; 0 where no size matters.
    pub size: u64,
    /// The side that was measured: `vfsnotify`, `linux ext4`, `linux tmpfs`, or another algorithm.
    pub side: String,
    /// The measured quantity: `time per child`, `p99.9 wall`.
    pub what: String,
    /// `ns`, `us`, `ms`, `s`, `B`, `1/s`, `x`, or nothing for a count.
    pub unit: String,
    /// The median of the rounds, in `unit`.
    pub median: f64,
    /// The smallest of the rounds.
    pub min: f64,
    /// The largest of the rounds.
    pub max: f64,
    /// How many rounds there were; 0 for a record that says what was left out.
    pub rounds: usize,
    /// Taken at the sizes of the published tables.
    pub full: bool,
    /// A curve, where the figure is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<(f64, f64)>,
}

/// The report of one bench.
#[derive(Debug)]
pub struct Report {
    bench: &'static str,
    is_full: bool,
    budget: Duration,
    start: Instant,
    file: BufWriter<File>,
}

impl Report {
    /// Begins a report. `budget` is how long the bench says it takes, in seconds: in its short
    /// form and in its full one.
    pub fn new(bench: &'static str, args: &Args, budget: (u64, u64)) -> Self {
        std::fs::create_dir_all(&args.out).expect("a directory for the results");
        let path = args.out.join(format!("{bench}.jsonl"));
        let file = BufWriter::new(File::create(&path).expect("a file for the results"));
        let budget = Duration::from_secs(args.pick(budget.0, budget.1));
        let form = args.pick("short", "full");
        println!("{bench} ({form} form, at most {} s)", budget.as_secs());
        Self { bench, is_full: args.full, budget, start: Instant::now(), file }
    }

    /// A figure of several rounds.
    pub fn sample(
        &mut self,
        scenario: &str,
        size: u64,
        side: &str,
        what: &str,
        unit: &str,
        sample: &Sample,
    ) {
        self.write(self.figure(scenario, size, side, what, unit, sample));
    }

    /// A figure that was taken once.
    pub fn value(
        &mut self,
        scenario: &str,
        size: u64,
        side: &str,
        what: &str,
        unit: &str,
        value: f64,
    ) {
        self.sample(scenario, size, side, what, unit, &Sample(vec![value]));
    }

    /// A curve: a distribution, or something over time.
    pub fn curve(
        &mut self,
        scenario: &str,
        size: u64,
        side: &str,
        what: &str,
        unit: &str,
        points: Vec<(f64, f64)>,
    ) {
        let heights = Sample(points.iter().map(|point| point.1).collect());
        let figure = self.figure(scenario, size, side, what, unit, &heights);
        self.write(Record { rounds: 1, points, ..figure });
    }

    /// Says that something was left out, and why; the plots' tables repeat it.
    pub fn left_out(&mut self, scenario: &str, side: &str, why: &str) {
        println!("  {scenario} / {side}: left out: {why}");
        let figure = self.figure(scenario, 0, side, "left out", why, &Sample(vec![0.0]));
        self.record(&Record { rounds: 0, ..figure });
    }

    fn figure(
        &self,
        scenario: &str,
        size: u64,
        side: &str,
        what: &str,
        unit: &str,
        sample: &Sample,
    ) -> Record {
        Record {
            bench: self.bench.to_owned(),
            scenario: scenario.to_owned(),
            size,
            side: side.to_owned(),
            what: what.to_owned(),
            unit: unit.to_owned(),
            median: sample.median(),
            min: sample.min(),
            max: sample.max(),
            rounds: sample.0.len(),
            full: self.is_full,
            points: Vec::new(),
        }
    }

    fn write(&mut self, record: Record) {
        let Record { scenario, size, side, what, unit, median, min, max, rounds, .. } = &record;
        let size = if *size == 0 { String::new() } else { format!(" [{size}]") };
        let range = if *rounds > 1 { format!(" ({min:.2} to {max:.2})") } else { String::new() };
        let subject = format!("{scenario}{size}");
        println!("  {subject:<58} {side:<12} {what:<24} {median:>12.2} {unit}{range}");
        self.record(&record);
    }

    fn record(&mut self, record: &Record) {
        serde_json::to_writer(&mut self.file, record).expect("a record that can be written");
        self.file.write_all(b"\n").expect("room for the results");
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // A bench that panicked has said so; what it measured before is kept as far as possible.
        let _ = self.file.flush();
        let took = self.start.elapsed();
        let verdict = if took > self.budget { "OVER its budget" } else { "within its budget" };
        println!(
            "{}: {:.0} s, {verdict} of {} s",
            self.bench,
            took.as_secs_f64(),
            self.budget.as_secs()
        );
    }
}

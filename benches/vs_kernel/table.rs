//! The table of both columns: what each row says, and what had to be left out.

use benches::{Report, Sample};

/// The crate's side of a record.
const OWN: &str = "vfsnotify";

/// How the kernel's figures are set against the crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ratio {
    /// Round by round, of times: both sides of a round ran at the same speed of the machine.
    OfTimes,
    /// The same, of rates, turned round: still how many times as long the kernel takes.
    OfRates,
    /// Of the medians: the kernel's figure is a difference that may be zero or less in one round.
    OfDifference,
    /// The same where both figures are differences.
    OfDifferences,
    /// None: the figures are not to be divided.
    None,
}

/// One row: the same figure of the kernel, on each of its file systems, and of the crate.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) size: u64,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) kernel: Vec<(String, Sample)>,
    pub(crate) own: Sample,
    pub(crate) ratio: Ratio,
}

/// A row as it is printed in the end.
#[derive(Debug)]
struct Line {
    subject: String,
    unit: &'static str,
    own: f64,
    kernel: Vec<Cell>,
}

/// The kernel's part of a printed row.
#[derive(Debug)]
struct Cell {
    side: String,
    median: f64,
    ratio: Option<f64>,
}

/// Differences of medians below this, in nanoseconds, are noise, and are not divided by.
const RESOLUTION: f64 = 1.0;

/// All rows so far, and the report that they are also written to.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) report: Report,
    /// The kernel's columns.
    sides: Vec<String>,
    lines: Vec<Line>,
    left_out: Vec<String>,
}

impl Table {
    /// An empty table with these columns of the kernel's.
    pub(crate) fn new(report: Report, sides: Vec<String>) -> Self {
        Self { report, sides, lines: Vec::new(), left_out: Vec::new() }
    }

    /// Adds a row, and records each side of it and the ratios.
    ///
    /// # Panics
    /// If a side measured nothing.
    pub(crate) fn row(&mut self, row: Row) {
        let Row { scenario, size, what, unit, kernel, own, ratio } = row;
        let report = &mut self.report;
        assert!(own.median().is_finite(), "{scenario}: the crate's side measured nothing");
        report.sample(&scenario, size, OWN, what, unit, &own);
        let mut cells = Vec::new();
        for (side, sample) in kernel {
            assert!(sample.median().is_finite(), "{scenario}: {side} measured nothing");
            report.sample(&scenario, size, &side, what, unit, &sample);
            let ratios = ratios(ratio, &sample, &own);
            if let Some(ratios) = &ratios {
                report.sample(&scenario, size, &side, "kernel / vfsnotify", "x", ratios);
            }
            let ratio = ratios.map(|ratios| ratios.median());
            cells.push(Cell { side, median: sample.median(), ratio });
        }
        let subject = if size == 0 { scenario } else { format!("{scenario} [{size}]") };
        self.lines.push(Line { subject, unit, own: own.median(), kernel: cells });
    }

    /// Says that a row has no figure of one side, and why.
    pub(crate) fn left_out(&mut self, scenario: &str, side: &str, why: &str) {
        self.report.left_out(scenario, side, why);
        self.left_out.push(format!("{scenario} / {side}: {why}"));
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        print!("\n{:<74}", "row");
        for side in &self.sides {
            print!("{side:>15}");
        }
        println!("{OWN:>13} {:<5} ratio", "");
        for line in &self.lines {
            line.print(&self.sides);
        }
        if !self.left_out.is_empty() {
            println!("\nleft out:");
            for line in &self.left_out {
                println!("  {line}");
            }
        }
        println!();
    }
}

fn ratios(how: Ratio, kernel: &Sample, own: &Sample) -> Option<Sample> {
    let (of_kernel, of_own) = (kernel.median(), own.median());
    match how {
        Ratio::OfTimes => Some(kernel.over(own)),
        Ratio::OfRates => Some(own.over(kernel)),
        Ratio::OfDifference | Ratio::OfDifferences if of_kernel < RESOLUTION => None,
        Ratio::OfDifferences if of_own < RESOLUTION => None,
        Ratio::OfDifference | Ratio::OfDifferences => Some(Sample(vec![of_kernel / of_own])),
        Ratio::None => None,
    }
}

impl Line {
    fn print(&self, sides: &[String]) {
        print!("{:<74}", self.subject);
        for side in sides {
            match self.cell(side) {
                Some(cell) => print!("{:>15}", figure(cell.median)),
                None => print!("{:>15}", "-"),
            }
        }
        print!("{:>13} {:<5} ", figure(self.own), self.unit);
        let ratio = |side: &String| match self.cell(side).and_then(|cell| cell.ratio) {
            Some(ratio) => figure(ratio),
            None => "-".to_owned(),
        };
        println!("{}", sides.iter().map(ratio).collect::<Vec<_>>().join(" / "));
    }

    fn cell(&self, side: &str) -> Option<&Cell> {
        self.kernel.iter().find(|cell| cell.side == side)
    }
}

/// Three digits or more, and none that say nothing.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        0.0..0.1 => format!("{value:.4}"),
        0.1..10.0 => format!("{value:.2}"),
        10.0..1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

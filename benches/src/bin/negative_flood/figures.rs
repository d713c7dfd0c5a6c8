//! The figures: a table with a column for each side, and records as the benches write them.

use std::fs::File;
use std::io::{BufWriter, Write};

use hdrhistogram::Histogram;

use crate::side::Result;
use benches::{Record, Sample};

/// A row of the table.
#[derive(Debug)]
struct Row {
    section: String,
    label: String,
    cells: Vec<(String, String)>,
}

/// Whose figure it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) side: &'a str,
    /// How many negative dentries the directory has.
    pub(crate) size: u64,
}

/// All figures.
#[derive(Debug)]
pub(crate) struct Figures {
    records: Vec<Record>,
    rows: Vec<Row>,
    is_full: bool,
}

impl Figures {
    /// None yet; `is_full` if they are for the published tables.
    pub(crate) fn new(is_full: bool) -> Self {
        Self { records: Vec::new(), rows: Vec::new(), is_full }
    }

    fn record(&mut self, scenario: &str, of: Subject<'_>, what: &str, unit: &str, all: &Sample) {
        self.records.push(Record {
            bench: "negative_flood".to_owned(),
            scenario: scenario.to_owned(),
            size: of.size,
            side: of.side.to_owned(),
            what: what.to_owned(),
            unit: unit.to_owned(),
            median: all.median(),
            min: all.min(),
            max: all.max(),
            rounds: all.0.len(),
            full: self.is_full,
            points: Vec::new(),
        });
    }

    /// A cell of the table that is no figure by itself.
    pub(crate) fn text(&mut self, section: &str, of: Subject<'_>, label: &str, text: String) {
        let cell = (of.side.to_owned(), text);
        let known = |row: &&mut Row| row.section == section && row.label == label;
        match self.rows.iter_mut().find(known) {
            Some(row) => row.cells.push(cell),
            None => self.rows.push(Row {
                section: section.to_owned(),
                label: label.to_owned(),
                cells: vec![cell],
            }),
        }
    }

    /// A figure of several rounds.
    pub(crate) fn sample(
        &mut self,
        section: &str,
        of: Subject<'_>,
        what: &str,
        unit: &str,
        all: &Sample,
    ) {
        self.record(section, of, what, unit, all);
        let text = match all.0.len() {
            1 => show(all.median(), unit),
            _ => {
                let show = |value| show(value, unit);
                format!("{} ({} to {})", show(all.median()), show(all.min()), show(all.max()))
            }
        };
        self.text(section, of, what, text);
    }

    /// A figure that was taken once.
    pub(crate) fn value(
        &mut self,
        section: &str,
        of: Subject<'_>,
        what: &str,
        unit: &str,
        value: f64,
    ) {
        self.sample(section, of, what, unit, &Sample(vec![value]));
    }

    /// A distribution of nanoseconds.
    pub(crate) fn latency(
        &mut self,
        section: &str,
        of: Subject<'_>,
        what: &str,
        nanos: &Histogram<u64>,
    ) {
        let mut cell = Vec::new();
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
            let value = nanos.value_at_quantile(quantile) as f64;
            let what = format!("{what}, {name} wall");
            self.record(section, of, &what, "ns", &Sample(vec![value]));
            cell.push(format!("{:.1}", value / 1e3));
        }
        self.text(section, of, &format!("{what}: p50/p99/p99.9/max us"), cell.join("/"));
    }

    /// The table, with the columns in this order.
    pub(crate) fn table(&self, sides: &[&str]) -> String {
        let label = self.rows.iter().map(|row| row.label.len()).max().unwrap_or(0) + 2;
        let widths: Vec<usize> = sides.iter().map(|side| self.width(side)).collect();
        let mut text = format!("{:label$}", "");
        for (side, width) in sides.iter().zip(&widths) {
            text += &format!("  {side:>width$}");
        }
        let mut section = "";
        for row in &self.rows {
            if row.section != section {
                section = &row.section;
                text += &format!("\n{section}");
            }
            text += &format!("\n  {:label$}", row.label, label = label - 2);
            for (side, width) in sides.iter().zip(&widths) {
                let cell = row.cells.iter().find(|cell| cell.0 == *side);
                text += &format!("  {:>width$}", cell.map_or("-", |cell| &cell.1));
            }
        }
        text + "\n"
    }

    fn width(&self, side: &str) -> usize {
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        let own = cells.filter(|cell| cell.0 == side).map(|cell| cell.1.len());
        own.max().unwrap_or(0).max(side.len())
    }

    /// Writes the records, one JSON object a line.
    pub(crate) fn write(&self, file: File) -> Result {
        let mut file = BufWriter::new(file);
        for record in &self.records {
            serde_json::to_writer(&mut file, record)?;
            file.write_all(b"\n")?;
        }
        Ok(file.flush()?)
    }
}

/// A number that is easy to read.
fn show(value: f64, unit: &str) -> String {
    let scale = |steps: &[(f64, &str)]| {
        let step = steps.iter().find(|step| value >= step.0);
        let (by, unit) = *step.unwrap_or(&(1.0, unit));
        format!("{:.1} {unit}", value / by)
    };
    match unit {
        "us" => scale(&[(1e6, "s"), (1e3, "ms")]),
        "B" => scale(&[(1e9, "GB"), (1e6, "MB")]),
        "1/s" => scale(&[(1e6, "M/s"), (1e3, "k/s")]),
        "" => format!("{value:.0}"),
        _ => format!("{value:.2} {unit}"),
    }
}

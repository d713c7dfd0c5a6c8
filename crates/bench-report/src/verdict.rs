//! Whether a target is met, and what the page says of it.

use crate::figure::{Figure, Several, Value};
use crate::number;
use crate::records::Records;
use crate::target::{Bound, Ratio, Target};

/// A target with its figures.
#[derive(Debug)]
struct Outcome {
    measured: Option<Value>,
    floor: Option<Value>,
    kernel: Option<Value>,
    ratio: Option<f64>,
    verdict: Verdict,
}

/// Whether a target is met.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Met,
    /// By so many times.
    Missed(f64),
    /// Beyond its bound, and so is an empty loop.
    WithinFloor,
    NotMeasured,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed(_) => "**missed**",
            Self::WithinFloor => "no more than the machine",
            Self::NotMeasured => "not measured",
        }
    }

    /// Of a figure, in the smallest unit.
    fn of(bound: &Bound, figure: f64, floor: Option<f64>) -> Self {
        let beyond = match bound {
            Bound::AtMost(most, unit) => figure / number::base(*most, unit),
            Bound::KernelAtLeast(least) => least / figure,
            Bound::ByTest(_) => return Self::Met,
        };
        match floor {
            _ if beyond <= 1.0 => Self::Met,
            Some(floor) if figure <= floor => Self::WithinFloor,
            // Also where there is no number to hold against the bound.
            _ => Self::Missed(beyond),
        }
    }
}

impl Target {
    fn outcome(&self, records: &Records) -> Outcome {
        if let Bound::ByTest(_) = self.bound {
            let (measured, floor, kernel, ratio) = (None, None, None, None);
            return Outcome { measured, floor, kernel, ratio, verdict: Verdict::Met };
        }
        let wanted = |figure: &Option<Figure>| figure.as_ref()?.wanted(records);
        let (measured, floor) = (wanted(&self.measured), wanted(&self.floor));
        let kernel = self.kernel.as_ref();
        let kernel = kernel.and_then(|figure| figure.of_kernel(records, self.is_kernel_wanted));
        let ratio = match (&self.ratio, &kernel, &measured) {
            (Ratio::Of(key), ..) => {
                Figure::One(key.clone()).wanted(records).map(|ratio| ratio.median)
            }
            (Ratio::OfMedians, Some(kernel), Some(own)) => Some(kernel.median / own.median),
            _ => None,
        };
        // A difference of noise is not to be divided.
        let ratio = ratio.filter(|ratio| ratio.is_finite() && *ratio > 0.0);
        let judged = match self.bound {
            Bound::KernelAtLeast(_) => ratio,
            _ => measured.as_ref().map(|value| value.median),
        };
        let floor_at = floor.as_ref().map(|floor| floor.median);
        let verdict = judged
            .map_or(Verdict::NotMeasured, |figure| Verdict::of(&self.bound, figure, floor_at));
        Outcome { measured, floor, kernel, ratio, verdict }
    }

    fn row(&self, records: &Records) -> String {
        let Outcome { measured, floor, kernel, ratio, verdict } = self.outcome(records);
        let measured = match (&self.bound, &measured) {
            (Bound::ByTest(test), _) => format!("[{test}](../{test})"),
            (_, Some(value)) => own_cell(value, self.measured.as_ref(), floor.as_ref()),
            (_, None) => "-".to_owned(),
        };
        let kernel = kernel.map_or_else(|| "-".to_owned(), |value| kernel_cell(&value));
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| number::show(ratio, "x"));
        let verdict = verdict.text();
        format!("| {} | {} | {measured} | {kernel} | {ratio} | {verdict} |", self.number, self.text)
    }
}

/// The figure, its range, which of several it is, and what the machine did.
fn own_cell(value: &Value, figure: Option<&Figure>, floor: Option<&Value>) -> String {
    let mut notes = Vec::new();
    notes.extend(value.range());
    if let Some(Figure::Of(Several::Worst(keys))) = figure {
        // The part that tells its name from the others'.
        let is_own = |part: &&str| keys.iter().any(|key| !key.scenario.contains(part));
        notes.extend(value.scenario.split(", ").filter(is_own).map(str::to_owned));
    }
    if value.size > 0 {
        notes.push(format!("of {}", number::group(value.size as f64)));
    }
    notes.extend(floor.map(|floor| format!("an empty loop: {}", floor.text())));
    with_notes(value, &notes)
}

fn kernel_cell(value: &Value) -> String {
    let mut notes = vec![value.side.strip_prefix("linux ").unwrap_or(&value.side).to_owned()];
    if value.size > 0 {
        notes.push(format!("of {}", number::group(value.size as f64)));
    }
    with_notes(value, &notes)
}

fn with_notes(value: &Value, notes: &[String]) -> String {
    match notes {
        [] => value.text(),
        _ => format!("{} ({})", value.text(), notes.join("; ")),
    }
}

/// The table of all targets.
pub(crate) fn table(records: &Records, targets: &[Target]) -> String {
    let mut lines = vec![
        "| | target | measured | kernel | ratio | |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(targets.iter().map(|target| target.row(records)));
    lines.join("\n")
}

/// A list of the targets that are not met.
pub(crate) fn missed(records: &Records, targets: &[Target]) -> String {
    let line = |target: &Target| {
        let outcome = target.outcome(records);
        let how = match outcome.verdict {
            Verdict::Met => return None,
            Verdict::Missed(times) => format!("missed by {}", number::show(times, "x")),
            other => other.text().to_owned(),
        };
        Some(format!("* {}, {}: {how}.", target.number, target.text))
    };
    let lines: Vec<String> = targets.iter().filter_map(line).collect();
    if lines.is_empty() { "None.".to_owned() } else { lines.join("\n") }
}

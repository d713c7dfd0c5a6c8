//! A target, and whether it is met.

use crate::figure::{Figure, Value};
use crate::number;
use crate::records::{Key, Records, key};

/// What the figure must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// At most this.
    AtMost(f64, &'static str),
    /// The kernel's figure is at least so many times as large.
    KernelAtLeast(f64),
    /// No figure: a test fails where it does not hold.
    ByTest(&'static str),
}

/// The kernel's figure beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    /// There is none.
    None,
    Wanted(Figure),
    /// It takes an argument to have it measured.
    IfThere(Figure),
}

/// How many times as large the kernel's figure is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ratio {
    /// Not to be divided: they are not of the same thing.
    None,
    /// Of the two medians.
    OfMedians,
    /// A record of its own: the median of the ratios of each round.
    Of(Key),
}

/// One clause of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) number: &'static str,
    pub(crate) text: &'static str,
    pub(crate) bound: Bound,
    pub(crate) measured: Figure,
    /// What the machine does to such a figure by itself.
    pub(crate) floor: Option<Figure>,
    pub(crate) kernel: Kernel,
    pub(crate) ratio: Ratio,
}

/// What a target has that does not say otherwise.
pub(crate) const TARGET: Target = Target {
    number: "",
    text: "",
    bound: Bound::ByTest(""),
    measured: Figure::One(key("", "", "", "")),
    floor: None,
    kernel: Kernel::None,
    ratio: Ratio::OfMedians,
};

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
    fn of(bound: Bound, figure: f64, floor: Option<f64>) -> Self {
        let beyond = match bound {
            Bound::AtMost(most, unit) => figure / number::base(most, unit),
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
        let measured = self.measured.wanted(records);
        let floor = self.floor.and_then(|floor| floor.wanted(records));
        let kernel = match self.kernel {
            Kernel::None => None,
            Kernel::Wanted(figure) => figure.of_kernel(records, true),
            Kernel::IfThere(figure) => figure.of_kernel(records, false),
        };
        let ratio = match (self.ratio, &kernel, &measured) {
            (Ratio::Of(key), ..) => Figure::One(key).wanted(records).map(|ratio| ratio.median),
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
        let verdict =
            judged.map_or(Verdict::NotMeasured, |figure| Verdict::of(self.bound, figure, floor_at));
        Outcome { measured, floor, kernel, ratio, verdict }
    }

    fn row(&self, records: &Records) -> String {
        let Outcome { measured, floor, kernel, ratio, verdict } = self.outcome(records);
        let measured = match (self.bound, &measured) {
            (Bound::ByTest(test), _) => format!("[{test}](../{test})"),
            (_, Some(value)) => own_cell(value, &self.measured, floor.as_ref()),
            (_, None) => "-".to_owned(),
        };
        let kernel = kernel.map_or_else(|| "-".to_owned(), |value| kernel_cell(&value));
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| number::show(ratio, "x"));
        let verdict = verdict.text();
        format!("| {} | {} | {measured} | {kernel} | {ratio} | {verdict} |", self.number, self.text)
    }
}

/// The figure, its range, which of several it is, and what the machine did.
fn own_cell(value: &Value, figure: &Figure, floor: Option<&Value>) -> String {
    let mut notes = Vec::new();
    notes.extend(value.range());
    if let Figure::Worst(keys) = figure {
        // What tells its name from the others'.
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

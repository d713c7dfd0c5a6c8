//! A target, as `data/targets.toml` has it.

use serde::Deserialize;

use crate::figure::Figure;
use crate::records::Key;

/// The bound of the figure.
#[derive(Debug)]
pub(crate) enum Bound {
    /// At most this, in a unit.
    AtMost(f64, String),
    /// The kernel's figure is at least so many times as large.
    KernelAtLeast(f64),
    /// No figure: the test in this file fails where it does not hold.
    ByTest(String),
}

/// How many times as large the kernel's figure is.
#[derive(Debug)]
pub(crate) enum Ratio {
    /// Not to be divided: they are not of the same thing.
    None,
    /// Of the two medians.
    OfMedians,
    /// A record of its own: the median of the ratios of each round.
    Of(Key),
}

/// One clause of a target.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Entry")]
pub(crate) struct Target {
    pub(crate) number: String,
    pub(crate) text: String,
    pub(crate) bound: Bound,
    /// There is none where a test tells.
    pub(crate) measured: Option<Figure>,
    /// The effect of the machine on such a figure by itself.
    pub(crate) floor: Option<Figure>,
    /// The kernel's figure beside it.
    pub(crate) kernel: Option<Figure>,
    /// False if it takes an argument to have the kernel's figure measured.
    pub(crate) is_kernel_wanted: bool,
    pub(crate) ratio: Ratio,
}

/// A target as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    number: String,
    text: String,
    at_most: Option<String>,
    kernel_at_least: Option<f64>,
    by_test: Option<String>,
    measured: Option<Figure>,
    floor: Option<Figure>,
    kernel: Option<Figure>,
    kernel_if_there: Option<Figure>,
    ratio: Option<String>,
}

impl TryFrom<Entry> for Target {
    type Error = String;

    fn try_from(entry: Entry) -> Result<Self, String> {
        let Entry { number, text, measured, floor, .. } = entry;
        let bound = match (entry.at_most, entry.kernel_at_least, entry.by_test) {
            (Some(amount), None, None) => at_most(&amount)?,
            (None, Some(times), None) => Bound::KernelAtLeast(times),
            (None, None, Some(test)) => Bound::ByTest(test),
            _ => return Err(format!("target {number} needs one bound")),
        };
        if measured.is_none() && !matches!(bound, Bound::ByTest(_)) {
            return Err(format!("target {number} needs a figure"));
        }
        let ratio = match entry.ratio {
            None => Ratio::OfMedians,
            Some(text) if text == "none" => Ratio::None,
            Some(text) => Ratio::Of(Key::try_from(text)?),
        };
        let is_kernel_wanted = entry.kernel.is_some();
        let kernel = entry.kernel.or(entry.kernel_if_there);
        Ok(Self { number, text, bound, measured, floor, kernel, is_kernel_wanted, ratio })
    }
}

/// A bound such as `20 us`.
fn at_most(text: &str) -> Result<Bound, String> {
    let parsed = text.split_once(' ').and_then(|(number, unit)| Some((number.parse().ok()?, unit)));
    let (number, unit) = parsed.ok_or_else(|| format!("`{text}` is no number with a unit"))?;
    Ok(Bound::AtMost(number, unit.to_owned()))
}

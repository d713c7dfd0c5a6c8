//! One number taken out of records.

use benches::Record;
use serde::Deserialize;

use crate::number;
use crate::records::{Key, LINUX, Records, size};

/// How it is found; of each record the one of the largest size.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Figure {
    /// A record.
    One(Key),
    /// Several records.
    Of(Several),
}

/// A figure of several records.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Several {
    /// The largest of them.
    Worst(Vec<Key>),
    /// All together.
    Sum(Vec<Key>),
    /// One over the other.
    Quotient([Key; 2]),
}

/// A number, with what must be known about it.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// In the smallest unit of its kind, as the two below.
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) unit: &'static str,
    pub(crate) size: u64,
    pub(crate) scenario: String,
    pub(crate) side: String,
}

/// The smallest unit of a kind, as records call it.
fn smallest(unit: &str) -> &'static str {
    match unit {
        "ns" | "us" | "ms" | "s" => "ns",
        "B" => "B",
        "1/s" => "1/s",
        "x" => "x",
        "of all" => "of all",
        _ => "",
    }
}

impl From<&Record> for Value {
    fn from(record: &Record) -> Self {
        let base = |value| number::base(value, &record.unit);
        Self {
            median: base(record.median),
            min: base(record.min),
            max: base(record.max),
            unit: smallest(&record.unit),
            size: size(record),
            scenario: record.scenario.clone(),
            side: record.side.clone(),
        }
    }
}

impl Value {
    /// The median with its unit.
    pub(crate) fn text(&self) -> String {
        number::show(self.median, self.unit)
    }

    /// The smallest and the largest of the rounds, where there were several.
    pub(crate) fn range(&self) -> Option<String> {
        let text = |value| number::show(value, self.unit);
        let (min, max) = (text(self.min), text(self.max));
        (min != max).then(|| format!("{min} to {max}"))
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            median: self.median + other.median,
            min: self.min + other.min,
            max: self.max + other.max,
            ..self
        }
    }

    fn over(self, other: &Self) -> Self {
        let median = self.median / other.median;
        Self { median, min: median, max: median, unit: "x", ..self }
    }
}

impl Figure {
    /// The records that it is taken from.
    pub(crate) fn keys(&self) -> &[Key] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Of(Several::Worst(keys) | Several::Sum(keys)) => keys,
            Self::Of(Several::Quotient(keys)) => keys,
        }
    }

    fn combine(&self, values: Vec<Value>) -> Option<Value> {
        let mut values = values.into_iter();
        match self {
            Self::One(_) => values.next(),
            Self::Of(Several::Worst(_)) => {
                values.max_by(|one, two| one.median.total_cmp(&two.median))
            }
            Self::Of(Several::Sum(_)) => values.reduce(|one, two| one.plus(&two)),
            Self::Of(Several::Quotient(_)) => values.reduce(|one, two| one.over(&two)),
        }
    }

    /// The figure of one side, or of the keys' own; the keys of which there is no record.
    fn find(&self, records: &Records, side: Option<&str>) -> Result<Option<Value>, Vec<Key>> {
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for key in self.keys() {
            let key = side.map_or_else(|| key.clone(), |side| key.of_side(side));
            match records.largest(&key) {
                Some(record) => values.push(Value::from(record)),
                None => missing.push(key),
            }
        }
        if missing.is_empty() { Ok(self.combine(values)) } else { Err(missing) }
    }

    /// The figure, which is wanted.
    pub(crate) fn wanted(&self, records: &Records) -> Option<Value> {
        self.find(records, None).unwrap_or_else(|missing| {
            missing.iter().for_each(|key| records.miss(key));
            None
        })
    }

    /// The figure of a side, if it is there.
    pub(crate) fn of_side(&self, records: &Records, side: &str) -> Option<Value> {
        self.find(records, Some(side)).ok().flatten()
    }

    /// The kernel's figure: of the largest size that it could be given, and there of the faster one
    /// of its file systems.
    pub(crate) fn of_kernel(&self, records: &Records, is_wanted: bool) -> Option<Value> {
        let keys = self.keys();
        let bench = keys.first().map_or("", |key| &key.bench);
        let sides = records.sides(bench, LINUX);
        let mut values: Vec<Value> =
            sides.iter().filter_map(|side| self.of_side(records, side)).collect();
        values.sort_by(|one, two| two.size.cmp(&one.size).then(one.median.total_cmp(&two.median)));
        if values.is_empty() && is_wanted {
            keys.iter().for_each(|key| records.miss(&key.of_side(LINUX)));
        }
        values.into_iter().next()
    }
}

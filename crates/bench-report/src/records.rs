//! All records of a run, and how one is found.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use benches::Record;
use serde::Deserialize;

use crate::Result;

/// This crate's side.
pub(crate) const OWN: &str = "vfsnotify";
/// Any file system of the kernel's.
pub(crate) const LINUX: &str = "linux *";

/// Which records are meant, of whatever size. A `*` at the end of a part stands for anything.
///
/// In the lists it is written `bench | scenario | side | what`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Key {
    pub(crate) bench: String,
    pub(crate) scenario: String,
    pub(crate) side: String,
    pub(crate) what: String,
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let [bench, scenario, side, what] = parts(&text)?.map(str::to_owned);
        Ok(Self { bench, scenario, side, what })
    }
}

/// The parts of a line of the lists, which ` | ` separates.
///
/// # Errors
/// If there are more or fewer.
pub(crate) fn parts<const N: usize>(line: &str) -> std::result::Result<[&str; N], String> {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    parts.try_into().map_err(|_| format!("`{line}` does not have {N} parts"))
}

impl Key {
    /// The records of this side.
    pub(crate) fn of_side(&self, side: &str) -> Self {
        Self { side: side.to_owned(), ..self.clone() }
    }

    fn fits(&self, record: &Record) -> bool {
        fits(&self.bench, &record.bench)
            && fits(&self.scenario, &record.scenario)
            && fits(&self.side, &record.side)
            && fits(&self.what, &record.what)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    }
}

/// Where a bench says that it left something out; the unit says why.
const LEFT_OUT: &str = "left out";

/// How many children, marks or groups the figure is of.
pub(crate) fn size(record: &Record) -> u64 {
    // "time per child of 100000" stands beside a figure of another size.
    let of = record.what.rsplit_once(" of ").and_then(|(_, count)| count.parse().ok());
    of.unwrap_or(record.size)
}

/// All records, and what was wanted of them in vain.
#[derive(Debug)]
pub(crate) struct Records {
    all: Vec<Record>,
    /// When the newest file was written.
    pub(crate) taken: SystemTime,
    /// The missing records, and whether their bench has left it out with a reason.
    missing: RefCell<BTreeMap<String, bool>>,
    short: RefCell<BTreeSet<String>>,
}

impl Records {
    /// Reads every file of JSON lines in a directory.
    ///
    /// # Errors
    /// If there is none, or one that does not hold records.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let shown = dir.display();
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{shown}: {error}"))?;
        let mut paths: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        let (mut all, mut taken) = (Vec::new(), SystemTime::UNIX_EPOCH);
        for path in &paths {
            for (number, line) in std::fs::read_to_string(path)?.lines().enumerate() {
                let record = serde_json::from_str(line)
                    .map_err(|error| format!("{}, line {}: {error}", path.display(), number + 1))?;
                all.push(record);
            }
            taken = taken.max(path.metadata()?.modified()?);
        }
        if all.is_empty() {
            return Err(format!("{shown}: no records; run `cargo bench -- --full` first").into());
        }
        let (missing, short) = (RefCell::default(), RefCell::default());
        Ok(Self { all, taken, missing, short })
    }

    /// All that fit, in the order in which they were written.
    pub(crate) fn all(&self, key: &Key) -> Vec<&Record> {
        let figures = self.all.iter().filter(|record| record.what != LEFT_OUT);
        let found: Vec<&Record> = figures.filter(|record| key.fits(record)).collect();
        let short = found.iter().filter(|record| !record.full);
        self.short.borrow_mut().extend(short.map(|record| record.bench.clone()));
        found
    }

    /// The one of the largest size.
    pub(crate) fn largest(&self, key: &Key) -> Option<&Record> {
        self.all(key).into_iter().max_by_key(|record| size(record))
    }

    /// The sides of a bench that fit, by name.
    pub(crate) fn sides(&self, bench: &str, pattern: &str) -> Vec<&str> {
        let mut sides = Vec::new();
        let figures = self.all.iter().filter(|record| record.what != LEFT_OUT);
        for record in figures.filter(|record| fits(bench, &record.bench)) {
            if fits(pattern, &record.side) && !sides.contains(&&*record.side) {
                sides.push(&*record.side);
            }
        }
        sides.sort_unstable();
        sides
    }

    /// The records that the benches left out, and why.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (&Record, &str)> {
        let left_out = self.all.iter().filter(|record| record.what == LEFT_OUT);
        left_out.map(|record| (record, &*record.unit))
    }

    /// Notes that something is not there which is wanted.
    pub(crate) fn miss(&self, key: &Key) {
        let Key { bench, scenario, side, what } = key;
        let is_there = self.all.iter().any(|record| fits(bench, &record.bench));
        let missing = match is_there {
            true => format!("{bench} / {scenario} / {side} / {what}"),
            false => format!("any record of {bench}"),
        };
        // A kernel that keeps no negative dentries at this moment, say: the bench has looked and says so.
        let is_left_out = self.left_out().any(|(record, _)| {
            fits(bench, &record.bench)
                && fits(scenario, &record.scenario)
                && fits(side, &record.side)
        });
        self.missing.borrow_mut().insert(missing, is_left_out);
    }

    /// The records that were wanted so far and are not there, or only of the short form if that is not enough.
    pub(crate) fn complaints(&self, short_is_enough: bool) -> Vec<String> {
        let missing = self.missing.borrow();
        let short = self.short.borrow();
        let short = short.iter().filter(|_| !short_is_enough);
        let missing = missing.iter().filter(|(_, is_left_out)| !(short_is_enough && **is_left_out));
        let missing = missing.map(|(name, _)| format!("not there: {name}"));
        let short = short.map(|bench| format!("of the short form: records of {bench}"));
        missing.chain(short).collect()
    }

    /// The note for a reader of the page about missing records; nothing, if all is.
    pub(crate) fn notice(&self) -> String {
        let (missing, short) = (self.missing.borrow().len(), self.short.borrow());
        let mut notice = Vec::new();
        if !short.is_empty() {
            let benches: Vec<&str> = short.iter().map(|bench| &**bench).collect();
            let benches = benches.join(", ");
            notice.push(format!(
                "**The figures of {benches} are of the short form, and say little.**"
            ));
        }
        if missing > 0 {
            notice.push(format!("**Records that are wanted and not there: {missing}.**"));
        }
        notice.join("\n")
    }
}

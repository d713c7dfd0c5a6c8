//! Tables of records.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::figure::Value;
use crate::number;
use crate::records::{Key, LINUX, OWN, Records, parts, size};

/// A row, but for the sizes and sides that it may be given for.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Row {
    /// In the first column.
    label: String,
    /// The text for `{}` in a column's scenario and side.
    scenario: String,
    /// The text for `{}` in a column's `what`.
    what: String,
}

impl TryFrom<String> for Row {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let [scenario, what, label] = match text.split('|').count() {
            1 => [&*text; 3],
            2 => parts(&text).map(|[scenario, what]| [scenario, what, scenario])?,
            _ => parts(&text)?,
        }
        .map(str::to_owned);
        Ok(Self { label, scenario, what })
    }
}

/// For what there is a row of its own.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Each {
    /// The largest size, each side in a column of its own.
    #[default]
    Row,
    /// Each size, named so.
    Size(String),
    /// Each side, of its largest size, which is named so.
    Side(String),
    /// Each side and each size.
    SideAndSize(String),
}

/// A column; `{}` stands for what the row says. The side `linux *` is a column for each file system
/// of the kernel's, whose name stands for `{}` in its head.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Column {
    head: String,
    /// The table's own, if it has none.
    side: Option<String>,
    scenario: Option<String>,
    what: String,
}

impl TryFrom<String> for Column {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let [head, side, scenario, what] = match text.split('|').count() {
            2 => parts(&text).map(|[head, what]| [Some(head), None, None, Some(what)])?,
            _ => parts(&text)?.map(Some),
        }
        .map(|part| part.map(str::to_owned));
        let (head, what) = (head.unwrap_or_default(), what.unwrap_or_default());
        Ok(Self { head, side, scenario, what })
    }
}

/// A table of one bench. Tables of one bench stand one after the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) bench: String,
    head: String,
    #[serde(default)]
    each: Each,
    /// Of the columns that do not have their own.
    #[serde(default = "own_side")]
    side: String,
    #[serde(default = "as_the_row")]
    scenario: String,
    rows: Vec<Row>,
    columns: Vec<Column>,
    /// The last columns; it is no error if there is nothing of them.
    #[serde(default)]
    optional_columns: Vec<Column>,
}

fn own_side() -> String {
    OWN.to_owned()
}

fn as_the_row() -> String {
    "{}".to_owned()
}

/// A column with its side.
struct Placed<'a> {
    head: String,
    side: Option<&'a str>,
    of: &'a Column,
}

/// A row with its size and side.
struct Instance<'a> {
    row: &'a Row,
    size: Option<u64>,
    side: Option<&'a str>,
}

impl Table {
    fn side<'a>(&'a self, column: &'a Column) -> &'a str {
        column.side.as_deref().unwrap_or(&self.side)
    }

    /// The records of a column in a row, of this side or the column's own.
    fn key(&self, column: &Column, row: &Row, side: Option<&str>) -> Key {
        let scenario = column.scenario.as_deref().unwrap_or(&self.scenario);
        Key {
            bench: self.bench.clone(),
            scenario: scenario.replace("{}", &row.scenario),
            side: side
                .map_or_else(|| self.side(column).replace("{}", &row.scenario), str::to_owned),
            what: column.what.replace("{}", &row.what),
        }
    }

    /// The table in Markdown. What is wanted and not there is noted: figures of this crate's in
    /// each row, and in each column one of the kernel's.
    pub(crate) fn markdown(&self, records: &Records) -> String {
        let columns = self.columns(records);
        let mut heads = vec![self.head.clone()];
        heads.extend(self.extra_head().map(str::to_owned));
        heads.extend(columns.iter().map(|column| column.head.clone()));
        let mut lines = vec![line(&heads), format!("|{}", "---|".repeat(heads.len()))];
        for row in &self.rows {
            for instance in self.instances(records, row) {
                lines.push(self.line(records, &columns, &instance));
            }
        }
        self.note_missing(records);
        lines.join("\n")
    }

    fn extra_head(&self) -> Option<&str> {
        match &self.each {
            Each::Row => None,
            Each::Size(head) | Each::Side(head) | Each::SideAndSize(head) => Some(head),
        }
    }

    fn columns<'a>(&'a self, records: &'a Records) -> Vec<Placed<'a>> {
        let mut columns = Vec::new();
        for of in self.columns.iter().chain(&self.optional_columns) {
            if self.side(of) != LINUX {
                columns.push(Placed { head: of.head.clone(), side: None, of });
                continue;
            }
            for side in records.sides(&self.bench, LINUX) {
                columns.push(Placed { head: of.head.replace("{}", side), side: Some(side), of });
            }
        }
        columns
    }

    /// The rows that a row stands for.
    fn instances<'a>(&'a self, records: &'a Records, row: &'a Row) -> Vec<Instance<'a>> {
        let mut sides = vec![None];
        if let Each::Side(_) | Each::SideAndSize(_) = self.each {
            let all = [OWN, LINUX].map(|pattern| records.sides(&self.bench, pattern));
            sides = all.into_iter().flatten().map(Some).collect();
        }
        let mut instances = Vec::new();
        for side in sides {
            let sizes = self.sizes(records, row, side);
            let of_size = |size| Instance { row, size, side };
            match self.each {
                Each::Row => instances.push(of_size(None)),
                Each::Side(_) if sizes.is_empty() => {}
                Each::Side(_) => instances.push(of_size(None)),
                Each::Size(_) | Each::SideAndSize(_) => {
                    instances.extend(sizes.into_iter().map(Some).map(of_size));
                }
            }
        }
        instances
    }

    /// The sizes of which there is anything for a row.
    fn sizes(&self, records: &Records, row: &Row, side: Option<&str>) -> BTreeSet<u64> {
        let columns = self.columns.iter().chain(&self.optional_columns);
        let keys = columns.map(|column| self.key(column, row, side));
        keys.flat_map(|key| records.all(&key)).map(|record| record.size).collect()
    }

    fn line(&self, records: &Records, columns: &[Placed<'_>], instance: &Instance<'_>) -> String {
        let mut cells = vec![match instance.side {
            Some(side) => format!("{}, {side}", instance.row.label),
            None => instance.row.label.clone(),
        }];
        let found: Vec<_> = columns
            .iter()
            .map(|column| {
                let side = column.side.or(instance.side);
                let key = self.key(column.of, instance.row, side);
                match instance.size {
                    None => records.largest(&key),
                    Some(size) => records.all(&key).into_iter().find(|it| it.size == size),
                }
            })
            .collect();
        if self.extra_head().is_some() {
            let largest = found.iter().flatten().map(|record| size(record)).max();
            let size = instance.size.or(largest).unwrap_or(0);
            cells.push(if size > 0 { number::group(size as f64) } else { String::new() });
        }
        cells.extend(found.into_iter().map(|record| match record {
            None => "-".to_owned(),
            // Beside a figure of another size.
            Some(record) if size(record) != record.size => {
                let of = number::group(size(record) as f64);
                format!("{} (of {of})", Value::from(record).text())
            }
            Some(record) => Value::from(record).text(),
        }));
        line(&cells)
    }

    fn note_missing(&self, records: &Records) {
        for column in &self.columns {
            let keys: Vec<Key> = self.rows.iter().map(|row| self.key(column, row, None)).collect();
            let missing: Vec<&Key> =
                keys.iter().filter(|key| records.largest(key).is_none()).collect();
            // The kernel does not have each figure, but some of each kind.
            if self.side(column) != LINUX || missing.len() == keys.len() {
                missing.iter().for_each(|key| records.miss(key));
            }
        }
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// The records that the benches had to leave out.
pub(crate) fn left_out(records: &Records) -> String {
    let rows: Vec<String> = records
        .left_out()
        .map(|(record, why)| {
            line(&[
                record.bench.clone(),
                record.scenario.clone(),
                record.side.clone(),
                why.to_owned(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return "Nothing.".to_owned();
    }
    format!("| bench | figure | side | why |\n|---|---|---|---|\n{}", rows.join("\n"))
}

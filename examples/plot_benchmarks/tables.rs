//! Tables of records.

use std::collections::BTreeSet;

use crate::figure::Value;
use crate::number;
use crate::records::{LINUX, Name, OWN, Records, size};

/// A row, but for the sizes and sides that it may be given for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// In the first column.
    pub(crate) label: &'static str,
    /// What stands for `{}` in a column's scenario and side.
    pub(crate) scenario: &'static str,
    /// What stands for `{}` in a column's `what`.
    pub(crate) what: &'static str,
}

/// A row whose label is all there is to it.
pub(crate) const fn row(label: &'static str) -> Row {
    Row { label, scenario: label, what: label }
}

/// A row of a scenario and a figure of it.
pub(crate) const fn of(scenario: &'static str, what: &'static str, label: &'static str) -> Row {
    Row { label, scenario, what }
}

/// For what there is a row of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    /// The largest size, each side in a column of its own.
    Row,
    /// Each size, named so.
    Size(&'static str),
    /// Each side, of its largest size, which is named so.
    Side(&'static str),
    /// Each side and each size.
    SideAndSize(&'static str),
}

/// A column; `{}` stands for what the row says. The side `linux *` is a column for each file system
/// of the kernel's, whose name stands for `{}` in its head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    pub(crate) side: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) what: &'static str,
    /// An error if there is nothing of it.
    pub(crate) is_wanted: bool,
}

/// A column.
pub(crate) const fn column(
    head: &'static str,
    side: &'static str,
    scenario: &'static str,
    what: &'static str,
) -> Column {
    Column { head, side, scenario, what, is_wanted: true }
}

/// A column that takes an argument to have it measured.
pub(crate) const fn if_there(
    head: &'static str,
    side: &'static str,
    scenario: &'static str,
    what: &'static str,
) -> Column {
    Column { head, side, scenario, what, is_wanted: false }
}

/// A table of one bench. Tables of one name stand one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) bench: &'static str,
    pub(crate) head: &'static str,
    pub(crate) each: Each,
    pub(crate) rows: &'static [Row],
    pub(crate) columns: &'static [Column],
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

impl Column {
    fn name(&self, bench: &str, row: &Row, side: Option<&str>) -> Name {
        Name {
            bench: bench.to_owned(),
            scenario: self.scenario.replace("{}", row.scenario),
            side: side.map_or_else(|| self.side.replace("{}", row.scenario), str::to_owned),
            what: self.what.replace("{}", row.what),
        }
    }
}

impl Table {
    /// The table in Markdown. What is wanted and not there is noted: figures of this crate's in
    /// each row, and in each column one of the kernel's.
    pub(crate) fn markdown(&self, records: &Records) -> String {
        let columns = self.columns(records);
        let mut heads = vec![self.head.to_owned()];
        heads.extend(self.extra_head().map(str::to_owned));
        heads.extend(columns.iter().map(|column| column.head.clone()));
        let mut lines = vec![line(&heads), format!("|{}", "---|".repeat(heads.len()))];
        for row in self.rows {
            for instance in self.instances(records, row) {
                lines.push(self.line(records, &columns, &instance));
            }
        }
        self.note_missing(records);
        lines.join("\n")
    }

    fn extra_head(&self) -> Option<&'static str> {
        match self.each {
            Each::Row => None,
            Each::Size(head) | Each::Side(head) | Each::SideAndSize(head) => Some(head),
        }
    }

    fn columns<'a>(&'a self, records: &'a Records) -> Vec<Placed<'a>> {
        let mut columns = Vec::new();
        for of in self.columns {
            if of.side != LINUX {
                columns.push(Placed { head: of.head.to_owned(), side: None, of });
                continue;
            }
            for side in records.sides(self.bench, LINUX) {
                columns.push(Placed { head: of.head.replace("{}", side), side: Some(side), of });
            }
        }
        columns
    }

    /// The rows that a row stands for.
    fn instances<'a>(&'a self, records: &'a Records, row: &'a Row) -> Vec<Instance<'a>> {
        let mut sides = vec![None];
        if let Each::Side(_) | Each::SideAndSize(_) = self.each {
            let all = [OWN, LINUX].map(|pattern| records.sides(self.bench, pattern));
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
        let names = self.columns.iter().map(|column| column.name(self.bench, row, side));
        names.flat_map(|name| records.all(&name)).map(|record| record.size).collect()
    }

    fn line(&self, records: &Records, columns: &[Placed<'_>], instance: &Instance<'_>) -> String {
        let mut cells = vec![match instance.side {
            Some(side) => format!("{}, {side}", instance.row.label),
            None => instance.row.label.to_owned(),
        }];
        let found: Vec<_> = columns
            .iter()
            .map(|column| {
                let side = column.side.or(instance.side);
                let name = column.of.name(self.bench, instance.row, side);
                match instance.size {
                    None => records.largest(&name),
                    Some(size) => records.all(&name).into_iter().find(|it| it.size == size),
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
        for column in self.columns.iter().filter(|column| column.is_wanted) {
            let names: Vec<Name> =
                self.rows.iter().map(|row| column.name(self.bench, row, None)).collect();
            let missing: Vec<&Name> =
                names.iter().filter(|name| records.largest(name).is_none()).collect();
            // The kernel does not have each figure, but some of each kind.
            if column.side != LINUX || missing.len() == names.len() {
                missing.iter().for_each(|name| records.miss(name));
            }
        }
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// What the benches had to leave out.
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

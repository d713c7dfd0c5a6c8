//! Makes `docs/benchmarks.md` and its plots from what the benches wrote.
//!
//! `cargo run --release --example plot_benchmarks [-- --check | --partial]`
//!
//! The benches, and `negative_flood` with `--json`, leave one file of JSON lines each in
//! `target/bench`. This program reads all that it finds there (or in the directory of `--from`),
//! draws the plots into `docs/benchmarks/`, and writes the tables into `docs/benchmarks.md`, each
//! between the two comments that bear its name:
//!
//! ```text
//! <!-- begin: targets -->
//! <!-- end: targets -->
//! ```
//!
//! All other text of the page is written by hand and stays as it is. Run it on the machine that
//! ran the benches, since it says in the page what machine that was.
//!
//! A record that a table, a plot or a target wants and that is not there is an error, as is one of
//! a short form: they are listed, nothing is written, and the exit status is 1. `--partial` goes on
//! without them and says so in the page. `--check` only looks; with `--short` it takes those of a
//! short form for good, so that a record that was renamed is found without a full run.
//!
//! What is wanted stands in three tables of this program: `target_list` (the targets, their bounds,
//! and which records tell), `table_list` (the tables of the page, with `table_rows`) and `plot_list`
//! (the plots). A bench that renames a record needs a change there and nowhere else.
//!
//! The other parts: `records` reads and finds, `figure` takes one number out of records, `number`
//! says how numbers are written, `verdict` holds a target against its figure, `tables` and `charts`
//! (with `lines` and `bars`) make Markdown and SVG, `machine` says where, `page` has the comments.

#[path = "plot_benchmarks/bars.rs"]
mod bars;
#[path = "plot_benchmarks/charts.rs"]
mod charts;
#[path = "plot_benchmarks/figure.rs"]
mod figure;
#[path = "plot_benchmarks/lines.rs"]
mod lines;
#[path = "plot_benchmarks/machine.rs"]
mod machine;
#[path = "plot_benchmarks/number.rs"]
mod number;
#[path = "plot_benchmarks/page.rs"]
mod page;
#[path = "plot_benchmarks/plot_list.rs"]
mod plot_list;
#[path = "plot_benchmarks/records.rs"]
mod records;
#[path = "../benches/support/mod.rs"]
mod support;
#[path = "plot_benchmarks/table_list.rs"]
mod table_list;
#[path = "plot_benchmarks/table_rows.rs"]
mod table_rows;
#[path = "plot_benchmarks/tables.rs"]
mod tables;
#[path = "plot_benchmarks/target_list.rs"]
mod target_list;
#[path = "plot_benchmarks/verdict.rs"]
mod verdict;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use charts::Plot;
use page::Page;
use plot_list::PLOTS;
use records::Records;
use table_list::TABLES;
use tables::Table;
use target_list::TARGETS;

/// What may go wrong: a file, a record that makes no sense, a page without its comments.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Make docs/benchmarks.md and its plots from what the benches wrote.
#[derive(Debug, Parser)]
struct Options {
    /// Where the benches' files of JSON lines are
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench"))]
    from: PathBuf,
    /// Where benchmarks.md and the folder of its plots are
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/docs"))]
    docs: PathBuf,
    /// Only look whether every record is there, and of the full form
    #[arg(long, conflicts_with = "partial")]
    check: bool,
    /// With --check: records of a short form are as good
    #[arg(long, requires = "check")]
    short: bool,
    /// Go on without the records that are not there, and with those of a short form
    #[arg(long)]
    partial: bool,
}

/// A plot and its place in the page.
struct Drawing {
    file: String,
    svg: String,
}

/// Everything that is made, in memory: what is wanted is only known in the end.
struct Made {
    sections: Vec<(String, String)>,
    drawings: Vec<Drawing>,
}

fn make(records: &Records) -> Result<Made> {
    let mut sections = vec![
        ("machine".to_owned(), machine::describe(records)),
        ("targets".to_owned(), verdict::table(records, TARGETS)),
        ("missed".to_owned(), verdict::missed(records, TARGETS)),
        ("left out".to_owned(), tables::left_out(records)),
    ];
    let mut drawings = Vec::new();
    for Plot { name, alt, chart } in PLOTS {
        let svg = chart.draw(records)?;
        let file = format!("{name}.svg");
        sections.push((format!("plot {name}"), format!("![{alt}](benchmarks/{file})")));
        drawings.push(Drawing { file, svg });
    }
    for Table { name, .. } in TABLES {
        let tables = TABLES.iter().filter(|table| table.name == *name);
        let text: Vec<String> = tables.map(|table| table.markdown(records)).collect();
        if !sections.iter().any(|(there, _)| there == name) {
            sections.push(((*name).to_owned(), text.join("\n\n")));
        }
    }
    Ok(Made { sections, drawings })
}

fn write(options: &Options, made: &Made, notice: &str) -> Result {
    let path = options.docs.join("benchmarks.md");
    let text = std::fs::read_to_string(&path);
    let mut page = Page::new(text.map_err(|error| format!("{}: {error}", path.display()))?);
    page.put("notice", notice)?;
    for (name, text) in &made.sections {
        page.put(name, text)?;
    }
    page.expect_no_others()?;
    let folder = options.docs.join("benchmarks");
    std::fs::create_dir_all(&folder)?;
    for Drawing { file, svg } in &made.drawings {
        std::fs::write(folder.join(file), svg)?;
    }
    Ok(std::fs::write(&path, page.text())?)
}

/// Does what it is told; false if something is wanted that is not there.
fn run(options: &Options) -> Result<bool> {
    let records = Records::read(&options.from)?;
    let made = make(&records)?;
    let complaints = records.complaints(options.short);
    let mut errors = io::stderr().lock();
    for complaint in &complaints {
        writeln!(errors, "{complaint}")?;
    }
    if options.check || !(complaints.is_empty() || options.partial) {
        return Ok(complaints.is_empty());
    }
    write(options, &made, &records.notice())?;
    Ok(true)
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Standard error may be closed.
            let _ = writeln!(io::stderr(), "plot_benchmarks: {error}");
            ExitCode::FAILURE
        }
    }
}

//! Makes `docs/benchmarks.md` and its plots from the records of the benches.
//!
//! `cargo run --release --bin bench-report [-- --check | --partial]`
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
//! short form for good, so that a record that was renamed is found without a full run, and does not miss
//! what the bench itself left out with a reason.
//!
//! The wanted records stand in the lists of `data/`: `targets.toml` (the targets, their bounds, and
//! which records tell), `tables.toml` and `plots.toml`. A bench that renames a record needs a change
//! there and nowhere else.
//!
//! The modules: `lists` reads the lists; `records` reads and finds records, `figure` takes one number
//! out of them, `number` says how numbers are written; `target` and `verdict` hold a target against
//! its figure; `tables` and `charts` (with `lines` and `bars`) make Markdown and SVG; `machine` says
//! where; `page` has the comments.

mod bars;
mod charts;
mod figure;
mod lines;
mod lists;
mod machine;
mod number;
mod page;
mod records;
mod tables;
mod target;
mod verdict;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use lists::Lists;
use page::Page;
use records::Records;

/// The errors: a file, a record that makes no sense, a page without its comments.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Make docs/benchmarks.md and its plots from the records of the benches.
#[derive(Debug, Parser)]
struct Options {
    /// Where the benches' files of JSON lines are
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench"))]
    from: PathBuf,
    /// Where benchmarks.md and the folder of its plots are
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))]
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

/// Everything that is made, in memory: only in the end is known which records are wanted and missing.
struct Made {
    sections: Vec<(String, String)>,
    drawings: Vec<Drawing>,
}

fn make(lists: &Lists, records: &Records) -> Result<Made> {
    let mut sections = vec![
        ("machine".to_owned(), machine::describe(records)),
        ("targets".to_owned(), verdict::table(records, &lists.targets)),
        ("missed".to_owned(), verdict::missed(records, &lists.targets)),
        ("left out".to_owned(), tables::left_out(records)),
    ];
    let mut drawings = Vec::new();
    for plot in &lists.plots {
        let svg = plot.draw(records)?;
        let file = format!("{}.svg", plot.name);
        let image = format!("![{}](benchmarks/{file})", plot.alt);
        sections.push((format!("plot {}", plot.name), image));
        drawings.push(Drawing { file, svg });
    }
    for of_bench in lists.tables.chunk_by(|one, next| one.bench == next.bench) {
        let tables: Vec<String> = of_bench.iter().map(|table| table.markdown(records)).collect();
        sections.push((of_bench[0].bench.clone(), tables.join("\n\n")));
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
    let made = make(&Lists::read()?, &records)?;
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
            let _ = writeln!(io::stderr(), "bench-report: {error}");
            ExitCode::FAILURE
        }
    }
}

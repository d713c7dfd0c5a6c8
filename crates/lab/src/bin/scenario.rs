//! Runs scenario files on the VFS, and side by side on a real directory.
//!
//! `cargo run --release -p lab --bin scenario -- [-v] [--only ID] [--kernel DIR] FILE..`
//!
//! Closes with the line `N passed, N failed, N skipped`; exit status 1 if any failed.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lab::kernel::KernelWorld;
use lab::scenario::Scenario;
use lab::scenario::run::{Outcome, run_both, run_logged};
use lab::vfs_world::VfsWorld;

/// Run scenario files on the VFS.
#[derive(Parser)]
struct Options {
    /// Run each scenario in a fresh directory under DIR with real inotify as well, and compare
    /// the two event streams.
    #[arg(long, value_name = "DIR")]
    kernel: Option<PathBuf>,
    /// Print every operation and event.
    #[arg(short)]
    verbose: bool,
    /// Run only scenarios whose id contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// How many scenarios passed, failed and were skipped.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// A line on standard error, which may be closed too.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn print_log(log: &[String], output: &mut impl Write) -> io::Result<()> {
    log.iter().try_for_each(|line| writeln!(output, "{line}"))
}

fn run_one(options: &Options, scenario: &Scenario, output: &mut impl Write) -> io::Result<Outcome> {
    let Some(dir) = &options.kernel else {
        let report = run_logged(scenario, &mut VfsWorld::new((0, 0)), true);
        if options.verbose {
            print_log(&report.log, output)?;
        }
        return Ok(report.outcome);
    };
    let mut kernel = match KernelWorld::new(dir) {
        Ok(kernel) => kernel,
        Err(error) => return Ok(Outcome::Failed(format!("{}: {error}", dir.display()))),
    };
    let outcome = run_both(scenario, &mut kernel, &mut VfsWorld::beside_kernel(), true);
    if options.verbose {
        let report = run_logged(scenario, &mut VfsWorld::beside_kernel(), true);
        print_log(&report.log, output)?;
    }
    Ok(outcome)
}

/// Runs all files; fails only if the output does.
fn run_all(options: &Options, counts: &mut Counts, output: &mut impl Write) -> io::Result<()> {
    for file in &options.files {
        let scenarios = match Scenario::load(file) {
            Ok(scenarios) => scenarios,
            Err(error) => {
                complain(&error.to_string());
                counts.failed += 1;
                continue;
            }
        };
        let is_chosen = |id: &str| options.only.as_ref().is_none_or(|text| id.contains(text));
        for scenario in scenarios.iter().filter(|scenario| is_chosen(&scenario.id)) {
            if options.verbose {
                writeln!(output, "--- {}", scenario.id)?;
            }
            match run_one(options, scenario, output)? {
                Outcome::Passed => counts.passed += 1,
                Outcome::Skipped(why) => {
                    counts.skipped += 1;
                    writeln!(output, "SKIP {}: {why}", scenario.id)?;
                }
                Outcome::Failed(why) => {
                    counts.failed += 1;
                    writeln!(output, "FAIL {}: {why}", scenario.id)?;
                }
            }
        }
    }
    let Counts { passed, failed, skipped } = counts;
    writeln!(output, "{passed} passed, {failed} failed, {skipped} skipped")
}

fn main() -> ExitCode {
    let (options, mut counts) = (Options::parse(), Counts::default());
    match run_all(&options, &mut counts, &mut io::stdout().lock()) {
        // A reader that went away, as `head` does, is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("scenario: standard output: {error}"));
            ExitCode::FAILURE
        }
        _ if counts.failed == 0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

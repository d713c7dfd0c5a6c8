//! Runs scenario files on the VFS, and side by side on a real directory.
//!
//! `cargo run --release --example scenario -- [-v] [--kernel DIR] FILE.jsonl...`
//!
//! Closes with the line `N passed, N failed, N skipped`; exit status 1 if any failed.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "support/output.rs"]
mod output;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::kernel::{KernelWorld, credentials};
use common::scenario::Scenario;
use common::scenario::run::{Outcome, run_both, run_logged};
use common::vfs_world::VfsWorld;
use output::Output;

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

fn print_log(log: &[String], output: &mut Output) {
    for line in log {
        output.line(line);
    }
}

/// A line on standard error, which may be closed too.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn run_one(options: &Options, scenario: &Scenario, output: &mut Output) -> Outcome {
    let Some(dir) = &options.kernel else {
        let report = run_logged(scenario, &mut VfsWorld::new((0, 0)), true);
        if options.verbose {
            print_log(&report.log, output);
        }
        return report.outcome;
    };
    let mut kernel = match KernelWorld::new(dir) {
        Ok(kernel) => kernel,
        Err(error) => return Outcome::Failed(format!("{}: {error}", dir.display())),
    };
    let outcome = run_both(scenario, &mut kernel, &mut VfsWorld::new(credentials()), true);
    if options.verbose {
        let report = run_logged(scenario, &mut VfsWorld::new(credentials()), true);
        print_log(&report.log, output);
    }
    outcome
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut output = Output::default();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in &options.files {
        let scenarios = match Scenario::load(file) {
            Ok(scenarios) => scenarios,
            Err(error) => {
                complain(&error.to_string());
                failed += 1;
                continue;
            }
        };
        for scenario in scenarios {
            if options.only.as_ref().is_some_and(|text| !scenario.id.contains(text)) {
                continue;
            }
            if options.verbose {
                output.line(format_args!("--- {}", scenario.id));
            }
            match run_one(&options, &scenario, &mut output) {
                Outcome::Passed => passed += 1,
                Outcome::Skipped(why) => {
                    skipped += 1;
                    output.line(format_args!("SKIP {}: {why}", scenario.id));
                }
                Outcome::Failed(why) => {
                    failed += 1;
                    output.line(format_args!("FAIL {}: {why}", scenario.id));
                }
            }
        }
    }
    output.line(format_args!("{passed} passed, {failed} failed, {skipped} skipped"));
    if let Err(error) = output.finish() {
        complain(&format!("scenario: {error}"));
        return ExitCode::FAILURE;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

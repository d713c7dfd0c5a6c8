//! Runs scenario files on the VFS, and side by side on a real directory.
//!
//! `cargo run --release --example scenario -- [-v] [--kernel DIR] FILE.jsonl...`
//!
//! Closes with the line `N passed, N failed, N skipped`; exit status 1 if any failed.

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::kernel::{KernelWorld, credentials};
use common::scenario::Scenario;
use common::scenario::run::{Outcome, run_both, run_logged};
use common::vfs_world::VfsWorld;

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

fn run_one(options: &Options, scenario: &Scenario) -> Outcome {
    let Some(dir) = &options.kernel else {
        let report = run_logged(scenario, &mut VfsWorld::new((0, 0)), true);
        if options.verbose {
            report.log.iter().for_each(|line| println!("{line}"));
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
        report.log.iter().for_each(|line| println!("{line}"));
    }
    outcome
}

fn main() -> ExitCode {
    let options = Options::parse();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in &options.files {
        let scenarios = match Scenario::load(file) {
            Ok(scenarios) => scenarios,
            Err(error) => {
                eprintln!("{error}");
                failed += 1;
                continue;
            }
        };
        for scenario in scenarios {
            if options.only.as_ref().is_some_and(|text| !scenario.id.contains(text)) {
                continue;
            }
            if options.verbose {
                println!("--- {}", scenario.id);
            }
            match run_one(&options, &scenario) {
                Outcome::Passed => passed += 1,
                Outcome::Skipped(why) => {
                    skipped += 1;
                    println!("SKIP {}: {why}", scenario.id);
                }
                Outcome::Failed(why) => {
                    failed += 1;
                    println!("FAIL {}: {why}", scenario.id);
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! Counts the instructions of the hooks and of the operations under callgrind.
//!
//! A count is exact: it repeats to the instruction for one binary, whatever else the machine does, so
//! a change of one percent is seen. It says nothing about caches and atomics; the benches do.
//!
//! `scripts/instructions` calls this program. It runs itself under `valgrind --tool=callgrind`, which
//! writes one total for each case, and compares them with `recorded.tsv`.

mod cases;
mod measure;
mod recorded;

use std::process::ExitCode;

const HELP: &str = "usage: instructions [--record]

Counts the instructions of each case under callgrind and compares them with crates/instructions/recorded.tsv.

  --record   writes the counts into that file instead

Exit status: 0 if no count is more than 5 % above the recorded one, 1 if one is, 2 if it cannot be told.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [measure::INSIDE] => {
            measure::run_cases(cases::all());
            return ExitCode::SUCCESS;
        }
        [] => measure::counts().and_then(|counts| recorded::compare(&counts)),
        ["--record"] => measure::counts().and_then(|counts| recorded::write(&counts)),
        _ => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

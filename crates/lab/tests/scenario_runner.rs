//! The scenario runner does not panic when nothing reads its output, or when it cannot be written.

use std::fs;
use std::process::{Command, Output, Stdio};

/// The runner on scenarios that pass.
fn runner() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scenario"));
    command.arg("-v").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/rename.jsonl"));
    command
}

fn run(mut command: Command, stdout: Stdio) -> Output {
    let running = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn();
    running.and_then(std::process::Child::wait_with_output).expect("the runner runs")
}

/// The writing end of a pipe that has no reading end.
fn broken_pipe() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

#[test]
fn the_last_line_counts_the_scenarios() {
    let output = run(runner(), Stdio::piped());
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    let last = stdout.lines().last().expect("a line");
    assert!(last.ends_with(" passed, 0 failed, 0 skipped"), "{last}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let output = run(runner(), broken_pipe());
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let output = run(runner(), full.into());
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("standard output: "), "{stderr}");
}

#[test]
fn a_closed_standard_error_does_not_end_it_in_a_panic() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scenario"));
    let status = command.arg("/missing").stdout(Stdio::null()).stderr(broken_pipe()).status();
    assert_eq!(status.expect("the runner runs").code(), Some(1));
}

//! No example panics when nothing reads its output, or when it cannot be written.

use std::fs;
use std::process::{Command, Output, Stdio};

use super::support::{program, text};

fn examples() -> [Command; 2] {
    [Command::new(program("quickstart")), Command::new(program("bring_your_own_vfs"))]
}

fn run(mut command: Command, stdout: Stdio) -> Output {
    let running = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn();
    running.and_then(std::process::Child::wait_with_output).expect("the example runs")
}

/// The writing end of a pipe that has no reading end.
fn broken_pipe() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

#[test]
fn a_reader_that_goes_away_ends_an_example_quietly() {
    for command in examples() {
        let name = format!("{command:?}");
        let output = run(command, broken_pipe());
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{name}");
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    for command in examples() {
        let name = format!("{command:?}");
        let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
            println!("skipped: there is no /dev/full");
            return;
        };
        let output = run(command, full.into());
        assert_eq!(output.status.code(), Some(1), "{name}");
        let stderr = text(&output.stderr);
        assert_eq!(stderr.lines().count(), 1, "{name}: {stderr}");
        assert!(stderr.contains("standard output: "), "{name}: {stderr}");
    }
}

#[test]
fn a_closed_standard_error_does_not_end_an_example_in_a_panic() {
    let mut command = Command::new(program("quickstart"));
    let status = command.arg("/missing").stdout(Stdio::null()).stderr(broken_pipe()).status();
    assert_eq!(status.expect("the example runs").code(), Some(1));
}

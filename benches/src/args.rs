//! The arguments of a bench.

use std::path::PathBuf;

use clap::Parser;

/// Arguments that all benches understand.
#[derive(Clone, Debug, Parser)]
pub struct Args {
    /// Measure at the sizes of the published tables; without it, a short form of a few seconds
    #[arg(long)]
    pub full: bool,

    /// Where to put what was measured, one file of JSON lines for each bench
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench"))]
    pub out: PathBuf,

    /// A directory for the real kernel's side; may be given more than once
    #[arg(long = "kernel", default_values = ["/dev/shm", "/var/tmp"])]
    pub kernel: Vec<PathBuf>,

    /// Measure only the scenarios whose name contains this
    pub filter: Option<String>,

    /// `cargo bench` passes this
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    /// The arguments of this process; exits with a message if they make no sense.
    pub fn of_process() -> Self {
        Self::parse()
    }

    /// The value for the short form, or the one for the full form.
    pub fn pick<T>(&self, short: T, full: T) -> T {
        if self.full { full } else { short }
    }

    /// Whether a scenario is to be measured.
    pub fn wants(&self, scenario: &str) -> bool {
        self.filter.as_deref().is_none_or(|part| scenario.contains(part))
    }
}

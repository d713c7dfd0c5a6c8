//! The options of the command line.

use std::path::PathBuf;

use lexopt::prelude::*;
use vfsnotify::notify::Limits;

const HELP: &str = "\
Unpack an archive into a VFS in memory, and watch every directory of it meanwhile

Usage: quickstart [OPTIONS] [ARCHIVE-or-DIR]

Arguments:
  [ARCHIVE-or-DIR]  A directory, or an archive that the `tar` program can read, such as a .tar,
                    .tar.gz or .crate [default: the crate's own sources]

Options:
      --quiet       Print the summary only
      --race        Do not let the watcher catch up after each new directory: most names are then
                    made before the watch on their directory, and found by the scan
      --queue <N>   How many events the queue holds before it overflows [default: 16384]
  -h, --help        Print help
";

/// The options of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// The crate's own sources if there is none.
    pub(crate) source: Option<PathBuf>,
    pub(crate) quiet: bool,
    pub(crate) race: bool,
    pub(crate) queue: usize,
}

impl Options {
    /// The options of this process; `None` if it only asked for help, which has been printed.
    pub(crate) fn of_process() -> Result<Option<Self>, lexopt::Error> {
        let queue = Limits::default().max_queued_events;
        let mut options = Self { source: None, quiet: false, race: false, queue };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("quiet") => options.quiet = true,
                Long("race") => options.race = true,
                Long("queue") => options.queue = arguments.value()?.parse_with(queue_length)?,
                Short('h') | Long("help") => {
                    print!("{HELP}");
                    return Ok(None);
                }
                Value(source) if options.source.is_none() => options.source = Some(source.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn queue_length(text: &str) -> Result<usize, String> {
    match text.parse::<u32>() {
        Ok(length) if length > 0 => usize::try_from(length).map_err(|error| error.to_string()),
        _ => Err(format!("not a number from 1 to {}", u32::MAX)),
    }
}

//! The mail thread's headline: a directory with a hundred million negative dentries, in one
//! process.
//!
//! `cargo run --release --bin negative_flood -- --negative 100000000 --positive 1000000`
//!
//! fills one directory with that many names that are known not to exist, and that many files, and
//! prints what each takes of memory and time; what adding a watch takes there, beside a directory
//! with as many files and no negative dentries; what ten threads that work in the directory feel
//! while a watch comes and goes; and what ten threads elsewhere feel while the directory, with all
//! that is in it, is removed. Without arguments it takes 20 million and 200 thousand, and less than
//! 4 GB.
//!
//! `--kernel DIR` does the same on the kernel, at a size that it can hold, with stat(2) of names
//! that do not exist in a directory below DIR, and with its inotify. A file system that keeps no
//! negative dentries (tmpfs) is told of. `--json FILE` writes the figures as the benches do.
//!
//! It fails if a watch that was added does not report what happens after it, or reports anything else;
//! if the tree does not hold the names that it should; and if any of its invariants is broken.
//!
//! How to read the figures:
//!
//! - The longest times have in them what the machine does: the longest gap of an empty loop that ran
//!   in turn with the inserts, for an eighth of the time, is beside them. The CPU clock is read
//!   every 16 operations, and no single one took longer than the longest 16.
//! - Ten threads share the processors there are, so that a time slice of others is in each tail;
//!   the phase before shows how much.
//! - Each watch that is added walks over the files: a flag is lost after each removal, by an event
//!   that matches no mark. Negative dentries are not walked over, so the two directories should take
//!   the same time.
//! - The crate's memory is what is resident in this process, where an allocator may keep what was
//!   given back to it; the kernel's is that of its slabs, and others use these too.
//! - Freeing what a removed directory held is one call here, in bounded steps under each lock; the
//!   ten threads elsewhere say whether it is in anyone's way.
//!
//! The parts: `side` says what both sides must be able to do, `tree_side` and `kernel_side` do it;
//! `flood` has the stages, `fill`, `watch`, `crowd` and `removal` the work of each; `figures` the
//! table and the records; `names` the names.

mod crowd;
mod figures;
mod fill;
mod flood;
mod kernel_side;
mod names;
mod removal;
mod side;
mod tree_side;
mod watch;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::error::ErrorKind;
use indicatif::{ProgressBar, ProgressStyle};

use benches::memory;
use figures::{Figures, Subject};
use flood::{Flood, Plan};
use kernel_side::KernelSide;
use names::Pattern;
use side::{Result, Side};
use tree_side::TreeSide;

/// How often the watch is added to a directory where no thread is at work.
const ROUNDS: usize = 5;
/// The prefix of the names of files.
const POSITIVE: &str = "positive-";

/// Fill a directory with negative dentries, watch it, work in it, and remove it.
#[derive(Debug, Parser)]
#[command(name = "negative_flood")]
struct Options {
    /// How many names that are known not to exist
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1000..=1 << 30))]
    negative: u32,
    /// How many files
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1000..=1 << 26))]
    positive: u32,
    /// The pattern of the names that do not exist; the `#` stand for the digits of a number
    #[arg(long, default_value = "negative-###########")]
    pattern: Pattern,
    /// Do the same on the kernel, in a new directory below this one
    #[arg(long, value_name = "DIR")]
    kernel: Option<PathBuf>,
    /// How many names that do not exist the kernel is asked for
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1000..))]
    kernel_negative: u32,
    /// How many files on the kernel [default: in the same proportion, at least 1000]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1000..))]
    kernel_positive: Option<u32>,
    /// For how many seconds the ten threads work in each phase
    #[arg(long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Write the figures to this file too, as JSON lines
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Show no progress bar
    #[arg(long)]
    quiet: bool,
}

impl Options {
    /// The options of this process; exits with a message if they make no sense.
    fn of_process() -> Self {
        let options = Self::parse();
        let most = options.negative.max(options.kernel_negative) as usize;
        let refuse = |message: String| {
            <Self as clap::CommandFactory>::command()
                .error(ErrorKind::ValueValidation, message)
                .exit()
        };
        if options.pattern.count() < most {
            refuse(format!("the pattern has too few digits for {most} names"));
        }
        if options.pattern.begins_with(POSITIVE) {
            refuse(format!("names that begin with {POSITIVE:?} are those of the files"));
        }
        options
    }

    fn plan(&self) -> Result<Plan> {
        Ok(Plan {
            negatives: self.negative as usize,
            negative: self.pattern.clone(),
            positives: self.positive as usize,
            positive: format!("{POSITIVE}###########").parse::<Pattern>()?,
            phase: Duration::from_secs(self.seconds),
        })
    }

    fn kernel_plan(&self) -> Result<Plan> {
        let share = f64::from(self.kernel_negative) / f64::from(self.negative);
        let files = self.kernel_positive.map(f64::from);
        let files = files.unwrap_or((f64::from(self.positive) * share).max(1000.0));
        let negatives = self.kernel_negative as usize;
        Ok(Plan { negatives, positives: files as usize, ..self.plan()? })
    }

    /// Whether it is the flood of the mail thread.
    fn is_full(&self) -> bool {
        self.negative >= 100_000_000 && self.positive >= 1_000_000
    }

    fn bar(&self) -> Result<ProgressBar> {
        if self.quiet {
            return Ok(ProgressBar::hidden());
        }
        let template = "{msg} {wide_bar} {human_pos}/{human_len} {elapsed}";
        Ok(ProgressBar::no_length().with_style(ProgressStyle::with_template(template)?))
    }
}

/// A side that may not be there.
fn on<'a, S: Side>(
    flood: &mut Option<Flood<'a, S>>,
    stage: impl FnOnce(&mut Flood<'a, S>) -> Result,
) -> Result {
    flood.as_mut().map_or(Ok(()), stage)
}

/// Runs all stages and prints the figures.
fn run(options: &Options) -> Result {
    let begun = Instant::now();
    let bar = options.bar()?;
    // Now, and not after minutes of work, is the time to find that it cannot be written.
    let json = options.json.as_deref().map(File::create).transpose()?;
    let mut figures = Figures::new(options.is_full());
    let tree_side = TreeSide::new()?;
    let kernel_side = options.kernel.as_deref().map(KernelSide::new).transpose()?;
    let mut tree = Flood::new(&tree_side, options.plan()?, &bar)?;
    let kernel = kernel_side.as_ref();
    let kernel = kernel.map(|side| Flood::new(side, options.kernel_plan()?, &bar));
    let mut kernel = kernel.transpose()?;

    tree.fill(&mut figures)?;
    on(&mut kernel, |kernel| kernel.fill(&mut figures))?;
    let is_kept = kernel.as_ref().and_then(Flood::keeps_negatives);
    for _ in 0..ROUNDS {
        tree.add_watch()?;
        on(&mut kernel, Flood::add_watch)?;
    }
    tree.report_add_watch(&mut figures);
    on(&mut kernel, |kernel| {
        kernel.report_add_watch(&mut figures);
        Ok(())
    })?;
    tree.crowd(&mut figures)?;
    on(&mut kernel, |kernel| kernel.crowd(&mut figures))?;
    tree_side.verify()?;
    tree.expect_negatives()?;
    tree.remove(&mut figures)?;
    on(&mut kernel, |kernel| kernel.remove(&mut figures))?;
    tree_side.verify()?;
    tree.expect_negatives()?;

    let of = Subject { side: tree_side.name(), size: u64::from(options.negative) };
    let section = "the process";
    figures.value(section, of, "memory at its peak", "B", memory::peak() as f64);
    figures.value(section, of, "memory at the end", "B", memory::resident() as f64);
    figures.value(section, of, "total time", "s", begun.elapsed().as_secs_f64());
    bar.finish_and_clear();
    let mut sides = vec![tree_side.name()];
    sides.extend(kernel_side.as_ref().map(Side::name));
    let mut text = figures.table(&sides);
    if is_kept == Some(false) {
        text += "The kernel's file system keeps no negative dentries: look at its column so.\n";
    }
    json.map_or(Ok(()), |file| figures.write(file))?;
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn main() -> ExitCode {
    match run(&Options::of_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed.
            let _ = writeln!(io::stderr(), "negative_flood: {error}");
            ExitCode::FAILURE
        }
    }
}

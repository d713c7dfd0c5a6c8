//! Unpacks an archive into a VFS and watches the whole tree while that goes on.
//!
//! `cargo run --release --example quickstart [-- [--quiet] [--queue N] ARCHIVE-or-DIR]`
//!
//! One thread unpacks a `.tar`, a `.tar.gz` or a `.crate` (or copies a directory) into a VFS in
//! memory; the other holds a watch on every directory of it and prints the events as
//! `inotifywait -m -r` would. A line with FOUND is no event: it names what was in a new directory
//! before the watch on it. Nothing outside the VFS is ever written.
//!
//! A VFS in memory unpacks a small archive in less time than a thread takes to wake up; so that
//! there is something to see, the unpacking gives the watcher a moment after each new directory.
//! With `--race` it does not.
//!
//! - `quickstart/unpack.rs` fills the VFS: files, directories, links, modes, times; `quickstart/failure.rs`
//!   says why something is not there.
//! - `quickstart/tree_watch.rs` is the recursive watch, without its well-known race. It says on standard
//!   error what it cannot follow.

#[path = "quickstart/failure.rs"]
mod failure;
#[path = "quickstart/tree_watch.rs"]
mod tree_watch;
#[path = "quickstart/unpack.rs"]
mod unpack;

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tree_watch::TreeWatch;
use unpack::{Source, Unpacked, Unpacker};
use vfsnotify::inotify::{Cancel, Inotify};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{ErrorKind, MemFs, Vfs};

/// Unpack an archive into a VFS in memory, and watch every directory of it meanwhile.
#[derive(Parser)]
struct Options {
    /// A .tar, .tar.gz, .tgz or .crate file, or a directory [default: the crate's own sources]
    #[arg(value_name = "ARCHIVE-or-DIR")]
    source: Option<PathBuf>,
    /// Print the summary only
    #[arg(long)]
    quiet: bool,
    /// Do not let the watcher catch up after each new directory: most names are then made before
    /// the watch on their directory, and found by the scan
    #[arg(long)]
    race: bool,
    /// How many events the queue holds before it overflows
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_queued_events as u32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
}

/// Where lines go until nobody reads them any more (`| head`).
struct Output {
    writer: Option<BufWriter<io::Stdout>>,
    error: Option<io::Error>,
}

impl Output {
    fn new() -> Self {
        Self { writer: Some(BufWriter::new(io::stdout())), error: None }
    }

    fn is_closed(&self) -> bool {
        self.writer.is_none()
    }

    /// Prints, above the progress bar if there is one.
    fn print(&mut self, bar: &ProgressBar, text: &str) {
        let Some(writer) = &mut self.writer else { return };
        if text.is_empty() {
            return;
        }
        let done = bar.suspend(|| writer.write_all(text.as_bytes()).and_then(|()| writer.flush()));
        if let Err(error) = done {
            // What is still in the buffer has nowhere to go.
            let _ = self.writer.take().map(BufWriter::into_parts);
            self.error = Some(error).filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        }
    }
}

/// A line on standard error, which may be closed too.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "quickstart: {text}");
}

/// Reads events until the unpacking is over and all of them are read; prints them on the way.
fn follow(
    watch: &mut TreeWatch<'_>,
    inotify: &Inotify,
    cancel: &Cancel,
    handled: &AtomicU64,
    mut print: impl FnMut(&str, Vec<String>),
) -> vfsnotify::Result<()> {
    let (mut events, mut lines) = (Vec::with_capacity(256), String::new());
    loop {
        let is_over = match inotify.wait(None, Some(cancel)) {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) => return Err(error),
        };
        while inotify.drain_into(&mut events, 256) > 0 {
            watch.handle(&mut events, &mut lines)?;
            handled.store(watch.counts().events, Ordering::Relaxed);
            print(&lines, watch.take_notices());
            lines.clear();
        }
        if is_over {
            return Ok(());
        }
    }
}

/// The memory of the process, where there is a `/proc`.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| HumanBytes(kib * 1024).to_string())
}

fn summary(
    vfs: &Vfs,
    source: &str,
    unpacked: &Unpacked,
    watch: &TreeWatch<'_>,
    inotify: &Inotify,
    took: Duration,
) -> String {
    let (queue, tree, seen) = (inotify.stats(), vfs.tree(), watch.counts());
    let rate = seen.events as f64 / took.as_secs_f64().max(1e-9);
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    row("source", source.to_owned());
    row("unpacked", unpacked.to_string());
    row("operations", unpacked.operations.to_string());
    row("events", format!("{} read, {} merged into the one before", seen.events, queue.merged));
    row("lost", format!("{} events; {} scans of everything", queue.lost, seen.overflows));
    row("found", format!("{} names by scanning new directories", seen.found));
    row("speed", format!("{rate:.0} events per second for {:.3} s", took.as_secs_f64()));
    row(
        "memory",
        format!(
            "{} resident; {} inodes, {} dentries, {} negative dentries",
            resident(),
            tree.live_inodes(),
            tree.live_dentries(),
            tree.negatives(),
        ),
    );
    row("watches", inotify.watch_count().to_string());
    text
}

/// Unpacks and watches; true if everything went well.
fn run(options: &Options) -> Result<bool, Box<dyn std::error::Error>> {
    let own_sources = || Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let path = options.source.clone().unwrap_or_else(own_sources);
    let bar = ProgressBar::no_length();
    bar.set_style(ProgressStyle::with_template("{spinner} {wide_bar} {percent}% {elapsed}")?);
    let source =
        Source::open(&path, &bar).map_err(|error| format!("{}: {error}", path.display()))?;

    let queue = usize::try_from(options.queue)?;
    let limits = Limits { max_queued_events: queue, ..Limits::default() };
    let notify = NotifyConfig { limits, ..NotifyConfig::default() };
    let vfs = Vfs::builder().notify(notify).build(MemFs::new())?;
    let cx = vfs.context().with_umask(0);
    let inotify = vfs.inotify(&cx)?;
    let mut output = Output::new();
    let mut watch = TreeWatch::new(&vfs, &cx, &inotify)?;

    let (stop, handled) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    let (running, over) = Cancel::new();
    let (unpacked, followed) = thread::scope(|scope| {
        let unpacking = scope.spawn(|| {
            let watcher = (!options.race).then_some((&inotify, &handled));
            let unpacked = Unpacker::new(&vfs, &cx, watcher, &stop, &bar).unpack(source);
            drop(running);
            unpacked
        });
        let followed = follow(&mut watch, &inotify, &over, &handled, |lines, notices| {
            bar.suspend(|| notices.iter().for_each(|notice| complain(notice)));
            if !options.quiet {
                output.print(&bar, lines);
            }
            if output.is_closed() {
                stop.store(true, Ordering::Relaxed);
            }
        });
        let unpacked = unpacking.join().expect("unpacking does not panic");
        (unpacked, followed)
    });
    let took = start.elapsed();
    bar.finish_and_clear();

    for failure in &unpacked.failures {
        complain(&format!("{}: {failure}", path.display()));
    }
    vfs.verify()?;
    followed?;
    let names = watch.check()?;
    let mut text = summary(&vfs, &path.display().to_string(), &unpacked, &watch, &inotify, took);
    let _ = writeln!(text, "{:<12}{names} names from events and scans, as in the VFS", "picture");
    output.print(&bar, &text);
    if let Some(error) = output.error {
        return Err(format!("standard output: {error}").into());
    }
    Ok(unpacked.failures.is_empty())
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

//! Unpacks an archive into a VFS and watches the whole tree while that goes on.
//!
//! `cargo run --release --example quickstart [-- [--quiet] [--queue N] ARCHIVE-or-DIR]`
//!
//! One thread copies a directory into a VFS in memory; the other holds a watch on every directory of it
//! and prints the events as `inotifywait -m -r` would. A line with FOUND is no event: it names what was
//! in a new directory before the watch on it. An archive (`.tar`, `.tar.gz`, `.crate`, whatever the `tar`
//! program of the machine reads) is first extracted by that program, into a temporary folder. Nothing
//! else is ever written outside the VFS.
//!
//! An entry that cannot be copied is reported on standard error, a line each, and the exit status is 1.
//!
//! A VFS in memory takes a small tree in less time than a thread takes to wake up; so that
//! there is something to see, the copying gives the watcher a moment after each new directory.
//! With `--race` it does not.
//!
//! - `quickstart/options.rs` has the command line; `quickstart/progress.rs` shows how far it is.
//! - `quickstart/archive.rs` has an archive extracted; `quickstart/interrupt.rs` lets the temporary folder
//!   be removed on Ctrl-C.
//! - `quickstart/copy.rs` fills the VFS; `quickstart/failure.rs` says why something is not there.
//! - `quickstart/tree_watch.rs` is the recursive watch, without its well-known race. It says on standard
//!   error what it cannot follow.

/// The parts, in the folder of that name.
mod quickstart {
    pub(crate) mod archive;
    pub(crate) mod copy;
    pub(crate) mod failure;
    pub(crate) mod interrupt;
    pub(crate) mod options;
    pub(crate) mod output;
    pub(crate) mod progress;
    pub(crate) mod tree_watch;
}

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quickstart::archive::Extracted;
use quickstart::copy::{Copied, Copier, human_bytes};
use quickstart::failure::Failure;
use quickstart::interrupt::Interrupt;
use quickstart::options::Options;
use quickstart::output::Output;
use quickstart::progress::Progress;
use quickstart::tree_watch::TreeWatch;
use vfsnotify::inotify::{Cancel, Inotify};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Errno, MemFs, Vfs};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

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
            Err(error) if error.errno() == Errno::EINTR => true,
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
    kib.map_or_else(|| "unknown".to_owned(), |kib| human_bytes(kib * 1024))
}

fn summary(
    vfs: &Vfs,
    source: &str,
    copied: &Copied,
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
    row("unpacked", copied.to_string());
    row("operations", copied.operations.to_string());
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

/// The directory to copy, and the temporary folder that it is in.
struct Source {
    directory: PathBuf,
    extracted: Option<Extracted>,
}

impl Source {
    /// Has an archive extracted, or takes a directory as it is.
    fn open(path: &Path, interrupt: &Interrupt) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Ok(Self { directory: path.to_owned(), extracted: None });
        }
        if !metadata.is_file() {
            return Err(io::Error::other("neither a file nor a directory"));
        }
        fs::File::open(path)?;
        if metadata.len() == 0 {
            // An empty archive for some `tar` programs.
            return Err(io::Error::other("the file is empty"));
        }
        interrupt.catch()?;
        let extracted = Extracted::new(path, &interrupt.stop)?;
        Ok(Self { directory: extracted.tree(), extracted: Some(extracted) })
    }
}

/// Copies and watches; true if everything is in the VFS.
fn run(options: &Options, interrupt: &Interrupt) -> Result<bool> {
    let own_sources = || Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let path = options.source.clone().unwrap_or_else(own_sources);
    let shown = path.display();
    let source = Source::open(&path, interrupt)
        .map_err(|error| format!("{shown}: {}", Failure::from(error).0))?;
    if interrupt.status().is_some() {
        return Ok(false);
    }
    let mut is_complete = true;
    if let Some(extracted) = &source.extracted {
        is_complete = extracted.is_complete;
        extracted.messages.iter().for_each(|line| complain(&format!("{shown}: {line}")));
    }

    let progress = Progress::default();
    let limits = Limits::default().with_max_queued_events(options.queue);
    let notify = NotifyConfig::default().with_limits(limits);
    let vfs = Vfs::builder().notify(notify).build(MemFs::new())?;
    let cx = vfs.context().with_umask(0);
    let inotify = vfs.inotify(&cx)?;
    let mut output = Output::default();
    let mut watch = TreeWatch::new(&vfs, &cx, &inotify)?;

    let handled = AtomicU64::new(0);
    let stop = &*interrupt.stop;
    let start = Instant::now();
    let (running, over) = Cancel::new();
    let (copied, followed) = thread::scope(|scope| {
        let copying = scope.spawn(|| {
            let watcher = (!options.race).then_some((&inotify, &handled));
            let is_own = source.extracted.is_some();
            let copier = Copier::new(&vfs, &cx, watcher, stop, &progress.names, is_own);
            let copied = copier.copy(&source.directory);
            drop(running);
            copied
        });
        let followed = follow(&mut watch, &inotify, &over, &handled, |lines, notices| {
            progress.suspend(|| {
                notices.iter().for_each(|notice| complain(notice));
                let lines = lines.trim_end_matches('\n');
                if !options.quiet && !lines.is_empty() && !output.line(lines) {
                    stop.store(true, Ordering::Relaxed);
                }
            });
        });
        (copying.join().expect("copying does not panic"), followed)
    });
    let took = start.elapsed();
    progress.erase();

    copied.failures.iter().for_each(|line| complain(&format!("{shown}: {line}")));
    is_complete &= copied.failures.is_empty();
    source.extracted.map_or(Ok(()), Extracted::remove)?;
    if interrupt.status().is_some() {
        return Ok(false);
    }
    vfs.verify()?;
    followed?;
    let names = watch.check()?;
    let mut text = summary(&vfs, &shown.to_string(), &copied, &watch, &inotify, took);
    let _ = write!(text, "{:<12}{names} names from events and scans, as in the VFS", "picture");
    output.line(text);
    output.finish()?;
    Ok(is_complete)
}

fn main() -> ExitCode {
    let options = match Options::of_process() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error}; see --help"));
            return ExitCode::from(2);
        }
    };
    let interrupt = Interrupt::default();
    let result = run(&options, &interrupt);
    if let Some(status) = interrupt.status() {
        return ExitCode::from(status);
    }
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

//! A watch on every directory of a tree, which inotify itself does not have.
//!
//! The race: a directory is made, and something in it before the watch on it is there. So the
//! watch comes first and the look into the directory after it: what was made before the watch is
//! found by looking, what is made after it is an event, and what is made in between is both.
//! Watch and look go through one handle, so they are about the same directory whatever is renamed
//! meanwhile.
//!
//! The second loss: the queue overflows. Then the whole tree is watched and scanned again. Events that are
//! queued by then are discarded first: they are older than the scan, and later ones may be lost.
//!
//! # What it cannot follow
//!
//! inotify tells the name that a directory had at the time of an event, and a path is looked up later. The
//! directory may be elsewhere by then. So a directory that was moved is scanned again with all below it,
//! and a notice ([`TreeWatch::take_notices`]) says where events alone do not tell what happened:
//!
//! - a directory is not where an event says: it was moved on or removed. If it is still in the tree, a later
//!   event names it, and it is scanned then;
//! - a directory moved away and came back, or two were exchanged: in between, the paths below were not
//!   those of the events. They are scanned again;
//! - a file system was unmounted: what it covered may not be watched.
//!
//! Nothing tells of a new mount: the file system below it is not watched, and there is no notice. A
//! directory that two bind mounts show has the path that was seen last.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::mem;

use vfsnotify::inotify::{Event, FsEvent, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{Context, Errno, EventMask, InodeKind, IntoPath, OpenFlags, Result, Vfs};

/// The events that are watched. OPEN, ACCESS and CLOSE_NOWRITE are not: the scans would cause them.
const WANTED: WatchMask = WatchMask::CREATE
    .union(WatchMask::DELETE)
    .union(WatchMask::MOVE)
    .union(WatchMask::MODIFY)
    .union(WatchMask::ATTRIB)
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF);

/// The state of one directory.
#[derive(Debug, Default)]
struct Directory {
    path: Vec<u8>,
    names: BTreeSet<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Events that were read, overflows not counted.
    pub(crate) events: u64,
    pub(crate) overflows: u64,
    /// Names that a scan found before any event told of them.
    pub(crate) found: u64,
}

/// Watches on all directories of a VFS, and the picture of it that their events give.
pub(crate) struct TreeWatch<'a> {
    vfs: &'a Vfs,
    cx: &'a Context,
    inotify: &'a Inotify,
    directories: HashMap<WatchDescriptor, Directory>,
    /// The state before the overflow that is being repaired.
    outdated: HashMap<WatchDescriptor, Directory>,
    counts: Counts,
    notices: Vec<String>,
}

/// Which directories of a tree are scanned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// Those that were not watched under their path.
    New,
    /// All of them: those that were watched may have been elsewhere when an event was handled.
    All,
}

impl<'a> TreeWatch<'a> {
    /// Watches everything there is now.
    pub(crate) fn new(vfs: &'a Vfs, cx: &'a Context, inotify: &'a Inotify) -> Result<Self> {
        let (directories, outdated) = (HashMap::new(), HashMap::new());
        let (counts, notices) = (Counts::default(), Vec::new());
        let mut watch = Self { vfs, cx, inotify, directories, outdated, counts, notices };
        watch.add_tree(b"/".to_vec(), Scan::New, &mut String::new())?;
        watch.counts = Counts::default();
        Ok(watch)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The changes that events did not show since the last call, a line each.
    pub(crate) fn take_notices(&mut self) -> Vec<String> {
        mem::take(&mut self.notices)
    }

    /// Takes events in, the oldest that there are, and appends what is to be printed about them to
    /// `lines`.
    pub(crate) fn handle(&mut self, events: &mut Vec<Event>, lines: &mut String) -> Result<()> {
        let mut events = events.drain(..);
        while let Some(event) = events.next() {
            self.count(&event);
            match event {
                Event::Fs(happened) => self.happened(&happened, lines)?,
                Event::Overflow { lost } => {
                    let stale = events.chain(self.inotify.drain());
                    stale.for_each(|event| self.count(&event));
                    let _ = writeln!(lines, "Q_OVERFLOW {lost} events lost, scanning everything");
                    self.outdated = mem::take(&mut self.directories);
                    self.add_tree(b"/".to_vec(), Scan::New, lines)?;
                    self.outdated.clear();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Fs(_) => self.counts.events += 1,
            Event::Overflow { .. } => self.counts.overflows += 1,
        }
    }

    fn happened(&mut self, event: &FsEvent, lines: &mut String) -> Result<()> {
        let Some(directory) = self.directories.get_mut(&event.wd) else {
            // About a directory that the scan after an overflow did not find any more.
            line(lines, b"(gone)", &event_names(event.mask), &event.name);
            return Ok(());
        };
        line(lines, &directory.path, &event_names(event.mask), &event.name);
        let path = join(&directory.path, &event.name);
        let is_dir = event.mask.contains(EventMask::ISDIR);
        if event.mask.contains(EventMask::DELETE) {
            directory.names.remove(&*event.name);
        }
        if event.mask.contains(EventMask::MOVED_FROM) {
            // An exchange has MOVED_TO before MOVED_FROM for one of its names, and the name stays. If the
            // name is in use again for another reason, an event about that follows.
            if !is_there(self.vfs, self.cx, &path) {
                directory.names.remove(&*event.name);
            } else if is_dir {
                self.notices
                    .push(cannot_follow(&path, "moved, and its name is in use again; rescan"));
            }
        }
        if event.mask.contains(EventMask::UNMOUNT) {
            let path = directory.path.clone();
            self.notices
                .push(cannot_follow(&path, "unmounted; what it covered may not be watched"));
        }
        if event.mask.contains(EventMask::IGNORED) {
            self.directories.remove(&event.wd);
        } else if event.mask.intersects(EventMask::CREATE | EventMask::MOVED_TO) {
            directory.names.insert(event.name.to_vec());
            if is_dir {
                let is_move = event.mask.contains(EventMask::MOVED_TO);
                return self.add_tree(path, if is_move { Scan::All } else { Scan::New }, lines);
            }
        }
        Ok(())
    }

    /// Watches a directory and all below it, and prints what was there before its watch.
    fn add_tree(&mut self, top: Vec<u8>, scan: Scan, lines: &mut String) -> Result<()> {
        let mut to_add = vec![top];
        let mut is_top = true;
        while let Some(path) = to_add.pop() {
            let is_named_by_event = mem::take(&mut is_top);
            let flags = OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
            let handle = match self.vfs.open(self.cx, &path, flags, 0) {
                Ok(handle) => handle,
                Err(error) if has_vanished(error.errno()) => {
                    self.notices.push(cannot_follow(
                        &path,
                        &format!("{}; moved on or removed", error.errno()),
                    ));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let wd = self.vfs.add_watch(self.cx, self.inotify, &handle, WANTED)?;
            let is_known = self.directories.get(&wd).is_some_and(|known| known.path == path);
            if is_known && scan == Scan::New {
                continue;
            }
            if is_known && is_named_by_event {
                self.notices.push(cannot_follow(&path, "it moved away and came back; rescan"));
            }
            let entries = match self.vfs.list(self.cx, handle.at(".")) {
                Ok(entries) => entries,
                // It has been removed.
                Err(error) if has_vanished(error.errno()) => Vec::new(),
                Err(error) => return Err(error),
            };
            // After an overflow, or if the directory was moved, some names are known already.
            let before = self.directories.remove(&wd).or_else(|| self.outdated.remove(&wd));
            let before = before.map(|directory| directory.names).unwrap_or_default();
            for entry in &entries {
                if !before.contains(&entry.name) {
                    self.counts.found += 1;
                    let what = if entry.kind.is_dir() { "FOUND,ISDIR" } else { "FOUND" };
                    line(lines, &path, what, &entry.name);
                }
                if entry.kind == InodeKind::Directory {
                    to_add.push(join(&path, &entry.name));
                }
            }
            let names = entries.into_iter().map(|entry| entry.name).collect();
            self.directories.insert(wd, Directory { path, names });
        }
        Ok(())
    }

    /// Compares what is known with what there is, while no thread changes it; returns how many names
    /// there are.
    pub(crate) fn check(&self) -> std::result::Result<usize, String> {
        let known: HashMap<&[u8], &Directory> =
            self.directories.values().map(|directory| (&directory.path[..], directory)).collect();
        let (mut names, mut to_see) = (0, vec![b"/".to_vec()]);
        while let Some(path) = to_see.pop() {
            let shown = path.escape_ascii();
            let directory = known.get(&path[..]).ok_or_else(|| format!("{shown}: not watched"))?;
            let entries = self.vfs.list(self.cx, &path).map_err(|error| error.to_string())?;
            let there: BTreeSet<&[u8]> = entries.iter().map(|entry| &entry.name[..]).collect();
            if !there.iter().copied().eq(directory.names.iter().map(Vec::as_slice)) {
                return Err(format!("{shown}: its events do not give what is in it"));
            }
            names += there.len();
            let below = entries.iter().filter(|entry| entry.kind.is_dir());
            to_see.extend(below.map(|entry| join(&path, &entry.name)));
        }
        Ok(names)
    }
}

fn cannot_follow(path: &[u8], why: &str) -> String {
    format!("cannot follow {}: {why}", printable(path))
}

/// Whether a name is in use. Where that cannot be found out, the later events decide.
fn is_there(vfs: &Vfs, cx: &Context, path: &[u8]) -> bool {
    vfs.stat(cx, path.no_follow()).is_ok()
}

/// Whether an error only says that a name has come to mean something else.
fn has_vanished(kind: Errno) -> bool {
    matches!(kind, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP)
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, slash, name].concat()
}

/// One line as `inotifywait -m` has it: path of the watch, events, name.
fn line(lines: &mut String, path: &[u8], what: &str, name: &[u8]) {
    let slash = if path.ends_with(b"/") { "" } else { "/" };
    let _ = writeln!(lines, "{}{slash} {what} {}", printable(path), printable(name));
}

/// A name as it is, unless it would do something to a terminal.
fn printable(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => name.escape_ascii().to_string(),
    }
}

/// The names of the bits, in inotifywait's order; it adds CLOSE to either close.
fn event_names(mask: EventMask) -> String {
    let mut names: Vec<&str> = mask.iter_names().map(|(name, _)| name).collect();
    let close = EventMask::CLOSE_WRITE | EventMask::CLOSE_NOWRITE;
    if mask.intersects(close) {
        names.insert(1, "CLOSE");
    }
    names.join(",")
}

//! A watch on every directory of a tree, which inotify itself does not have.
//!
//! The race: a directory is made, and something in it before the watch on it is there. So the
//! watch comes first and the look into the directory after it: what was made before the watch is
//! found by looking, what is made after it is an event, and what is made in between is both.
//! Watch and look go through one handle, so they are about the same directory whatever is renamed
//! meanwhile.
//!
//! The second loss: the queue overflows. Then nothing that is known is sure any more, and the
//! whole tree is watched and looked at again. What was queued until then is thrown away first: it is
//! older than what is found, and what came after it may be among what was lost.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::mem;

use vfsnotify::inotify::{Event, Happened, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{
    At, Context, DirEntryBuf, ErrorKind, EventMask, InodeKind, OpenFlags, Result, Vfs,
};

/// What is listened for. OPEN, ACCESS and CLOSE_NOWRITE are not: the scans would cause them.
const WANTED: WatchMask = WatchMask::CREATE
    .union(WatchMask::DELETE)
    .union(WatchMask::MOVE)
    .union(WatchMask::MODIFY)
    .union(WatchMask::ATTRIB)
    .union(WatchMask::CLOSE_WRITE)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF);

/// What is known of one directory.
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
    /// What was known before the overflow that is being made good.
    outdated: HashMap<WatchDescriptor, Directory>,
    counts: Counts,
}

impl<'a> TreeWatch<'a> {
    /// Watches everything there is now.
    pub(crate) fn new(vfs: &'a Vfs, cx: &'a Context, inotify: &'a Inotify) -> Result<Self> {
        let (directories, outdated) = (HashMap::new(), HashMap::new());
        let counts = Counts::default();
        let mut watch = Self { vfs, cx, inotify, directories, outdated, counts };
        watch.add_tree(b"/".to_vec(), &mut String::new())?;
        watch.counts = Counts::default();
        Ok(watch)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes events in, the oldest that there are, and appends what is to be printed about them to
    /// `lines`.
    pub(crate) fn handle(&mut self, events: &mut Vec<Event>, lines: &mut String) -> Result<()> {
        let mut events = events.drain(..);
        while let Some(event) = events.next() {
            self.count(&event);
            match event {
                Event::Happened(happened) => self.happened(&happened, lines)?,
                Event::Overflow { lost } => {
                    let stale = events.chain(self.inotify.drain());
                    stale.for_each(|event| self.count(&event));
                    let _ = writeln!(lines, "Q_OVERFLOW {lost} events lost, scanning everything");
                    self.outdated = mem::take(&mut self.directories);
                    self.add_tree(b"/".to_vec(), lines)?;
                    self.outdated.clear();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Happened(_) => self.counts.events += 1,
            Event::Overflow { .. } => self.counts.overflows += 1,
        }
    }

    fn happened(&mut self, event: &Happened, lines: &mut String) -> Result<()> {
        let Some(directory) = self.directories.get_mut(&event.wd) else {
            // About a directory that the scan after an overflow did not find any more.
            line(lines, b"(gone)", &event_names(event.mask), &event.name);
            return Ok(());
        };
        line(lines, &directory.path, &event_names(event.mask), &event.name);
        if event.mask.intersects(EventMask::DELETE | EventMask::MOVED_FROM) {
            directory.names.remove(&*event.name);
        }
        if event.mask.contains(EventMask::IGNORED) {
            self.directories.remove(&event.wd);
        } else if event.mask.intersects(EventMask::CREATE | EventMask::MOVED_TO) {
            directory.names.insert(event.name.to_vec());
            if event.mask.contains(EventMask::ISDIR) {
                let path = join(&directory.path, &event.name);
                return self.add_tree(path, lines);
            }
        }
        Ok(())
    }

    /// Watches a directory and all below it, and prints what was there before its watch.
    fn add_tree(&mut self, top: Vec<u8>, lines: &mut String) -> Result<()> {
        let mut to_add = vec![top];
        while let Some(path) = to_add.pop() {
            let Some((wd, entries)) = self.add_one(&path)? else { continue };
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

    /// Watches one directory, and lists it if it was not watched under this path before. `None`
    /// if there is nothing new to know, or no such directory any more: events say what became of
    /// it.
    fn add_one(&self, path: &[u8]) -> Result<Option<(WatchDescriptor, Vec<DirEntryBuf>)>> {
        let flags = OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
        let handle = match self.vfs.open(self.cx, path, flags, 0) {
            Ok(handle) => handle,
            Err(error) if has_vanished(error.kind()) => return Ok(None),
            Err(error) => return Err(error),
        };
        let wd = self.vfs.add_watch_file(self.cx, self.inotify, &handle, WANTED)?;
        if self.directories.get(&wd).is_some_and(|directory| directory.path == path) {
            return Ok(None);
        }
        match self.vfs.listat(self.cx, At::Dir(&handle), ".") {
            Ok(entries) => Ok(Some((wd, entries))),
            Err(error) if has_vanished(error.kind()) => Ok(Some((wd, Vec::new()))),
            Err(error) => Err(error),
        }
    }

    /// Compares what is known with what there is, with nobody changing it; returns how many names
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

/// Whether an error only says that a name has come to mean something else.
fn has_vanished(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotDir | ErrorKind::TooManyLinksFollowed)
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

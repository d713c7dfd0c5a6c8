//! Fills a VFS from an archive or a directory of the machine.
//!
//! Everything goes below one directory. A path that is absolute or has `..` in it is refused; what
//! is left is looked up with `BENEATH`, so that a symbolic link of the archive leads nowhere else
//! either. A file is there completely or not at all.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flate2::bufread::MultiGzDecoder;
use indicatif::{HumanBytes, ProgressBar};
use tar::EntryType;
use vfsnotify::inotify::Inotify;
use vfsnotify::{
    At, Context, ErrorKind, File, InodeKind, OpenFlags, OpenHow, ResolveFlags, TimeSetting,
    Timestamp, Vfs,
};

use super::failure::{Failure, causes};

/// The directory that everything goes below.
const DESTINATION: &str = "/unpacked";

/// How much of a file is moved at a time.
const PIECE: usize = 64 * 1024;

/// How long the watcher may take to catch up after a new directory.
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// What is to be unpacked.
pub(crate) enum Source {
    Archive(Box<dyn Read + Send>),
    /// A directory, and all there is below it, as paths from it, parents first.
    Directory(PathBuf, Vec<PathBuf>),
}

impl Source {
    /// Opens an archive or lists a directory, and tells the bar how much there is to do.
    pub(crate) fn open(path: &Path, bar: &ProgressBar) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            let mut below = Vec::new();
            list(path, Path::new(""), &mut below)?;
            bar.set_length(below.len() as u64);
            return Ok(Self::Directory(path.to_owned(), below));
        }
        if !metadata.is_file() {
            return Err(io::Error::other("neither a file nor a directory"));
        }
        bar.set_length(metadata.len());
        let mut file = BufReader::with_capacity(PIECE, bar.wrap_read(fs::File::open(path)?));
        let head = file.fill_buf()?;
        if head.is_empty() {
            return Err(io::Error::other("the file is empty"));
        }
        let is_gzip = head.starts_with(&[0x1f, 0x8b]);
        Ok(Self::Archive(if is_gzip {
            Box::new(MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        }))
    }
}

fn list(top: &Path, below: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(top.join(below))?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        into.push(path.clone());
        if entry.file_type()?.is_dir() {
            list(top, &path, into)?;
        }
    }
    Ok(())
}

/// What has been unpacked.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    directories: u64,
    files: u64,
    symlinks: u64,
    hard_links: u64,
    fifos: u64,
    bytes: u64,
    /// Calls of the VFS.
    pub(crate) operations: u64,
    /// What could not be unpacked and why, one line each.
    pub(crate) failures: Vec<String>,
}

impl fmt::Display for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { directories, files, symlinks, hard_links, fifos, bytes, .. } = self;
        write!(
            f,
            "{directories} directories, {files} files ({}), {symlinks} symbolic links, \
             {hard_links} hard links, {fifos} fifos",
            HumanBytes(*bytes)
        )
    }
}

/// What stands at one path of the source.
enum What<'a> {
    Directory,
    /// Contents of this many bytes.
    File(&'a mut dyn Read, u64),
    Symlink(&'a [u8]),
    /// The other path.
    HardLink(&'a [u8]),
    Fifo,
}

struct Entry<'a> {
    what: What<'a>,
    mode: u32,
    mtime: Timestamp,
}

/// Puts entries into a VFS.
pub(crate) struct Unpacker<'a> {
    vfs: &'a Vfs,
    cx: &'a Context,
    /// Whom to wait for after a new directory, and how many events it has handled.
    watcher: Option<(&'a Inotify, &'a AtomicU64)>,
    stop: &'a AtomicBool,
    bar: &'a ProgressBar,
    operations: Cell<u64>,
    done: Unpacked,
    /// The times of directories: set last, since what is made in one changes them.
    times: Vec<(Vec<u8>, Timestamp)>,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(
        vfs: &'a Vfs,
        cx: &'a Context,
        watcher: Option<(&'a Inotify, &'a AtomicU64)>,
        stop: &'a AtomicBool,
        bar: &'a ProgressBar,
    ) -> Self {
        let (operations, times) = (Cell::new(0), Vec::new());
        Self { vfs, cx, watcher, stop, bar, operations, done: Unpacked::default(), times }
    }

    /// Unpacks everything, or as much as the source has.
    pub(crate) fn unpack(mut self, source: Source) -> Unpacked {
        let made = self.op(self.vfs.mkdir(self.cx, DESTINATION, 0o755)).and_then(|()| {
            let flags = OpenFlags::PATH | OpenFlags::DIRECTORY;
            self.op(self.vfs.open(self.cx, DESTINATION, flags, 0))
        });
        match made {
            Ok(top) => {
                let result = match source {
                    Source::Archive(reader) => self.unpack_archive(&top, reader),
                    Source::Directory(from, paths) => {
                        self.copy_directory(&top, &from, &paths);
                        Ok(())
                    }
                };
                if let Err(error) = result {
                    let text = format!("the archive is broken: {}", causes(&error));
                    self.done.failures.push(text);
                }
                self.set_times(&top);
            }
            Err(error) => self.done.failures.push(error.to_string()),
        }
        self.done.operations = self.operations.get();
        self.done
    }

    /// Counts an operation of the VFS.
    fn op<T>(&self, result: vfsnotify::Result<T>) -> vfsnotify::Result<T> {
        self.operations.set(self.operations.get() + 1);
        result
    }

    /// Lets the watcher catch up, but not for long.
    fn await_watcher(&self) {
        let Some((inotify, handled)) = self.watcher else { return };
        let (queued, start) = (inotify.stats().queued, Instant::now());
        while handled.load(Ordering::Relaxed) < queued && start.elapsed() < LONGEST_WAIT {
            thread::yield_now();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn unpack_archive(&mut self, top: &File, reader: Box<dyn Read + Send>) -> io::Result<()> {
        let mut archive = tar::Archive::new(reader);
        let mut is_first = true;
        for entry in archive.entries()? {
            if self.is_stopped() {
                return Ok(());
            }
            let mut entry = entry.map_err(|error| {
                let what =
                    if is_first { "no tar archive" } else { "after the last complete entry" };
                // Cut, since it may quote what it could not read.
                io::Error::other(format!("{what}: {:.80}", causes(&error)))
            })?;
            is_first = false;
            let path = entry.path_bytes().into_owned();
            let link = entry.link_name_bytes().unwrap_or_default().into_owned();
            let header = entry.header();
            let (kind, mode) = (header.entry_type(), header.mode()?);
            // Times before 1970 are there as two's complement.
            let mtime = header.mtime()?.cast_signed();
            let size = entry.size();
            let what = match kind {
                EntryType::Directory => What::Directory,
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    What::File(&mut entry, size)
                }
                EntryType::Symlink => What::Symlink(&link),
                EntryType::Link => What::HardLink(&link),
                EntryType::Fifo => What::Fifo,
                EntryType::XGlobalHeader => continue,
                _ => {
                    self.failed(&path, Failure::Refused("a kind of entry that is not supported"));
                    continue;
                }
            };
            let entry = Entry { what, mode, mtime: Timestamp::from_seconds(mtime) };
            match self.put(top, &path, entry) {
                Ok(()) => {}
                Err(Failure::Read(error)) => {
                    let text = format!("{}: {error}", path.escape_ascii());
                    return Err(io::Error::other(text));
                }
                Err(failure) => {
                    if !self.failed(&path, failure) {
                        return Ok(());
                    }
                }
            }
        }
        // The end of a tar archive is not the end of the file: a gzip file has its checksum there.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
    }

    fn copy_directory(&mut self, top: &File, from: &Path, paths: &[PathBuf]) {
        // The first path of each file that has several.
        let mut names: HashMap<(u64, u64), &[u8]> = HashMap::new();
        for path in paths {
            if self.is_stopped() {
                return;
            }
            let bytes = path.as_os_str().as_bytes();
            let result = self.copy_one(top, &from.join(path), bytes, &mut names);
            if let Err(failure) = result
                && !self.failed(bytes, failure)
            {
                return;
            }
            self.bar.inc(1);
        }
    }

    fn copy_one<'p>(
        &mut self,
        top: &File,
        from: &Path,
        path: &'p [u8],
        names: &mut HashMap<(u64, u64), &'p [u8]>,
    ) -> Result<(), Failure> {
        let metadata = fs::symlink_metadata(from)?;
        let kind = metadata.file_type();
        let (mut contents, target);
        let what = if kind.is_dir() {
            What::Directory
        } else if kind.is_symlink() {
            target = fs::read_link(from)?;
            What::Symlink(target.as_os_str().as_bytes())
        } else if kind.is_file() {
            let id = (metadata.dev(), metadata.ino());
            match names.get(&id) {
                Some(first) => What::HardLink(first),
                None => {
                    contents = fs::File::open(from)?;
                    if metadata.nlink() > 1 {
                        names.insert(id, path);
                    }
                    What::File(&mut contents, metadata.len())
                }
            }
        } else if kind.is_fifo() {
            What::Fifo
        } else {
            return Err(Failure::Refused("a device or a socket"));
        };
        let nanoseconds = u32::try_from(metadata.mtime_nsec()).unwrap_or(0);
        let mtime = Timestamp { seconds: metadata.mtime(), nanoseconds };
        self.put(top, path, Entry { what, mode: metadata.mode(), mtime })
    }

    /// Notes a failure; whether to go on.
    fn failed(&mut self, path: &[u8], failure: Failure) -> bool {
        let (line, go_on) = failure.describe(path);
        self.done.failures.push(line);
        go_on
    }

    fn put(&mut self, top: &File, path: &[u8], entry: Entry<'_>) -> Result<(), Failure> {
        let path = checked(path)?;
        let Some((parent, name)) = split(&path) else { return Ok(()) };
        let parent = self.directory(top, parent)?;
        let at = At::Dir(&parent);
        let mode = entry.mode & 0o7777;
        match entry.what {
            What::Directory => {
                match self.op(self.vfs.mkdirat(self.cx, at, name, mode)) {
                    Ok(()) => {
                        self.done.directories += 1;
                        self.await_watcher();
                    }
                    Err(error) if error.kind() == ErrorKind::Exists => {
                        // Made for something in it that came first.
                        let flags = OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
                        self.open_beneath(at, name, flags)?;
                        self.op(self.vfs.chmodat(self.cx, at, name, mode, false))?;
                    }
                    Err(error) => return Err(error.into()),
                }
                self.times.push((path, entry.mtime));
                return Ok(());
            }
            What::File(contents, size) => {
                let made = self.replacing(at, name, || {
                    let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
                    let how = OpenHow { mode, ..OpenHow::new(flags) };
                    self.vfs.open_with(self.cx, at, name, how)
                })?;
                if let Err(failure) = self.fill(&made, contents, size) {
                    drop(made);
                    self.op(self.vfs.unlinkat(self.cx, at, name))?;
                    return Err(failure);
                }
                let (atime, mtime) = times(entry.mtime);
                self.op(made.utimens(self.cx, atime, mtime))?;
                self.done.files += 1;
                self.done.bytes += size;
                return Ok(());
            }
            What::Symlink(target) => {
                self.replacing(at, name, || self.vfs.symlinkat(self.cx, target, at, name))?;
                self.done.symlinks += 1;
            }
            What::HardLink(other) => {
                let other = checked(other)?;
                if other == path {
                    return Ok(());
                }
                let (other_parent, other) =
                    split(&other).ok_or(Failure::Refused("a link to a directory"))?;
                let other_parent = self.directory(top, other_parent)?;
                let other = (At::Dir(&other_parent), other);
                self.replacing(at, name, || self.vfs.linkat(self.cx, other, (at, name), false))?;
                self.done.hard_links += 1;
                return Ok(());
            }
            What::Fifo => {
                self.replacing(at, name, || {
                    self.vfs.mknodat(self.cx, at, name, InodeKind::Fifo, mode, 0)
                })?;
                self.done.fifos += 1;
            }
        }
        let (atime, mtime) = times(entry.mtime);
        self.op(self.vfs.utimensat(self.cx, at, name, atime, mtime, false))?;
        Ok(())
    }

    /// Makes a name; one that is there already goes first, as the later entry of an archive is
    /// the one that counts.
    fn replacing<T>(
        &self,
        at: At<'_>,
        name: &[u8],
        make: impl Fn() -> vfsnotify::Result<T>,
    ) -> vfsnotify::Result<T> {
        match self.op(make()) {
            Err(error) if error.kind() == ErrorKind::Exists => {
                self.op(self.vfs.unlinkat(self.cx, at, name))?;
                self.op(make())
            }
            made => made,
        }
    }

    fn fill(&self, file: &File, contents: &mut dyn Read, size: u64) -> Result<(), Failure> {
        let (mut buf, mut done) = (vec![0; PIECE], 0);
        loop {
            let len = match contents.read(&mut buf) {
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if len == 0 {
                break;
            }
            let mut left = &buf[..len];
            while !left.is_empty() {
                left = &left[self.op(file.write(left))?..];
            }
            done += len as u64;
        }
        if done < size {
            return Err(Failure::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    fn open_beneath(&self, at: At<'_>, path: &[u8], flags: OpenFlags) -> vfsnotify::Result<File> {
        let how = OpenHow { resolve: ResolveFlags::BENEATH, ..OpenHow::new(flags) };
        self.op(self.vfs.open_with(self.cx, at, path, how))
    }

    /// The directory of this path, made with all above it if it is not there.
    fn directory(&mut self, top: &File, path: &[u8]) -> vfsnotify::Result<File> {
        let flags = OpenFlags::PATH | OpenFlags::DIRECTORY;
        let Some((parent, name)) = split(path) else {
            return self.open_beneath(At::Dir(top), b".", flags);
        };
        match self.open_beneath(At::Dir(top), path, flags) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let parent = self.directory(top, parent)?;
                self.op(self.vfs.mkdirat(self.cx, At::Dir(&parent), name, 0o755))?;
                self.done.directories += 1;
                self.await_watcher();
                self.open_beneath(At::Dir(top), path, flags)
            }
            opened => opened,
        }
    }

    fn set_times(&mut self, top: &File) {
        for (path, mtime) in std::mem::take(&mut self.times).into_iter().rev() {
            let (atime, mtime) = times(mtime);
            let set = self
                .open_beneath(At::Dir(top), &path, OpenFlags::DIRECTORY)
                .and_then(|dir| self.op(dir.utimens(self.cx, atime, mtime)));
            if let Err(error) = set {
                self.failed(&path, error.into());
            }
        }
    }
}

/// What sets a time of modification as tar does: the time of access is now.
fn times(mtime: Timestamp) -> (Option<TimeSetting>, Option<TimeSetting>) {
    (Some(TimeSetting::Now), Some(TimeSetting::At(mtime)))
}

/// The path without empty and `.` components.
fn checked(path: &[u8]) -> Result<Vec<u8>, Failure> {
    if path.starts_with(b"/") {
        return Err(Failure::Refused("an absolute path"));
    }
    let parts = Path::new(OsStr::from_bytes(path)).components();
    let mut clean: Vec<&[u8]> = Vec::new();
    for part in parts.map(|part| part.as_os_str().as_bytes()) {
        match part {
            b"." => {}
            b".." => return Err(Failure::Refused("a path with .. in it")),
            name => clean.push(name),
        }
    }
    Ok(clean.join(&b'/'))
}

/// Parent and last name; `None` for the empty path, which is the top.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => Some((&path[..at], &path[at + 1..])),
        None if path.is_empty() => None,
        None => Some((b"", path)),
    }
}

//! Copies a directory of the machine into a VFS: contents, hard links, modes, owners, times and extended
//! attributes.
//!
//! An entry that cannot be copied is reported, and the copy goes on. A file is there completely or not at all.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, SeekFrom, lgetxattr, llistxattr, seek};
use rustix::io::Errno;
use vfsnotify::inotify::Inotify;
use vfsnotify::{
    Context, File, InodeKind, IntoPath, OpenFlags, TimeSetting, Timestamp, Vfs, XattrMode,
};

use super::failure::Failure;

/// The directory of the VFS that everything goes below.
pub(crate) const DESTINATION: &str = "/unpacked";

/// How much of a file is moved at a time, and the most that Linux has in one attribute or list of them.
const PIECE: usize = 64 * 1024;

/// How long the watcher may take to catch up after a new directory.
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// The copied entries.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    directories: u64,
    files: u64,
    symlinks: u64,
    hard_links: u64,
    /// Fifos, devices and sockets.
    special: u64,
    bytes: u64,
    /// Calls of the VFS.
    pub(crate) operations: u64,
    /// The entries that could not be copied and why, one line each.
    pub(crate) failures: Vec<String>,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { directories, files, symlinks, hard_links, special, bytes, .. } = self;
        write!(
            f,
            "{directories} directories, {files} files ({}), {symlinks} symbolic links, \
             {hard_links} hard links, {special} fifos, devices and sockets",
            human_bytes(*bytes)
        )
    }
}

/// The directories still to be copied. Paths are relative to the source.
enum Step {
    Copy(PathBuf),
    /// Gives a directory its attributes, after its contents: they change its times, and a mode may forbid them.
    Finish(PathBuf, Box<Metadata>),
}

/// Copies one directory into a VFS.
pub(crate) struct Copier<'a> {
    vfs: &'a Vfs,
    cx: &'a Context,
    /// The watcher to wait for after a new directory, and how many events it has handled.
    watcher: Option<(&'a Inotify, &'a AtomicU64)>,
    stop: &'a AtomicBool,
    /// How many names have been dealt with.
    names: &'a AtomicU64,
    /// Whether the source is a copy of our own, in which modes may be changed to read it.
    is_own: bool,
    operations: Cell<u64>,
    /// The first path in the VFS of each file that has several, by device and inode number.
    first_names: HashMap<(u64, u64), Vec<u8>>,
    done: Copied,
}

impl<'a> Copier<'a> {
    pub(crate) fn new(
        vfs: &'a Vfs,
        cx: &'a Context,
        watcher: Option<(&'a Inotify, &'a AtomicU64)>,
        stop: &'a AtomicBool,
        names: &'a AtomicU64,
        is_own: bool,
    ) -> Self {
        let (operations, first_names) = (Cell::new(0), HashMap::new());
        let done = Copied::default();
        Self { vfs, cx, watcher, stop, names, is_own, operations, first_names, done }
    }

    /// Copies everything below `source`, and its own attributes, to [`DESTINATION`], until `stop` is set.
    pub(crate) fn copy(mut self, source: &Path) -> Copied {
        // Not recursive: a tree may be deeper than a thread's stack allows.
        let mut steps = vec![Step::Copy(PathBuf::new())];
        while let Some(step) = steps.pop() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            match step {
                Step::Copy(path) => {
                    if let Err(failure) = self.copy_one(source, &path, &mut steps) {
                        self.failed(&path, "", failure);
                    }
                    self.names.fetch_add(1, Ordering::Relaxed);
                }
                Step::Finish(path, metadata) => {
                    self.set_attributes(&source_path(source, &path), &path, &metadata);
                }
            }
        }
        self.done.operations = self.operations.get();
        self.done
    }

    /// Counts a call of the VFS.
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

    /// Notes a failure; `what` is the attribute that it is about, if not all.
    fn failed(&mut self, path: &Path, what: &str, Failure(why): Failure) {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let path = path.as_os_str().as_bytes().escape_ascii();
        self.done.failures.push(format!("{path}: {what}{why}"));
    }

    fn copy_one(
        &mut self,
        source: &Path,
        path: &Path,
        steps: &mut Vec<Step>,
    ) -> Result<(), Failure> {
        let (from, to) = (source_path(source, path), destination(path));
        let is_top = path.as_os_str().is_empty();
        // The source itself may be named by a symbolic link.
        let metadata = if is_top { fs::metadata(&from)? } else { fs::symlink_metadata(&from)? };
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.op(self.vfs.mkdir(self.cx, &to, 0o700))?;
            self.done.directories += u64::from(!is_top);
            self.await_watcher();
            steps.push(Step::Finish(path.to_owned(), Box::new(metadata.clone())));
            self.make_readable(&from, &metadata, 0o500)?;
            let names = self.names(&from, path)?;
            steps.extend(names.into_iter().rev().map(|name| Step::Copy(path.join(name))));
            return Ok(());
        }
        let id = (metadata.dev(), metadata.ino());
        if let Some(first) = self.first_names.get(&id) {
            self.op(self.vfs.link(self.cx, first, &to))?;
            self.done.hard_links += 1;
            return Ok(());
        }
        if kind.is_file() {
            self.make_readable(&from, &metadata, 0o400)?;
            self.copy_file(&from, &to)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&from)?;
            self.op(self.vfs.symlink(self.cx, target.as_os_str().as_bytes(), &to))?;
            self.done.symlinks += 1;
        } else {
            let kind = if kind.is_fifo() {
                InodeKind::Fifo
            } else if kind.is_char_device() {
                InodeKind::CharDevice
            } else if kind.is_block_device() {
                InodeKind::BlockDevice
            } else if kind.is_socket() {
                InodeKind::Socket
            } else {
                return Err(Failure("a kind of file that the VFS does not have".to_owned()));
            };
            self.op(self.vfs.mknod(self.cx, &to, kind, 0o600, metadata.rdev()))?;
            self.done.special += 1;
        }
        if metadata.nlink() > 1 {
            self.first_names.insert(id, to);
        }
        self.set_attributes(&from, path, &metadata);
        Ok(())
    }

    /// Adds permissions to a file or directory of our own copy. The mode that the VFS gets is the one before.
    fn make_readable(&self, from: &Path, metadata: &Metadata, bits: u32) -> io::Result<()> {
        if !self.is_own || metadata.mode() & bits == bits {
            return Ok(());
        }
        fs::set_permissions(from, Permissions::from_mode(metadata.mode() & 0o7777 | bits))
    }

    /// The names in a directory, in order: as many as can be read.
    fn names(&mut self, from: &Path, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(from)? {
            match entry {
                Ok(entry) => names.push(entry.file_name()),
                Err(error) => self.failed(path, "", error.into()),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn copy_file(&mut self, from: &Path, to: &[u8]) -> Result<(), Failure> {
        // Not the target of a link, nor a fifo to wait at, that has taken the place of the file meanwhile.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let from =
            OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(from)?;
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
        let made = self.op(self.vfs.open(self.cx, to, flags, 0o600))?;
        match self.copy_contents(&from, &made) {
            Ok(len) => {
                self.done.files += 1;
                self.done.bytes += len;
                Ok(())
            }
            Err(failure) => {
                drop(made);
                self.op(self.vfs.unlink(self.cx, to))?;
                Err(failure)
            }
        }
    }

    /// Copies the data of a file and leaves its holes out; returns its length.
    fn copy_contents(&self, from: &fs::File, to: &File) -> Result<u64, Failure> {
        let (mut buf, mut end) = (vec![0; PIECE], 0);
        while let Some(data) = next_data(from, end)? {
            // Where holes cannot be found there is one piece of data, up to the end of the file.
            let hole = seek(from, SeekFrom::Hole(data)).ok().filter(|hole| *hole > data);
            let hole = hole.unwrap_or(u64::MAX);
            let mut offset = data;
            while offset < hole {
                let most = usize::try_from(hole - offset).unwrap_or(PIECE).min(PIECE);
                let len = match from.read_at(&mut buf[..most], offset) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    len => len?,
                };
                if len == 0 {
                    break;
                }
                let mut left = &buf[..len];
                while !left.is_empty() {
                    let written = self.op(to.pwrite(left, offset))?;
                    left = &left[written..];
                    offset += written as u64;
                }
            }
            if offset == end {
                break;
            }
            end = offset;
        }
        // A hole at the end.
        let len = from.metadata()?.len();
        if len > end {
            self.op(to.truncate(len))?;
        }
        Ok(len.max(end))
    }

    /// Sets owner, mode, extended attributes and times, and reports each that cannot be set.
    fn set_attributes(&mut self, from: &Path, path: &Path, metadata: &Metadata) {
        let (vfs, cx, to) = (self.vfs, self.cx, destination(path));
        // The owner first: changing it takes the set-id bits and capabilities away.
        let (uid, gid) = (Some(metadata.uid()), Some(metadata.gid()));
        if let Err(error) = self.op(vfs.chown(cx, to.no_follow(), uid, gid)) {
            self.failed(path, "owner: ", error.into());
        }
        if !metadata.is_symlink()
            && let Err(error) = self.op(vfs.chmod(cx, &to, metadata.mode() & 0o7777))
        {
            self.failed(path, "mode: ", error.into());
        }
        if let Err(failure) = self.copy_xattrs(from, path, &to) {
            self.failed(path, "extended attributes: ", failure);
        }
        let atime = timestamp(metadata.atime(), metadata.atime_nsec());
        let mtime = timestamp(metadata.mtime(), metadata.mtime_nsec());
        let set = vfs.utimens(cx, to.no_follow(), Some(atime), Some(mtime));
        if let Err(error) = self.op(set) {
            self.failed(path, "times: ", error.into());
        }
    }

    fn copy_xattrs(&mut self, from: &Path, path: &Path, to: &[u8]) -> Result<(), Failure> {
        let mut names = vec![0_u8; PIECE];
        let len = match llistxattr(from, &mut names[..]) {
            Err(Errno::OPNOTSUPP) => return Ok(()),
            len => len?,
        };
        let mut value = vec![0_u8; if len == 0 { 0 } else { PIECE }];
        for name in names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let set =
                lgetxattr(from, name, &mut value[..]).map_err(Failure::from).and_then(|len| {
                    let (value, mode) = (&value[..len], XattrMode::Set);
                    let set = self.vfs.setxattr(self.cx, to.no_follow(), name, value, mode);
                    Ok(self.op(set)?)
                });
            if let Err(failure) = set {
                self.failed(
                    path,
                    &format!("extended attribute {}: ", name.escape_ascii()),
                    failure,
                );
            }
        }
        Ok(())
    }
}

/// Where the first data at or after an offset is; `None` if there is none up to the end of the file.
fn next_data(file: &fs::File, offset: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        // A file system that does not know about holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::SPIPE) => Ok(Some(offset)),
        Err(errno) => Err(errno.into()),
    }
}

/// The path below the source, without a slash after the source itself.
fn source_path(source: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { source.to_owned() } else { source.join(path) }
}

fn destination(path: &Path) -> Vec<u8> {
    let path = path.as_os_str().as_bytes();
    let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
    [DESTINATION.as_bytes(), slash, path].concat()
}

fn timestamp(seconds: i64, nanoseconds: i64) -> TimeSetting {
    // Below 10^9 in every file system.
    let nanoseconds = u32::try_from(nanoseconds).unwrap_or(0);
    TimeSetting::At(Timestamp { seconds, nanoseconds })
}

/// A number of bytes in the unit that suits it: `9 B`, `1.50 MiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.2} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.2} TiB")
}

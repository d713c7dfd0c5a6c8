//! One folder for the worlds of a thread, and what killed processes left of theirs.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::process::geteuid;
use tempfile::TempDir;

use super::{open_up, unmount_below};

/// The prefix of the names of these folders.
const PREFIX: &str = "vfsnotify-worlds-";

/// Where worlds are made, unless `VFSNOTIFY_BASE` says otherwise.
const USUAL_BASE: &str = "/dev/shm";

/// The directory that decides about the file system of the kernel's side.
pub fn base() -> PathBuf {
    std::env::var_os("VFSNOTIFY_BASE").map_or_else(|| PathBuf::from(USUAL_BASE), PathBuf::from)
}

/// A folder that is removed with all that is in it, at the latest by the next one that is made in the
/// same place: a process that has one holds a lock on it, and a folder without a lock is left over.
#[derive(Debug)]
pub struct Folder {
    dir: TempDir,
    /// Locked until the process ends, however it does.
    _lock: File,
}

impl Folder {
    /// Makes one in a directory, and removes what is left over there.
    pub fn new(base: &Path) -> io::Result<Folder> {
        remove_left_over(base)?;
        loop {
            let dir = TempDir::with_prefix_in(PREFIX, base)?;
            // Between the two, another process may have taken it for left over.
            if let Some(lock) = lock(dir.path()) {
                return Ok(Folder { dir, _lock: lock });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Locks a folder, unless another process has or it has gone.
fn lock(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    let (locked, there) = (file.metadata().ok()?, std::fs::metadata(folder).ok()?);
    (locked.ino() == there.ino()).then_some(file)
}

/// Removes the folders without a lock.
fn remove_left_over(base: &Path) -> io::Result<()> {
    let ours = |name: &OsStr| name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
    for entry in std::fs::read_dir(base)?.flatten().filter(|entry| ours(&entry.file_name())) {
        let folder = entry.path();
        let Some(_lock) = lock(&folder) else { continue };
        unmount_below(&folder);
        if !geteuid().is_root() {
            open_up(&folder);
        }
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            eprintln!("{} is left over from a run that was killed: {error}", folder.display());
        }
    }
    Ok(())
}

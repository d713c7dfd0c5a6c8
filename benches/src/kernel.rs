//! The real kernel: directories on its file systems, and its inotify.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tempfile::TempDir;

use super::args::Args;

/// A fresh directory on a file system of the kernel's; it goes with this value.
#[derive(Debug)]
pub struct KernelDir {
    dir: TempDir,
    /// `linux ext4`, `linux tmpfs`, or the number of another kind of file system.
    pub side: String,
}

impl KernelDir {
    /// A directory below each of those in the arguments that can be used; tells of the others.
    pub fn all(args: &Args) -> Vec<Self> {
        args.kernel.iter().filter_map(|base| Self::below(base)).collect()
    }

    fn below(base: &Path) -> Option<Self> {
        let dir = match TempDir::with_prefix_in("vfsnotify-bench-", base) {
            Ok(dir) => dir,
            Err(error) => {
                println!("  {}: left out: {error}", base.display());
                return None;
            }
        };
        let side = match rustix::fs::statfs(dir.path()).map(|statfs| statfs.f_type as u64) {
            Ok(0xef53) => "linux ext4".to_owned(),
            Ok(0x0102_1994) => "linux tmpfs".to_owned(),
            Ok(0x9123_683e) => "linux btrfs".to_owned(),
            Ok(0x5846_5342) => "linux xfs".to_owned(),
            Ok(0x794c_7630) => "linux overlay".to_owned(),
            Ok(other) => format!("linux {other:#x}"),
            Err(_) => "linux".to_owned(),
        };
        Some(Self { dir, side })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A fresh directory in it.
    pub fn subdir(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// A fresh directory in it with `count` empty files, named by number. Their dentries stay in
    /// the kernel's cache, in the order in which they were made.
    pub fn files(&self, name: &str, count: usize) -> PathBuf {
        let path = self.subdir(name);
        for number in 0..count {
            std::fs::File::create(path.join(number.to_string())).expect("a file");
        }
        path
    }
}

/// An inotify instance of the kernel's.
#[derive(Debug)]
pub struct KernelInotify(OwnedFd);

impl KernelInotify {
    /// An instance that does not block.
    ///
    /// # Errors
    /// The result of the kernel; `EMFILE` at the user's limit.
    pub fn new() -> rustix::io::Result<Self> {
        inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map(Self)
    }

    /// Adds a watch, or changes it.
    pub fn add(&self, path: &Path, mask: WatchFlags) -> rustix::io::Result<i32> {
        inotify::add_watch(&self.0, path, mask)
    }

    /// Removes a watch.
    pub fn remove(&self, wd: i32) -> rustix::io::Result<()> {
        inotify::remove_watch(&self.0, wd)
    }

    /// Reads once, up to the buffer's size, and returns how many events came; 0 if none is there.
    pub fn read(&self, buffer: &mut [MaybeUninit<u8>]) -> usize {
        let Ok((read, _)) = rustix::io::read(&self.0, buffer) else { return 0 };
        let (mut rest, mut events) = (&*read, 0);
        while let Some(len) = rest.get(12..16) {
            let len = u32::from_ne_bytes(len.try_into().expect("four bytes")) as usize;
            rest = &rest[16 + len..];
            events += 1;
        }
        events
    }

    /// Reads until nothing is left and returns how many events came.
    pub fn drain(&self) -> usize {
        let mut buffer = [MaybeUninit::uninit(); 65_536];
        let mut events = 0;
        loop {
            match self.read(&mut buffer) {
                0 => return events,
                more => events += more,
            }
        }
    }

    /// Its descriptor, to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A limit of `/proc/sys/fs/inotify` that is raised while this lives. The file is locked meanwhile,
/// so that two programs that raise it at once do not take each other's value for the usual one.
#[derive(Debug)]
pub struct RaisedLimit {
    path: PathBuf,
    usual: String,
    _lock: std::fs::File,
}

impl RaisedLimit {
    /// Raises a limit (`max_user_instances`, `max_user_watches`, `max_queued_events`) to at
    /// least `to`; `None` if that takes rights that this process does not have.
    pub fn to(name: &str, to: u64) -> Option<Self> {
        let path = Path::new("/proc/sys/fs/inotify").join(name);
        let lock = std::fs::File::open(&path).ok()?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).ok()?;
        let usual = std::fs::read_to_string(&path).ok()?;
        if usual.trim().parse::<u64>().ok()? < to {
            std::fs::write(&path, to.to_string()).ok()?;
        }
        Some(Self { path, usual, _lock: lock })
    }
}

impl Drop for RaisedLimit {
    fn drop(&mut self) {
        // Only the process that was allowed to raise it comes here.
        let _ = std::fs::write(&self.path, self.usual.trim());
    }
}

/// How many negative dentries the kernel keeps, on all file systems; `None` if it does not say.
pub fn negative_dentries() -> Option<u64> {
    let state = std::fs::read_to_string("/proc/sys/fs/dentry-state").ok()?;
    state.split_whitespace().nth(4)?.parse().ok()
}

impl KernelDir {
    /// A directory below this one; `None`, and a word about it on the terminal, if it cannot be had.
    pub fn new(base: &Path) -> Option<Self> {
        Self::below(base)
    }
}

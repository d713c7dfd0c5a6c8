//! The kernel, on a file system of its own and with its inotify.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{ReadFlags, Reader, WatchFlags};
use rustix::fs::{
    AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, open, openat, statat, unlinkat,
    utimensat,
};
use rustix::io::Errno;

use crate::side::{Result, Side};
use benches::kernel::negative_dentries;
use benches::{KernelDir, KernelInotify, memory};

/// The kernel's side.
#[derive(Debug)]
pub(crate) struct KernelSide {
    dir: KernelDir,
    inotify: KernelInotify,
    /// Something is always watched, so that flags are looked at all the time.
    _elsewhere: KernelInotify,
}

/// A directory, by its path and open.
#[derive(Debug)]
pub(crate) struct KernelPlace {
    path: PathBuf,
    fd: OwnedFd,
}

/// An event, as far as it is looked at here.
type Delivered = (i32, ReadFlags, Vec<u8>);

impl KernelSide {
    /// A fresh directory below this one.
    pub(crate) fn new(base: &Path) -> Result<Self> {
        let dir =
            KernelDir::new(base).ok_or_else(|| format!("no directory below {}", base.display()))?;
        let elsewhere = KernelInotify::new()?;
        elsewhere.add(&dir.subdir("elsewhere"), WatchFlags::ATTRIB)?;
        Ok(Self { dir, inotify: KernelInotify::new()?, _elsewhere: elsewhere })
    }

    fn delivered(&self) -> Result<Vec<Delivered>> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(self.inotify.fd(), &mut buffer);
        let mut events = Vec::new();
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map_or(&b""[..], |name| name.to_bytes());
                    events.push((event.wd(), event.events(), name.to_vec()));
                }
                Err(Errno::WOULDBLOCK) => return Ok(events),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn expect(&self, right: &[Delivered]) -> Result {
        let events = self.delivered()?;
        if events == right {
            return Ok(());
        }
        Err(format!("expected {right:?} of the kernel, and got {events:?}").into())
    }
}

fn os(name: &[u8]) -> &OsStr {
    OsStr::from_bytes(name)
}

impl Side for KernelSide {
    type Dir = KernelPlace;
    type Watch = i32;

    fn name(&self) -> &str {
        &self.dir.side
    }

    fn memory(&self) -> usize {
        memory::kernel_slabs()
    }

    fn negatives(&self) -> Option<u64> {
        negative_dentries()
    }

    fn mkdir(&self, name: &str) -> Result<KernelPlace> {
        let path = self.dir.subdir(name);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = open(&path, flags, Mode::empty())?;
        Ok(KernelPlace { path, fd })
    }

    fn create(&self, dir: &KernelPlace, name: &[u8]) -> Result {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        drop(openat(&dir.fd, os(name), flags, Mode::from_raw_mode(0o644))?);
        Ok(())
    }

    fn unlink(&self, dir: &KernelPlace, name: &[u8]) -> Result {
        Ok(unlinkat(&dir.fd, os(name), AtFlags::empty())?)
    }

    fn miss(&self, dir: &KernelPlace, name: &[u8]) -> Result {
        self.look_up(dir, name, false)
    }

    fn look_up(&self, dir: &KernelPlace, name: &[u8], exists: bool) -> Result {
        match statat(&dir.fd, os(name), AtFlags::empty()) {
            Ok(_) if exists => Ok(()),
            Err(Errno::NOENT) if !exists => Ok(()),
            Ok(_) => Err(format!("{} exists", name.escape_ascii()).into()),
            Err(errno) => Err(format!("{}: {errno}", name.escape_ascii()).into()),
        }
    }

    fn open_close(&self, dir: &KernelPlace, name: &[u8]) -> Result {
        drop(openat(&dir.fd, os(name), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
        Ok(())
    }

    fn touch(&self, dir: &KernelPlace, name: &[u8]) -> Result {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        Ok(utimensat(&dir.fd, os(name), &times, AtFlags::empty())?)
    }

    fn watch(&self, dir: &KernelPlace) -> Result<i32> {
        Ok(self.inotify.add(&dir.path, WatchFlags::ATTRIB)?)
    }

    fn expect_touch(&self, watch: i32, name: &[u8]) -> Result {
        self.expect(&[(watch, ReadFlags::ATTRIB, name.to_vec())])
    }

    fn unwatch(&self, watch: i32) -> Result {
        self.inotify.remove(watch)?;
        self.expect(&[(watch, ReadFlags::IGNORED, Vec::new())])
    }

    fn expect_silence(&self) -> Result {
        self.expect(&[])
    }

    fn rmdir(&self, dir: KernelPlace) -> Result {
        drop(dir.fd);
        Ok(rustix::fs::rmdir(&dir.path)?)
    }

    fn tidy_step(&self) -> bool {
        // The kernel does it by itself.
        false
    }

    fn verify(&self) -> Result {
        self.expect_silence()
    }
}

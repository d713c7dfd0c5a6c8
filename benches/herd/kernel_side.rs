//! The kernel, on a file system of its own.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::inotify::WatchFlags;
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use crate::side::{PROBE, Side, Sizes, child_name, herd_names, missing_name};
use benches::kernel::negative_dentries;
use benches::{KernelDir, KernelInotify};

/// A directory of the kernel's, with a watch elsewhere on its file system.
#[derive(Debug)]
pub(crate) struct KernelSide<'a> {
    of: &'a KernelDir,
    sizes: Sizes,
    path: PathBuf,
    dir: OwnedFd,
    probe: File,
    names: Vec<CString>,
    inotify: KernelInotify,
    _elsewhere: KernelInotify,
}

impl<'a> KernelSide<'a> {
    /// A directory of these sizes.
    ///
    /// # Errors
    /// Why it cannot be had here.
    pub(crate) fn new(of: &'a KernelDir, sizes: Sizes) -> Result<Self, String> {
        let path = of.subdir("herd");
        let elsewhere = KernelInotify::new().map_err(|errno| errno.to_string())?;
        let watched = elsewhere.add(&of.subdir("elsewhere"), WatchFlags::MODIFY);
        watched.map_err(|errno| errno.to_string())?;
        let names = herd_names();
        let children = (0..sizes.children).map(child_name);
        for name in names.iter().cloned().chain(children) {
            File::create_new(path.join(name)).map_err(|error| error.to_string())?;
        }
        let probe = File::create_new(path.join(PROBE)).map_err(|error| error.to_string())?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&path, flags, Mode::empty());
        let dir = dir.map_err(|errno| errno.to_string())?;
        look_for_missing(&dir, sizes.negatives)?;
        let terminated = |name: String| CString::new(name).expect("a name has no zero byte");
        Ok(Self {
            of,
            sizes,
            path,
            dir,
            probe,
            names: names.into_iter().map(terminated).collect(),
            inotify: KernelInotify::new().map_err(|errno| errno.to_string())?,
            _elsewhere: elsewhere,
        })
    }

    fn write(&self) {
        assert_eq!(self.probe.write_at(b"x", 0).expect("a file open for writing"), 1);
    }
}

/// Asks for this many names that do not exist; fails if the kernel does not remember them.
fn look_for_missing(dir: &OwnedFd, count: usize) -> Result<(), String> {
    let before = negative_dentries();
    for number in 0..count {
        let name = missing_name(number);
        let found = statat(dir, OsStr::from_bytes(name.as_bytes()), AtFlags::empty());
        assert_eq!(found.map(|_| ()), Err(Errno::NOENT));
    }
    let kept = negative_dentries().zip(before).map(|(now, before)| now.saturating_sub(before));
    match kept {
        // Others come and go meanwhile, so the count is not exact.
        Some(kept) if kept < count as u64 / 10 * 9 => {
            Err(format!("the kernel kept {kept} of {count} negative dentries"))
        }
        _ => Ok(()),
    }
}

impl Side for KernelSide<'_> {
    fn name(&self) -> &str {
        &self.of.side
    }

    fn negatives(&self) -> usize {
        self.sizes.negatives
    }

    fn open_close(&self, file: usize) {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        drop(openat(&self.dir, &*self.names[file], flags, Mode::empty()).expect("it is there"));
    }

    fn watch(&self) {
        let wd = self.inotify.add(&self.path, WatchFlags::MODIFY).expect("a watch");
        self.write();
        assert_eq!(self.inotify.drain(), 1, "the write is delivered");
        self.inotify.remove(wd).expect("it is there");
        self.write();
        assert_eq!(self.inotify.drain(), 1, "IGNORED, and no write");
    }

    fn check(&self) {
        assert_eq!(self.inotify.drain(), 0);
    }
}

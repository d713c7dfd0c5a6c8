//! The kernel's side: a directory of a real file system, real inotify.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::WatchFlags;
use rustix::fs::{Mode, OFlags, open, renameat};
use rustix::io::{Errno, pread, pwrite};
use vfsnotify::inotify::WatchMask;

use super::side::{FILES, MOVED, Side, Target};
use benches::{KernelDir, KernelInotify};

/// The kernel's masks have the same bits.
pub(crate) fn flags(mask: WatchMask) -> WatchFlags {
    WatchFlags::from_bits_retain(mask.bits())
}

/// The small world in a fresh directory of the kernel's.
#[derive(Debug)]
pub(crate) struct KernelSide {
    pub(crate) name: String,
    path: PathBuf,
    elsewhere: PathBuf,
    paths: [PathBuf; 2],
    dir: OwnedFd,
    files: [OwnedFd; 2],
    groups: Arc<Vec<KernelInotify>>,
}

impl KernelSide {
    /// With these groups: one of the kernel's can watch any file system, so all sides share them.
    pub(crate) fn new(dir: &KernelDir, groups: &Arc<Vec<KernelInotify>>) -> Self {
        let path = dir.subdir("small");
        let elsewhere = dir.subdir("elsewhere").join("other");
        let touch = |path: &PathBuf| std::fs::write(path, b"x").expect("a new file");
        let paths = FILES.map(|name| path.join(name));
        paths.iter().chain([&path.join(MOVED[0]), &elsewhere]).for_each(touch);
        let read_write = |path| open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        let files = [&paths[0], &paths[1]].map(|path| read_write(path).expect("an open file"));
        let handle = open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        Self {
            name: dir.side.clone(),
            dir: handle.expect("an open directory"),
            groups: Arc::clone(groups),
            path,
            elsewhere,
            paths,
            files,
        }
    }
}

impl Side for KernelSide {
    type File<'a> = BorrowedFd<'a>;

    const CALLS: u32 = 1024;

    fn file(&self, number: usize) -> BorrowedFd<'_> {
        self.files[number].as_fd()
    }

    #[inline(always)]
    fn write(&self, file: BorrowedFd<'_>) {
        assert_eq!(pwrite(file, b"y", 0), Ok(1));
    }

    #[inline(always)]
    fn read(&self, file: BorrowedFd<'_>) {
        assert_eq!(pread(file, &mut [0; 1], 0), Ok(1));
    }

    #[inline(always)]
    fn rename(&self, back: bool) {
        let (old, new) = (MOVED[usize::from(back)], MOVED[usize::from(!back)]);
        renameat(&self.dir, old, &self.dir, new).expect("a rename");
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    #[inline(always)]
    fn watch(&self, group: usize, target: Target, mask: WatchMask) -> i32 {
        let path = match target {
            Target::Directory => &self.path,
            Target::File(number) => &self.paths[number],
            Target::Elsewhere => &self.elsewhere,
        };
        self.groups[group].add(path, flags(mask)).expect("a watch")
    }

    fn unwatch(&self, group: usize, wd: i32) {
        self.groups[group].remove(wd).expect("the watch is there");
    }

    #[inline(always)]
    fn take(&self, group: usize, buffer: &mut [u8]) -> usize {
        match rustix::io::read(self.groups[group].fd(), buffer) {
            Ok(len) => len,
            Err(Errno::AGAIN) => 0,
            Err(error) => panic!("a read from inotify: {error}"),
        }
    }

    fn wait(&self, group: usize) {
        let fd = self.groups[group].fd();
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], None).expect("a wait");
    }
}

//! Tests of open files.

mod attributes;
mod closing;
mod copying;
mod counting_fs;
mod errors;
mod listing;
mod objects;
mod opening;
mod reading;
mod special;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::{FileSystem, MemFs, OpenFlags};
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::vfs::{Context, Credentials, File, IntoPath, Vfs};

/// A VFS with watches, and their events in words.
struct FileStage {
    vfs: Vfs,
    cx: Context,
    inotify: Inotify,
    watches: Vec<(WatchDescriptor, &'static str)>,
}

impl FileStage {
    fn new() -> Self {
        Self::of(MemFs::new())
    }

    fn of(fs: impl FileSystem + 'static) -> Self {
        let vfs = Vfs::new(fs).unwrap();
        let cx = vfs.context().with_umask(0);
        let inotify = vfs.inotify(&cx).unwrap();
        Self { vfs, cx, inotify, watches: Vec::new() }
    }

    /// The usual small tree: `/p` with the file `f` in it, which holds `hello`; both watched.
    fn usual() -> Self {
        let stage = Self::new();
        stage.vfs.mkdir(&stage.cx, "/p", 0o777).unwrap();
        stage.put("/p/f", b"hello");
        stage.watch("P", "/p").watch("F", "/p/f")
    }

    fn watch(mut self, label: &'static str, path: &str) -> Self {
        let mask = WatchMask::ALL_EVENTS | WatchMask::DONT_FOLLOW;
        let wd = self.vfs.add_watch(&self.cx, &self.inotify, path, mask).unwrap();
        self.watches.push((wd, label));
        self
    }

    fn put(&self, path: &str, data: &[u8]) {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNC;
        let file = self.open(path, flags);
        assert_eq!(file.write(data), Ok(data.len()));
    }

    #[track_caller]
    fn open(&self, path: &str, flags: OpenFlags) -> File {
        self.vfs.open(&self.cx, path, flags, 0o644).unwrap()
    }

    #[track_caller]
    fn refused(&self, path: &str, flags: OpenFlags) -> Errno {
        refusal(self.vfs.open(&self.cx, path, flags, 0o644))
    }

    /// The same context for a user without privileges.
    fn user(&self, uid: u32) -> Context {
        self.cx.clone().with_credentials(Credentials::new(uid, uid))
    }

    fn mode(&self, path: &str) -> u32 {
        self.vfs.stat(&self.cx, path.no_follow()).unwrap().mode.into()
    }

    /// The events since the last call.
    fn take_events(&self) -> Vec<String> {
        let words = |event: Event| {
            let event = event.fs_event().expect("no overflow").clone();
            let (_, label) = self.watches.iter().find(|(wd, _)| *wd == event.wd).expect("known");
            let names: Vec<_> = event.mask.iter_names().map(|(name, _)| name).collect();
            let name = String::from_utf8_lossy(&event.name).into_owned();
            format!("{label}:{} {name}", names.join("|")).trim_end().to_owned()
        };
        self.inotify.drain().into_iter().map(words).collect()
    }

    #[track_caller]
    fn expect(&self, lines: &[&str]) {
        assert_eq!(self.take_events(), lines);
        self.vfs.verify().unwrap();
    }
}

/// The kind of an error; a success is none.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> Errno {
    result.unwrap_err().errno()
}

//! The VFS that the tests read from.

use std::time::Duration;

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::NotifyConfig;
use vfsnotify::{Context, Errno, InodeKind, MemFs, Vfs};

/// Long enough for a thread to begin to wait.
pub(super) const A_WHILE: Duration = Duration::from_millis(30);
/// So long that a test fails if it is waited for.
pub(super) const FOREVER: Duration = Duration::from_secs(60);

pub(super) struct World {
    pub(super) vfs: Vfs,
    pub(super) cx: Context,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(NotifyConfig::default())
    }

    pub(super) fn with(notify: NotifyConfig) -> Self {
        let vfs = Vfs::builder().notify(notify).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx }
    }

    pub(super) fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).expect("an instance")
    }

    pub(super) fn watch(&self, inotify: &Inotify, path: &str, mask: WatchMask) -> i32 {
        self.vfs.add_watch(&self.cx, inotify, path, mask).expect("a watch").as_raw()
    }

    /// An instance that is told of everything made in the root.
    pub(super) fn watch_root(&self) -> Inotify {
        let inotify = self.inotify();
        self.watch(&inotify, "/", WatchMask::CREATE);
        inotify
    }

    pub(super) fn dir(&self, path: &str) {
        self.vfs.mkdir(&self.cx, path, 0o755).expect("a new directory");
    }

    pub(super) fn file(&self, path: &str) {
        self.vfs.mknod(&self.cx, path, InodeKind::Regular, 0o644, 0).expect("a new file");
    }

    pub(super) fn chmod(&self, path: &str) {
        self.vfs.chmod(&self.cx, path, 0o700).expect("a change of mode");
    }
}

pub(super) fn kind<T: std::fmt::Debug>(result: vfsnotify::Result<T>) -> Errno {
    result.expect_err("a failure").errno()
}

pub(super) fn names(events: &[Event]) -> Vec<String> {
    let happened = events.iter().filter_map(Event::fs_event);
    happened.map(|event| String::from_utf8_lossy(&event.name).into_owned()).collect()
}

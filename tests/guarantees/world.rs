//! A VFS whose walks can be counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vfsnotify::inotify::{FsEvent, Inotify, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Clock, Context, MemFs, OpenFlags, Pace, Timestamp, TreeConfig, Vfs, Yielder};

pub(super) const NEW: OpenFlags = OpenFlags::READ_WRITE.union(OpenFlags::CREATE);

/// A clock that says how often a walk looked at it: twice for each chunk.
#[derive(Debug, Default)]
pub(super) struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(super) struct World {
    pub(super) vfs: Vfs,
    pub(super) cx: Context,
    clock: Arc<Counting>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Yielder::None, TreeConfig::default(), Limits::default())
    }

    pub(super) fn with(yielder: Yielder, tree: TreeConfig, limits: Limits) -> Self {
        let clock = Arc::new(Counting::default());
        let pace = Pace::default()
            .with_clock(clock.clone())
            .with_yielder(yielder)
            .with_budget(Duration::from_micros(1));
        let vfs = Vfs::builder()
            .tree(tree)
            .notify(NotifyConfig::default().with_limits(limits).with_pace(pace))
            .build(MemFs::new())
            .expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx, clock }
    }

    /// How many chunks walks have had so far.
    pub(super) fn chunks(&self) -> u64 {
        self.clock.0.load(Ordering::Relaxed) / 2
    }

    pub(super) fn file(&self, path: &str) {
        self.vfs.open(&self.cx, path, NEW, 0o644).expect("a new file");
    }

    pub(super) fn dir(&self, path: &str) {
        self.vfs.mkdir(&self.cx, path, 0o755).expect("a new directory");
    }

    pub(super) fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).expect("an instance")
    }

    pub(super) fn watch(&self, inotify: &Inotify, path: &str, mask: WatchMask) -> i32 {
        self.vfs.add_watch(&self.cx, inotify, path, mask).expect("a watch").as_raw()
    }

    pub(super) fn touch(&self, path: &str) {
        let file = self.vfs.open(&self.cx, path, OpenFlags::WRITE, 0).expect("an open file");
        file.write(b"x").expect("a write");
    }

    pub(super) fn dentry(&self, path: &str) -> vfsnotify::File {
        self.vfs.open(&self.cx, path, OpenFlags::PATH, 0).expect("a handle")
    }
}

pub(super) fn happened(inotify: &Inotify) -> Vec<FsEvent> {
    inotify.drain().iter().filter_map(|event| event.fs_event().cloned()).collect()
}

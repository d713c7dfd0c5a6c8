//! The harness of the models of whole operations.

pub(super) use crate::base::sync::model_helpers::{check, thread, together};

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::notify::{Limits, NotifyConfig};
use crate::{Context, File, InodeKind, MemFs, OpenFlags, RenameFlags, TreeConfig, Vfs};

/// A VFS with the directories `/a` and `/b` and the file `/a/f`, and what its threads share.
pub(super) struct VfsWorld {
    pub(super) vfs: Vfs,
    pub(super) cx: Context,
    pub(super) fs: Arc<MemFs>,
}

/// An event as watch descriptor, mask and name.
pub(super) type Seen = (i32, EventMask, String);

impl VfsWorld {
    pub(super) fn new() -> Arc<Self> {
        Self::with_limits(Limits::default(), 1 << 20)
    }

    pub(super) fn with_limits(limits: Limits, max_open_files: usize) -> Arc<Self> {
        let fs = Arc::new(MemFs::new());
        // Few names, known to exist or not to, so that they are evicted and reclaimed now and then.
        let tree =
            TreeConfig { negatives: 3, negatives_per_directory: 2, dentries: 4, hash_key: None };
        let vfs = Vfs::builder()
            .tree(tree)
            .notify(NotifyConfig { limits, ..NotifyConfig::default() })
            .max_open_files(max_open_files)
            .build(fs.clone())
            .unwrap();
        let cx = vfs.context();
        let world = Self { vfs, cx, fs };
        for dir in ["/a", "/b"] {
            world.vfs.mkdir(&world.cx, dir, 0o755).unwrap();
        }
        world.make("/a/f").unwrap();
        Arc::new(world)
    }

    pub(super) fn make(&self, path: &str) -> Result<()> {
        self.vfs.mknod(&self.cx, path, InodeKind::Regular, 0o644, 0)
    }

    pub(super) fn open(&self, path: &str, flags: OpenFlags) -> Result<File> {
        self.vfs.open(&self.cx, path, flags, 0o644)
    }

    pub(super) fn rename(&self, old: &str, new: &str) -> Result<()> {
        self.vfs.rename(&self.cx, old, new, RenameFlags::empty())
    }

    pub(super) fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).unwrap()
    }

    pub(super) fn watch(&self, inotify: &Inotify, path: &str, mask: WatchMask) -> i32 {
        self.vfs.add_watch(&self.cx, inotify, path, mask).unwrap().as_raw()
    }

    /// Checks every invariant; then removes everything, drops everything, and checks that nothing
    /// is left of it: no watch, no open file, no name, no inode, no byte, and no cycle of counts.
    pub(super) fn end(world: Arc<Self>) {
        let world = Arc::into_inner(world).expect("the last reference to the world");
        world.vfs.verify().unwrap();
        assert_eq!(world.vfs.nr_open_files(), 0, "an open file was left");
        assert_eq!(world.vfs.notifier().usage(0), (0, 0), "a watch or an instance was left");
        world.remove_all("");
        world.vfs.reap();
        world.vfs.verify().unwrap();
        let Self { vfs, cx, fs } = world;
        let tree = Arc::downgrade(vfs.tree());
        let notifier = Arc::downgrade(vfs.notifier());
        assert_eq!((vfs.tree().live_dentries(), vfs.tree().live_inodes()), (1, 1));
        let left = vfs.notifier();
        let left = (left.groups().live(), left.marks().live(), left.connectors().live());
        assert_eq!(left, (0, 0, 0), "groups, marks and connectors were left");
        let stats = fs.stats();
        assert_eq!((stats.inodes, stats.bytes), (1, 0), "the file system kept something");
        drop((vfs, cx));
        assert!(notifier.upgrade().is_none(), "the notifier was not freed");
        assert!(tree.upgrade().is_none(), "the tree was not freed");
        assert!(Arc::into_inner(fs).is_some(), "the file system was not let go of");
    }

    fn remove_all(&self, dir: &str) {
        let entries = self.vfs.list(&self.cx, format!("{dir}/")).unwrap();
        for entry in entries {
            let name = String::from_utf8(entry.name).unwrap();
            if name == "." || name == ".." {
                continue;
            }
            let path = format!("{dir}/{name}");
            if entry.kind.is_dir() {
                self.remove_all(&path);
                self.vfs.rmdir(&self.cx, path).unwrap();
            } else {
                self.vfs.unlink(&self.cx, path).unwrap();
            }
        }
    }
}

/// The queued events.
pub(super) fn events(inotify: &Inotify) -> Vec<Seen> {
    let event = |event: Event| match event {
        Event::Fs(event) => {
            let name = String::from_utf8(event.name.to_vec()).unwrap();
            (event.wd.as_raw(), event.mask, name)
        }
        Event::Overflow { .. } => panic!("an overflow"),
    };
    inotify.drain().into_iter().map(event).collect()
}

/// How many of the events are of this kind, with this name.
pub(super) fn count(events: &[Seen], mask: EventMask, name: &str) -> usize {
    events.iter().filter(|event| event.1.contains(mask) && event.2 == name).count()
}

pub(super) fn remove(inotify: &Inotify, wd: i32) -> bool {
    inotify.rm_watch(WatchDescriptor::from_raw(wd)).is_ok()
}

/// Asserts that the events of one watch end with IGNORED, and with nothing else of it behind.
pub(super) fn assert_ends_with_ignored(events: &[Seen], wd: i32) {
    let of_wd: Vec<_> = events.iter().filter(|event| event.0 == wd).collect();
    let ignored = of_wd.iter().filter(|event| event.1 == EventMask::IGNORED).count();
    let last = of_wd.last().map(|event| event.1);
    assert!(ignored == 1 && last == Some(EventMask::IGNORED), "wd {wd} in {events:?}");
}

/// Asserts that an operation succeeded or failed as one of these.
#[track_caller]
pub(super) fn expect<T: std::fmt::Debug>(result: Result<T>, allowed: &[Errno]) -> bool {
    match result {
        Ok(_) => true,
        Err(error) if allowed.contains(&error.errno()) => false,
        Err(error) => panic!("{error}, and not one of {allowed:?}"),
    }
}

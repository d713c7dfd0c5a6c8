//! The shared parts of the shuttle models: a small file system whose operations call the hooks as an embedder
//! would, under the locks that an embedder would hold.

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
pub(super) use crate::base::sync::model_helpers::{check, thread, together};
use crate::base::sync::{Arc, RwLockWriteGuard, rank};
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::directory::DirSlot;
use crate::tree::directory::DirState;
use crate::tree::{Dentry, InodeSpec, SuperblockRef, Tree};

/// The guard of a directory's lock.
pub(super) type Locked<'a> = RwLockWriteGuard<'a, DirState, { rank::DIRECTORY }>;

/// A file system of a root, two directories in it, `a` and `b`, and a file, `a/f`.
pub(super) struct HookWorld {
    pub(super) notifier: Arc<Notifier>,
    pub(super) superblock: SuperblockRef,
    pub(super) root: DentryRef,
    pub(super) a: DentryRef,
    pub(super) b: DentryRef,
    pub(super) file: DentryRef,
}

impl HookWorld {
    pub(super) fn new() -> Arc<Self> {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let a = link(&superblock, &root, b"a", 2, InodeKind::Directory);
        let b = link(&superblock, &root, b"b", 3, InodeKind::Directory);
        let file = link(&superblock, &a, b"f", 4, InodeKind::Regular);
        Arc::new(Self { notifier, superblock, root, a, b, file })
    }

    pub(super) fn inotify(&self) -> Inotify {
        Inotify::new(&self.notifier, 0).unwrap()
    }

    /// Makes a file in a directory, under its lock.
    pub(super) fn create(&self, dir: &DentryRef, name: &[u8], ino: u64) -> DentryRef {
        let _lock = lock(dir);
        let file = link(&self.superblock, dir, name, ino, InodeKind::Regular);
        self.notifier.hooks().on_create(dir.get(), name, file.get().inode());
        file
    }

    /// Removes the last name of a file, under the lock of its directory. Its death is reported under that lock
    /// too if `file` is the last reference except the name's.
    pub(super) fn unlink(&self, dir: &DentryRef, file: DentryRef) {
        let _lock = lock(dir);
        self.notifier.hooks().remove(file).unwrap();
    }

    /// Moves a file to another directory, under the locks of both.
    pub(super) fn rename(&self, from: &DentryRef, to: &DentryRef, file: &DentryRef, name: &[u8]) {
        let _rename = self.superblock.slot().lock_rename();
        let (_one, _two) = if slot(from) < slot(to) {
            let one = lock(from);
            (one, lock(to))
        } else {
            let two = lock(to);
            (lock(from), two)
        };
        self.notifier.hooks().rename(file.get(), to.get(), name).unwrap();
    }

    pub(super) fn modify(&self) {
        self.notifier.hooks().on_modify(self.file.get());
    }

    /// Checks every invariant, reaps, and checks again.
    pub(super) fn verify(&self) {
        self.notifier.verify().unwrap();
        self.notifier.reap(|_, _, _| {});
        self.notifier.verify().unwrap();
    }
}

/// Gives the inode of this number a name. Makes the inode if there is none.
fn link(
    superblock: &SuperblockRef,
    dir: &DentryRef,
    name: &[u8],
    ino: u64,
    kind: InodeKind,
) -> DentryRef {
    let inode = dir.tree().make_inode(superblock, InodeSpec { ino, kind, nlink: 1 }).unwrap();
    dir.notifier().instantiate(dir.get(), name, inode).unwrap()
}

fn slot(dir: &DentryRef) -> Ix<DirSlot> {
    dir.get().inode().dir().expect("a directory")
}

/// Locks a directory for writing, as an operation on its names does.
pub(super) fn lock(dir: &DentryRef) -> Locked<'_> {
    let slot = slot(dir);
    dir.tree().dir_at(slot).lock.write_keyed(u64::from(slot))
}

/// Adds a watch on the inode of a dentry.
pub(super) fn watch(inotify: &Inotify, dentry: &DentryRef, mask: WatchMask) -> i32 {
    inotify.add_watch(&dentry.inode_ref(), mask).unwrap().as_raw()
}

pub(super) fn remove(inotify: &Inotify, wd: i32) -> bool {
    inotify.rm_watch(WatchDescriptor::from_raw(wd)).is_ok()
}

/// Drains the events, as watch descriptors and masks.
pub(super) fn events(inotify: &Inotify) -> Vec<(i32, EventMask)> {
    let event = |event: Event| match event {
        Event::Fs(event) => (event.wd.as_raw(), event.mask),
        Event::Overflow { .. } => panic!("an overflow"),
    };
    inotify.drain().into_iter().map(event).collect()
}

/// Asserts that the events of one watch have one IGNORED, at their end.
pub(super) fn assert_ends_with_ignored(events: &[(i32, EventMask)], wd: i32) {
    let of_wd: Vec<_> = events.iter().filter(|event| event.0 == wd).collect();
    let ignored = of_wd.iter().filter(|event| event.1 == EventMask::IGNORED).count();
    let last = of_wd.last().map(|event| event.1);
    assert!(ignored == 1 && last == Some(EventMask::IGNORED), "wd {wd} in {events:?}");
}

/// Whether a dentry's flag is set.
pub(super) fn is_flagged(dentry: Dentry<'_>) -> bool {
    dentry.is_parent_watched()
}

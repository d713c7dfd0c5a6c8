//! The notifier on a tree, without a VFS: the events that each hook delivers.

mod dispatch;
mod fanotify_like;
mod flags;
mod hooks;
mod lifetime;
mod marks;
mod pruning;
mod recipes;

use std::cell::Cell;

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// A file system with the directory `d`, a file and a directory in it, `d/f` and `d/s`, and a second
/// directory, `e`.
struct NotifyStage {
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    d: DentryRef,
    e: DentryRef,
    f: DentryRef,
    s: DentryRef,
    next_ino: Cell<u64>,
}

impl NotifyStage {
    fn new() -> Self {
        Self::with(NotifyConfig::default())
    }

    fn with(config: NotifyConfig) -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, config).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let ino = Cell::new(2);
        let make = |dir: &DentryRef, name: &str, kind| make(&superblock, &ino, dir, name, kind);
        let d = make(&root, "d", InodeKind::Directory);
        let e = make(&root, "e", InodeKind::Directory);
        let f = make(&d, "f", InodeKind::Regular);
        let s = make(&d, "s", InodeKind::Directory);
        Self { notifier, root, d, e, f, s, next_ino: ino, superblock }
    }

    fn make(&self, dir: &DentryRef, name: &str, kind: InodeKind) -> DentryRef {
        make(&self.superblock, &self.next_ino, dir, name, kind)
    }

    fn file(&self, dir: &DentryRef, name: &str) -> DentryRef {
        self.make(dir, name, InodeKind::Regular)
    }

    fn inotify(&self) -> Inotify {
        Inotify::new(&self.notifier, 0).unwrap()
    }

    /// Makes an instance with one watch.
    fn watcher(&self, on: &DentryRef, mask: WatchMask) -> Inotify {
        let inotify = self.inotify();
        watch(&inotify, on, mask);
        inotify
    }

    /// The events in the published interest of an object. Every watch also wants UNMOUNT, which is left out.
    fn interest(&self, of: &DentryRef) -> EventMask {
        let all = EventMask::from_bits_retain(of.get().inode().notify().interest());
        let events = all & EventMask::ALL_EVENTS & !EventMask::UNMOUNT;
        assert_eq!(all.is_empty(), events.is_empty(), "{all:?}");
        events
    }

    /// Removes the last name and puts the given reference.
    fn unlink(&self, dentry: DentryRef) {
        dentry.get().inode().set_nlink(0);
        drop(dentry.notifier().unhash(dentry.get(), false).unwrap().expect("it has a name"));
        drop(dentry);
    }

    fn verify(&self) {
        self.notifier.verify().unwrap();
        self.notifier.tree().verify().unwrap();
    }
}

fn make(
    superblock: &SuperblockRef,
    ino: &Cell<u64>,
    dir: &DentryRef,
    name: &str,
    kind: InodeKind,
) -> DentryRef {
    let ino = ino.replace(ino.get() + 1);
    let spec = InodeSpec { ino, kind, nlink: if kind.is_dir() { 2 } else { 1 } };
    let inode = superblock.tree().make_inode(superblock, spec).unwrap();
    dir.notifier().instantiate(dir.get(), name.as_bytes(), inode).unwrap()
}

fn watch(inotify: &Inotify, on: &DentryRef, mask: WatchMask) -> WatchDescriptor {
    inotify.add_watch(&on.inode_ref(), mask).unwrap()
}

/// Drains the events, as `wd EVENTS name`, with the cookie where there is one.
fn delivered(inotify: &Inotify) -> Vec<String> {
    let line = |event: Event| {
        let event = event.fs_event().expect("no overflow").clone();
        let mut line = format!("{} {}", event.wd.as_raw(), bits(event.mask));
        if !event.name.is_empty() {
            line += &format!(" {}", String::from_utf8_lossy(&event.name));
        }
        if event.cookie != 0 {
            line += &format!(" cookie {}", event.cookie);
        }
        line
    };
    inotify.drain().into_iter().map(line).collect()
}

fn bits(mask: EventMask) -> String {
    let names: Vec<_> = mask.iter_names().map(|(name, _)| name).collect();
    names.join("|")
}

//! This crate: a tree with its notifier, and hooks called as an embedder's VFS calls them.

use std::hint::black_box;

use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{DentryRef, EventMask, InodeKind, Lookup};

use crate::side::{Result, Side};
use benches::{Embedded, memory};

/// The crate's side.
#[derive(Debug)]
pub(crate) struct TreeSide {
    world: Embedded,
    inotify: Inotify,
    /// Something is always watched, so that flags are looked at all the time.
    _elsewhere: Inotify,
}

impl TreeSide {
    /// An empty tree.
    pub(crate) fn new() -> Result<Self> {
        let world = Embedded::default();
        let elsewhere = world.group();
        let other = world.dir(&world.root, "elsewhere");
        elsewhere.add_watch_on(&other.inode_ref(), WatchMask::ATTRIB)?;
        let inotify = world.group();
        Ok(Self { world, inotify, _elsewhere: elsewhere })
    }

    fn find(&self, dir: &DentryRef, name: &[u8]) -> Result<DentryRef> {
        match self.world.tree.lookup(dir.get(), name)? {
            Lookup::Positive(dentry) => Ok(dentry),
            other => Err(format!("{} is {other:?}", name.escape_ascii()).into()),
        }
    }

    /// Takes the name of a dentry away, which is remembered as missing, and gives the dentry back.
    fn remove(&self, parent: &DentryRef, dentry: DentryRef, name: &[u8]) -> Result {
        let Embedded { tree, notifier, .. } = &self.world;
        let inode = dentry.get().inode();
        let kind = inode.kind();
        inode.set_nlink(0);
        notifier.on_link_count(inode);
        let use_by_name = tree.unhash(dentry.get(), true)?;
        notifier.dput(dentry);
        // The death of the inode is reported here, before its directory hears of it.
        use_by_name.into_iter().for_each(|dentry| notifier.dput(dentry));
        notifier.on_delete(parent.get(), name, kind);
        Ok(())
    }

    fn expect_one(&self, right: impl FnOnce(&Event) -> bool, what: &str) -> Result {
        let events = self.inotify.drain();
        match &events[..] {
            [event] if right(event) => Ok(()),
            _ => Err(format!("expected {what}, and heard {events:?}").into()),
        }
    }
}

impl Side for TreeSide {
    type Dir = DentryRef;
    type Watch = WatchDescriptor;

    fn name(&self) -> &str {
        "vfsnotify"
    }

    fn memory(&self) -> usize {
        memory::resident()
    }

    fn negatives(&self) -> Option<u64> {
        Some(self.world.tree.negatives() as u64)
    }

    fn mkdir(&self, name: &str) -> Result<DentryRef> {
        let dir = self.world.dir(&self.world.root, name);
        let root = self.world.root.get();
        self.world.notifier.on_create(root, name.as_bytes(), InodeKind::Directory);
        Ok(dir)
    }

    fn create(&self, dir: &DentryRef, name: &[u8]) -> Result {
        let dentry = self.world.file(dir, str::from_utf8(name)?);
        self.world.notifier.on_create(dir.get(), name, InodeKind::Regular);
        self.world.notifier.dput(dentry);
        Ok(())
    }

    fn unlink(&self, dir: &DentryRef, name: &[u8]) -> Result {
        self.remove(dir, self.find(dir, name)?, name)
    }

    fn miss(&self, dir: &DentryRef, name: &[u8]) -> Result {
        Ok(self.world.tree.remember_missing(dir.get(), name)?)
    }

    fn look_up(&self, dir: &DentryRef, name: &[u8], exists: bool) -> Result {
        match self.world.tree.lookup(dir.get(), name)? {
            Lookup::Positive(dentry) if exists => self.world.notifier.dput(black_box(dentry)),
            Lookup::Negative if !exists => {}
            other => return Err(format!("{} is {other:?}", name.escape_ascii()).into()),
        }
        Ok(())
    }

    fn open_close(&self, dir: &DentryRef, name: &[u8]) -> Result {
        let dentry = self.find(dir, name)?;
        self.world.notifier.on_open(dentry.get());
        self.world.notifier.on_close(dentry.get(), false);
        self.world.notifier.dput(dentry);
        Ok(())
    }

    fn touch(&self, dir: &DentryRef, name: &[u8]) -> Result {
        let dentry = self.find(dir, name)?;
        self.world.notifier.on_attrib(dentry.get(), EventMask::ATTRIB);
        self.world.notifier.dput(dentry);
        Ok(())
    }

    fn watch(&self, dir: &DentryRef) -> Result<WatchDescriptor> {
        Ok(self.inotify.add_watch_on(&dir.inode_ref(), WatchMask::ATTRIB)?)
    }

    fn expect_touch(&self, watch: WatchDescriptor, name: &[u8]) -> Result {
        let is_touch = |event: &Event| {
            event.happened().is_some_and(|event| {
                event.wd == watch && event.mask == EventMask::ATTRIB && *event.name == *name
            })
        };
        self.expect_one(is_touch, &format!("ATTRIB of {}", name.escape_ascii()))
    }

    fn unwatch(&self, watch: WatchDescriptor) -> Result {
        self.inotify.rm_watch(watch)?;
        let is_end =
            |event: &Event| event.happened().is_some_and(|event| event.mask == EventMask::IGNORED);
        self.expect_one(is_end, "IGNORED")
    }

    fn expect_silence(&self) -> Result {
        match &self.inotify.drain()[..] {
            [] => Ok(()),
            events => Err(format!("expected nothing, and heard {events:?}").into()),
        }
    }

    fn rmdir(&self, dir: DentryRef) -> Result {
        let name = dir.get().name();
        let root = self.world.root.clone();
        self.remove(&root, dir, &name)
    }

    fn tidy_step(&self) -> bool {
        self.world.notifier.reap_step(|_superblock, _ino, _lookups| {})
    }

    fn verify(&self) -> Result {
        Ok(self.world.notifier.verify()?)
    }
}

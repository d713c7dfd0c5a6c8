//! This crate: a tree with its notifier, and hooks called as an embedder's VFS calls them.

use std::hint::black_box;

use vfsnotify::EventMask;
use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::{DentryRef, Lookup};

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
        elsewhere.add_watch(&other.inode_ref(), WatchMask::ATTRIB)?;
        let inotify = world.group();
        Ok(Self { world, inotify, _elsewhere: elsewhere })
    }

    fn find(&self, dir: &DentryRef, name: &[u8]) -> Result<DentryRef> {
        match self.world.notifier.lookup(dir.get(), name)? {
            Lookup::Positive(dentry) => Ok(dentry),
            other => Err(format!("{} is {other:?}", name.escape_ascii()).into()),
        }
    }

    fn expect_one(&self, right: impl FnOnce(&Event) -> bool, what: &str) -> Result {
        let events = self.inotify.drain();
        match &events[..] {
            [event] if right(event) => Ok(()),
            _ => Err(format!("expected {what}, and got {events:?}").into()),
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
        self.world.notifier.hooks().on_create(root, name.as_bytes(), dir.get().inode());
        Ok(dir)
    }

    fn create(&self, dir: &DentryRef, name: &[u8]) -> Result {
        let dentry = self.world.file(dir, str::from_utf8(name)?);
        self.world.notifier.hooks().on_create(dir.get(), name, dentry.get().inode());
        drop(dentry);
        Ok(())
    }

    fn unlink(&self, dir: &DentryRef, name: &[u8]) -> Result {
        Ok(self.world.notifier.hooks().remove(self.find(dir, name)?)?)
    }

    fn miss(&self, dir: &DentryRef, name: &[u8]) -> Result {
        Ok(self.world.notifier.remember_missing(dir.get(), name)?)
    }

    fn look_up(&self, dir: &DentryRef, name: &[u8], exists: bool) -> Result {
        match self.world.notifier.lookup(dir.get(), name)? {
            Lookup::Positive(dentry) if exists => drop(black_box(dentry)),
            Lookup::Negative if !exists => {}
            other => return Err(format!("{} is {other:?}", name.escape_ascii()).into()),
        }
        Ok(())
    }

    fn open_close(&self, dir: &DentryRef, name: &[u8]) -> Result {
        let dentry = self.find(dir, name)?;
        self.world.notifier.hooks().on_open(dentry.get());
        self.world.notifier.hooks().on_close(dentry.get(), false);
        drop(dentry);
        Ok(())
    }

    fn touch(&self, dir: &DentryRef, name: &[u8]) -> Result {
        let dentry = self.find(dir, name)?;
        self.world.notifier.hooks().on_attrib(dentry.get(), EventMask::ATTRIB);
        drop(dentry);
        Ok(())
    }

    fn watch(&self, dir: &DentryRef) -> Result<WatchDescriptor> {
        Ok(self.inotify.add_watch(&dir.inode_ref(), WatchMask::ATTRIB)?)
    }

    fn expect_touch(&self, watch: WatchDescriptor, name: &[u8]) -> Result {
        let is_touch = |event: &Event| {
            event.fs_event().is_some_and(|event| {
                event.wd == watch && event.mask == EventMask::ATTRIB && *event.name == *name
            })
        };
        self.expect_one(is_touch, &format!("ATTRIB of {}", name.escape_ascii()))
    }

    fn unwatch(&self, watch: WatchDescriptor) -> Result {
        self.inotify.rm_watch(watch)?;
        let is_end =
            |event: &Event| event.fs_event().is_some_and(|event| event.mask == EventMask::IGNORED);
        self.expect_one(is_end, "IGNORED")
    }

    fn expect_silence(&self) -> Result {
        match &self.inotify.drain()[..] {
            [] => Ok(()),
            events => Err(format!("expected nothing, and got {events:?}").into()),
        }
    }

    fn rmdir(&self, dir: DentryRef) -> Result {
        Ok(self.world.notifier.hooks().remove(dir)?)
    }

    fn tidy_step(&self) -> bool {
        self.world.notifier.reap_step(|_superblock, _ino, _lookups| {})
    }

    fn verify(&self) -> Result {
        Ok(self.world.notifier.verify()?)
    }
}

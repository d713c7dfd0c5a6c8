//! Hooks that match no mark: no watch anywhere, a watch elsewhere, the parent watched for another
//! event.

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::DentryRef;

use super::hook::Hook;
use super::team;
use benches::{Embedded, per_call};

/// A directory with two files, and what is watched around them.
#[derive(Debug)]
pub(crate) struct Quiet {
    pub name: &'static str,
    world: Embedded,
    files: [DentryRef; 2],
    inotify: Inotify,
}

impl Quiet {
    fn new(name: &'static str) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "dir");
        let files = ["one", "two"].map(|name| world.file(&dir, name));
        let inotify = world.group();
        Self { name, world, files, inotify }
    }

    /// No watch anywhere.
    pub(crate) fn no_watch() -> Self {
        let quiet = Self::new("no watch");
        assert!(quiet.files.iter().all(|file| !file.get().is_parent_watched()));
        quiet
    }

    /// A file in another directory is watched for everything.
    pub(crate) fn watch_elsewhere() -> Self {
        let quiet = Self::new("watch elsewhere");
        let dir = quiet.world.dir(&quiet.world.root, "elsewhere");
        let other = quiet.world.file(&dir, "other");
        quiet.watch(&other, WatchMask::ALL_EVENTS);
        quiet.world.notifier.hooks().on_access(other.get());
        assert_eq!(quiet.inotify.drain().len(), 1, "the other file is watched");
        quiet
    }

    /// The directory is watched for another event of its children, so they carry the flag.
    pub(crate) fn parent_watched() -> Self {
        let quiet = Self::new("parent watched for another event");
        let dir = quiet.files[0].parent().expect("a parent");
        quiet.watch(&dir, WatchMask::ATTRIB);
        assert!(quiet.files.iter().all(|file| file.get().is_parent_watched()));
        quiet
    }

    fn watch(&self, what: &DentryRef, mask: WatchMask) {
        self.inotify.add_watch(&what.inode_ref(), mask).expect("a watch");
    }

    /// Nanoseconds of a hook, with so many threads, each on a file of its own.
    pub(crate) fn time_per_hook<H: Hook>(&self, threads: usize, calls: u32) -> f64 {
        let notifier = &self.world.notifier;
        let time = team::mean(threads, |number| {
            let file = self.files[number].get();
            per_call(calls, || H::call(notifier, file))
        });
        assert!(self.inotify.is_empty(), "they match no mark");
        time / f64::from(H::HOOKS)
    }
}

//! This crate, through its public interface for programs with a VFS of their own.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vfsnotify::EventMask;
use vfsnotify::inotify::{Event as Queued, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::tree::InodeRef;

use crate::strategy::{Child, Event, PROBED, Strategy, WATCHERS};
use benches::Embedded;

/// A directory in a tree with its notifier. The wanted event is `MODIFY`, the other `ACCESS`.
#[derive(Debug)]
pub(crate) struct Ours {
    world: Embedded,
    dir: DentryRef,
    inode: InodeRef,
    children: usize,
    probed: Vec<DentryRef>,
    last: DentryRef,
    watchers: [Watcher; WATCHERS],
    /// Keeps the gate open, so that hooks look at children while the directory is not watched.
    _elsewhere: Inotify,
    walks: AtomicU64,
}

#[derive(Debug)]
struct Watcher {
    group: Inotify,
    wd: AtomicI32,
}

/// A name that is known not to exist.
const MISSING: &[u8] = b"missing";
/// How long to try: the flag of a child is not cleared while its parent's lock is busy.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Ours {
    pub(crate) fn new(children: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "watched");
        world.files_in_creation_order(&dir, children);
        world.notifier.remember_missing(dir.get(), MISSING).expect("a negative dentry");
        let child = |number: usize| world.child(&dir, &number.to_string());
        // A walk goes from the last one made to the first.
        let probed = (1..=PROBED).map(|number| child(number * children / PROBED - 1)).collect();
        let last = child(0);
        let elsewhere = world.group();
        let other = world.dir(&world.root, "elsewhere");
        elsewhere.add_watch(&other.inode_ref(), WatchMask::MODIFY).expect("a watch elsewhere");
        let watchers =
            std::array::from_fn(|_| Watcher { group: world.group(), wd: AtomicI32::new(0) });
        let (inode, walks) = (dir.inode_ref(), AtomicU64::new(0));
        Self { world, dir, inode, children, probed, last, watchers, _elsewhere: elsewhere, walks }
    }

    fn dentry(&self, child: Child) -> &DentryRef {
        match child {
            Child::Probed(number) => &self.probed[number],
            Child::Last => &self.last,
        }
    }
}

impl Strategy for Ours {
    fn name(&self) -> &'static str {
        "vfsnotify"
    }

    fn children(&self) -> usize {
        self.children
    }

    fn add(&self, watcher: usize) {
        let Watcher { group, wd } = &self.watchers[watcher];
        let pending = group.start_watch(&self.inode, WatchMask::MODIFY).expect("a watch");
        if !pending.is_ready() {
            self.walks.fetch_add(1, Ordering::Relaxed);
        }
        let added = pending.wait().expect("a watch that is ready");
        wd.store(added.as_raw(), Ordering::Relaxed);
    }

    fn remove(&self, watcher: usize) {
        let Watcher { group, wd } = &self.watchers[watcher];
        let wd = WatchDescriptor::from_raw(wd.load(Ordering::Relaxed));
        group.rm_watch(wd).expect("the watch is there");
        drop(group.drain());
    }

    fn touch(&self, child: Child, event: Event, watcher: usize) -> bool {
        let dentry = self.dentry(child).get();
        match event {
            Event::Unwanted => {
                self.world.notifier.hooks().on_access(dentry);
                false
            }
            Event::Wanted => {
                self.world.notifier.hooks().on_modify(dentry);
                let is_modify = |event: &Queued| {
                    event.fs_event().is_some_and(|event| event.mask.contains(EventMask::MODIFY))
                };
                self.watchers[watcher].group.drain().iter().any(is_modify)
            }
        }
    }

    /// Takes `children` for writing, as a look-up does that remembers a missing name, and finds
    /// that it is remembered already: so nothing grows.
    fn miss(&self) {
        self.world.notifier.remember_missing(self.dir.get(), MISSING).expect("a negative dentry");
    }

    fn is_flagged(&self, child: Child) -> bool {
        self.dentry(child).get().is_parent_watched()
    }

    fn forget(&self) {
        self.lose();
    }

    /// One lost flag is enough for a walk over all.
    fn lose(&self) {
        let start = Instant::now();
        while self.is_flagged(Child::Last) {
            assert!(start.elapsed() < TIMEOUT, "the flag was not cleared");
            self.touch(Child::Last, Event::Unwanted, 0);
        }
    }

    fn walks(&self) -> u64 {
        self.walks.load(Ordering::Relaxed)
    }
}

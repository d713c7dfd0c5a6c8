//! Hooks after the watch went away: the children still carry the flag, and the first hook on each
//! clears it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::notify::Notifier;
use vfsnotify::tree::Dentry;

use super::hook::Hook;
use super::team;
use benches::{Embedded, per_call};

/// A directory with many children, and a watch elsewhere that keeps the gate open: behind a closed
/// gate no hook looks at a flag.
#[derive(Debug)]
pub(crate) struct Stale {
    world: Embedded,
    dir: DentryRef,
    children: Vec<DentryRef>,
    inotify: Inotify,
}

/// Nanoseconds of one hook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touches {
    /// The first hooks on each of the children.
    pub first: f64,
    /// The hooks on each of the children after that.
    pub later: f64,
    /// The same hooks on one child, over and over.
    pub one: f64,
}

impl Stale {
    pub(crate) fn new(children: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "dir");
        let children = (0..children).map(|number| world.file(&dir, &format!("{number}"))).collect();
        let inotify = world.group();
        let elsewhere = world.dir(&world.root, "elsewhere");
        inotify.add_watch(&elsewhere.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
        Self { world, dir, children, inotify }
    }

    /// Lets the directory be watched for a moment, so that every child carries a stale flag.
    fn make_stale(&self) {
        let inode = self.dir.inode_ref();
        let wd = self.inotify.add_watch(&inode, WatchMask::ALL_EVENTS).expect("a watch");
        self.inotify.rm_watch(wd).expect("a removal");
        assert_eq!(self.inotify.drain().len(), 1, "IGNORED");
        assert!(self.children.iter().all(|child| child.get().is_parent_watched()));
    }

    /// The cost of hooks after the watch went away, the children shared out among the threads.
    pub(crate) fn time_per_hook<H: Hook>(&self, threads: usize, calls: u32) -> Touches {
        self.make_stale();
        let notifier = &self.world.notifier;
        let figures = team::run(threads, |number| {
            let share = self.children.len() / threads;
            let children: Vec<Dentry<'_>> =
                self.children[number * share..][..share].iter().map(DentryRef::get).collect();
            let pass = || touch_each::<H>(notifier, &children);
            let (first, later) = (pass(), pass());
            let one = children[0];
            [first, later, per_call(calls, || H::call(notifier, one))]
        });
        assert!(self.inotify.is_empty(), "they match no mark");
        let left = self.children.iter().filter(|child| child.get().is_parent_watched()).count();
        // A clear is left out where another thread is just looking at that child's parent.
        assert!(left * 20 <= self.children.len() * (threads - 1), "{left} flags are still stale");
        let mean = |which: usize| {
            let sum: f64 = figures.iter().map(|figures| figures[which]).sum();
            sum / threads as f64 / f64::from(H::HOOKS)
        };
        Touches { first: mean(0), later: mean(1), one: mean(2) }
    }
}

/// Nanoseconds of one call on each of these, without those of going through them.
fn touch_each<H: Hook>(notifier: &Arc<Notifier>, children: &[Dentry<'_>]) -> f64 {
    let start = Instant::now();
    for child in children {
        black_box(*child);
    }
    let empty = start.elapsed();
    let start = Instant::now();
    for child in children {
        H::call(notifier, *black_box(child));
    }
    (start.elapsed().as_nanos() as f64 - empty.as_nanos() as f64) / children.len() as f64
}

//! This crate's side: a directory that was never watched, and what is done to it.

use std::time::{Duration, Instant};

use vfsnotify::EventMask;
use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::tree::InodeRef;

use crate::order::Order;
use crate::scan::Sweep;
use benches::{Embedded, Sample, thread_cpu};

/// How many of the children are looked at to see that a walk did what it should.
const PROBES: usize = 1000;
/// How many children lose their flag before the add that has to walk again.
const LOST: usize = 100;
/// How many calls a figure of a single call is the median of.
const CALLS: usize = 501;
/// How many walks after a loss a figure is the median of.
const LOSSES: usize = 3;

/// The figures of fresh directories of one kind, one entry a round.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// First add, nanoseconds per child.
    pub(crate) first: Sample,
    /// The same in CPU time of the thread.
    pub(crate) first_cpu: Sample,
    /// Add with flags lost before, nanoseconds per child.
    pub(crate) lost: Sample,
    /// Second add, microseconds.
    pub(crate) second: Sample,
    /// Add with no flag lost before, microseconds.
    pub(crate) remembered: Sample,
    /// Removal of the only watch, microseconds.
    pub(crate) remove: Sample,
}

/// A directory with many children.
#[derive(Debug)]
pub(crate) struct Directory {
    world: Embedded,
    inode: InodeRef,
    children: usize,
    probes: Vec<DentryRef>,
    group: Inotify,
    /// Keeps the gate open, so that hooks look at children while the directory is not watched.
    elsewhere: Inotify,
}

impl Directory {
    /// Makes one; `negatives` names in it are known not to exist.
    pub(crate) fn new(order: Order, children: usize, negatives: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "watched");
        world.negatives(&dir, negatives);
        match order {
            Order::Creation => world.files_in_creation_order(&dir, children),
            Order::Shuffled => world.files_in_random_order(&dir, children),
        }
        assert_eq!(world.tree.negatives(), negatives, "negative dentries were evicted");
        let step = children.div_ceil(PROBES).max(1);
        let probes = (0..children)
            .step_by(step)
            .map(|number| world.child(&dir, &format!("{number}")))
            .collect();
        let elsewhere = world.group();
        let other = world.dir(&world.root, "elsewhere");
        elsewhere.add_watch(&other.inode_ref(), WatchMask::MODIFY).expect("a watch elsewhere");
        let (inode, group) = (dir.inode_ref(), world.group());
        Self { world, inode, children, probes, group, elsewhere }
    }

    /// Adds a watch, and tells whether the children had to be walked over for it.
    fn add(&self, group: &Inotify) -> (WatchDescriptor, bool) {
        let pending = group.start_watch(&self.inode, WatchMask::MODIFY).expect("a watch");
        let walks = !pending.is_ready();
        (pending.wait().expect("a watch that is ready"), walks)
    }

    fn remove(&self, group: &Inotify, wd: WatchDescriptor) {
        group.rm_watch(wd).expect("the watch is there");
    }

    fn flagged(&self) -> usize {
        self.probes.iter().filter(|child| child.get().is_parent_watched()).count()
    }

    /// Checks that each child looked at is delivered.
    fn check_delivered(&self) {
        assert_eq!(self.flagged(), self.probes.len(), "a child was left out");
        drop(self.group.drain());
        for child in &self.probes {
            self.world.notifier.hooks().on_modify(child.get());
        }
        let is_modify = |event: &Event| {
            event.fs_event().is_some_and(|event| event.mask.contains(EventMask::MODIFY))
        };
        let delivered = self.group.drain().iter().filter(|event| is_modify(event)).count();
        assert_eq!(delivered, self.probes.len(), "an event was lost");
        assert!(self.elsewhere.is_empty(), "an event went elsewhere");
    }

    /// The first add of this directory's life, with cold caches.
    pub(crate) fn first_add(&self, sweep: &Sweep, figures: &mut Figures) -> WatchDescriptor {
        assert_eq!(self.flagged(), 0, "the directory is not fresh");
        self.cold_add(sweep, figures)
    }

    /// The same once more, after the watch was removed and flags were lost: it walks just as a
    /// first add does, since a walk stores to each flag whether it is set or not.
    pub(crate) fn first_add_again(
        &self,
        wd: WatchDescriptor,
        sweep: &Sweep,
        figures: &mut Figures,
    ) -> WatchDescriptor {
        self.remove(&self.group, wd);
        self.lose_flags();
        self.cold_add(sweep, figures)
    }

    fn cold_add(&self, sweep: &Sweep, figures: &mut Figures) -> WatchDescriptor {
        sweep.run();
        let (cpu, start) = (thread_cpu(), Instant::now());
        let (wd, walked) = self.add(&self.group);
        let (wall, cpu) = (start.elapsed(), thread_cpu() - cpu);
        assert!(walked, "nothing was walked over");
        figures.first.0.push(self.per_child(wall));
        figures.first_cpu.0.push(self.per_child(cpu));
        self.check_delivered();
        wd
    }

    fn per_child(&self, time: Duration) -> f64 {
        time.as_nanos() as f64 / self.children as f64
    }

    /// All the rest, on a directory with one watch whose walk is complete. Returns the watch that
    /// is there in the end.
    pub(crate) fn other_calls(
        &self,
        mut wd: WatchDescriptor,
        figures: &mut Figures,
    ) -> WatchDescriptor {
        figures.second.0.push(self.second_add());
        let (mut removals, mut adds) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            removals.push(timed(|| self.remove(&self.group, wd)).0);
            let (took, (again, walked)) = timed(|| self.add(&self.group));
            assert!(!walked, "walked although no flag was lost");
            adds.push(took);
            wd = again;
        }
        figures.remove.0.push(micros(removals));
        figures.remembered.0.push(micros(adds));
        self.check_delivered();
        let mut losses = Sample::default();
        for _ in 0..LOSSES {
            self.remove(&self.group, wd);
            self.lose_flags();
            let (took, (again, walked)) = timed(|| self.add(&self.group));
            assert!(walked, "not walked although flags were lost");
            losses.0.push(self.per_child(took));
            wd = again;
            self.check_delivered();
        }
        figures.lost.0.push(losses.median());
        wd
    }

    fn second_add(&self) -> f64 {
        let other = self.world.group();
        let adds = (0..CALLS).map(|_| {
            let (took, (wd, walked)) = timed(|| self.add(&other));
            assert!(!walked, "walked for a second watch");
            self.remove(&other, wd);
            took
        });
        let adds = micros(adds.collect());
        assert_eq!(other.drain().len(), CALLS, "one IGNORED for each watch, and nothing else");
        adds
    }

    /// The next events of some children of a directory that is not watched any more.
    fn lose_flags(&self) {
        let step = self.probes.len().div_ceil(LOST);
        for child in self.probes.iter().step_by(step) {
            assert!(child.get().is_parent_watched(), "a flag that is not stale");
            self.world.notifier.hooks().on_modify(child.get());
            assert!(!child.get().is_parent_watched(), "a stale flag that was not cleared");
        }
    }
}

fn timed<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// The median of single calls in microseconds, without what reading the clock takes.
fn micros(calls: Vec<Duration>) -> f64 {
    let median = |times: Vec<Duration>| {
        Sample(times.iter().map(|time| time.as_nanos() as f64).collect()).median()
    };
    let clock = median((0..CALLS).map(|_| timed(|| ()).0).collect());
    (median(calls) - clock) / 1e3
}

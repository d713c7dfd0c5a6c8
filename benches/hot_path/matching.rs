//! Hooks that match: from the hook to the drained event.

use std::hint::black_box;
use std::ops::Add;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Event, Inotify};
use vfsnotify::notify::DentryRef;
use vfsnotify::notify::Notifier;

use super::hook::Hook;
use super::team;
use benches::Embedded;

/// How many events are queued before they are drained.
const BATCH: u32 = 256;

/// Two directories of one file system, each watched by a group of its own.
#[derive(Debug)]
pub(crate) struct Matching {
    world: Embedded,
    sides: [Side; 2],
}

/// A watched directory with two children, and the group that is told of them.
#[derive(Debug)]
struct Side {
    children: [DentryRef; 2],
    inotify: Inotify,
}

/// The cost of one event, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// The hook, with the push.
    pub hook: f64,
    /// The drain, and dropping the event.
    pub drain: f64,
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { hook: self.hook + other.hook, drain: self.drain + other.drain }
    }
}

impl Matching {
    /// Directories that are watched for what `H` reports.
    pub(crate) fn new<H: Hook>() -> Self {
        let world = Embedded::default();
        let sides = ["left", "right"].map(|name| {
            let dir = world.dir(&world.root, name);
            let inotify = world.group();
            inotify.add_watch(&dir.inode_ref(), H::MASK).expect("a watch");
            Side { children: ["one", "two"].map(|name| world.file(&dir, name)), inotify }
        });
        Self { world, sides }
    }

    /// The cost of one event, with so many threads, each on a directory and a group of its own.
    pub(crate) fn cost_per_event<H: Hook>(&self, threads: usize, batches: u32) -> Cost {
        let notifier = &self.world.notifier;
        let work = |number: usize| self.sides[number].cost_per_event::<H>(notifier, batches);
        let sum = team::run(threads, work).into_iter().fold(Cost::default(), Add::add);
        Cost { hook: sum.hook / threads as f64, drain: sum.drain / threads as f64 }
    }
}

impl Side {
    fn cost_per_event<H: Hook>(&self, notifier: &Arc<Notifier>, batches: u32) -> Cost {
        let mut events: Vec<Event> = Vec::with_capacity(BATCH as usize);
        // The queue's memory is made here, and stays.
        self.batch::<H>(notifier, &mut events);
        let before = self.inotify.stats();
        let (mut hook, mut drain) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..batches {
            let times = self.batch::<H>(notifier, &mut events);
            hook += times.0;
            drain += times.1;
        }
        let after = self.inotify.stats();
        let count = u64::from(batches) * u64::from(BATCH);
        assert_eq!(after.queued - before.queued, count, "every event was queued");
        assert_eq!((after.merged, after.lost), (0, 0), "and none merged or was lost");
        let each = |time: Duration| time.as_nanos() as f64 / count as f64;
        Cost { hook: each(hook) - empty::<H>(batches) / count as f64, drain: each(drain) }
    }

    /// Queues one batch and drains it. The two children take turns, so that no event equals the
    /// one before it and disappears in it.
    #[inline(always)]
    fn batch<H: Hook>(
        &self,
        notifier: &Arc<Notifier>,
        events: &mut Vec<Event>,
    ) -> (Duration, Duration) {
        let [one, two] = &self.children;
        let (one, two) = (one.get(), two.get());
        let start = Instant::now();
        for turn in 0..BATCH / H::HOOKS / 2 {
            black_box(turn);
            H::call(notifier, one);
            H::call(notifier, two);
        }
        let queued = Instant::now();
        let count = self.inotify.drain_into(events, BATCH as usize);
        assert_eq!(black_box(&*events).len(), count);
        events.clear();
        let drained = Instant::now();
        assert_eq!(count, BATCH as usize, "all of the batch came");
        (queued - start, drained - queued)
    }
}

/// Nanoseconds of so many batches of nothing: the loop, and the two looks at the clock.
fn empty<H: Hook>(batches: u32) -> f64 {
    let mut time = Duration::ZERO;
    for _ in 0..batches {
        let start = Instant::now();
        for turn in 0..BATCH / H::HOOKS / 2 {
            black_box(turn);
        }
        time += start.elapsed();
    }
    time.as_nanos() as f64
}

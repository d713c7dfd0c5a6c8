//! The case that a queue does not take an event: it merges it with the tail, or it is full.

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::{DentryRef, Limits, NotifyConfig};

use benches::{Args, Embedded, Report, Sample, per_call};

/// How many events the queue takes.
const LIMIT: usize = 16_384;

/// A watched directory with two files.
#[derive(Debug)]
struct Watched {
    world: Embedded,
    files: [DentryRef; 2],
    inotify: Inotify,
}

impl Watched {
    fn new() -> Self {
        let limits = Limits::default().with_max_queued_events(LIMIT);
        let world = Embedded::new(NotifyConfig::default().with_limits(limits));
        let dir = world.dir(&world.root, "dir");
        let files = ["one", "two"].map(|name| world.file(&dir, name));
        let inotify = world.group();
        inotify.add_watch(&dir.inode_ref(), WatchMask::MODIFY).expect("a watch");
        Self { world, files, inotify }
    }

    /// Nanoseconds of a hook whose event equals the one at the tail.
    fn merge(&self, calls: u32) -> f64 {
        let file = self.files[0].get();
        let before = self.inotify.stats();
        self.world.notifier.hooks().on_modify(file);
        let time = per_call(calls, || self.world.notifier.hooks().on_modify(file));
        let after = self.inotify.stats();
        assert_eq!(after.queued - before.queued, 1, "the first of them is queued");
        assert_eq!(after.merged - before.merged, u64::from(calls), "all others merge");
        assert_eq!(self.inotify.drain().len(), 1);
        time
    }

    /// Nanoseconds of a hook whose event is lost, since the queue is full.
    fn overflow(&self, calls: u32) -> f64 {
        let [one, two] = [self.files[0].get(), self.files[1].get()];
        let notifier = &self.world.notifier;
        for _ in 0..LIMIT / 2 {
            notifier.hooks().on_modify(one);
            notifier.hooks().on_modify(two);
        }
        assert_eq!(self.inotify.len(), LIMIT, "the queue is full, and nothing is lost yet");
        let time = per_call(calls / 2, || {
            notifier.hooks().on_modify(one);
            notifier.hooks().on_modify(two);
        });
        let events = self.inotify.drain();
        assert_eq!(events.len(), LIMIT + 1, "one more stands for all that were lost");
        assert_eq!(events.last(), Some(&Event::Overflow { lost: calls }), "and says how many");
        time / 2.0
    }
}

/// Measures both.
pub(crate) fn measure(args: &Args, report: &mut Report) {
    let watched = Watched::new();
    let calls = args.pick(200_000, 4_000_000);
    let (mut merged, mut lost) = (Sample::default(), Sample::default());
    for _ in 0..args.pick(5, 15) {
        merged.0.push(watched.merge(calls));
        lost.0.push(watched.overflow(calls));
    }
    report.sample("coalescing", 0, "vfsnotify", "time per merged event", "ns", &merged);
    report.sample("overflow", 0, "vfsnotify", "time per lost event", "ns", &lost);
}

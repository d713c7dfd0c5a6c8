//! One event for many groups: delivery, and drain.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::DentryRef;

use benches::{Args, Embedded, Report, Sample};

/// How many events each group gets before it is drained: what one hold of the queue's lock takes
/// out.
const BATCH: u32 = 64;

/// A directory that many groups watch, and two files in it.
#[derive(Debug)]
struct FanOut {
    world: Embedded,
    files: [DentryRef; 2],
    groups: Vec<Inotify>,
}

/// Nanoseconds for each group and event.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    delivery: f64,
    drain: f64,
}

impl FanOut {
    fn new(groups: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "dir");
        let files = ["one", "two"].map(|name| world.file(&dir, name));
        let inode = dir.inode_ref();
        let groups = (0..groups)
            .map(|_| {
                let inotify = world.group();
                inotify.add_watch(&inode, WatchMask::MODIFY).expect("a watch");
                inotify
            })
            .collect();
        Self { world, files, groups }
    }

    /// Delivers events from the two files in turn, so that none equals the one before it.
    fn deliver(&self, events: u32) {
        let [one, two] = &self.files;
        let (one, two) = (one.get(), two.get());
        for turn in 0..events / 2 {
            black_box(turn);
            self.world.notifier.hooks().on_modify(one);
            self.world.notifier.hooks().on_modify(two);
        }
    }

    /// Drains every group of what `BATCH` deliveries left there.
    fn drain(&self, events: &mut Vec<Event>) {
        for group in &self.groups {
            let count = group.drain_into(events, BATCH as usize);
            assert_eq!(count, BATCH as usize, "each group got each event");
            black_box(&*events);
            events.clear();
        }
    }

    /// One thread delivers, then drains, in turn.
    fn cost(&self, batches: u32, events: &mut Vec<Event>) -> Cost {
        let (mut delivery, mut drain) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..batches {
            let start = Instant::now();
            self.deliver(BATCH);
            let delivered = Instant::now();
            self.drain(events);
            delivery += delivered - start;
            drain += delivered.elapsed();
        }
        let count = f64::from(batches) * f64::from(BATCH) * self.groups.len() as f64;
        let each = |time: Duration| time.as_nanos() as f64 / count;
        Cost { delivery: each(delivery), drain: each(drain) }
    }

    /// One thread delivers while another drains; returns events per second, all groups together.
    fn per_second(&self, events: u32) -> f64 {
        let wanted = events as usize * self.groups.len();
        let is_reading = AtomicBool::new(false);
        let took = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut events = Vec::with_capacity(usize::from(u16::MAX));
                is_reading.store(true, Ordering::Release);
                let mut read = 0;
                while read < wanted {
                    let before = read;
                    for group in &self.groups {
                        read += group.drain_into(&mut events, usize::from(u16::MAX));
                        events.clear();
                    }
                    if read == before {
                        std::thread::yield_now();
                    }
                }
            });
            while !is_reading.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let start = Instant::now();
            self.deliver(events);
            reader.join().expect("a reader of all events");
            start.elapsed()
        });
        wanted as f64 / took.as_secs_f64()
    }

    /// Nothing merged, nothing was lost, nothing is left.
    fn check(&self) {
        for group in &self.groups {
            let stats = group.stats();
            assert_eq!((stats.merged, stats.lost), (0, 0), "every event came by itself");
            assert!(group.is_empty());
        }
    }
}

/// Measures with so many groups, `deliveries` in each figure.
pub(crate) fn measure(args: &Args, report: &mut Report, groups: &[usize], deliveries: usize) {
    let mut events = Vec::with_capacity(BATCH as usize);
    for &groups in groups {
        let world = FanOut::new(groups);
        let batches = (deliveries / groups / BATCH as usize).max(1) as u32;
        // The queues' memory is made in the first.
        world.cost(4, &mut events);
        let (mut costs, mut rates) = (Vec::new(), Vec::new());
        for _ in 0..args.pick(3, 9) {
            costs.push(world.cost(batches, &mut events));
            rates.push(world.per_second(batches * BATCH));
        }
        world.check();
        let mut one = |what: &str, pick: fn(&Cost) -> f64| {
            let sample = Sample(costs.iter().map(pick).collect());
            report.sample("fan-out", groups as u64, "vfsnotify", what, "ns", &sample);
        };
        one("time per group and event", |cost| cost.delivery + cost.drain);
        one("of which delivery", |cost| cost.delivery);
        one("of which drain", |cost| cost.drain);
        let what = "events per second, reader beside";
        report.sample("fan-out", groups as u64, "vfsnotify", what, "1/s", &Sample(rates));
    }
}

//! The latency of hooks while a group with very many marks is closed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::DentryRef;

use super::many_inodes::Files;
use super::times::time;
use benches::{Latency, Report, Sample, longest_gap};

/// How many files the hooks are about.
const PROBED: usize = 10_000;

/// Files with a one-shot mark each of the group that is closed, some also with a mark of a group
/// that stays.
#[derive(Debug)]
struct Closing {
    files: Files,
    probed: Vec<DentryRef>,
    closed: Inotify,
    stays: Inotify,
}

impl Closing {
    fn new(marks: usize) -> Self {
        let files = Files::new(marks - PROBED);
        let dir = files.world.dir(&files.world.root, "touched");
        let probed: Vec<DentryRef> =
            (0..PROBED).map(|number| files.world.file(&dir, &format!("{number}"))).collect();
        let (closed, stays) = (files.world.group(), files.world.group());
        let mask = WatchMask::MODIFY | WatchMask::ONESHOT;
        for file in &probed {
            closed.add_watch(&file.inode_ref(), mask).expect("a watch");
            stays.add_watch(&file.inode_ref(), WatchMask::MODIFY).expect("a watch");
        }
        files.add_all(&closed, mask);
        assert_eq!(closed.watch_count(), marks);
        Self { files, probed, closed, stays }
    }

    /// Calls hooks on the touched files in turn until `done`. The first on each fires its one-shot
    /// mark, and so removes it from the group that is being closed; all are delivered to the other.
    fn touch(&self, begun: &AtomicBool, done: &AtomicBool) -> Felt {
        let mut felt = Felt::default();
        let mut events: Vec<Event> = Vec::with_capacity(PROBED);
        let notifier = &self.files.world.notifier;
        let mut is_first = true;
        while !done.load(Ordering::Relaxed) {
            let latency = if is_first { &mut felt.firing } else { &mut felt.other };
            for (number, file) in self.probed.iter().enumerate() {
                latency.time(|| notifier.hooks().on_modify(file.get()));
                if number % 64 == 63 {
                    assert_eq!(self.stays.drain_into(&mut events, 64), 64, "all are delivered");
                    events.clear();
                }
                begun.store(true, Ordering::Release);
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
            self.stays.drain_into(&mut events, PROBED);
            events.clear();
            is_first = false;
        }
        felt
    }

    /// Closes the group beside the hooks.
    fn close(&self) -> (Duration, Felt) {
        self.beside(|| self.closed.close())
    }

    /// As long again with nothing beside the hooks but a thread that is busy. No mark is left to
    /// be fired.
    fn idle(&self, time: Duration) -> (Latency, (Duration, Duration)) {
        let mut gap = (Duration::ZERO, Duration::ZERO);
        let (_, mut felt) = self.beside(|| gap = longest_gap(time));
        felt.other.add(&felt.firing);
        (felt.other, gap)
    }

    fn beside(&self, work: impl FnOnce()) -> (Duration, Felt) {
        let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let hooks = scope.spawn(|| self.touch(&begun, &done));
            while !begun.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let took = time(work);
            done.store(true, Ordering::Relaxed);
            (took, hooks.join().expect("a thread that called hooks"))
        })
    }
}

/// The latencies of the hooks.
#[derive(Debug, Default)]
struct Felt {
    /// The first on each file, which fired the mark of the group that was being closed, unless
    /// that one had gone already.
    firing: Latency,
    /// All after these.
    other: Latency,
}

/// One figure of a latency, in nanoseconds.
type Pick = fn(&Latency) -> f64;

/// The figures of one close.
#[derive(Debug)]
struct Round {
    took: Duration,
    felt: Felt,
    idle: Latency,
    gap: (Duration, Duration),
}

fn round(marks: usize) -> Round {
    let closing = Closing::new(marks);
    let (took, felt) = closing.close();
    let (_, left) = closing.files.world.notifier.usage(0);
    assert_eq!(left as usize, PROBED, "only the marks of the group that stays are left");
    assert!(felt.firing.wall.len() > 1, "hooks were called meanwhile");
    let (idle, gap) = closing.idle(took);
    Round { took, felt, idle, gap }
}

/// Closes groups of so many marks.
pub(crate) fn measure(report: &mut Report, marks: usize) {
    let rounds: Vec<Round> = (0..3).map(|_| round(marks)).collect();
    let mut one = |side: &str, what: &str, unit: &str, pick: &dyn Fn(&Round) -> f64| {
        let sample = Sample(rounds.iter().map(pick).collect());
        report.sample("close beside hooks", marks as u64, side, what, unit, &sample);
    };
    one("vfsnotify", "time of close", "ms", &|round| round.took.as_secs_f64() * 1e3);
    let figures: [(&str, Pick); 5] = [
        ("p50 wall", |latency| latency.wall_at(0.5)),
        ("p99 wall", |latency| latency.wall_at(0.99)),
        ("p99.9 wall", |latency| latency.wall_at(0.999)),
        ("longest wall", |latency| latency.wall_at(1.0)),
        ("longest CPU", |latency| latency.cpu_at(1.0)),
    ];
    for (what, pick) in figures {
        let firing = format!("firing hook, {what}");
        one("vfsnotify", &firing, "us", &|round| pick(&round.felt.firing) / 1e3);
        let other = format!("other hook, {what}");
        one("vfsnotify", &other, "us", &|round| pick(&round.felt.other) / 1e3);
        let idle = format!("hook, nothing closed, {what}");
        one("vfsnotify", &idle, "us", &|round| pick(&round.idle) / 1e3);
    }
    one("machine", "longest wall", "us", &|round| round.gap.0.as_secs_f64() * 1e6);
    one("machine", "longest CPU", "us", &|round| round.gap.1.as_secs_f64() * 1e6);
}

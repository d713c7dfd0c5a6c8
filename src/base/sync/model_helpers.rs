//! Shared by the model tests of every layer: running a model, and counting its work. Ordinary tests
//! count the same way.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts events in a test without being part of the model: no schedule branches on it.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicUsize);

impl Tally {
    /// One more.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(all(loom, test))]
mod run {
    use std::ops::Deref;
    use std::sync::Arc;
    use std::time::Instant;

    use super::Tally;

    /// The fewest preemptions that a bounded model must allow: many races take two.
    const LEAST_PREEMPTIONS: usize = 2;

    /// Runs every schedule of a model with at most `bound` preemptions (`None`: all schedules), and
    /// prints how many there were. `LOOM_MAX_PREEMPTIONS` raises a bound, and never lowers one.
    pub(crate) fn check(
        name: &str,
        bound: Option<usize>,
        model: impl Fn() + Send + Sync + 'static,
    ) {
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 100_000;
        let bound = bound.map(|own| {
            assert!(own >= LEAST_PREEMPTIONS, "{name} is bound to {own} preemptions");
            builder.preemption_bound.map_or(own, |other| own.max(other))
        });
        builder.preemption_bound = bound;
        let executions = Arc::new(Tally::default());
        let counted = executions.clone();
        let start = Instant::now();
        builder.check(move || {
            counted.count();
            model();
        });
        let executions = executions.get();
        println!("{name}: {executions} executions, bound {bound:?}, {:.1?}", start.elapsed());
    }

    /// Shares a model's world between its threads. When an assertion fails, the world is not dropped:
    /// loom no longer follows its locks and atomics, and a second panic would hide the first.
    pub(crate) struct Shared<T>(Option<Arc<T>>);

    impl<T> Shared<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Some(Arc::new(value)))
        }
    }

    impl<T> Clone for Shared<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    impl<T> Deref for Shared<T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_deref().expect("only a drop takes it")
        }
    }

    impl<T> Drop for Shared<T> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                std::mem::forget(self.0.take());
            }
        }
    }
}

#[cfg(all(shuttle, test))]
mod run {
    use std::sync::Arc;
    use std::time::Instant;

    use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
    use shuttle::{Config, Runner, thread};

    /// The seed of the schedulers; `SHUTTLE_RANDOM_SEED` overrides it.
    const SEED: u64 = 0x1f2e_3d4c;
    /// How many schedules of a model each of the two schedulers runs in CI.
    const SCHEDULES: usize = 5_000;
    /// How many times the priorities of a schedule change, and one more: the depth of the bugs that the
    /// second scheduler finds with a known probability.
    const DEPTH: usize = 3;

    /// Runs a model under random schedules, and under as many schedules by priorities that change up to
    /// twice: 10,000 in all, or `SHUTTLE_SCHEDULES` of each kind. Prints how long it took.
    pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
        let schedules = std::env::var("SHUTTLE_SCHEDULES")
            .map_or(SCHEDULES, |number| number.parse().expect("a number of schedules"));
        let start = Instant::now();
        let model = Arc::new(model);
        let random = RandomScheduler::new_from_seed(SEED, schedules);
        let by_priority = PctScheduler::new_from_seed(SEED, DEPTH, schedules);
        let drawn = run(random, model.clone()) + run(by_priority, model);
        // The test harness runs a test in a thread with the test's name.
        let name = std::thread::current().name().unwrap_or("a model").to_owned();
        println!("{name}: {drawn} schedules, {:.1?}", start.elapsed());
    }

    fn run(
        scheduler: impl Scheduler + 'static,
        model: Arc<impl Fn() + Send + Sync + 'static>,
    ) -> usize {
        let mut config = Config::new();
        config.stack_size = 0x4_0000;
        Runner::new(scheduler, config).run(move || model())
    }

    /// Runs closures as threads and waits for all of them.
    pub(crate) fn together(threads: Vec<Box<dyn FnOnce() + Send>>) {
        let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }

    /// A thread of a model: a world and its work there.
    pub(crate) fn thread<W: Send + Sync + 'static>(
        world: &Arc<W>,
        body: impl FnOnce(&W) + Send + 'static,
    ) -> Box<dyn FnOnce() + Send> {
        let world = world.clone();
        Box::new(move || body(&world))
    }
}

#[cfg(all(loom, test))]
pub(crate) use run::{Shared, check};
#[cfg(all(shuttle, test))]
pub(crate) use run::{check, thread, together};

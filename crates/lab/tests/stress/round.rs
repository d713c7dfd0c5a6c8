//! A round: a new world, all threads at once for a while, and an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::Figures;
use crate::finale;
use crate::operations::TITLES;
use crate::settings::Settings;
use crate::watchdog::{Progress, Watchdog};
use crate::worker::{Hands, Tally, Worker};
use crate::world::{World, limits_at_random};

/// How often the one that waits for the others looks.
const LOOK: Duration = Duration::from_millis(10);

/// One round, of which `figures` learn.
pub(crate) fn run(settings: &Settings, round: usize, time: Duration, figures: &mut Figures) {
    let threads = settings.threads;
    let mut rng = settings.rng(round, usize::MAX);
    let world = World::new(&mut rng, threads);
    let progress: Vec<_> = (0..threads)
        .map(|thread| Arc::new(Progress::new(format!("worker {thread}"), &TITLES)))
        .collect();
    let end = Arc::new(Progress::new("the end".into(), &finale::TITLES));
    let watched = progress.iter().chain([&end]).cloned().collect();
    let watchdog = Watchdog::new(watched, settings.timeout);

    let workers = (0..threads)
        .map(|thread| {
            let rng = settings.rng(round, thread);
            Worker::new(&world, (thread, threads), rng, progress[thread].clone())
        })
        .collect();
    world.vfs.notifier().set_limits(limits_at_random(&mut rng));
    let left = together(&world, workers, time, &end);
    let mut hands = Vec::new();
    for (worker, tally) in left {
        figures.count(&tally);
        figures.witnessed += worker.witness.expected.delivered;
        figures.witness_watches += worker.witness.watches;
        hands.push(worker);
    }
    figures.yields += world.yields.load(Ordering::Relaxed);
    // Everything is still open.
    end.step(0);
    world.vfs.verify().expect("every invariant holds after the work");
    if rng.bool() {
        finale::tidy(world, hands, &mut rng, &end, figures);
    } else {
        finale::abrupt(world, hands, &mut rng, &end, figures);
    }
    figures.rounds += 1;
    drop(watchdog);
}

/// Lets them all work at once, and returns what they have in their hands.
fn together(
    world: &World,
    workers: Vec<Worker<'_>>,
    time: Duration,
    waiting: &Progress,
) -> Vec<(Hands, Tally)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                let name = format!("worker {}", worker.number);
                let work = || worker.work(&stop);
                thread::Builder::new().name(name).spawn_scoped(scope, work).expect("a thread")
            })
            .collect();
        let start = Instant::now();
        // A worker that has ended before it was told to has failed: the others need not go on.
        while start.elapsed() < time && !threads.iter().any(|thread| thread.is_finished()) {
            waiting.step(0);
            thread::sleep(LOOK);
            drop(world.cancels.take());
        }
        stop.store(true, Ordering::Relaxed);
        while threads.iter().any(|thread| !thread.is_finished()) {
            // A thread that waits for events without an end is called back.
            while let Some(cancel) = world.cancels.take() {
                drop(cancel);
            }
            thread::sleep(LOOK);
            if threads.iter().any(|thread| thread.is_finished()) {
                // One that has failed has not said that it rests, and must not look stuck; the
                // watchdog has an eye on the rest of them.
                waiting.step(0);
            }
        }
        threads.into_iter().map(|thread| thread.join().expect("a worker failed")).collect()
    })
}

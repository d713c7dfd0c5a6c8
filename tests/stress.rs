//! Stress with real threads.

#[cfg(vfsnotify_canary)]
#[path = "stress/canary.rs"]
mod canary;
#[path = "stress/contents.rs"]
mod contents;
#[path = "stress/embedder.rs"]
mod embedder;
#[path = "stress/embedder_file.rs"]
mod embedder_file;
#[path = "stress/expected.rs"]
mod expected;
#[path = "stress/figures.rs"]
mod figures;
#[path = "stress/finale.rs"]
mod finale;
#[path = "stress/handover.rs"]
mod handover;
#[path = "stress/holds.rs"]
mod holds;
#[path = "stress/listener.rs"]
mod listener;
#[path = "stress/listeners.rs"]
mod listeners;
#[path = "stress/mounts.rs"]
mod mounts;
#[path = "stress/names.rs"]
mod names;
#[path = "stress/namespace.rs"]
mod namespace;
#[path = "stress/operations.rs"]
mod operations;
#[path = "stress/pool.rs"]
mod pool;
#[path = "stress/round.rs"]
mod round;
#[path = "stress/server.rs"]
mod server;
#[path = "stress/settings.rs"]
mod settings;
#[path = "stress/stream.rs"]
mod stream;
#[path = "stress/unmounting.rs"]
mod unmounting;
#[path = "stress/watchdog.rs"]
mod watchdog;
#[path = "stress/watching.rs"]
mod watching;
#[path = "stress/witness.rs"]
mod witness;
#[path = "stress/worker.rs"]
mod worker;
#[path = "stress/world.rs"]
mod world;

use std::time::Duration;

use crate::figures::Figures;
use crate::settings::Settings;

/// How long a round is at most.
const ROUND: Duration = Duration::from_millis(1500);

#[test]
fn threads_that_do_everything_at_once_leave_nothing_behind() {
    let settings = Settings::read("everything at once");
    let time = settings.share(45);
    let rounds = time.as_millis().div_ceil(ROUND.as_millis()).max(2);
    let mut figures = Figures::default();
    for round in 0..rounds as usize {
        round::run(&settings, round, time / rounds as u32, &mut figures);
    }
    figures.print(settings.threads);
    holds::check();
    figures.check();
}

#[test]
fn an_unmounted_file_system_is_gone_when_all_have_returned() {
    let settings = Settings::read("unmounting");
    let unmounts = unmounting::run(&settings, settings.share(20));
    println!("unmounts of a full file system: {unmounts}");
    holds::check();
    assert_ne!(unmounts, 0);
}

#[test]
fn threads_that_call_the_hooks_under_their_own_locks_leave_nothing_behind() {
    let settings = Settings::read("hooks under the embedder's locks");
    let time = settings.share(20);
    let rounds = time.as_millis().div_ceil(ROUND.as_millis()) as usize;
    let (mut figures, mut steps) = (Figures::default(), 0);
    for round in 0..rounds {
        steps += embedder::run(&settings, round, time / rounds as u32, &mut figures);
    }
    println!("threads: {}, rounds: {rounds}, operations: {steps}", settings.threads);
    println!("{:?}, of own files: {}", figures.heard, figures.witnessed);
    holds::check();
    assert!(figures.witnessed > 0 && figures.heard.events > 0);
}

#[test]
fn a_file_that_moves_to_a_watched_directory_is_heard_whoever_looks_at_it() {
    let settings = Settings::read("moves and looks");
    let moved = handover::run(&settings, settings.share(15));
    println!("{moved:?}");
    assert!(moved.moves > 0 && moved.looks > 0);
}

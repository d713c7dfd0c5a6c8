//! Stress with real threads: everything at once, on a tree so small that they collide.
//!
//! Four tests, none of which knows how its threads interleave:
//!
//! * *everything at once* (`round.rs`, `operations.rs`): all operations of the VFS by several users, with
//!   mounts, watches, instances that come and go, readers that wait and vanish, limits that change.
//!   What holds of every stream is checked while it is read (`stream.rs`); each thread has files of
//!   its own, of which its own instance must be told exactly what it does (`witness.rs`); at the end all
//!   is let go of in any order, and nothing may be left (`finale.rs`);
//! * *hooks under the embedder's locks* (`embedder.rs`, `server.rs`): the same for a program that calls
//!   the hooks itself;
//! * *unmounting* (`unmounting.rs`): a file system is gone when all have returned;
//! * *moves and looks* (`handover.rs`): a flag that is cleared while its file moves.
//!
//! A watchdog (`watchdog.rs`) ends the process if a thread makes no step for half a minute, and prints
//! what each does and which locks it holds. Where the lock order is checked, so are the most items
//! under one hold of each lock (`holds.rs`); walks go by a clock that counts them.
//!
//! `VFSNOTIFY_SECONDS` (5: all tests together, one after the other), `VFSNOTIFY_THREADS` (6),
//! `VFSNOTIFY_SEED` and `VFSNOTIFY_TIMEOUT` (30: the watchdog's, in seconds) are in the
//! environment. `scripts/stress` runs it longer, `scripts/long/sanitizers` under sanitizers.
//!
//! That it can fail was tried by breaking the crate, one thing at a time; each of these was found:
//! the thread that finishes an unmount with the limit of other operations, a lazy clear that forgets to
//! note the lost flag or does not look whether the directory watches again, a second adder that does
//! not wait for the first one's walk, a one-shot without IGNORED or not claimed, the events of a
//! rename in two holds of the queue, a name read without another look at the link under the lock, a
//! watch not given back to its user, a read that waits without its timeout.

#[cfg(vfsnotify_canary)]
mod canary;
mod contents;
mod embedder;
mod embedder_file;
mod expected;
mod figures;
mod finale;
mod handover;
mod holds;
mod listener;
mod listeners;
mod mounts;
mod names;
mod namespace;
mod operations;
mod pool;
mod round;
mod server;
mod settings;
mod stream;
mod unmounting;
mod watchdog;
mod watching;
mod witness;
mod worker;
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
    println!("{:?}, of own files: {}", figures.delivered, figures.witnessed);
    holds::check();
    assert!(figures.witnessed > 0 && figures.delivered.events > 0);
}

#[test]
fn a_file_that_moves_to_a_watched_directory_is_reported_although_others_clear_its_flag() {
    let settings = Settings::read("moves and looks");
    let moved = handover::run(&settings, settings.share(15));
    println!("{moved:?}");
    assert!(moved.moves > 0 && moved.looks > 0);
}

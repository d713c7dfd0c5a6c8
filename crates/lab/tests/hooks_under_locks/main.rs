//! Every hook, under every lock of an embedder's, with a one-shot as the last mark.
//!
//! In Linux a one-shot mark goes inside the hook that fires it, and that hook may run with the
//! directory's lock held (`nfsd_mkdir`); a mark that is added under the group's lock, with a walk that
//! takes the directory's lock inside, closes the circle. Here one thread holds a lock of an embedder's
//! own and calls a hook that ends a mark, while another thread, which holds nothing, is in the middle of
//! a call of the crate and waits for that same lock: in the yielder of its walk, in the reaper's callback,
//! or between two calls. If the crate kept any lock of its own there, or wanted one here for longer than
//! a moment, both would wait forever; then this test says which thread holds what.

#![expect(clippy::disallowed_types, reason = "an embedder has locks of its own")]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{Errno, Error, EventMask, lockdep};

use lab::embedder::hooks::{DROP, HOOKS, Hook, Mark};
use lab::embedder::world::{LOCKS, Lock, World};

mod lifetimes;

/// The operation of the other thread when it takes the embedder's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    /// The walk of a watch that the same group adds elsewhere: its yielder takes the lock.
    WalkElsewhere,
    /// The walk of a watch that another group adds on the directory of the event.
    WalkHere,
    /// The reaper: the callback that tells of an inode's end takes the lock.
    Reaper,
    /// Nothing: it adds watches, takes the lock, and removes them.
    Between,
}

const OTHERS: [Other; 4] = [Other::WalkElsewhere, Other::WalkHere, Other::Reaper, Other::Between];

/// How long a case may take before it counts as stuck.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits for a message, or says which thread holds what.
fn wait_for(channel: &Receiver<&'static str>, wanted: &'static str, case: &str) {
    match channel.recv_timeout(TIMEOUT) {
        Ok(message) => assert_eq!(message, wanted, "{case}"),
        Err(error) => {
            panic!("{case}: no {wanted} ({error}); locks:\n{}", lockdep::held_by_all())
        }
    }
}

/// The thread that holds the embedder's lock and calls the hook.
fn call_under_lock(
    world: &World,
    hook: &Hook,
    lock: Lock,
    locked: &Sender<&'static str>,
    other_waits: &Receiver<&'static str>,
    case: &str,
) {
    let arguments = world.arguments();
    let held = world.locks.take(lock);
    locked.send("lock").expect("a thread receives");
    wait_for(other_waits, "wait", case);
    (hook.call)(&world.notifier, arguments);
    drop(held);
}

/// The other thread.
fn work_without_locks(
    world: &Arc<World>,
    other: Other,
    group: &Inotify,
    lock: Lock,
    waits: &Sender<&'static str>,
) {
    let take = || {
        // Twice at most: the first is awaited.
        let _ = waits.send("wait");
        drop(world.locks.take(lock));
    };
    match other {
        Other::WalkElsewhere | Other::WalkHere => {
            let (world, waits) = (world.clone(), waits.clone());
            let on_yield = {
                let world = world.clone();
                move || {
                    let _ = waits.send("wait");
                    drop(world.locks.take(lock));
                }
            };
            world.yields.set(Some(Arc::new(on_yield)));
            if other == Other::WalkElsewhere {
                let inode = world.elsewhere.inode_ref();
                group.add_watch(&inode, WatchMask::MODIFY).expect("a watch");
            } else {
                let another = Inotify::new(&world.notifier, 0).expect("an instance");
                let inode = world.dir.inode_ref();
                another.add_watch(&inode, WatchMask::MODIFY).expect("a watch");
            }
            world.yields.set(None);
            if other == Other::WalkHere {
                // Where the one-shot wants events of children, its own walk has been here already.
                take();
            }
        }
        Other::Reaper => {
            world.leave_something_dead();
            let mut told = 0;
            world.notifier.reap(|_, _, _| {
                told += 1;
                take();
            });
            assert!(told > 0, "the reaper had something to tell");
        }
        Other::Between => {
            for _ in 0..3 {
                let inode = world.elsewhere.inode_ref();
                let added = group.add_watch(&inode, WatchMask::MODIFY);
                take();
                // After an unmount there is nothing to watch any more.
                let is_gone = |error: Error| matches!(error.errno(), Errno::ENOENT | Errno::EINVAL);
                let removed = added.and_then(|wd| group.rm_watch(wd));
                assert!(removed.is_ok() || removed.is_err_and(is_gone));
            }
        }
    }
}

/// Runs one case and looks at what the one-shots reported.
fn run(hook: &'static Hook, marks: &'static [Mark], lock: Lock, other: Other) {
    let case = format!("{} under {lock:?} with {marks:?} beside {other:?}", hook.name);
    let world = Arc::new(World::new());
    let groups: Vec<(Inotify, WatchDescriptor)> = marks
        .iter()
        .map(|mark| {
            let group = Inotify::new(&world.notifier, 0).expect("an instance");
            let mask = mark.mask | WatchMask::ONESHOT;
            let wd = group.add_watch(&world.object(mark.on), mask).expect("a watch");
            (group, wd)
        })
        .collect();
    let (done, is_done) = unbounded();
    let (locked, is_locked) = unbounded();
    let (waits, other_waits) = unbounded();

    let caller = {
        let (world, case, done) = (world.clone(), case.clone(), done.clone());
        move || {
            call_under_lock(&world, hook, lock, &locked, &other_waits, &case);
            done.send("end").expect("a thread receives");
        }
    };
    let adder = {
        let (world, group, case) = (world.clone(), groups[0].0.clone(), case.clone());
        move || {
            wait_for(&is_locked, "lock", &case);
            work_without_locks(&world, other, &group, lock, &waits);
            done.send("end").expect("a thread receives");
        }
    };
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread")
    };
    // Not scoped: a thread that is stuck shall not keep the test from saying so.
    let threads =
        [spawn("under a lock", Box::new(caller)), spawn("without locks", Box::new(adder))];
    for _ in 0..2 {
        wait_for(&is_done, "end", &case);
    }
    for thread in threads {
        thread.join().expect(&case);
    }
    for ((group, wd), mark) in groups.iter().zip(marks) {
        let events = group.drain();
        let happened = events.iter().filter_map(|event| event.fs_event());
        let own = happened.filter(|event| event.wd == *wd);
        let masks: Vec<EventMask> = own.map(|event| event.mask).collect();
        let wanted = mark.delivered.iter().copied();
        assert!(masks.iter().copied().eq(wanted), "{case}: got {masks:?}");
    }
    // The one-shots were the last marks, but for what the other thread has added and left.
    let left: usize = groups.iter().map(|(group, _)| group.watch_count()).sum();
    let added = usize::from(other == Other::WalkElsewhere && hook.name != "on_unmount");
    assert!(left <= added, "{case}: {left} marks are left");
    world.notifier.verify().expect(&case);
}

#[test]
fn no_hook_deadlocks_under_any_lock_of_an_embedder() {
    for lock in LOCKS {
        for hook in HOOKS {
            for marks in hook.marks {
                for other in OTHERS {
                    run(hook, marks, lock, other);
                }
            }
        }
    }
}

/// A hook that is added must get a row, and so must a change that calls hooks.
#[test]
fn every_hook_has_a_row() {
    let source = |file: &str| {
        fs::read_to_string(lab::repository().join("src/notify").join(file)).expect("a source file")
    };
    let hooks = source("hooks.rs") + &source("lifetime/unmount.rs");
    let sources = [hooks, source("recipes.rs")];
    let public = |source: &'static str| {
        let lines = source.lines().filter_map(|line| line.trim_start().strip_prefix("pub fn "));
        lines.filter_map(|rest| rest.split(['(', '<']).next()).collect::<BTreeSet<&str>>()
    };
    let [mut hooks, recipes] = sources.map(|source| public(source.leak()));
    // Beside them stand how to come to them, and what they take.
    hooks.retain(|name| name.starts_with("on_"));
    let is_found = hooks.len() >= 11 && recipes.len() >= 5;
    assert!(is_found, "only {hooks:?} and {recipes:?}: the test reads the wrong thing");
    let public: BTreeSet<&str> = hooks.union(&recipes).copied().chain([DROP]).collect();
    let rows: BTreeSet<&str> = HOOKS.iter().map(|hook| hook.name).collect();
    assert_eq!(public, rows);
    assert_eq!(rows.len(), HOOKS.len(), "a row for each");
}

/// The two threads do wait for each other: with a lock of the crate held across the wait it is noticed.
#[test]
fn the_watchdog_prints_which_thread_holds_which_lock() {
    assert!(lockdep::is_on(), "this test is to run with the check of the locks");
    let world = World::new();
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let from_within = seen.clone();
    // `reap` holds nothing when it calls back: nothing of this thread is listed.
    world.leave_something_dead();
    world.notifier.reap(move |_, _, _| {
        *from_within.lock().expect("no panic") = lockdep::held_by_all();
    });
    let name = thread::current().name().unwrap_or_default().to_owned();
    assert!(!name.is_empty() && !seen.lock().expect("no panic").contains(&name));
}

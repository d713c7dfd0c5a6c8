//! Watches in the making.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::NotifyConfig;
use vfsnotify::{Clock, Errno, Pace, Timestamp};

use super::world::{World, kind, names};

/// A clock that moves one microsecond at each look, so that a chunk is what its budget says and
/// not what the machine does.
#[derive(Debug, Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

const CHILDREN: usize = 2000;

/// A directory `/d` whose walk takes several steps.
fn crowded() -> World {
    let pace = Pace::default()
        .with_clock(Arc::new(Ticking::default()))
        .with_budget(Duration::from_micros(1));
    let world = World::with(NotifyConfig::default().with_pace(pace));
    world.dir("/d");
    (0..CHILDREN).for_each(|n| world.file(&format!("/d/{n}")));
    world
}

/// Whether an event of every child is reported.
fn reports_every_child(world: &World, inotify: &Inotify) -> bool {
    let _ = inotify.drain();
    (0..CHILDREN).for_each(|n| world.chmod(&format!("/d/{n}")));
    names(&inotify.drain()).into_iter().collect::<BTreeSet<_>>().len() == CHILDREN
}

/// There is no watch of an instance that has been closed, nor of a VFS that is gone.
#[test]
fn a_pending_watch_of_a_closed_instance_does_not_become_ready() {
    for ends_with_vfs in [false, true] {
        let World { vfs, cx } = crowded();
        let inotify = vfs.inotify(&cx).expect("an instance");
        let pending = vfs.start_watch(&cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
        if ends_with_vfs {
            drop((vfs, cx));
        } else {
            inotify.close();
        }
        assert!(inotify.is_closed());
        assert_eq!(kind(pending.wait()), Errno::ESHUTDOWN);
        assert_eq!(kind(inotify.set_next_wd(WatchDescriptor::from_raw(7))), Errno::ESHUTDOWN);
    }
}

#[test]
fn a_pending_watch_is_ready_after_as_many_steps_as_it_takes() {
    let world = crowded();
    let inotify = world.inotify();
    let mut pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    assert!(!pending.is_ready());
    assert_eq!(inotify.watch_count(), 1, "it is there, and may already report");
    let mut steps = 1;
    while !pending.step() {
        assert!(!pending.is_ready());
        steps += 1;
        world.vfs.verify().expect("the invariants between two steps");
    }
    assert!(steps >= CHILDREN / 256, "{steps} steps");
    assert!(pending.is_ready() && pending.step(), "further steps do nothing");
    assert_eq!(pending.wait().expect("the descriptor").as_raw(), 1);
    assert!(reports_every_child(&world, &inotify));
}

#[test]
fn a_pending_watch_that_needs_no_walk_is_ready_at_once() {
    let world = crowded();
    let inotify = world.inotify();
    let start =
        |path: &str, mask| world.vfs.start_watch(&world.cx, &inotify, path, mask).expect("a start");
    assert!(start("/d", WatchMask::CREATE).is_ready(), "no event of a child is asked for");
    assert!(start("/d/1", WatchMask::ATTRIB).is_ready(), "not a directory");
    world.dir("/empty");
    let mut empty = start("/empty", WatchMask::ATTRIB);
    while !empty.step() {}
    assert!(empty.is_ready());
}

#[test]
fn another_adder_does_the_work_of_a_pending_watch() {
    let world = crowded();
    let (one, two) = (world.inotify(), world.inotify());
    let mut pending =
        world.vfs.start_watch(&world.cx, &one, "/d", WatchMask::ATTRIB).expect("a start");
    assert!(!pending.step(), "one step of many");
    world.watch(&two, "/d", WatchMask::ATTRIB);
    assert!(reports_every_child(&world, &two), "an add that has returned misses nothing");
    assert!(pending.step(), "nothing is left to do");
    assert_eq!(pending.wait().expect("the descriptor").as_raw(), 1);
    assert!(reports_every_child(&world, &one));
}

#[test]
fn dropping_a_pending_watch_early_removes_it_silently() {
    let world = crowded();
    let inotify = world.inotify();
    for steps in 0..3 {
        let mut pending =
            world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
        (0..steps).for_each(|_| assert!(!pending.step()));
        assert_eq!(world.vfs.notifier().usage(0), (1, 1));
        drop(pending);
        assert_eq!(world.vfs.notifier().usage(0), (1, 0));
        assert_eq!(inotify.watch_count(), 0);
        world.chmod("/d/1");
        assert_eq!(inotify.drain(), [], "no event, and no IGNORED");
        world.vfs.verify().expect("the invariants");
    }
    world.watch(&inotify, "/d", WatchMask::ATTRIB);
    assert!(reports_every_child(&world, &inotify), "what was left half done is done again");
}

#[test]
fn dropping_a_pending_watch_leaves_one_that_was_changed() {
    let world = crowded();
    let inotify = world.inotify();
    let pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    let wd = world.watch(&inotify, "/d", WatchMask::MODIFY | WatchMask::MASK_ADD);
    drop(pending);
    let watches = inotify.watches();
    assert_eq!(watches.len(), 1);
    assert_eq!(watches[0].wd.as_raw(), wd);
    assert_eq!(watches[0].mask, WatchMask::ATTRIB | WatchMask::MODIFY);
    assert!(reports_every_child(&world, &inotify), "the second add has returned");
}

#[test]
fn dropping_a_pending_change_of_a_watch_leaves_the_watch_changed() {
    let world = crowded();
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::CREATE);
    let pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    drop(pending);
    assert_eq!(inotify.watches()[0].mask, WatchMask::ATTRIB);
    world.vfs.verify().expect("the invariants");
}

#[test]
fn dropping_a_pending_watch_that_was_removed_leaves_its_successor() {
    let world = crowded();
    let inotify = world.inotify();
    let pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    inotify.rm_watch(WatchDescriptor::from_raw(1)).expect("a removal");
    assert_eq!(world.watch(&inotify, "/d", WatchMask::ATTRIB), 2);
    drop(pending);
    assert_eq!(inotify.watches()[0].wd.as_raw(), 2);
    assert_eq!(inotify.drain().len(), 1, "the IGNORED of the removal");
}

//! A queue and its readers: whoever waits is woken, whoever leaves something behind says so.
//!
//! The bell is the stand-in of `base::sync` for a channel of one token. A wake-up that is lost is
//! a deadlock here, and each thing that a test says to take out was taken out once and led to it.

use loom::thread;

use crate::base::error::ErrorKind;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::models::{Shared, check};
use crate::base::sync::{Arc, ReadyReceiver};
use crate::inotify::{Event, Inotify, WatchMask};
use crate::notify::{Notifier, NotifyConfig};
use crate::tree::{DentryRef, InodeSpec, SuperblockRef, Tree};

/// A watched file, whose events are the pushes.
struct World {
    notifier: Arc<Notifier>,
    file: DentryRef,
    inotify: Inotify,
    _superblock: SuperblockRef,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
        let inode = tree.make_inode(&superblock, spec).unwrap();
        let inotify = Inotify::new(&notifier, 0).unwrap();
        inotify.add_watch_on(&inode, WatchMask::ALL_EVENTS).unwrap();
        let file = tree.instantiate(root.get(), b"f", inode).unwrap();
        Self { notifier, file, inotify, _superblock: superblock }
    }

    fn open(&self) {
        self.notifier.on_open(self.file.get());
    }

    fn modify(&self) {
        self.notifier.on_modify(self.file.get());
    }

    /// Waits for an event and takes one, as a blocking read of one does.
    fn next(&self) -> EventMask {
        loop {
            self.inotify.wait(None, None).unwrap();
            if let Some(Event::Happened(event)) = self.inotify.next().unwrap() {
                return event.mask;
            }
        }
    }

    /// Takes one event for one token, as `select!` does.
    fn next_by_token(&self, ready: &ReadyReceiver) -> Option<EventMask> {
        ready.take();
        let event = self.inotify.next().unwrap()?;
        Some(event.happened().unwrap().mask)
    }
}

/// Fails if `Queue::append` does not ring.
#[test]
fn loom_a_reader_that_waits_gets_the_event() {
    check("push/wait", None, || {
        let world = Shared::new(World::new());
        let other = world.clone();
        let reader = thread::spawn(move || assert_eq!(other.next(), EventMask::MODIFY));
        world.modify();
        reader.join().unwrap();
    });
}

/// Fails if `Inotify::next` does not ring again for what it leaves behind (`queue.rearm()`), or if
/// `Queue::bell` does not ring at once when something is there.
#[test]
fn loom_a_reader_that_takes_one_event_for_a_token_gets_those_of_two_pushers() {
    check("two pushes/token", Some(3), || {
        let world = Shared::new(World::new());
        let pusher = {
            let world = world.clone();
            thread::spawn(move || world.open())
        };
        let reader = {
            let world = world.clone();
            thread::spawn(move || {
                let ready = world.inotify.ready();
                let mut seen = EventMask::empty();
                while seen != EventMask::OPEN | EventMask::MODIFY {
                    seen |= world.next_by_token(&ready).unwrap_or_default();
                }
            })
        };
        world.modify();
        pusher.join().unwrap();
        reader.join().unwrap();
    });
}

/// Fails if `Queue::append` does not ring, and if neither `Inotify::next` rings for what it leaves
/// behind nor `wait_until` in `read.rs` passes the token on.
#[test]
fn loom_two_readers_that_wait_get_an_event_each() {
    check("two pushes/two readers", Some(3), || {
        let world = Shared::new(World::new());
        let readers = [0, 1].map(|_| {
            let world = world.clone();
            thread::spawn(move || world.next())
        });
        world.open();
        world.modify();
        let [one, two] = readers.map(|reader| reader.join().unwrap());
        assert_eq!(one | two, EventMask::OPEN | EventMask::MODIFY);
    });
}

/// Fails if `Queue::close` does not ring, or `wait_until` does not pass the token on.
#[test]
fn loom_a_close_wakes_every_reader() {
    check("close/two readers", None, || {
        let world = Shared::new(World::new());
        let readers = [0, 1].map(|_| {
            let world = world.clone();
            thread::spawn(move || world.inotify.wait(None, None).unwrap_err().kind())
        });
        world.inotify.close();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), ErrorKind::Shutdown);
        }
    });
}

/// Fails if `Notifier::shut_down` does not ring, or does not raise its flag first, or if
/// `GroupHandle::new` does not look at it last.
#[test]
fn loom_a_shutdown_wakes_readers_and_leaves_no_group_open() {
    check("shutdown/reader/new", Some(3), || {
        let world = Shared::new(World::new());
        let reader = {
            let world = world.clone();
            thread::spawn(move || world.inotify.wait(None, None).unwrap_err().kind())
        };
        let maker = {
            let world = world.clone();
            thread::spawn(move || Inotify::new(&world.notifier, 0))
        };
        world.notifier.shut_down();
        assert_eq!(reader.join().unwrap(), ErrorKind::Shutdown);
        if let Ok(made) = maker.join().unwrap() {
            assert_eq!(made.next().unwrap_err().kind(), ErrorKind::Shutdown);
        }
    });
}

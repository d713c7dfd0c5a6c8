//! A queue and its readers: a waiting reader is woken, and a reader that leaves records behind wakes another.
//!
//! The wakeup is the stand-in of `base::sync` for a channel of one token. A lost wakeup is a deadlock here.
//! Each change that a test names under "Fails" was made once, and the test failed.

use loom::thread;

use crate::base::errno::Errno;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::model_helpers::{Shared, check};
use crate::base::sync::{Arc, ReadyReceiver};
use crate::inotify::{Cancel, Event, Inotify, WatchMask};
use crate::notify::{DentryRef, Limits, Notifier, NotifyConfig};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// A watched file. Its events are the pushes.
struct World {
    notifier: Arc<Notifier>,
    file: DentryRef,
    inotify: Inotify,
    _superblock: SuperblockRef,
}

impl World {
    fn new() -> Self {
        Self::with_queue(16_384)
    }

    /// Makes a world whose queue takes so many events.
    fn with_queue(max_queued_events: usize) -> Self {
        let tree = Tree::new(Default::default());
        let limits = Limits { max_queued_events, ..Limits::default() };
        let config = NotifyConfig { limits, ..NotifyConfig::default() };
        let notifier = Notifier::new(&tree, config).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
        let inode = tree.make_inode(&superblock, spec).unwrap();
        let inotify = Inotify::new(&notifier, 0).unwrap();
        inotify.add_watch(&inode, WatchMask::ALL_EVENTS).unwrap();
        let file = notifier.instantiate(root.get(), b"f", inode).unwrap();
        Self { notifier, file, inotify, _superblock: superblock }
    }

    fn open(&self) {
        self.notifier.hooks().on_open(self.file.get());
    }

    fn modify(&self) {
        self.notifier.hooks().on_modify(self.file.get());
    }

    /// Waits for an event and pops it, as a blocking read of one event does.
    fn next(&self) -> EventMask {
        loop {
            self.inotify.wait(None, None).unwrap();
            if let Some(Event::Fs(event)) = self.inotify.next().unwrap() {
                return event.mask;
            }
        }
    }

    /// Pops one event for one token, as `select!` does.
    fn next_by_token(&self, ready: &ReadyReceiver) -> Option<EventMask> {
        ready.take();
        let event = self.inotify.next().unwrap()?;
        Some(event.fs_event().unwrap().mask)
    }
}

/// Fails if `Queue::fill` returns no wakeup.
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

/// Fails if `Inotify::next` does not wake again for the records that it leaves (`queue.rearm()`), or if
/// `Queue::rearm` returns no wakeup while records are left.
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

/// Fails if `Queue::fill` returns no wakeup. Fails if neither `Inotify::next` wakes for the records that it
/// leaves nor `wait_until` in `read.rs` passes the token on.
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

/// Fails if `Queue::close` returns no wakeup, or `wait_until` does not pass the token on.
#[test]
fn loom_a_close_wakes_every_reader() {
    check("close/two readers", None, || {
        let world = Shared::new(World::new());
        let readers = [0, 1].map(|_| {
            let world = world.clone();
            thread::spawn(move || world.inotify.wait(None, None).unwrap_err().errno())
        });
        world.inotify.close();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Errno::ESHUTDOWN);
        }
    });
}

/// Fails if `Notifier::shut_down` does not wake, or does not set its flag first, or if `GroupHandle::new` does
/// not read the flag last.
#[test]
fn loom_a_shutdown_wakes_readers_and_leaves_no_group_open() {
    check("shutdown/reader/new", Some(3), || {
        let world = Shared::new(World::new());
        let reader = {
            let world = world.clone();
            thread::spawn(move || world.inotify.wait(None, None).unwrap_err().errno())
        };
        let maker = {
            let world = world.clone();
            thread::spawn(move || Inotify::new(&world.notifier, 0))
        };
        world.notifier.shut_down();
        assert_eq!(reader.join().unwrap(), Errno::ESHUTDOWN);
        if let Ok(made) = maker.join().unwrap() {
            assert_eq!(made.next().unwrap_err().errno(), Errno::ESHUTDOWN);
        }
    });
}

/// A reader that is cancelled does not consume a wakeup. Fails (no reader wakes) if `Queue::rearm` returns no
/// wakeup, so that `wait_until` does not pass the token on.
#[test]
fn loom_a_reader_that_is_cancelled_leaves_the_event_to_another() {
    check("cancel/two readers", Some(2), || {
        let world = Shared::new(World::new());
        let (killer, cancel) = Cancel::for_model();
        let other = {
            let world = world.clone();
            thread::spawn(move || assert_eq!(world.next(), EventMask::MODIFY))
        };
        let cancelled = {
            let world = world.clone();
            thread::spawn(move || {
                // It may see the event that the other reader pops; then it waits again.
                while world.inotify.wait(None, Some(&cancel)).is_ok() {
                    thread::yield_now();
                }
            })
        };
        killer.cancel();
        world.modify();
        cancelled.join().unwrap();
        other.join().unwrap();
    });
}

/// All events before a flush are before it in the queue, whatever is queued and read meanwhile. Fails (passed
/// while the event is still queued) if `Queue::positions` does not count popped records, and (never passed) if
/// `drain` does not.
#[test]
fn loom_a_flush_is_passed_when_all_earlier_events_were_read() {
    check("flush", Some(2), || {
        let world = Shared::new(World::new());
        let other = {
            let world = world.clone();
            thread::spawn(move || world.modify())
        };
        let reader = {
            let world = world.clone();
            thread::spawn(move || masks(&world.inotify))
        };
        world.open();
        let flush = world.inotify.flush();
        let had_passed = world.inotify.has_passed(flush);
        let mut seen = masks(&world.inotify);
        let is_there = seen.contains(&EventMask::OPEN);
        assert!(!(had_passed && is_there), "the flush was passed before the event");
        assert!(world.inotify.has_passed(flush), "the flush is not passed after all was read");
        other.join().unwrap();
        seen.extend(reader.join().unwrap());
        seen.extend(masks(&world.inotify));
        seen.sort_by_key(|mask| mask.bits());
        assert_eq!(seen, [EventMask::MODIFY, EventMask::OPEN]);
    });
}

/// Two threads drain and one pushes: no event is lost or duplicated, and the counts stay right. Fails (an event
/// twice) if `drain` copies the chunk instead of taking it.
#[test]
fn loom_two_drains_get_every_event_once() {
    check("drain/drain", Some(2), || {
        let world = Shared::new(World::new());
        world.open();
        world.modify();
        let reader = {
            let world = world.clone();
            thread::spawn(move || masks(&world.inotify))
        };
        let mut seen = masks(&world.inotify);
        world.notifier.hooks().on_close(world.file.get(), true);
        seen.extend(reader.join().unwrap());
        seen.extend(masks(&world.inotify));
        seen.sort_by_key(|mask| mask.bits());
        assert_eq!(seen, [EventMask::MODIFY, EventMask::CLOSE_WRITE, EventMask::OPEN]);
        assert_eq!((world.inotify.len(), world.inotify.readable_bytes()), (0, 0));
    });
}

/// Lost events are counted, whenever a reader drains: the events that were read and those that overflows stand
/// for are all. Fails (an event is lost and not counted) if `pop` does not take the count with the overflow
/// event, or `drain` hands the chunk over while an overflow is in it.
#[test]
fn loom_events_lost_by_a_full_queue_are_counted_while_it_is_read() {
    check("overflow", Some(2), || {
        let world = Shared::new(World::with_queue(1));
        let pushers = [World::open, World::modify].map(|push| {
            let world = world.clone();
            thread::spawn(move || {
                push(&world);
                world.notifier.hooks().on_close(world.file.get(), true);
            })
        });
        let mut events = world.inotify.drain();
        for pusher in pushers {
            pusher.join().unwrap();
        }
        events.extend(world.inotify.drain());
        let received: u32 = events
            .iter()
            .map(|event| match event {
                Event::Fs(_) => 1,
                Event::Overflow { lost } => *lost,
            })
            .sum();
        let merged = world.inotify.stats().merged as u32;
        assert_eq!(received + merged, 4, "{events:?}");
    });
}

/// Drains the events, as masks.
fn masks(inotify: &Inotify) -> Vec<EventMask> {
    inotify.drain().iter().map(|event| event.fs_event().unwrap().mask).collect()
}

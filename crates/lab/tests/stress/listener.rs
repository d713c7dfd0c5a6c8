//! An instance that threads share: some watch with it, some read it, and it may vanish.

#![expect(clippy::disallowed_types, reason = "a program that uses the crate has locks of its own")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use vfsnotify::inotify::{Cancel, Event, Inotify, WatchDescriptor, WatchMask, decode};
use vfsnotify::{Errno, Result};

use crate::stream::{Moment, Stream};

/// How far apart the descriptors are that two calls of `set_next_wd` ask for: further than an
/// instance gets, so that none is used twice.
const ERA: i32 = 1 << 20;

/// The longest wait for an event.
const WAIT_MILLIS: u64 = 10;

/// The counts of the listeners' streams.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) events: u64,
    pub(crate) lost: u64,
    pub(crate) pairs: u64,
    pub(crate) oneshots: u64,
}

impl Delivered {
    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.lost += other.lost;
        self.pairs += other.pairs;
        self.oneshots += other.oneshots;
    }
}

/// A shared instance and what has been read from it.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) inotify: Inotify,
    only_oneshots: bool,
    /// The letter of the children of what each descriptor was given for.
    given: Mutex<HashMap<i32, u8>>,
    /// One reader at a time, since the order of events is what it looks at.
    stream: Mutex<Stream>,
    era: AtomicI32,
    /// An overflow may have been read in a form that does not say what is lost.
    lost_untold: AtomicBool,
}

impl Listener {
    pub(crate) fn new(inotify: Inotify, only_oneshots: bool) -> Self {
        let stream = Stream::new(only_oneshots, inotify.queue_limit());
        Self {
            inotify,
            only_oneshots,
            given: Mutex::default(),
            stream: Mutex::new(stream),
            era: AtomicI32::new(0),
            lost_untold: AtomicBool::new(false),
        }
    }

    /// A mask for a watch here.
    pub(crate) fn mask(&self, rng: &mut Rng) -> WatchMask {
        let mut mask = match rng.u8(0..6) {
            0 => WatchMask::ALL_EVENTS,
            1 => WatchMask::MODIFY | WatchMask::OPEN,
            2 => WatchMask::CREATE | WatchMask::DELETE,
            3 => WatchMask::MOVE | WatchMask::DELETE_SELF | WatchMask::MOVE_SELF,
            // Whatever, but something.
            _ => WatchMask::from_bits_truncate(rng.u32(1..0x1000)),
        };
        mask.set(WatchMask::ONESHOT, self.only_oneshots || rng.u8(0..4) == 0);
        mask.set(WatchMask::EXCL_UNLINK, rng.u8(0..4) == 0);
        mask.set(WatchMask::ONLYDIR, rng.u8(0..6) == 0);
        mask.set(WatchMask::DONT_FOLLOW, rng.u8(0..6) == 0);
        match rng.u8(0..6) {
            0 => mask | WatchMask::MASK_ADD,
            1 => mask | WatchMask::MASK_CREATE,
            _ => mask,
        }
    }

    /// A call that began at `call` gave this descriptor for something with children of this letter.
    pub(crate) fn gave(&self, wd: WatchDescriptor, letter: u8, call: Moment) {
        let wd = wd.as_raw();
        self.given.lock().insert(wd, letter);
        if let Some(stream) = self.stream.try_lock() {
            stream.check_given(wd, call);
        }
    }

    /// One of the descriptors that were given, gone or not.
    pub(crate) fn any_wd(&self, rng: &mut Rng) -> WatchDescriptor {
        let given = self.given.lock();
        let nth = rng.usize(0..given.len().max(1));
        WatchDescriptor::from_raw(given.keys().nth(nth).copied().unwrap_or(1))
    }

    /// Lets the descriptors go on elsewhere.
    pub(crate) fn next_era(&self) -> Result<()> {
        let era = self.era.fetch_add(1, Ordering::Relaxed) % 1000 + 1;
        self.inotify.set_next_wd(WatchDescriptor::from_raw(era * ERA))
    }

    /// Reads in one of the ways there are, waiting a little in some. A thread that finds another reader at it
    /// leaves.
    pub(crate) fn read(&self, rng: &mut Rng, cancel: Option<&Cancel>) -> Result<()> {
        let wait = Duration::from_millis(rng.u64(0..WAIT_MILLIS));
        if rng.bool() {
            // Any number of readers may wait.
            match rng.u8(0..3) {
                0 => self.inotify.wait(Some(wait), cancel)?,
                1 => drop(self.inotify.ready().recv_timeout(wait)),
                _ => {}
            }
        }
        let Some(mut stream) = self.stream.try_lock() else { return Ok(()) };
        match rng.u8(0..5) {
            0 => {
                if let Some(event) = self.inotify.next()? {
                    stream.take(&event);
                }
            }
            1 => self.inotify.drain().iter().for_each(|event| stream.take(event)),
            2 => {
                let mut events = Vec::new();
                self.inotify.drain_into(&mut events, rng.usize(1..200));
                events.iter().for_each(|event| stream.take(event));
            }
            3 => {
                let mut bytes = vec![0; rng.usize(1..4096)];
                let len = self.inotify.read(&mut bytes)?;
                self.take_bytes(&mut stream, &bytes[..len]);
            }
            _ => {
                let mut bytes = [0; 1024];
                let len = self.inotify.read_wait(&mut bytes, Some(wait), cancel)?;
                self.take_bytes(&mut stream, &bytes[..len]);
            }
        }
        Ok(())
    }

    fn take_bytes(&self, stream: &mut Stream, bytes: &[u8]) {
        let events = decode(bytes).expect("whole events");
        assert!(!events.is_empty(), "a read of nothing");
        for event in events {
            if event.wd == -1 {
                self.lost_untold.store(true, Ordering::Relaxed);
                stream.take(&Event::Overflow { lost: 1 });
                continue;
            }
            let wd = WatchDescriptor::from_raw(event.wd);
            let (mask, cookie, name) = (event.mask, event.cookie, event.name);
            stream.take(&Event::Fs(vfsnotify::inotify::FsEvent::new(wd, mask, cookie, name)));
        }
    }

    /// Takes all its watches away, reads what is left, and checks the sums. No other thread has it.
    pub(crate) fn finish(&self) -> Delivered {
        // A one-shot that fires now is off the list, and out of the count only when the thread that
        // fired it gets to that.
        while self.inotify.watch_count() != 0 {
            for watch in self.inotify.watches() {
                // It may have ended meanwhile.
                let _ = self.inotify.rm_watch(watch.wd);
            }
            std::thread::yield_now();
        }
        let mut stream = std::mem::take(&mut *self.stream.lock());
        // IGNORED is queued in the step that ends a watch, so nothing comes after this.
        self.inotify.drain().iter().for_each(|event| stream.take(event));
        match self.inotify.next() {
            Ok(None) => {}
            Err(error) if error.errno() == Errno::ESHUTDOWN => {}
            other => panic!("after the last watch comes {other:?}"),
        }
        for (wd, letter) in self.given.lock().drain() {
            stream.check_letter(wd, letter);
        }
        let stats = self.inotify.stats();
        assert_eq!(stats.queued, stream.read, "queued and read: {stats:?}");
        if self.lost_untold.load(Ordering::Relaxed) {
            assert!(stats.lost >= stream.lost, "lost: {stats:?}, of which {}", stream.lost);
        } else {
            assert_eq!(stats.lost, stream.lost, "lost: {stats:?}");
        }
        self.delivered(&stream)
    }

    /// The counts of the stream so far, of one that goes with events queued.
    pub(crate) fn vanish(&self) -> Delivered {
        let stream = std::mem::take(&mut *self.stream.lock());
        self.delivered(&stream)
    }

    fn delivered(&self, stream: &Stream) -> Delivered {
        Delivered {
            events: stream.read,
            lost: stream.lost,
            pairs: stream.pairs,
            oneshots: stream.oneshots,
        }
    }
}

//! Rules that hold for every stream of events, whatever was done.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use vfsnotify::EventMask;
use vfsnotify::inotify::{Event, FsEvent};

use crate::names::letter_of;

const RENAME: EventMask = EventMask::MOVED_FROM.union(EventMask::MOVED_TO);

/// A moment in the order of all threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Later than every moment that was had before.
    pub(crate) fn now() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::SeqCst))
    }
}

fn must(holds: bool, else_what: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(else_what) }
}

/// Reads along, and panics at the first event that cannot be.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Every watch of this instance is a one-shot.
    only_oneshots: bool,
    /// Watches that have said IGNORED, and when that was read. Descriptors are not used again here.
    ended: HashMap<i32, Moment>,
    /// One-shots that have had their event.
    fired: HashSet<i32>,
    /// The one-shot whose IGNORED must come next.
    awaits_ignored: Option<i32>,
    /// How many of the next events were in the queue while it was losing some. An overflow stands for
    /// all that is lost until it is read, also between events that come after it.
    gaps: usize,
    /// The most events that a queue holds.
    queue_limit: usize,
    /// The letter of the names of each watch.
    letters: HashMap<i32, u8>,
    /// Cookies of the rename events seen.
    moved_from: HashSet<u32>,
    moved_to: HashSet<u32>,
    /// MOVED_FROM of a rename, as long as MOVED_TO may follow it, and its watch.
    half: Option<(u32, i32)>,
    /// Events read, overflows not counted.
    pub(crate) read: u64,
    /// The events lost by the overflows read.
    pub(crate) lost: u64,
    /// Renames of which both events were read.
    pub(crate) pairs: u64,
    /// One-shots that fired.
    pub(crate) oneshots: u64,
}

impl Stream {
    /// The rules for an instance, all of whose watches may be one-shots.
    pub(crate) fn new(only_oneshots: bool, queue_limit: usize) -> Self {
        Self { only_oneshots, queue_limit, ..Self::default() }
    }

    /// Takes the next event in.
    pub(crate) fn take(&mut self, event: &Event) {
        if let Err(what) = self.check(event) {
            panic!("{what}: {event:?}");
        }
    }

    fn check(&mut self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::Fs(happened) => self.happened(happened),
            Event::Overflow { lost } => {
                self.lost += u64::from(*lost);
                // Whatever was to come next may be among the missing.
                (self.awaits_ignored, self.half) = (None, None);
                self.gaps = self.queue_limit;
                must(*lost > 0, "an overflow without a loss")
            }
        }
    }

    fn happened(&mut self, event: &FsEvent) -> Result<(), &'static str> {
        let wd = event.wd.as_raw();
        self.read += 1;
        must(wd > 0, "a descriptor that was never given out")?;
        must(!self.ended.contains_key(&wd), "an event after IGNORED")?;
        let is_ignored = event.mask.contains(EventMask::IGNORED);
        let pending = self.awaits_ignored.take().filter(|_| self.gaps == 0);
        must(
            pending.is_none_or(|pending| is_ignored && pending == wd),
            "IGNORED of a one-shot is missing",
        )?;
        self.gaps = self.gaps.saturating_sub(1);
        self.rename(event, is_ignored)?;
        if let Some(letter) = letter_of(&event.name) {
            let known = *self.letters.entry(wd).or_insert(letter);
            must(known == letter, "a name of elsewhere")?;
        }
        if is_ignored {
            must(event.mask == EventMask::IGNORED && event.name.is_empty(), "IGNORED is alone")?;
            self.ended.insert(wd, Moment::now());
        } else if self.only_oneshots {
            must(self.fired.insert(wd), "a second event of a one-shot")?;
            self.awaits_ignored = Some(wd);
            self.oneshots += 1;
        }
        Ok(())
    }

    /// MOVED_FROM and MOVED_TO come one after the other (the first may be a one-shot's last event), and a
    /// cookie is of one rename only.
    fn rename(&mut self, event: &FsEvent, is_ignored: bool) -> Result<(), &'static str> {
        must((event.cookie != 0) == event.mask.intersects(RENAME), "a cookie is of a rename")?;
        let before = self.half;
        if !(is_ignored && before.is_some_and(|(_, wd)| wd == event.wd.as_raw())) {
            self.half = None;
        }
        if event.mask.contains(EventMask::MOVED_FROM) {
            must(self.moved_from.insert(event.cookie), "the cookie of another rename")?;
            must(!self.moved_to.contains(&event.cookie), "the events of a rename are exchanged")?;
            self.half = Some((event.cookie, event.wd.as_raw()));
        }
        if event.mask.contains(EventMask::MOVED_TO) {
            must(self.moved_to.insert(event.cookie), "the cookie of another rename")?;
            let is_pair = before.is_some_and(|(cookie, _)| cookie == event.cookie);
            let came_before = self.moved_from.contains(&event.cookie);
            must(is_pair == came_before, "the events of a rename are apart")?;
            self.pairs += u64::from(is_pair);
        }
        Ok(())
    }

    /// Compares the names of a watch with the directory it was put on.
    pub(crate) fn check_letter(&self, wd: i32, letter: u8) {
        if let Some(seen) = self.letters.get(&wd) {
            assert_eq!(char::from(*seen), char::from(letter), "wd {wd} has names of elsewhere");
        }
    }

    /// A watch was given this descriptor by a call that began at that moment.
    pub(crate) fn check_given(&self, wd: i32, call: Moment) {
        let ended = self.ended.get(&wd);
        assert!(ended.is_none_or(|ended| *ended > call), "wd {wd} is given again");
    }
}

#[cfg(test)]
mod tests {
    use vfsnotify::inotify::WatchDescriptor;

    use super::*;

    fn event(wd: i32, mask: EventMask, cookie: u32, name: &str) -> Event {
        let wd = WatchDescriptor::from_raw(wd);
        Event::Fs(FsEvent::new(wd, mask, cookie, name.as_bytes()))
    }

    /// Whether a stream is refused at its last event.
    fn refuses(only_oneshots: bool, events: &[Event]) -> bool {
        let mut stream = Stream::new(only_oneshots, 2);
        let (last, rest) = events.split_last().expect("an event");
        rest.iter().for_each(|event| stream.take(event));
        stream.check(last).is_err()
    }

    #[test]
    fn a_stream_that_cannot_be_is_refused() {
        use EventMask as M;
        let ignored = |wd| event(wd, M::IGNORED, 0, "");
        let open = |wd| event(wd, M::OPEN, 0, if wd == 1 { "a.1" } else { "b.1" });
        let from = |cookie| event(1, M::MOVED_FROM, cookie, "a.1");
        let to = |cookie| event(2, M::MOVED_TO, cookie, "b.1");

        assert!(!refuses(false, &[open(1), from(7), to(7), ignored(1), open(2)]));
        assert!(
            !refuses(false, &[from(7), ignored(1), to(7)]),
            "a one-shot between the events of a rename"
        );
        assert!(!refuses(true, &[open(1), ignored(1), ignored(2)]));
        assert!(!refuses(true, &[open(1), Event::Overflow { lost: 3 }, open(2), ignored(2)]));

        let lost = Event::Overflow { lost: 1 };
        assert!(!refuses(true, &[lost.clone(), open(1), open(2)]), "lost after the overflow");

        assert!(refuses(true, &[lost, ignored(3), open(1), open(2)]), "the gap was over");
        assert!(refuses(false, &[ignored(1), open(1)]), "after IGNORED");
        assert!(refuses(false, &[ignored(1), ignored(1)]), "IGNORED twice");
        assert!(refuses(false, &[from(7), open(1), to(7)]), "a rename's events apart");
        assert!(refuses(false, &[to(7), from(7)]), "a rename's events exchanged");
        assert!(refuses(false, &[from(7), from(7)]), "a cookie twice");
        assert!(refuses(false, &[event(1, M::OPEN, 7, "")]), "a cookie of no rename");
        assert!(refuses(false, &[open(1), event(1, M::OPEN, 0, "b.1")]), "two directories");
        assert!(refuses(true, &[open(1), open(1)]), "a one-shot twice");
        assert!(refuses(true, &[open(1), open(2)]), "no IGNORED");
        assert!(refuses(false, &[Event::Overflow { lost: 0 }]), "nothing lost");
    }
}

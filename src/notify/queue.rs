//! A group's queue: bounded, coalescing at the tail, counting what it loses.

use std::collections::VecDeque;
use std::fmt::Debug;

use crate::base::mask::EventMask;
use crate::base::sync::Doorbell;
use crate::notify::event::{Event, NO_TAG};

/// How many events a chunk holds: no push ever moves more than the list of chunks.
const CHUNK: usize = 128;

/// What an event means to one kind of listener.
pub(crate) trait Backend: Debug + Send + Sync {
    /// The mask under which an event is queued, from the bits that happened.
    fn queued_mask(&self, happened: EventMask) -> EventMask;

    /// The mask that says that a mark is gone, if listeners of this kind are told.
    fn ignored_mask(&self) -> Option<EventMask>;

    /// Whether a new event disappears in the one at the tail.
    fn merges(&self, tail: &Event, tag: i32, mask: EventMask, name: &[u8]) -> bool;
}

/// A bounded ring of events in chunks.
///
/// Rules (SEMANTICS 3): a full queue drops what comes, also what would have merged, and holds one
/// overflow event more than its limit; only the tail is looked at for merging.
#[derive(Debug)]
pub(crate) struct Queue {
    backend: Option<&'static dyn Backend>,
    chunks: VecDeque<VecDeque<Event>>,
    /// An empty chunk kept for the next one that is needed.
    spare: Option<VecDeque<Event>>,
    len: usize,
    bytes: usize,
    limit: usize,
    /// Events lost since the overflow event that is in the queue; 0 if there is none.
    lost: u32,
    overflow_queued: bool,
    bell: Option<Doorbell>,
    /// How many events have been appended, and how many of these have left.
    appended: u64,
    taken: u64,
    /// Events pushed, merged and lost since the group was made.
    pub(crate) counters: Counters,
}

/// What became of the events of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) queued: u64,
    pub(crate) merged: u64,
    pub(crate) lost: u64,
}

/// What a push left for the pusher to do once the lock is released.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Ring(Option<Doorbell>);

impl Ring {
    /// Rings the bell, if the push made the queue readable. Holds no lock.
    pub(crate) fn ring(self) {
        if let Some(bell) = self.0 {
            bell.ring();
        }
    }

    /// One ring for two pushes.
    pub(crate) fn merge(&mut self, other: Self) {
        if self.0.is_none() {
            self.0 = other.0;
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::closed()
    }
}

impl Queue {
    /// A queue that takes nothing.
    pub(crate) fn closed() -> Self {
        Self {
            backend: None,
            chunks: VecDeque::new(),
            spare: None,
            len: 0,
            bytes: 0,
            limit: 0,
            lost: 0,
            overflow_queued: false,
            bell: None,
            appended: 0,
            taken: 0,
            counters: Counters::default(),
        }
    }

    /// An empty queue for `limit` events and an overflow.
    pub(crate) fn open(backend: &'static dyn Backend, limit: usize) -> Self {
        Self { backend: Some(backend), limit, ..Self::closed() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.backend.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many events have ever been appended, and how many of them were taken out again.
    pub(crate) fn positions(&self) -> (u64, u64) {
        (self.appended, self.taken)
    }

    /// The bytes of all events as `struct inotify_event`: FIONREAD.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The bell, made on first use; it is rung at once if something is there to read.
    pub(crate) fn bell(&mut self) -> Doorbell {
        let readable = self.len > 0 || !self.is_open();
        let bell = self.bell.get_or_insert_with(Doorbell::new).clone();
        if readable {
            bell.ring();
        }
        bell
    }

    /// Queues what happened to a mark. The name is copied only if the event is kept.
    pub(crate) fn push(&mut self, tag: i32, happened: EventMask, cookie: u32, name: &[u8]) -> Ring {
        let Some(backend) = self.backend else { return Ring::default() };
        let mask = backend.queued_mask(happened);
        self.push_event(backend, tag, mask, cookie, name)
    }

    /// Queues the event that says that a mark is gone.
    pub(crate) fn push_ignored(&mut self, tag: i32) -> Ring {
        let Some(backend) = self.backend else { return Ring::default() };
        match backend.ignored_mask() {
            Some(mask) => self.push_event(backend, tag, mask, 0, b""),
            None => Ring::default(),
        }
    }

    fn push_event(
        &mut self,
        backend: &dyn Backend,
        tag: i32,
        mask: EventMask,
        cookie: u32,
        name: &[u8],
    ) -> Ring {
        // The limit comes before merging, as in Linux.
        if self.len >= self.limit {
            self.lost = self.lost.saturating_add(1);
            self.counters.lost += 1;
            if self.overflow_queued {
                return Ring::default();
            }
            self.overflow_queued = true;
            return self.append(Event::new(NO_TAG, EventMask::Q_OVERFLOW));
        }
        if self.tail().is_some_and(|tail| backend.merges(tail, tag, mask, name)) {
            self.counters.merged += 1;
            return Ring::default();
        }
        self.counters.queued += 1;
        self.append(Event { cookie, name: name.into(), ..Event::new(tag, mask) })
    }

    fn tail(&self) -> Option<&Event> {
        self.chunks.back()?.back()
    }

    fn append(&mut self, event: Event) -> Ring {
        let was_empty = self.len == 0;
        self.len += 1;
        self.appended += 1;
        self.bytes += event.encoded_len();
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push_back(event),
            _ => {
                let mut chunk = self.spare.take().unwrap_or_else(|| VecDeque::with_capacity(CHUNK));
                chunk.push_back(event);
                self.chunks.push_back(chunk);
            }
        }
        Ring(if was_empty { self.bell.clone() } else { None })
    }

    /// The event that would be popped next.
    pub(crate) fn front(&self) -> Option<&Event> {
        self.chunks.front()?.front()
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let chunk = self.chunks.front_mut()?;
        let mut event = chunk.pop_front()?;
        if chunk.is_empty() && self.chunks.len() > 1 {
            self.spare = self.chunks.pop_front();
        }
        self.len -= 1;
        self.taken += 1;
        self.bytes -= event.encoded_len();
        if event.tag == NO_TAG {
            event.lost = std::mem::take(&mut self.lost);
            self.overflow_queued = false;
        }
        Some(event)
    }

    /// Moves up to `most` of the oldest events to the end of `into`, and rings the bell again if
    /// it leaves some behind. Returns how many it moved.
    pub(crate) fn drain_into(
        &mut self,
        into: &mut impl Extend<Event>,
        most: usize,
    ) -> (usize, Ring) {
        let count = most.min(self.len);
        into.extend((0..count).map_while(|_| self.pop()));
        (count, self.rearm())
    }

    /// The ring for a reader that leaves events behind.
    pub(crate) fn rearm(&self) -> Ring {
        Ring(if self.len > 0 || !self.is_open() { self.bell.clone() } else { None })
    }

    /// Stops the queue for good, but lets what is in it be read.
    pub(crate) fn seal(&mut self) -> Ring {
        self.backend = None;
        Ring(self.bell.clone())
    }

    /// Stops the queue for good. Its events are returned, to be freed with no lock held.
    pub(crate) fn close(&mut self) -> (Self, Ring) {
        let bell = self.bell.clone();
        let closed = Self { bell: bell.clone(), counters: self.counters, ..Self::closed() };
        (std::mem::replace(self, closed), Ring(bell))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain;
    impl Backend for Plain {
        fn queued_mask(&self, happened: EventMask) -> EventMask {
            happened
        }
        fn ignored_mask(&self) -> Option<EventMask> {
            Some(EventMask::IGNORED)
        }
        fn merges(&self, tail: &Event, tag: i32, mask: EventMask, name: &[u8]) -> bool {
            tail.tag == tag && tail.mask == mask && &*tail.name == name
        }
    }

    fn masks(queue: &mut Queue) -> Vec<(i32, EventMask, u32)> {
        std::iter::from_fn(|| queue.pop()).map(|e| (e.tag, e.mask, e.lost)).collect()
    }

    #[test]
    fn a_full_queue_says_how_many_were_lost_and_takes_more_after_two_reads() {
        let mut queue = Queue::open(&Plain, 2);
        for tag in 1..=5 {
            queue.push(tag, EventMask::OPEN, 0, b"").ring();
        }
        assert_eq!(queue.len(), 3);
        queue.pop().unwrap();
        queue.push(6, EventMask::OPEN, 0, b"").ring();
        assert_eq!(queue.len(), 2, "one read is not enough");
        queue.pop().unwrap();
        queue.push(7, EventMask::OPEN, 0, b"").ring();
        assert_eq!(
            masks(&mut queue),
            [(NO_TAG, EventMask::Q_OVERFLOW, 4), (7, EventMask::OPEN, 0)]
        );
        assert_eq!(queue.counters, Counters { queued: 3, merged: 0, lost: 4 });
    }

    #[test]
    fn an_event_equal_to_the_tail_is_lost_when_the_queue_is_full() {
        let mut queue = Queue::open(&Plain, 1);
        queue.push(1, EventMask::OPEN, 0, b"").ring();
        queue.push(1, EventMask::OPEN, 0, b"").ring();
        assert_eq!(
            masks(&mut queue),
            [(1, EventMask::OPEN, 0), (NO_TAG, EventMask::Q_OVERFLOW, 1)]
        );
    }

    #[test]
    fn events_come_out_in_order_across_chunks() {
        let mut queue = Queue::open(&Plain, 10_000);
        let mut next = 0;
        for round in 0..20 {
            for tag in 0..100 {
                queue.push(round * 100 + tag, EventMask::OPEN, 0, b"").ring();
            }
            let mut taken = Vec::new();
            queue.drain_into(&mut taken, 90).1.ring();
            for event in taken {
                assert_eq!(event.tag, next);
                next += 1;
            }
        }
        assert_eq!(queue.len(), 200);
        assert_eq!(queue.bytes(), 200 * 16);
    }

    #[test]
    fn the_bell_rings_once_until_it_is_heard() {
        let mut queue = Queue::open(&Plain, 10);
        let bell = queue.bell();
        assert!(bell.receiver().try_recv().is_err());
        queue.push(1, EventMask::OPEN, 0, b"").ring();
        queue.push(2, EventMask::OPEN, 0, b"").ring();
        assert!(bell.receiver().try_recv().is_ok());
        assert!(bell.receiver().try_recv().is_err());
        queue.drain_into(&mut Vec::new(), 1).1.ring();
        assert!(bell.receiver().try_recv().is_ok(), "something was left behind");
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let mut queue = Queue::open(&Plain, 10);
        queue.push(1, EventMask::OPEN, 0, b"").ring();
        let (old, ring) = queue.close();
        ring.ring();
        assert_eq!(old.len(), 1);
        queue.push(1, EventMask::OPEN, 0, b"").ring();
        assert_eq!(queue.len(), 0);
        assert!(!queue.is_open());
    }
}

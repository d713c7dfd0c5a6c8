//! A group's queue: bounded, coalescing at the tail, counting what it loses.

use std::collections::VecDeque;
use std::fmt::Debug;

use crate::base::mask::EventMask;
use crate::base::name::NameRef;
use crate::base::sync::{Doorbell, count_items};
use crate::notify::event::{Event, NO_TAG, encoded_len};

/// How many events a chunk holds: no push ever moves more than the list of chunks.
const CHUNK: usize = 128;

/// What an event means to one kind of listener.
pub(crate) trait Backend: Debug + Send + Sync {
    /// The mask under which an event is queued, from the bits that happened.
    fn queued_mask(&self, happened: EventMask) -> EventMask;

    /// The mask that says that a mark is gone, if listeners of this kind are told.
    fn ignored_mask(&self) -> Option<EventMask>;

    /// Whether a new event disappears in the one at the tail.
    fn merges(&self, tail: &Event, tag: i32, mask: EventMask, name: NameRef<'_>) -> bool;
}

/// A bounded ring of events in chunks.
///
/// Rules (SEMANTICS 3): a full queue drops what comes, also what would have merged, and holds one
/// overflow event more than its limit; only the tail is looked at for merging.
#[derive(Debug)]
pub(crate) struct Queue {
    backend: Option<&'static dyn Backend>,
    len: usize,
    limit: usize,
    bytes: usize,
    /// The newest events. Here and not in `full`, so that a push finds it without a detour.
    tail: VecDeque<Event>,
    bell: Option<Doorbell>,
    /// The chunks before it, oldest first.
    full: VecDeque<VecDeque<Event>>,
    /// An empty chunk kept for the next one that is needed.
    spare: VecDeque<Event>,
    /// Events lost since the overflow event that is in the queue; 0 if there is none.
    lost: u32,
    overflow_queued: bool,
    /// How many events have been taken out again, overflows included.
    taken: u64,
    overflows: u64,
    merged: u64,
    all_lost: u64,
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
            len: 0,
            limit: 0,
            bytes: 0,
            tail: VecDeque::new(),
            bell: None,
            full: VecDeque::new(),
            spare: VecDeque::new(),
            lost: 0,
            overflow_queued: false,
            taken: 0,
            overflows: 0,
            merged: 0,
            all_lost: 0,
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
        (self.taken + self.len as u64, self.taken)
    }

    /// What has become of the events since the group was made.
    pub(crate) fn counters(&self) -> Counters {
        let queued = self.taken + self.len as u64 - self.overflows;
        Counters { queued, merged: self.merged, lost: self.all_lost }
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

    /// Lets `pushes` queue what it likes, and returns the ring if that made the queue readable.
    #[inline]
    pub(crate) fn fill(&mut self, pushes: impl FnOnce(&mut Pusher<'_>)) -> Ring {
        let was_empty = self.len == 0;
        pushes(&mut Pusher(self));
        Ring(if was_empty && self.len > 0 { self.bell.clone() } else { None })
    }

    #[cold]
    fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
        self.all_lost += 1;
        if !self.overflow_queued {
            self.overflow_queued = true;
            self.overflows += 1;
            self.append(0, || Event::new(NO_TAG, EventMask::Q_OVERFLOW));
        }
    }

    #[inline]
    fn append(&mut self, name_len: usize, event: impl FnOnce() -> Event) {
        if self.tail.len() == self.tail.capacity() || self.tail.len() == CHUNK {
            self.make_room();
        }
        // Made in its place.
        self.tail.push_back(event());
        self.len += 1;
        self.bytes += encoded_len(name_len);
    }

    /// Lets `tail` be a chunk with room.
    #[cold]
    fn make_room(&mut self) {
        let mut chunk = std::mem::take(&mut self.spare);
        if chunk.capacity() < CHUNK {
            chunk = VecDeque::with_capacity(CHUNK);
        }
        let tail = std::mem::replace(&mut self.tail, chunk);
        if !tail.is_empty() {
            self.full.push_back(tail);
        }
    }

    /// The event that would be popped next.
    pub(crate) fn front(&self) -> Option<&Event> {
        self.full.front().unwrap_or(&self.tail).front()
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let chunk = self.full.front_mut().unwrap_or(&mut self.tail);
        let mut event = chunk.pop_front()?;
        count_items(1);
        if chunk.is_empty() && !self.full.is_empty() {
            self.spare = self.full.pop_front().unwrap_or_default();
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

    /// Takes the oldest events, at most `most` and at most a chunk of them, into `chunk`, which is
    /// empty. Whole chunks change places with it, so that nothing is copied, and a queue that is
    /// drained in turns allocates nothing.
    pub(crate) fn drain(&mut self, chunk: &mut VecDeque<Event>, most: usize) -> Ring {
        let oldest = self.full.front().unwrap_or(&self.tail).len();
        // What an overflow event stands for is written into it as it is taken.
        if oldest <= most && !self.overflow_queued {
            match self.full.pop_front() {
                Some(full) => self.give_back(std::mem::replace(chunk, full)),
                None => std::mem::swap(&mut self.tail, chunk),
            }
            count_items(chunk.len());
            self.len -= chunk.len();
            self.taken += chunk.len() as u64;
            self.bytes -= match self.len {
                0 => self.bytes,
                _ => chunk.iter().map(Event::encoded_len).sum(),
            };
        } else {
            chunk.extend((0..most.min(oldest)).map_while(|_| self.pop()));
        }
        self.rearm()
    }

    /// Keeps an empty chunk for the next events, if there is none.
    pub(crate) fn give_back(&mut self, chunk: VecDeque<Event>) {
        debug_assert!(chunk.is_empty());
        if self.is_open() && self.spare.capacity() < chunk.capacity() {
            self.spare = chunk;
        }
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
        let closed = Self {
            bell: bell.clone(),
            taken: self.taken + self.len as u64,
            overflows: self.overflows,
            merged: self.merged,
            all_lost: self.all_lost,
            ..Self::closed()
        };
        (std::mem::replace(self, closed), Ring(bell))
    }
}

/// Queues events under one hold of the queue's lock; see [`Queue::fill`].
#[derive(Debug)]
pub(crate) struct Pusher<'a>(&'a mut Queue);

impl Pusher<'_> {
    /// Queues what happened to a mark. The name is copied only if the event is kept.
    #[inline]
    pub(crate) fn push(&mut self, tag: i32, happened: EventMask, cookie: u32, name: NameRef<'_>) {
        let Some(backend) = self.0.backend else { return };
        let mask = backend.queued_mask(happened);
        self.push_event(backend, tag, mask, cookie, name);
    }

    /// Queues the event that says that a mark is gone.
    pub(crate) fn push_ignored(&mut self, tag: i32) {
        let Some(backend) = self.0.backend else { return };
        if let Some(mask) = backend.ignored_mask() {
            self.push_event(backend, tag, mask, 0, NameRef::Bytes(b""));
        }
    }

    #[inline]
    fn push_event(
        &mut self,
        backend: &dyn Backend,
        tag: i32,
        mask: EventMask,
        cookie: u32,
        name: NameRef<'_>,
    ) {
        let queue = &mut *self.0;
        // The limit comes before merging, as in Linux.
        if queue.len >= queue.limit {
            queue.lose();
        } else if queue.tail.back().is_some_and(|tail| backend.merges(tail, tag, mask, name)) {
            queue.merged += 1;
        } else {
            let len = name.as_bytes().len();
            queue.append(len, || Event { tag, mask, cookie, lost: 0, name: name.to_name() });
        }
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
        fn merges(&self, tail: &Event, tag: i32, mask: EventMask, name: NameRef<'_>) -> bool {
            tail.tag == tag && tail.mask == mask && name.is(&tail.name)
        }
    }

    fn push(queue: &mut Queue, tag: i32) {
        queue.fill(|pusher| pusher.push(tag, EventMask::OPEN, 0, NameRef::Bytes(b""))).ring();
    }

    fn masks(queue: &mut Queue) -> Vec<(i32, EventMask, u32)> {
        std::iter::from_fn(|| queue.pop()).map(|e| (e.tag, e.mask, e.lost)).collect()
    }

    #[test]
    fn a_full_queue_says_how_many_were_lost_and_takes_more_after_two_reads() {
        let mut queue = Queue::open(&Plain, 2);
        for tag in 1..=5 {
            push(&mut queue, tag);
        }
        assert_eq!(queue.len(), 3);
        queue.pop().unwrap();
        push(&mut queue, 6);
        assert_eq!(queue.len(), 2, "one read is not enough");
        queue.pop().unwrap();
        push(&mut queue, 7);
        assert_eq!(
            masks(&mut queue),
            [(NO_TAG, EventMask::Q_OVERFLOW, 4), (7, EventMask::OPEN, 0)]
        );
        assert_eq!(queue.counters(), Counters { queued: 3, merged: 0, lost: 4 });
    }

    #[test]
    fn an_event_equal_to_the_tail_is_lost_when_the_queue_is_full() {
        let mut queue = Queue::open(&Plain, 1);
        push(&mut queue, 1);
        push(&mut queue, 1);
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
                push(&mut queue, round * 100 + tag);
            }
            let mut left = 90;
            while left > 0 {
                let mut chunk = VecDeque::new();
                queue.drain(&mut chunk, left).ring();
                left -= chunk.len();
                for event in chunk {
                    assert_eq!(event.tag, next);
                    next += 1;
                }
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
        push(&mut queue, 1);
        push(&mut queue, 2);
        assert!(bell.receiver().try_recv().is_ok());
        assert!(bell.receiver().try_recv().is_err());
        queue.drain(&mut VecDeque::new(), 1).ring();
        assert!(bell.receiver().try_recv().is_ok(), "something was left behind");
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let mut queue = Queue::open(&Plain, 10);
        push(&mut queue, 1);
        let (old, ring) = queue.close();
        ring.ring();
        assert_eq!(old.len(), 1);
        push(&mut queue, 1);
        assert_eq!(queue.len(), 0);
        assert!(!queue.is_open());
    }
}

//! A group's queue: bounded, coalescing at the tail, counting what it loses.
//!
//! The first chunk of events is the queue's own. A further one is charged to the group's user and to
//! all queues together, with the long names in it, when its turn to be filled has ended and the next
//! one begins: once in 128 events, and never for a queue that its reader keeps short. Where the charge
//! is refused the queue is full, whatever its own limit.

use std::collections::VecDeque;
use std::fmt::Debug;

use crate::base::mask::EventMask;
use crate::base::name::{INLINE, NameRef};
use crate::base::sync::{Doorbell, count_items};
use crate::notify::event::{Event, NO_TAG, encoded_len};
use crate::notify::limits::QueueCharge;

/// How many events a chunk holds: no push ever moves more than the list of chunks.
const CHUNK: usize = 128;

/// What a chunk takes besides long names: its events, one place more for an overflow, and its share
/// of the list of chunks.
const CHUNK_BYTES: usize = (CHUNK + 1) * size_of::<Event>() + 2 * size_of::<Chunk>();

/// What a name that is not inline takes besides its bytes, in the allocator.
const NAME_OVERHEAD: usize = 16;

/// A chunk that is not filled any more, and what was charged for it.
#[derive(Debug)]
struct Chunk {
    events: VecDeque<Event>,
    charged: usize,
}

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
    /// What the names in it take that are not inline.
    tail_names: usize,
    bell: Option<Doorbell>,
    /// The chunks before it, oldest first.
    full: VecDeque<Chunk>,
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
    /// What was charged for the chunks in `full`. The last field: given back after they are freed.
    charge: QueueCharge,
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
            tail_names: 0,
            bell: None,
            full: VecDeque::new(),
            spare: VecDeque::new(),
            lost: 0,
            overflow_queued: false,
            taken: 0,
            overflows: 0,
            merged: 0,
            all_lost: 0,
            charge: QueueCharge::default(),
        }
    }

    /// An empty queue for `limit` events and an overflow, whose memory beyond the first chunk is
    /// charged.
    pub(crate) fn open(backend: &'static dyn Backend, limit: usize, charge: QueueCharge) -> Self {
        Self { backend: Some(backend), limit, charge, ..Self::closed() }
    }

    /// What its chunks are charged with.
    pub(crate) fn charged(&self) -> usize {
        debug_assert_eq!(
            self.tail_names,
            self.tail.iter().map(|event| heap_bytes(event.name.len())).sum::<usize>()
        );
        debug_assert_eq!(
            self.charge.bytes(),
            self.full.iter().map(|chunk| chunk.charged).sum::<usize>()
        );
        self.charge.bytes()
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
            // Should there be no room in the budget either, there is the place that every chunk has
            // for this.
            let _ = self.has_room() || self.make_room();
            self.append(0, || Event::new(NO_TAG, EventMask::Q_OVERFLOW));
        }
    }

    /// Whether the tail takes another event.
    #[inline]
    fn has_room(&self) -> bool {
        self.tail.len() < CHUNK && self.tail.len() < self.tail.capacity()
    }

    /// Appends an event to a tail with room, or to one whose place for an overflow is free.
    #[inline]
    fn append(&mut self, name_len: usize, event: impl FnOnce() -> Event) {
        // Made in its place.
        self.tail.push_back(event());
        self.len += 1;
        self.bytes += encoded_len(name_len);
        self.tail_names += heap_bytes(name_len);
    }

    /// Lets `tail` be a chunk with room; false if the budget has none for the one that was. While it has
    /// none every push asks, so that must not take long.
    #[cold]
    fn make_room(&mut self) -> bool {
        if !self.tail.is_empty() {
            let bytes = CHUNK_BYTES + self.tail_names;
            if !self.charge.take(bytes) {
                return false;
            }
            self.tail_names = 0;
            let events = std::mem::take(&mut self.tail);
            self.full.push_back(Chunk { events, charged: bytes });
        }
        self.tail = std::mem::take(&mut self.spare);
        if !is_chunk(&self.tail) {
            self.tail = VecDeque::with_capacity(CHUNK + 1);
        }
        true
    }

    /// Takes the oldest full chunk out of the list.
    fn take_full(&mut self) -> Option<VecDeque<Event>> {
        let Chunk { events, charged } = self.full.pop_front()?;
        self.charge.give(charged);
        if self.full.is_empty() {
            // What it had grown to.
            self.full = VecDeque::new();
        }
        Some(events)
    }

    /// The chunk with the oldest events.
    fn oldest(&self) -> &VecDeque<Event> {
        self.full.front().map_or(&self.tail, |chunk| &chunk.events)
    }

    /// The event that would be popped next.
    pub(crate) fn front(&self) -> Option<&Event> {
        self.oldest().front()
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let mut event = match self.full.front_mut() {
            None => {
                let event = self.tail.pop_front()?;
                self.tail_names -= heap_bytes(event.name.len());
                event
            }
            Some(Chunk { events, .. }) => {
                let event = events.pop_front()?;
                if events.is_empty() {
                    self.spare = self.take_full().unwrap_or_default();
                }
                event
            }
        };
        count_items(1);
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
        let oldest = self.oldest().len();
        // What an overflow event stands for is written into it as it is taken.
        if oldest <= most && !self.overflow_queued {
            match self.take_full() {
                Some(full) => self.give_back(std::mem::replace(chunk, full)),
                None => {
                    std::mem::swap(&mut self.tail, chunk);
                    self.tail_names = 0;
                    if !is_chunk(&self.tail) {
                        // Not one of the queue's.
                        self.tail = std::mem::take(&mut self.spare);
                    }
                }
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
        if self.is_open() && self.spare.capacity() == 0 && is_chunk(&chunk) {
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

/// What an event with a name of this length takes besides its place in a chunk.
#[inline]
fn heap_bytes(name_len: usize) -> usize {
    if name_len <= INLINE { 0 } else { (name_len + NAME_OVERHEAD).next_multiple_of(NAME_OVERHEAD) }
}

/// Whether it has the size that chunks are charged with: one that a reader made, and that grew as events
/// were put into it one by one, has another.
fn is_chunk(chunk: &VecDeque<Event>) -> bool {
    (CHUNK + 1..CHUNK + CHUNK / 2).contains(&chunk.capacity())
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
        } else if !queue.has_room() && !queue.make_room() {
            queue.lose();
        } else {
            let len = name.as_bytes().len();
            queue.append(len, || Event { tag, mask, cookie, lost: 0, name: name.to_name() });
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::notify::limits::{Limits, Users};

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

    fn open(limit: usize) -> Queue {
        Queue::open(&Plain, limit, QueueCharge::default())
    }

    fn push(queue: &mut Queue, tag: i32) {
        queue.fill(|pusher| pusher.push(tag, EventMask::OPEN, 0, NameRef::Bytes(b""))).ring();
    }

    fn masks(queue: &mut Queue) -> Vec<(i32, EventMask, u32)> {
        std::iter::from_fn(|| queue.pop()).map(|e| (e.tag, e.mask, e.lost)).collect()
    }

    #[test]
    fn a_full_queue_says_how_many_were_lost_and_takes_more_after_two_reads() {
        let mut queue = open(2);
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
        let mut queue = open(1);
        push(&mut queue, 1);
        push(&mut queue, 1);
        assert_eq!(
            masks(&mut queue),
            [(1, EventMask::OPEN, 0), (NO_TAG, EventMask::Q_OVERFLOW, 1)]
        );
    }

    #[test]
    fn events_come_out_in_order_across_chunks() {
        let mut queue = open(10_000);
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
        let mut queue = open(10);
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
        let mut queue = open(10);
        push(&mut queue, 1);
        let (old, ring) = queue.close();
        ring.ring();
        assert_eq!(old.len(), 1);
        push(&mut queue, 1);
        assert_eq!(queue.len(), 0);
        assert!(!queue.is_open());
    }

    /// A queue of one user of whom all queues may take this much, and the means to ask.
    fn charged(user_bytes: usize) -> (Users, Queue) {
        let users = Users::default();
        users.memory().set_limits(user_bytes, usize::MAX);
        let user = users.charge_instance(7, &Limits::default()).unwrap();
        let queue = Queue::open(&Plain, 100_000, QueueCharge::of(user));
        (users, queue)
    }

    fn push_named(queue: &mut Queue, tag: i32, name: &[u8]) {
        queue.fill(|pusher| pusher.push(tag, EventMask::CREATE, 0, NameRef::Bytes(name))).ring();
    }

    #[test]
    fn a_queue_of_one_chunk_is_charged_nothing() {
        let (users, mut queue) = charged(0);
        for tag in 0..1000 {
            for event in 0..100 {
                push(&mut queue, tag * 100 + event);
            }
            assert_eq!(masks(&mut queue).len(), 100);
        }
        assert_eq!((queue.charged(), users.memory().used()), (0, 0));
        assert_eq!(queue.counters().lost, 0);
    }

    #[test]
    fn a_chunk_beyond_the_first_is_charged_with_its_long_names_and_given_back_when_it_is_read() {
        let (users, mut queue) = charged(usize::MAX);
        for tag in 0..129 {
            push_named(&mut queue, tag, &[b'n'; 255]);
        }
        let expected = CHUNK_BYTES + CHUNK * 272;
        assert_eq!((queue.charged(), users.queued_bytes(7)), (expected, expected));
        for tag in 129..257 {
            push(&mut queue, tag);
        }
        assert_eq!(users.memory().used(), 2 * CHUNK_BYTES + (CHUNK + 1) * 272);
        for _ in 0..128 {
            queue.pop().unwrap();
        }
        assert_eq!(queue.charged(), CHUNK_BYTES + 272);
        let mut chunk = VecDeque::new();
        queue.drain(&mut chunk, 1000).ring();
        assert_eq!((chunk.len(), queue.charged(), users.memory().used()), (128, 0, 0));
    }

    #[test]
    fn a_refused_chunk_makes_the_queue_overflow_and_a_read_makes_room() {
        let (users, mut queue) = charged(CHUNK_BYTES);
        for tag in 0..300 {
            push(&mut queue, tag);
        }
        assert_eq!(queue.len(), 2 * CHUNK + 1, "one chunk is charged, one is free");
        assert_eq!(queue.tail.capacity(), CHUNK + 1, "the overflow has a place of its own");
        for tag in 0..CHUNK as i32 {
            assert_eq!(queue.pop().unwrap().tag, tag);
        }
        assert_eq!(users.memory().used(), 0);
        push(&mut queue, 1000);
        let rest = masks(&mut queue);
        assert_eq!(rest[CHUNK], (NO_TAG, EventMask::Q_OVERFLOW, 300 - 2 * CHUNK as u32));
        assert_eq!(rest[CHUNK + 1], (1000, EventMask::OPEN, 0));
        let counters = queue.counters();
        assert_eq!((counters.queued, counters.lost), (2 * CHUNK as u64 + 1, 44));
    }

    /// A chunk that a reader made for itself once became the queue's tail, and what fitted into it
    /// was counted as a chunk.
    #[test]
    fn a_small_chunk_of_a_readers_is_no_chunk_of_the_queue() {
        let (users, mut queue) = charged(0);
        for round in 0..10 {
            for tag in 0..CHUNK as i32 - 10 {
                push(&mut queue, tag);
            }
            let mut chunk = VecDeque::new();
            queue.drain(&mut chunk, 3 + round).ring();
            chunk.clear();
            queue.drain(&mut chunk, CHUNK).ring();
            chunk.clear();
            queue.give_back(chunk);
            assert_eq!((queue.len(), queue.counters().lost), (0, 0));
        }
        assert_eq!(users.memory().used(), 0);
    }

    /// One that a reader made in an overflow had twice the size that is charged.
    #[test]
    fn a_large_chunk_of_a_readers_is_no_chunk_of_the_queue() {
        let (_users, mut queue) = charged(0);
        let mut chunk = VecDeque::new();
        for _ in 0..3 {
            for tag in 0..CHUNK as i32 + 10 {
                push(&mut queue, tag);
            }
            queue.drain(&mut chunk, 1000).ring();
            assert!(chunk.capacity() > CHUNK + 1, "it had to make room itself");
            chunk.clear();
            queue.give_back(std::mem::take(&mut chunk));
            push(&mut queue, 1);
            queue.drain(&mut chunk, 1000).ring();
            push(&mut queue, 1);
            assert!(queue.tail.capacity() <= CHUNK + 1, "{}", queue.tail.capacity());
            queue.pop().unwrap();
            chunk = VecDeque::new();
        }
    }

    /// Each push added the names of the newest chunk up anew: 128 of them under the queue's lock, for
    /// each event that another user's operation had for a queue whose owner had used up its memory.
    #[test]
    fn what_the_names_of_the_newest_chunk_take_is_known_whatever_was_taken_out_of_it() {
        let (users, mut queue) = charged(usize::MAX);
        let mut chunk = VecDeque::new();
        for round in 0..300_usize {
            for event in 0..round % 7 * 40 {
                push_named(&mut queue, event as i32, &vec![b'n'; (round + event) * 37 % 256]);
                queue.charged();
            }
            for _ in 0..round % 5 * 10 {
                queue.pop();
                queue.charged();
            }
            if round % 3 == 0 {
                queue.drain(&mut chunk, round % 4 * 50).ring();
                chunk.clear();
                queue.charged();
            }
        }
        while queue.pop().is_some() {
            queue.charged();
        }
        assert_eq!((queue.tail_names, queue.charged(), users.memory().used()), (0, 0, 0));
    }

    #[test]
    fn an_event_equal_to_the_tail_merges_also_where_the_budget_is_used_up() {
        let (_users, mut queue) = charged(0);
        for tag in 0..CHUNK as i32 {
            push(&mut queue, tag);
        }
        push(&mut queue, CHUNK as i32 - 1);
        assert_eq!((queue.len(), queue.counters().merged), (CHUNK, 1));
        push(&mut queue, -7);
        assert_eq!((queue.len(), queue.counters().lost), (CHUNK + 1, 1));
    }

    #[test]
    fn a_queue_that_goes_gives_back_what_it_was_charged() {
        for close in [true, false] {
            let (users, mut queue) = charged(usize::MAX);
            for tag in 0..1000 {
                push_named(&mut queue, tag, &[b'n'; 100]);
            }
            assert!(users.memory().used() > 7 * CHUNK_BYTES);
            if close {
                let (events, ring) = queue.close();
                ring.ring();
                drop(events);
                assert_eq!(users.memory().used(), 0);
                assert_eq!(queue.charged(), 0);
            } else {
                queue.seal().ring();
                assert!(users.memory().used() > 0, "it can still be read");
                drop(queue);
                assert_eq!(users.memory().used(), 0);
            }
        }
    }

    #[test]
    fn one_user_cannot_use_up_what_another_may_have() {
        let (users, mut greedy) = charged(4 * CHUNK_BYTES);
        users.memory().set_limits(4 * CHUNK_BYTES, 6 * CHUNK_BYTES);
        let second = |id| {
            let user = users.charge_instance(id, &Limits::default()).unwrap();
            Queue::open(&Plain, 100_000, QueueCharge::of(user))
        };
        let (mut modest, mut late) = (second(8), second(9));
        for tag in 0..2000 {
            push(&mut greedy, tag);
        }
        assert_eq!(greedy.charged(), 4 * CHUNK_BYTES);
        for tag in 0..3 * CHUNK as i32 {
            push(&mut modest, tag);
        }
        assert_eq!((modest.len(), modest.counters().lost), (3 * CHUNK, 0));
        // All that all may have is used: still every queue has a chunk of its own.
        assert_eq!(users.memory().used(), 6 * CHUNK_BYTES);
        for tag in 0..CHUNK as i32 {
            push(&mut late, tag);
        }
        assert_eq!((late.len(), late.counters().lost), (CHUNK, 0));
        push(&mut late, -7);
        assert_eq!(late.counters().lost, 1);
        assert_eq!(users.queued_bytes(9), 0, "what was refused in total is not the user's either");
    }
}

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

    /// The bell, made on first use; [`Queue::rearm`] says whether it is to be rung at once.
    pub(crate) fn bell(&mut self) -> Doorbell {
        self.bell.get_or_insert_with(Doorbell::new).clone()
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
            limit: self.limit,
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
mod tests;

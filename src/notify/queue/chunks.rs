//! The memory of a queue: records in chunks, charged to the group's user.

use std::collections::VecDeque;

use crate::notify::limits::QueueCharge;

/// How many records a chunk holds: no push ever moves more than the list of chunks.
pub(super) const CHUNK: usize = 128;

/// What the memory of a chunk must know of a record.
pub(crate) trait Charged {
    /// How many bytes it takes besides its place in a chunk: a long name, a box, what a reference keeps in memory.
    fn extra_bytes(&self) -> usize;
}

/// A chunk that is not filled any more, and what was charged for it.
#[derive(Debug)]
pub(super) struct Chunk<R> {
    records: VecDeque<R>,
    charged: usize,
}

/// The records of a queue, in order.
///
/// The first chunk is the queue's own. A further one is charged to the group's user and to all queues together,
/// with the [`Charged::extra_bytes`] in it, when its turn to be filled has ended and the next one begins: once in
/// 128 records, and never for a queue that its reader keeps short.
#[derive(Debug)]
pub(crate) struct Chunks<R> {
    /// The newest records. Here and not in `full`, so that a push finds it without a detour.
    tail: VecDeque<R>,
    /// The extra bytes of the records in it.
    tail_extra: usize,
    /// The chunks before it, oldest first.
    full: VecDeque<Chunk<R>>,
    /// An empty chunk kept for the next one that is needed.
    spare: VecDeque<R>,
    /// What was charged for the chunks in `full`. The last field: given back after they are freed.
    charge: QueueCharge,
}

impl<R: Charged> Chunks<R> {
    /// What a chunk takes besides the extra bytes of its records: their places, one place more for an overflow, and
    /// its share of the list of chunks.
    pub(super) const CHUNK_BYTES: usize = (CHUNK + 1) * size_of::<R>() + 2 * size_of::<Chunk<R>>();

    /// No records, whose memory beyond the first chunk is charged.
    pub(super) fn new(charge: QueueCharge) -> Self {
        Self {
            tail: VecDeque::new(),
            tail_extra: 0,
            full: VecDeque::new(),
            spare: VecDeque::new(),
            charge,
        }
    }

    /// How many bytes are charged.
    pub(super) fn charged(&self) -> usize {
        debug_assert_eq!(self.tail_extra, self.tail.iter().map(R::extra_bytes).sum::<usize>());
        debug_assert_eq!(
            self.charge.bytes(),
            self.full.iter().map(|chunk| chunk.charged).sum::<usize>()
        );
        self.charge.bytes()
    }

    /// The newest record.
    #[inline]
    pub(crate) fn newest(&self) -> Option<&R> {
        self.tail.back()
    }

    #[cfg(test)]
    pub(crate) fn newest_mut(&mut self) -> Option<&mut R> {
        self.tail.back_mut()
    }

    /// Whether the newest chunk takes another record; lets a new one begin if it does not, and the budget has room.
    #[inline]
    pub(super) fn has_room(&mut self) -> bool {
        (self.tail.len() < CHUNK && self.tail.len() < self.tail.capacity()) || self.begin_chunk()
    }

    /// Appends a record with so many extra bytes to a chunk with room, or to one whose place for an overflow is free.
    #[inline]
    pub(super) fn append(&mut self, extra_bytes: usize, record: impl FnOnce() -> R) {
        // Made in its place.
        self.tail.push_back(record());
        self.tail_extra += extra_bytes;
    }

    /// Lets the newest chunk be one with room; false if the budget has none for the one that was. While it has
    /// none every push asks, so that must not take long.
    #[cold]
    fn begin_chunk(&mut self) -> bool {
        if !self.tail.is_empty() {
            let bytes = Self::CHUNK_BYTES + self.tail_extra;
            if !self.charge.try_charge(bytes) {
                return false;
            }
            self.tail_extra = 0;
            let records = std::mem::take(&mut self.tail);
            self.full.push_back(Chunk { records, charged: bytes });
        }
        self.tail = std::mem::take(&mut self.spare);
        if !is_chunk(&self.tail) {
            self.tail = VecDeque::with_capacity(CHUNK + 1);
        }
        true
    }

    /// Takes the oldest full chunk out of the list.
    #[inline(always)]
    fn take_full(&mut self) -> Option<VecDeque<R>> {
        let Chunk { records, charged } = self.full.pop_front()?;
        self.charge.uncharge(charged);
        if self.full.is_empty() {
            // What it had grown to.
            self.full = VecDeque::new();
        }
        Some(records)
    }

    /// The chunk with the oldest records.
    pub(super) fn oldest(&self) -> &VecDeque<R> {
        self.full.front().map_or(&self.tail, |chunk| &chunk.records)
    }

    /// Takes the oldest record.
    pub(super) fn pop(&mut self) -> Option<R> {
        match self.full.front_mut() {
            None => {
                let record = self.tail.pop_front()?;
                self.tail_extra -= record.extra_bytes();
                Some(record)
            }
            Some(Chunk { records, .. }) => {
                let record = records.pop_front()?;
                if records.is_empty() {
                    self.spare = self.take_full().unwrap_or_default();
                }
                Some(record)
            }
        }
    }

    /// Lets the oldest chunk change places with `chunk`, which is empty.
    #[inline]
    pub(super) fn take_oldest(&mut self, chunk: &mut VecDeque<R>) {
        match self.take_full() {
            Some(full) => self.give_back(std::mem::replace(chunk, full)),
            None => {
                std::mem::swap(&mut self.tail, chunk);
                self.tail_extra = 0;
                if !is_chunk(&self.tail) {
                    // Made by a reader.
                    self.tail = std::mem::take(&mut self.spare);
                }
            }
        }
    }

    /// Keeps an empty chunk for the next records, if there is none.
    #[inline]
    pub(super) fn give_back(&mut self, chunk: VecDeque<R>) {
        debug_assert!(chunk.is_empty());
        if self.spare.capacity() == 0 && is_chunk(&chunk) {
            self.spare = chunk;
        }
    }
}

/// Whether it has the size that chunks are charged with: a chunk that a reader made, and that grew as records
/// were put into it one by one, has another.
fn is_chunk<R>(chunk: &VecDeque<R>) -> bool {
    (CHUNK + 1..CHUNK + CHUNK / 2).contains(&chunk.capacity())
}

#[cfg(all(test, not(any(loom, shuttle))))]
impl<R: Charged> Chunks<R> {
    /// For tests: capacities of the newest chunk and of the spare one, and the extra bytes of the newest.
    pub(super) fn capacities(&self) -> (usize, usize, usize) {
        (self.tail.capacity(), self.spare.capacity(), self.tail_extra)
    }

    /// For tests: the memory of each full chunk, and how many there are.
    pub(super) fn full_chunk_bytes(&self) -> (usize, usize) {
        let bytes = self.full.front().map_or(0, |chunk| chunk.records.capacity() * size_of::<R>());
        (bytes + 2 * size_of::<Chunk<R>>(), self.full.len())
    }
}

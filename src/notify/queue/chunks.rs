//! The memory of a queue: records in chunks, charged to the group's user.

use std::collections::VecDeque;

use crate::notify::limits::QueueCharge;

/// The records in a chunk. A push never moves more than the list of chunks.
pub(super) const CHUNK: usize = 128;

/// The size of a record, as the memory of a queue counts it.
pub(crate) trait Charged {
    /// The bytes that a record takes besides its place in a chunk: a long name, a box, the objects that a
    /// reference keeps in memory.
    fn extra_bytes(&self) -> usize;
}

/// A chunk that is filled, and the bytes that were charged for it.
#[derive(Debug)]
pub(super) struct Chunk<R> {
    records: VecDeque<R>,
    charged: usize,
}

/// The records of a queue, in order.
///
/// The first chunk is free of charge. A further chunk, with its [`Charged::extra_bytes`], is charged to the
/// group's user and to the total of all queues when it is full and the next one begins: once in 128 records,
/// and never for a queue that its reader keeps short.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Chunks<R> {
    /// The newest records. They are not in `full`, so that a push needs no further load.
    tail: VecDeque<R>,
    /// The extra bytes of the records in `tail`.
    tail_extra: usize,
    /// The chunks before it, oldest first.
    full: VecDeque<Chunk<R>>,
    /// An empty chunk kept for the next one that is needed.
    spare: VecDeque<R>,
    /// The charge for the chunks in `full`. The last field: it is uncharged after the chunks are freed.
    charge: QueueCharge,
}

impl<R: Charged> Chunks<R> {
    /// The bytes of a chunk without the extra bytes of its records: their places, one more place for an
    /// overflow, and its share of the list of chunks.
    pub(super) const CHUNK_BYTES: usize = (CHUNK + 1) * size_of::<R>() + 2 * size_of::<Chunk<R>>();

    /// An empty list, whose memory beyond the first chunk is charged to `charge`.
    pub(super) fn new(charge: QueueCharge) -> Self {
        Self {
            tail: VecDeque::new(),
            tail_extra: 0,
            full: VecDeque::new(),
            spare: VecDeque::new(),
            charge,
        }
    }

    /// The charged bytes.
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

    /// Whether the newest chunk has room for another record. If not, begins a new chunk, if the budget allows
    /// it.
    #[inline]
    pub(super) fn has_room(&mut self) -> bool {
        (self.tail.len() < CHUNK && self.tail.len() < self.tail.capacity()) || self.begin_chunk()
    }

    /// Appends a record with so many extra bytes. The chunk has room, or the record is an overflow whose place
    /// is free.
    #[inline]
    pub(super) fn append(&mut self, extra_bytes: usize, record: impl FnOnce() -> R) {
        // The record is built in its place.
        self.tail.push_back(record());
        self.tail_extra += extra_bytes;
    }

    /// Begins a new chunk. False if the charge for the full one is refused. Every push calls this until the
    /// budget has room, so it must be short.
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

    /// Pops the oldest full chunk.
    #[inline(always)]
    fn take_full(&mut self) -> Option<VecDeque<R>> {
        let Chunk { records, charged } = self.full.pop_front()?;
        self.charge.uncharge(charged);
        if self.full.is_empty() {
            // The list does not keep the memory that it grew to.
            self.full = VecDeque::new();
        }
        Some(records)
    }

    /// The chunk with the oldest records.
    pub(super) fn oldest(&self) -> &VecDeque<R> {
        self.full.front().map_or(&self.tail, |chunk| &chunk.records)
    }

    /// Pops the oldest record.
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

    /// Swaps the oldest chunk with `chunk`, which is empty.
    #[inline]
    pub(super) fn take_oldest(&mut self, chunk: &mut VecDeque<R>) {
        match self.take_full() {
            Some(full) => self.give_back(std::mem::replace(chunk, full)),
            None => {
                std::mem::swap(&mut self.tail, chunk);
                self.tail_extra = 0;
                if !is_chunk(&self.tail) {
                    // A reader made this chunk, in another size.
                    self.tail = std::mem::take(&mut self.spare);
                }
            }
        }
    }

    /// Keeps an empty chunk for the next records, if there is no spare one.
    #[inline]
    pub(super) fn give_back(&mut self, chunk: VecDeque<R>) {
        debug_assert!(chunk.is_empty());
        if self.spare.capacity() == 0 && is_chunk(&chunk) {
            self.spare = chunk;
        }
    }
}

/// Whether a chunk has the size that chunks are charged with. A chunk that a reader made, and that grew record
/// by record, has another size.
fn is_chunk<R>(chunk: &VecDeque<R>) -> bool {
    (CHUNK + 1..CHUNK + CHUNK / 2).contains(&chunk.capacity())
}

#[cfg(all(test, not(any(loom, shuttle))))]
impl<R: Charged> Chunks<R> {
    /// For tests: capacities of the newest chunk and of the spare one, and the extra bytes of the newest.
    pub(super) fn capacities(&self) -> (usize, usize, usize) {
        (self.tail.capacity(), self.spare.capacity(), self.tail_extra)
    }

    /// For tests: the memory of each full chunk, and the number of them.
    pub(super) fn full_chunk_bytes(&self) -> (usize, usize) {
        let bytes = self.full.front().map_or(0, |chunk| chunk.records.capacity() * size_of::<R>());
        (bytes + 2 * size_of::<Chunk<R>>(), self.full.len())
    }
}

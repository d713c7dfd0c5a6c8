//! The queue of a group: bounded, merges by the rule of its records, counts lost events.
//!
//! The queue has no wire format and no kind of listener. The [`QueueRecord`] says which parts of an event are kept
//! and which events merge.

mod chunks;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

use std::collections::VecDeque;

pub(crate) use self::chunks::{Charged, Chunks};
use crate::base::sync::{Wakeup, count_items};
use crate::notify::limits::QueueCharge;
use crate::notify::record::QueueRecord;

/// A bounded queue of records.
///
/// RULE overflow: a full queue drops each new event, also one that would have merged, and holds one overflow
/// record beyond its limit. A queue is full at its limit, and where the charge for another chunk of memory is
/// refused.
///
/// The fields are in the order of memory: those of a push come first, so that an event that goes to many groups touches two
/// lines of each queue.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Queue<R: QueueRecord> {
    is_open: bool,
    overflow_queued: bool,
    /// Events lost since the overflow record that is queued; 0 if there is none.
    lost: u32,
    len: usize,
    limit: usize,
    /// The bytes of all records on the wire: FIONREAD.
    bytes: usize,
    chunks: Chunks<R>,
    wakeup: Option<Wakeup>,
    merge_index: R::MergeIndex,
    /// The number of records that were popped, overflows included.
    taken: u64,
    overflows: u64,
    merged: u64,
    all_lost: u64,
}

/// The numbers of events that were queued, merged and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) queued: u64,
    pub(crate) merged: u64,
    pub(crate) lost: u64,
}

/// A wakeup that is due once the queue's lock is released.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct DueWakeup(Option<Wakeup>);

impl DueWakeup {
    /// Wakes a reader, if a wakeup is due. The caller holds no lock.
    pub(crate) fn wake(self) {
        if let Some(wakeup) = self.0 {
            wakeup.wake();
        }
    }
}

impl<R: QueueRecord> Queue<R> {
    /// An empty queue for `limit` events and an overflow record.
    pub(crate) fn open(limit: usize, charge: QueueCharge) -> Self {
        Self { is_open: true, limit, chunks: Chunks::new(charge), ..Self::closed() }
    }

    fn closed() -> Self {
        Self {
            is_open: false,
            len: 0,
            limit: 0,
            bytes: 0,
            chunks: Chunks::new(QueueCharge::default()),
            merge_index: R::MergeIndex::default(),
            wakeup: None,
            lost: 0,
            overflow_queued: false,
            taken: 0,
            overflows: 0,
            merged: 0,
            all_lost: 0,
        }
    }

    /// The bytes that are charged for its chunks.
    pub(crate) fn charged(&self) -> usize {
        self.chunks.charged()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The numbers of records that were ever appended, and of those that were popped.
    pub(crate) fn positions(&self) -> (u64, u64) {
        (self.taken + self.len as u64, self.taken)
    }

    /// The counts since the group was made.
    pub(crate) fn counters(&self) -> Counters {
        let queued = self.taken + self.len as u64 - self.overflows;
        Counters { queued, merged: self.merged, lost: self.all_lost }
    }

    /// The bytes of all records on the wire: FIONREAD.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The wakeup, made on first use. [`Queue::rearm`] says whether it is due at once.
    pub(crate) fn wakeup(&mut self) -> Wakeup {
        self.wakeup.get_or_insert_with(Wakeup::new).clone()
    }

    /// Calls `pushes` with the queue. Returns the wakeup if that made the queue readable.
    #[inline]
    pub(crate) fn fill(&mut self, pushes: impl FnOnce(&mut Self)) -> DueWakeup {
        let was_empty = self.len == 0;
        pushes(self);
        DueWakeup(if was_empty && self.len > 0 { self.wakeup.clone() } else { None })
    }

    /// Queues an event, merges it, or loses it. Called within [`Queue::fill`].
    #[inline]
    pub(crate) fn push(&mut self, new: R::Draft<'_>) {
        if !self.is_open {
            return;
        }
        // The limit comes before merging, as in Linux.
        if self.len >= self.limit {
            self.lose();
        } else if R::merge(&mut self.chunks, &mut self.merge_index, &new) {
            self.merged += 1;
        } else if !self.chunks.has_room() {
            self.lose();
        } else {
            let index = &mut self.merge_index;
            self.bytes += R::draft_wire_bytes(&new);
            self.chunks.append(R::draft_extra_bytes(&new), || R::keep(new, index));
            self.len += 1;
        }
    }

    #[cold]
    fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
        self.all_lost += 1;
        if !self.overflow_queued {
            self.overflow_queued = true;
            self.overflows += 1;
            // Without budget, the overflow takes the place that every chunk reserves for it.
            self.chunks.has_room();
            let overflow = R::overflow();
            self.bytes += overflow.wire_bytes();
            self.chunks.append(overflow.extra_bytes(), || overflow);
            self.len += 1;
        }
    }

    /// The oldest record.
    pub(crate) fn front(&self) -> Option<&R> {
        self.chunks.oldest().front()
    }

    /// Pops the oldest record. The caller drops its references with no lock held.
    pub(crate) fn pop(&mut self) -> Option<R> {
        let mut record = self.chunks.pop()?;
        count_items(1);
        self.len -= 1;
        self.taken += 1;
        self.bytes -= record.wire_bytes();
        if record.is_overflow() {
            record.set_lost(std::mem::take(&mut self.lost));
            self.overflow_queued = false;
        }
        Some(record)
    }

    /// Pops the oldest records into `chunk`, which is empty: at most `most`, and at most a chunk of them. A
    /// whole chunk is swapped with it: nothing is copied, and a reader that drains in turns makes the queue
    /// allocate nothing.
    #[inline]
    pub(crate) fn drain(&mut self, chunk: &mut VecDeque<R>, most: usize) -> DueWakeup {
        let oldest = self.chunks.oldest().len();
        // The count of lost events is written into an overflow as it is popped.
        if oldest <= most && !self.overflow_queued {
            self.chunks.take_oldest(chunk);
            count_items(chunk.len());
            self.len -= chunk.len();
            self.taken += chunk.len() as u64;
            self.bytes -= match self.len {
                0 => self.bytes,
                _ => chunk.iter().map(R::wire_bytes).sum(),
            };
        } else {
            chunk.extend((0..most.min(oldest)).map_while(|_| self.pop()));
        }
        self.rearm()
    }

    /// Keeps an empty chunk for the next records, if there is no spare one.
    #[inline]
    pub(crate) fn give_back(&mut self, chunk: VecDeque<R>) {
        if self.is_open {
            self.chunks.give_back(chunk);
        }
    }

    /// The wakeup that is due if records are left, or the queue is closed.
    pub(crate) fn rearm(&self) -> DueWakeup {
        DueWakeup(if self.len > 0 || !self.is_open { self.wakeup.clone() } else { None })
    }

    /// Closes the queue to new events; the records in it can still be read.
    pub(crate) fn seal(&mut self) -> DueWakeup {
        self.is_open = false;
        DueWakeup(self.wakeup.clone())
    }

    /// Closes the queue. Returns its records; the caller frees them with no lock held.
    pub(crate) fn close(&mut self) -> (Self, DueWakeup) {
        let wakeup = self.wakeup.clone();
        let closed = Self {
            limit: self.limit,
            wakeup: wakeup.clone(),
            taken: self.taken + self.len as u64,
            overflows: self.overflows,
            merged: self.merged,
            all_lost: self.all_lost,
            ..Self::closed()
        };
        (std::mem::replace(self, closed), DueWakeup(wakeup))
    }
}

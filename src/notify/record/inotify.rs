//! The records of inotify groups.

use crate::base::mask::EventMask;
use crate::base::name::{INLINE, Name, NameRef};
use crate::base::sync::count_items;
use crate::notify::matched_marks::{Fired, Matched};
use crate::notify::occurrence::{Occurrence, Target};
use crate::notify::queue::{Charged, Chunks, Queue};
use crate::notify::record::QueueRecord;

/// The tag of a record about the group itself: an overflow.
pub(crate) const NO_TAG: i32 = -1;

/// The allocator's overhead of a name that is not inline.
const NAME_OVERHEAD: usize = 16;

/// A queued event, 40 bytes.
#[derive(Clone, Debug)]
pub(crate) struct InotifyRecord {
    /// The mark: the watch descriptor.
    pub(crate) tag: i32,
    /// The events and flags, including bits that the crate hides from readers.
    pub(crate) mask: EventMask,
    /// Connects the two records of a rename; else 0.
    pub(crate) cookie: u32,
    /// The number of events that an overflow stands for; saturates.
    pub(crate) lost: u32,
    /// The child's name; empty for an event of the marked object itself.
    pub(crate) name: Name,
}

/// An event before it is queued. The name is copied only if the queue keeps the event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) tag: i32,
    pub(crate) mask: EventMask,
    pub(crate) cookie: u32,
    pub(crate) name: NameRef<'a>,
}

impl InotifyRecord {
    pub(crate) const fn new(tag: i32, mask: EventMask) -> Self {
        Self { tag, mask, cookie: 0, lost: 0, name: Name::EMPTY }
    }
}

/// The mask of a record. MOVE_SELF and DELETE_SELF are queued without ISDIR.
#[inline]
pub(crate) fn queued_mask(happened: EventMask) -> EventMask {
    if happened.intersects(EventMask::MOVE_SELF | EventMask::DELETE_SELF) {
        happened.difference(EventMask::ISDIR)
    } else {
        happened
    }
}

impl Draft<'static> {
    /// The record that ends a mark's life.
    #[inline]
    pub(crate) const fn ignored(tag: i32) -> Self {
        Self { tag, mask: EventMask::IGNORED, cookie: 0, name: NameRef::Bytes(b"") }
    }
}

impl Charged for InotifyRecord {
    #[inline]
    fn extra_bytes(&self) -> usize {
        heap_bytes(self.name.len())
    }
}

impl QueueRecord for InotifyRecord {
    type Draft<'a> = Draft<'a>;
    type MergeIndex = ();

    /// RULE inotify-merge: a new event merges into the last record if watch, mask and name are equal, the bits
    /// that a reader does not see included. The cookie is not compared. Nothing merges into IGNORED.
    #[inline]
    fn merge(queued: &mut Chunks<Self>, (): &mut (), new: &Draft<'_>) -> bool {
        queued.newest().is_some_and(|last| {
            !last.mask.contains(EventMask::IGNORED)
                && last.tag == new.tag
                && last.mask == new.mask
                && new.name.is(&last.name)
        })
    }

    #[inline]
    fn keep(new: Draft<'_>, (): &mut ()) -> Self {
        let Draft { tag, mask, cookie, name } = new;
        Self { tag, mask, cookie, lost: 0, name: name.to_name() }
    }

    fn overflow() -> Self {
        Self::new(NO_TAG, EventMask::Q_OVERFLOW)
    }

    #[inline]
    fn is_overflow(&self) -> bool {
        self.tag == NO_TAG
    }

    fn set_lost(&mut self, lost: u32) {
        self.lost = lost;
    }

    #[inline]
    fn draft_extra_bytes(new: &Draft<'_>) -> usize {
        heap_bytes(new.name.len())
    }

    #[inline]
    fn draft_wire_bytes(new: &Draft<'_>) -> usize {
        encoded_len(new.name.len())
    }

    /// The exact size of its `struct inotify_event`.
    #[inline]
    fn wire_bytes(&self) -> usize {
        encoded_len(self.name.len())
    }
}

/// The bytes that a record with a name of this length takes besides its place in a chunk.
#[inline]
pub(super) fn heap_bytes(name_len: usize) -> usize {
    if name_len <= INLINE { 0 } else { (name_len + NAME_OVERHEAD).next_multiple_of(NAME_OVERHEAD) }
}

/// The length of a name with its terminating zero, rounded up to a multiple of 16; 0 for none.
#[inline]
const fn encoded_name_len(len: usize) -> usize {
    if len == 0 { 0 } else { (len + 1).next_multiple_of(16) }
}

/// The bytes of a record with a name of this length as a `struct inotify_event`: a header of 16, and the name.
#[inline]
pub(crate) const fn encoded_len(name_len: usize) -> usize {
    16 + encoded_name_len(name_len)
}

/// Queues an event for each of a group's marks that still wants it. A one-shot mark that fires gets its event
/// and IGNORED under this hold of the queue; the caller detaches it. RULE one-shot, RULE whole-event.
#[inline]
pub(crate) fn deliver(
    queue: &mut Queue<InotifyRecord>,
    on: &Occurrence<'_>,
    targets: &[Target<'_>],
    marks: &[Matched<'_>],
    fired: &mut Fired,
) {
    for matched in marks {
        count_items(1);
        let target = &targets[usize::from(matched.target)];
        let Some(word) = matched.still_wanted(on, target) else { continue };
        let tag = matched.slot().tag();
        let cookie = on.cookie;
        queue.push(Draft { tag, mask: queued_mask(target.happened), cookie, name: target.name });
        if word.is_oneshot() {
            queue.push(Draft::ignored(tag));
            fired.push(matched.key());
        }
    }
}

/// Queues the end of a mark: the event that ended its object, if the mark wants it, and IGNORED.
pub(crate) fn deliver_end(queue: &mut Queue<InotifyRecord>, tag: i32, end: Option<&Target<'_>>) {
    if let Some(end) = end {
        queue.push(Draft { tag, mask: queued_mask(end.happened), cookie: 0, name: end.name });
    }
    queue.push(Draft::ignored(tag));
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn the_encoded_length_rounds_up_with_the_zero() {
        for (len, encoded) in [(0, 16), (1, 32), (15, 32), (16, 48), (31, 48), (32, 64), (255, 272)]
        {
            let name = vec![b'x'; len];
            let record = InotifyRecord {
                name: name.as_slice().into(),
                ..InotifyRecord::new(1, EventMask::CREATE)
            };
            assert_eq!(record.wire_bytes(), encoded, "{len}");
        }
    }

    #[test]
    fn a_long_name_takes_memory_beside_the_record() {
        assert_eq!([0, INLINE, INLINE + 1, 255].map(heap_bytes), [0, 0, 48, 272]);
    }
}

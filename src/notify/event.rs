//! A queued event.

use crate::base::mask::EventMask;
use crate::base::name::Name;

/// The tag of events about the group itself, such as an overflow.
pub(crate) const NO_TAG: i32 = -1;

/// An event in a queue, 40 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Which mark: the watch descriptor.
    pub(crate) tag: i32,
    /// What happened, with the bits that only the crate sees.
    pub(crate) mask: EventMask,
    /// Ties the two halves of a rename together; else 0.
    pub(crate) cookie: u32,
    /// How many events an overflow stands for; saturates.
    pub(crate) lost: u32,
    /// The child's name; empty for an event about the marked object itself.
    pub(crate) name: Name,
}

impl Event {
    pub(crate) const fn new(tag: i32, mask: EventMask) -> Self {
        Self { tag, mask, cookie: 0, lost: 0, name: Name::EMPTY }
    }

    /// How many bytes it takes as a `struct inotify_event`.
    pub(crate) fn encoded_len(&self) -> usize {
        encoded_len(self.name.len())
    }
}

/// The length of a name with its terminating zero, rounded up to a multiple of 16; 0 for none.
#[inline]
const fn encoded_name_len(len: usize) -> usize {
    if len == 0 { 0 } else { (len + 1).next_multiple_of(16) }
}

/// How many bytes an event with a name of this length takes as a `struct inotify_event`: a header
/// of 16, and the name (SEMANTICS 3, read).
#[inline]
pub(crate) const fn encoded_len(name_len: usize) -> usize {
    16 + encoded_name_len(name_len)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn the_encoded_length_rounds_up_with_the_zero() {
        for (len, encoded) in [(0, 16), (1, 32), (15, 32), (16, 48), (31, 48), (32, 64), (255, 272)]
        {
            let name = vec![b'x'; len];
            let event = Event { name: name.as_slice().into(), ..Event::new(1, EventMask::CREATE) };
            assert_eq!(event.encoded_len(), encoded, "{len}");
        }
    }
}

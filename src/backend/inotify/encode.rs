//! The exact bytes of `struct inotify_event`.

use crate::backend::inotify::event::visible;
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::base::path_limits::NAME_MAX;
use crate::notify::record::QueueRecord as _;
use crate::notify::record::inotify::{InotifyRecord, encoded_len};

/// The size of an event without a name.
pub(crate) const HEADER: usize = 16;

/// Writes an event at the start of `buf`, which is at least `encoded_len` long; returns its length.
/// RULE record-length.
pub(crate) fn encode(record: &InotifyRecord, buf: &mut [u8]) -> usize {
    let len = record.wire_bytes();
    let (header, name) = buf[..len].split_at_mut(HEADER);
    header[0..4].copy_from_slice(&record.tag.to_ne_bytes());
    header[4..8].copy_from_slice(&visible(record.mask).bits().to_ne_bytes());
    header[8..12].copy_from_slice(&record.cookie.to_ne_bytes());
    header[12..16].copy_from_slice(&(name.len() as u32).to_ne_bytes());
    name.fill(0);
    name[..record.name.len()].copy_from_slice(&record.name);
    len
}

/// One event, decoded from a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decoded {
    /// The watch descriptor, or -1 for an overflow.
    pub wd: i32,
    /// The bits.
    pub mask: EventMask,
    /// The cookie of MOVED_FROM and MOVED_TO of one rename.
    pub cookie: u32,
    /// The name, without the zeros after it.
    pub name: Name,
}

impl Decoded {
    /// An event with these four fields.
    #[must_use]
    pub fn new(wd: i32, mask: EventMask, cookie: u32, name: impl Into<Name>) -> Self {
        Self { wd, mask, cookie, name: name.into() }
    }
}

/// Decodes a buffer of `struct inotify_event`s in the machine's byte order, as a guest would.
///
/// Returns the events, or `None` if the bytes are not a whole number of events exactly as
/// [`Inotify::read`](crate::inotify::Inotify::read) writes them: a name of at most 255 bytes and
/// nothing but zeros after it, one at least, up to the next multiple of 16. So the decoded events
/// encode to these bytes again. Takes time and memory proportional to `bytes`.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (vfs, cx, inotify) = new_vfs()?;
/// vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
/// vfs.mkdir(&cx, "/d", 0o755)?;
/// let mut buf = [0; 4096];
/// let len = inotify.read(&mut buf)?;
/// let events = decode(&buf[..len]).expect("whole events");
/// assert_eq!(events[0].name, "d");
/// # Ok::<(), Error>(())
/// ```
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Vec<Decoded>> {
    let mut events = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(HEADER)?;
        let word = |at: usize| -> Option<[u8; 4]> { header.get(at..at + 4)?.try_into().ok() };
        let len = usize::try_from(u32::from_ne_bytes(word(12)?)).ok()?;
        let (padded, after) = after.split_at_checked(len)?;
        let (name, padding) = match padded.iter().position(|byte| *byte == 0) {
            Some(end) => padded.split_at(end),
            None => (padded, [].as_slice()),
        };
        let is_exact = HEADER + len == encoded_len(name.len());
        if name.len() > NAME_MAX || !is_exact || padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        events.push(Decoded {
            wd: i32::from_ne_bytes(word(0)?),
            mask: EventMask::from_bits_retain(u32::from_ne_bytes(word(4)?)),
            cookie: u32::from_ne_bytes(word(8)?),
            name: name.into(),
        });
        rest = after;
    }
    Some(events)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_event_is_decoded() {
        for len in [0, 1, 15, 16, 100, 255] {
            let name = vec![b'n'; len];
            let mut event = InotifyRecord::new(5, EventMask::MOVED_FROM | EventMask::ON_CHILD);
            event.cookie = 77;
            event.name = name.as_slice().into();
            let mut buf = vec![0xee; event.wire_bytes()];
            assert_eq!(encode(&event, &mut buf), buf.len());
            let decoded = decode(&buf).unwrap();
            assert_eq!(
                decoded,
                [Decoded { wd: 5, mask: EventMask::MOVED_FROM, cookie: 77, name: event.name }]
            );
            assert_eq!(decode(&buf[..buf.len() - 1]), None);
        }
    }
}

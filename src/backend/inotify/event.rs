//! The events that a reader gets.

use crate::backend::inotify::WatchDescriptor;
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::notify::record::inotify::{InotifyRecord, NO_TAG};

/// An event read from an [`Inotify`](crate::inotify::Inotify) instance.
///
/// An overflow is a variant of its own, so that a reader cannot take it for an ordinary event
/// and go on without knowing that events are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A change or an access in the file system.
    Fs(FsEvent),
    /// The queue was full: events are missing from here to the moment at which this one was read.
    /// Events after it in the queue happened later than the first missing one. An IGNORED may be among
    /// the missing events, so any watch may be gone.
    ///
    /// To recover by rescanning, discard the queued events first
    /// ([`Inotify::drain`](crate::inotify::Inotify::drain)): they are older than the scan.
    Overflow {
        /// How many are missing (`u32::MAX`: that many or more).
        lost: u32,
    },
}

/// An event of a watched object, or of a child of a watched directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FsEvent {
    /// The watch that it was delivered to.
    pub wd: WatchDescriptor,
    /// The kind of event: the bits of inotify(7). It may have bits that were not requested, as on
    /// Linux, where one event has several.
    pub mask: EventMask,
    /// The same number in MOVED_FROM and MOVED_TO of one rename; else 0. (As on Linux, it is 0 for one
    /// rename in 2^32 too.)
    pub cookie: u32,
    /// The child's name; empty for an event about the watched object itself.
    pub name: Name,
}

impl FsEvent {
    /// An event of the object that the watch is on, or of its child of this name.
    ///
    /// ```
    /// use vfsnotify::EventMask;
    /// use vfsnotify::inotify::{FsEvent, WatchDescriptor};
    /// let wd = WatchDescriptor::from_raw(1);
    /// let event = FsEvent::new(wd, EventMask::CREATE, 0, "child");
    /// assert_eq!(event.name, "child");
    /// ```
    #[must_use]
    pub fn new(wd: WatchDescriptor, mask: EventMask, cookie: u32, name: impl Into<Name>) -> Self {
        Self { wd, mask, cookie, name: name.into() }
    }
}

impl Event {
    /// The file system's event, or `None` for an overflow.
    ///
    /// ```
    /// assert!(vfsnotify::inotify::Event::Overflow { lost: 1 }.fs_event().is_none());
    /// ```
    #[must_use]
    pub fn fs_event(&self) -> Option<&FsEvent> {
        match self {
            Self::Fs(event) => Some(event),
            Self::Overflow { .. } => None,
        }
    }

    pub(crate) fn from_record(record: InotifyRecord) -> Self {
        if record.tag == NO_TAG {
            return Self::Overflow { lost: record.lost };
        }
        Self::Fs(FsEvent {
            wd: WatchDescriptor(record.tag),
            mask: visible(record.mask),
            cookie: record.cookie,
            name: record.name,
        })
    }
}

/// The bits that a reader gets: the others are internal.
pub(crate) fn visible(mask: EventMask) -> EventMask {
    const VISIBLE: EventMask = EventMask::from_bits_retain(0xefff).union(EventMask::ISDIR);
    mask.intersection(VISIBLE)
}

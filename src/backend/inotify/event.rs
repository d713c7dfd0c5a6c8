//! The events a reader gets.

use crate::backend::inotify::WatchDescriptor;
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::notify::record::inotify::{NO_TAG, Record};

/// An event read from an [`Inotify`](crate::inotify::Inotify) instance.
///
/// An overflow is a variant of its own, so that a reader cannot take it for an ordinary event
/// and go on without knowing that events are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something happened to what is watched.
    Happened(Happened),
    /// The queue was full: from here on events are missing, up to the moment this one was read. Events
    /// that come after it in the queue did happen later than the first that is missing. IGNORED
    /// may be among the missing, so any watch may be gone.
    ///
    /// Who makes good what is missing by looking at the objects themselves throws away first what is
    /// queued ([`Inotify::drain`](crate::inotify::Inotify::drain)): it is older than what is found, and
    /// what undid it may be missing.
    Overflow {
        /// How many are missing (`u32::MAX`: that many or more).
        lost: u32,
    },
}

/// What happened to a watched object, or to a child of a watched directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// Which watch.
    pub wd: WatchDescriptor,
    /// What: the bits of inotify(7). May have bits that were not asked for, as in Linux, where
    /// one event has several.
    pub mask: EventMask,
    /// The two halves of a rename have the same; else 0. (As on Linux, it is 0 for one rename in 2^32
    /// too.)
    pub cookie: u32,
    /// The child's name; empty for an event about the watched object itself.
    pub name: Name,
}

impl Happened {
    /// What happened to what a watch is on, or to the child of this name.
    ///
    /// ```
    /// use vfsnotify::EventMask;
    /// use vfsnotify::inotify::{Happened, WatchDescriptor};
    /// let wd = WatchDescriptor::from_raw(1);
    /// let happened = Happened::new(wd, EventMask::CREATE, 0, "child");
    /// assert_eq!(happened.name, "child");
    /// ```
    #[must_use]
    pub fn new(wd: WatchDescriptor, mask: EventMask, cookie: u32, name: impl Into<Name>) -> Self {
        Self { wd, mask, cookie, name: name.into() }
    }
}

impl Event {
    /// The event, unless it is an overflow.
    ///
    /// ```
    /// assert!(vfsnotify::inotify::Event::Overflow { lost: 1 }.happened().is_none());
    /// ```
    #[must_use]
    pub fn happened(&self) -> Option<&Happened> {
        match self {
            Self::Happened(happened) => Some(happened),
            Self::Overflow { .. } => None,
        }
    }

    pub(crate) fn from_record(record: Record) -> Self {
        if record.tag == NO_TAG {
            return Self::Overflow { lost: record.lost };
        }
        Self::Happened(Happened {
            wd: WatchDescriptor(record.tag),
            mask: visible(record.mask),
            cookie: record.cookie,
            name: record.name,
        })
    }
}

/// The bits a reader sees: the others are the crate's own.
pub(crate) fn visible(mask: EventMask) -> EventMask {
    const VISIBLE: EventMask = EventMask::from_bits_retain(0xefff).union(EventMask::ISDIR);
    mask.intersection(VISIBLE)
}

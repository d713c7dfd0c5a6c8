//! The one internal set of events.

use std::fmt;

use bitflags::bitflags;

bitflags! {
    /// A set of events, and the two flags that are stored with them.
    ///
    /// The bits are those of Linux's `fs/notify` (RULE event-bits). Each back end has a mask type of
    /// its own at its edge.
    ///
    /// ```
    /// use vfsnotify::EventMask;
    /// let mask = EventMask::CREATE | EventMask::ISDIR;
    /// assert!(mask.intersects(EventMask::DIRENT));
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct EventMask: u32 {
        /// The object was read.
        const ACCESS = 0x1;
        /// Its contents changed.
        const MODIFY = 0x2;
        /// Its attributes changed.
        const ATTRIB = 0x4;
        /// It was closed after being opened for writing.
        const CLOSE_WRITE = 0x8;
        /// It was closed after being opened for reading only.
        const CLOSE_NOWRITE = 0x10;
        /// It was opened.
        const OPEN = 0x20;
        /// A name was moved out of the directory.
        const MOVED_FROM = 0x40;
        /// A name was moved into the directory.
        const MOVED_TO = 0x80;
        /// A name was made in the directory.
        const CREATE = 0x100;
        /// A name was removed from the directory.
        const DELETE = 0x200;
        /// The object itself died.
        const DELETE_SELF = 0x400;
        /// The object itself was moved.
        const MOVE_SELF = 0x800;
        /// It was opened to be executed.
        const OPEN_EXEC = 0x1000;
        /// Its file system was unmounted.
        const UNMOUNT = 0x2000;
        /// Events were lost.
        const Q_OVERFLOW = 0x4000;
        /// The watch is gone.
        const IGNORED = 0x8000;
        /// Wants the events of a directory's children too.
        const ON_CHILD = 0x0800_0000;
        /// The event is about a directory.
        const ISDIR = 0x4000_0000;
    }
}

impl EventMask {
    /// Changes of a directory's entries: they go to that directory, never to its parent.
    pub const DIRENT: Self =
        Self::CREATE.union(Self::DELETE).union(Self::MOVED_FROM).union(Self::MOVED_TO);

    /// The events of a child: only these need the flag in each child (RULE child-possible).
    pub const CHILD_POSSIBLE: Self = Self::ACCESS
        .union(Self::MODIFY)
        .union(Self::ATTRIB)
        .union(Self::CLOSE_WRITE)
        .union(Self::CLOSE_NOWRITE)
        .union(Self::OPEN)
        .union(Self::OPEN_EXEC);

    /// Every event, without the flags.
    pub const ALL_EVENTS: Self = Self::from_bits_truncate(0xffff);

    /// The events of children in this mask: none without `ON_CHILD`.
    #[must_use]
    pub const fn child_interest(self) -> Self {
        if self.contains(Self::ON_CHILD) {
            self.intersection(Self::CHILD_POSSIBLE)
        } else {
            Self::empty()
        }
    }
}

/// The names of the bits, as inotifywait(1) writes them.
///
/// ```
/// use vfsnotify::EventMask;
/// assert_eq!((EventMask::CREATE | EventMask::ISDIR).to_string(), "CREATE,ISDIR");
/// ```
impl fmt::Display for EventMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, _)) in self.iter_names().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_for_entries_only_wants_nothing_of_children() {
        assert!((EventMask::DIRENT | EventMask::ON_CHILD).child_interest().is_empty());
        assert!(EventMask::MODIFY.child_interest().is_empty());
        assert_eq!(
            (EventMask::MODIFY | EventMask::CREATE | EventMask::ON_CHILD).child_interest(),
            EventMask::MODIFY
        );
    }
}

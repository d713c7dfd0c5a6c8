//! The mask of a watch.

use bitflags::bitflags;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::mask::EventMask;
use crate::notify::mark::Interest;
use crate::notify::marks::attach::Existing;

bitflags! {
    /// The events and the options of a watch, with the values of inotify(7).
    ///
    /// ```
    /// use vfsnotify::inotify::WatchMask;
    /// let mask = WatchMask::CREATE | WatchMask::ONESHOT;
    /// assert_eq!(mask.bits(), 0x8000_0100);
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct WatchMask: u32 {
        /// A file was read, or a directory listed.
        const ACCESS = 0x1;
        /// A file was written or truncated.
        const MODIFY = 0x2;
        /// Attributes changed, the link count of the watched file included.
        const ATTRIB = 0x4;
        /// A file opened for writing was closed.
        const CLOSE_WRITE = 0x8;
        /// A file or directory not opened for writing was closed.
        const CLOSE_NOWRITE = 0x10;
        /// A file or directory was opened.
        const OPEN = 0x20;
        /// A name was moved out of the watched directory.
        const MOVED_FROM = 0x40;
        /// A name was moved into the watched directory.
        const MOVED_TO = 0x80;
        /// A name was made in the watched directory.
        const CREATE = 0x100;
        /// A name was removed from the watched directory.
        const DELETE = 0x200;
        /// The watched object itself is gone.
        const DELETE_SELF = 0x400;
        /// The watched object itself was moved.
        const MOVE_SELF = 0x800;
        /// Accepted and ignored: UNMOUNT is always delivered.
        const UNMOUNT = 0x2000;
        /// Accepted and ignored: an overflow is always delivered.
        const Q_OVERFLOW = 0x4000;
        /// Accepted and ignored: IGNORED is always delivered.
        const IGNORED = 0x8000;
        /// Watch only a directory: `ENOTDIR` otherwise.
        const ONLYDIR = 0x0100_0000;
        /// Watch a symbolic link itself.
        const DONT_FOLLOW = 0x0200_0000;
        /// Report no events of children that were unlinked.
        const EXCL_UNLINK = 0x0400_0000;
        /// Make a watch, do not change one: `EEXIST` otherwise.
        const MASK_CREATE = 0x1000_0000;
        /// Add to the mask of an existing watch, do not replace it.
        const MASK_ADD = 0x2000_0000;
        /// Accepted and ignored in a watch.
        const ISDIR = 0x4000_0000;
        /// The watch ends with its first event.
        const ONESHOT = 0x8000_0000;
        /// Both closes.
        const CLOSE = 0x18;
        /// Both events of a rename.
        const MOVE = 0xc0;
        /// The twelve events.
        const ALL_EVENTS = 0xfff;
    }
}

impl WatchMask {
    /// Checks the mask as inotify_add_watch(2) does before it resolves the path.
    ///
    /// # Errors
    /// `EINVAL` for an unknown bit, for no bit at all, and for `MASK_ADD` with `MASK_CREATE`.
    ///
    /// ```
    /// use vfsnotify::inotify::WatchMask;
    /// assert!(WatchMask::empty().check().is_err());
    /// assert!(WatchMask::from_bits_retain(0x1000).check().is_err());
    /// assert!(WatchMask::ONLYDIR.check().is_ok());
    /// ```
    pub fn check(self) -> Result<()> {
        let both = Self::MASK_ADD | Self::MASK_CREATE;
        if !Self::all().contains(self) || self.is_empty() || self.contains(both) {
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    pub(crate) fn interest(self, is_dir: bool) -> Interest {
        let mut mask = EventMask::from_bits_retain((self & Self::ALL_EVENTS).bits());
        mask |= EventMask::UNMOUNT;
        if is_dir {
            mask |= EventMask::ON_CHILD;
        }
        Interest {
            mask,
            oneshot: self.contains(Self::ONESHOT),
            excl_unlink: self.contains(Self::EXCL_UNLINK),
        }
    }

    /// RULE mask-create, RULE mask-add, RULE re-add-replaces.
    pub(crate) fn existing(self) -> Existing {
        if self.contains(Self::MASK_CREATE) {
            Existing::Refuse
        } else if self.contains(Self::MASK_ADD) {
            Existing::Extend
        } else {
            Existing::Replace
        }
    }

    /// The mask as fdinfo shows it: the events, and the two lasting options.
    pub(crate) fn of_interest(interest: Interest) -> Self {
        let mut mask = Self::from_bits_truncate(interest.mask.bits()) & Self::ALL_EVENTS;
        mask.set(Self::ONESHOT, interest.oneshot);
        mask.set(Self::EXCL_UNLINK, interest.excl_unlink);
        mask
    }
}

//! The mode bits of an inode.

use std::fmt;

use bitflags::bitflags;

bitflags! {
    /// The mode bits of an inode: permissions, set-id bits and the sticky bit, which are the lower
    /// twelve of `st_mode`. The upper bits, its type, are an [`InodeKind`](crate::InodeKind).
    ///
    /// ```
    /// use vfsnotify::Mode;
    /// let mode = Mode::new(0o102_755);
    /// assert_eq!(mode, 0o2755);
    /// assert!(mode.contains(Mode::SET_GID) && !mode.intersects(Mode::STICKY));
    /// assert_eq!(format!("{:?}", mode - Mode::SET_GID), "0o755");
    /// ```
    #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
    pub struct Mode: u16 {
        /// It runs as its owner.
        const SET_UID = 0o4000;
        /// It runs as its group; a file made in such a directory gets the directory's group.
        const SET_GID = 0o2000;
        /// Only owners remove names from this directory.
        const STICKY = 0o1000;
        /// The permissions of the owner.
        const OWNER = 0o700;
        /// The permissions of members of the group.
        const GROUP = 0o070;
        /// The permissions of others.
        const OTHERS = 0o007;
    }
}

impl Mode {
    /// Executing, in each of the three classes.
    pub(crate) const EXEC: Self = Self::from_bits_truncate(0o111);
    /// Executing by the group.
    pub(crate) const GROUP_EXEC: Self = Self::from_bits_truncate(0o010);
    /// Writing by others.
    pub(crate) const OTHERS_WRITE: Self = Self::from_bits_truncate(0o002);
    /// The bits that make a file run as another user or group.
    pub(crate) const SET_ID: Self = Self::SET_UID.union(Self::SET_GID);

    /// The mode of the lower twelve bits of a number; the others are ignored.
    #[must_use]
    pub const fn new(bits: u32) -> Self {
        Self::from_bits_truncate((bits & 0o7777) as u16)
    }

    /// The number.
    pub(crate) const fn to_u32(self) -> u32 {
        self.bits() as u32
    }
}

impl From<Mode> for u32 {
    fn from(mode: Mode) -> Self {
        mode.to_u32()
    }
}

impl PartialEq<u32> for Mode {
    fn eq(&self, bits: &u32) -> bool {
        self.to_u32() == *bits
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#o}", self.bits())
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_mode_has_twelve_bits() {
        assert_eq!(Mode::all(), 0o7777);
        assert_eq!(Mode::new(u32::MAX), Mode::all());
        assert_eq!(Mode::new(0o100_644), 0o644);
        assert!(Mode::new(0o644) != 0o100_644);
        assert_eq!(u32::from(Mode::SET_ID | Mode::EXEC), 0o6111);
        assert_eq!(size_of::<Mode>(), 2);
    }
}

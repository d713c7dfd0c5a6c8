//! The kind of an inode.

/// The type of an inode.
///
/// ```
/// use vfsnotify::InodeKind;
/// assert!(InodeKind::Fifo.is_special());
/// assert!(InodeKind::Directory.is_dir());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum InodeKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A socket.
    Socket,
}

impl InodeKind {
    /// Whether it is a directory.
    #[must_use]
    pub const fn is_dir(self) -> bool {
        matches!(self, Self::Directory)
    }

    /// Whether it is a fifo, a device or a socket.
    ///
    /// A watched *parent* receives neither ACCESS nor MODIFY of these (RULE special-file).
    #[must_use]
    pub const fn is_special(self) -> bool {
        matches!(self, Self::Fifo | Self::CharDevice | Self::BlockDevice | Self::Socket)
    }

    /// The file type bits of `st_mode`.
    #[must_use]
    pub const fn mode_bits(self) -> u32 {
        match self {
            Self::Fifo => 0o010_000,
            Self::CharDevice => 0o020_000,
            Self::Directory => 0o040_000,
            Self::BlockDevice => 0o060_000,
            Self::Regular => 0o100_000,
            Self::Symlink => 0o120_000,
            Self::Socket => 0o140_000,
        }
    }

    /// The kind in the file type bits of `st_mode`, whatever its other bits are; `None` if no kind has
    /// these bits.
    ///
    /// ```
    /// use vfsnotify::InodeKind;
    /// assert_eq!(InodeKind::from_mode(0o100_644), Some(InodeKind::Regular));
    /// assert_eq!(InodeKind::from_mode(0o644), None);
    /// ```
    #[must_use]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & 0o170_000 {
            0o010_000 => Self::Fifo,
            0o020_000 => Self::CharDevice,
            0o040_000 => Self::Directory,
            0o060_000 => Self::BlockDevice,
            0o100_000 => Self::Regular,
            0o120_000 => Self::Symlink,
            0o140_000 => Self::Socket,
            _ => return None,
        })
    }

    pub(crate) const fn to_u8(self) -> u8 {
        self as u8
    }

    pub(crate) const fn from_u8(byte: u8) -> Self {
        match byte {
            1 => Self::Directory,
            2 => Self::Symlink,
            3 => Self::Fifo,
            4 => Self::CharDevice,
            5 => Self::BlockDevice,
            6 => Self::Socket,
            _ => Self::Regular,
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_kind_comes_back_from_its_mode_bits() {
        let kinds = (0..7).map(InodeKind::from_u8);
        for kind in kinds {
            for bits in [0, 0o644, 0o7777, 0xffff_0000] {
                assert_eq!(InodeKind::from_mode(kind.mode_bits() | bits), Some(kind));
            }
        }
        let known = (0..16_u32).filter(|bits| InodeKind::from_mode(bits << 12).is_some());
        assert_eq!(known.collect::<Vec<_>>(), [1, 2, 4, 6, 8, 10, 12]);
    }
}

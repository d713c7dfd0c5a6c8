//! How to open: flags, and how far a path may lead.

use bitflags::bitflags;

use crate::base::errno::Errno;
use crate::base::error::Result;

bitflags! {
    /// How to open a file: [`Vfs::open`](crate::Vfs::open).
    ///
    /// The bits are those of open(2) on Linux x86-64, but for the access mode, which there is a
    /// number and here two bits. A set with neither [`READ`](Self::READ) nor
    /// [`WRITE`](Self::WRITE) reads, as `O_RDONLY`, which is 0, does.
    ///
    /// ```
    /// use vfsnotify::OpenFlags;
    /// let flags = OpenFlags::from_linux(0o1102);
    /// assert_eq!(flags, OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::TRUNC);
    /// assert_eq!(flags.to_linux(), 0o1102);
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct OpenFlags: u32 {
        /// Reading is allowed.
        const READ = 1;
        /// Writing is allowed.
        const WRITE = 2;
        /// Make a regular file if the name is not there (`O_CREAT`).
        const CREATE = 0o100;
        /// With `CREATE`: fail if the name is there, be it a symbolic link (`O_EXCL`). With
        /// `TMPFILE`: the file can never get a name.
        const EXCL = 0o200;
        /// Cut a regular file that was there to nothing; needs the permission to write, not
        /// `WRITE` (`O_TRUNC`).
        const TRUNC = 0o1_000;
        /// Every write goes to the end (`O_APPEND`).
        const APPEND = 0o2_000;
        /// Kept for the guest (`O_NONBLOCK`): with it or without it, no call of this crate on
        /// an open file waits for another one.
        const NONBLOCK = 0o4_000;
        /// Fail unless it is a directory (`O_DIRECTORY`).
        const DIRECTORY = 0o200_000;
        /// Fail if the last component is a symbolic link (`O_NOFOLLOW`).
        const NOFOLLOW = 0o400_000;
        /// Only name the object, whatever it is, and do not open it (`O_PATH`). All other flags
        /// but `DIRECTORY` and `NOFOLLOW` are ignored.
        const PATH = 0o10_000_000;
        /// Make a regular file without a name in the directory that the path leads to
        /// (`O_TMPFILE`, which on Linux is this bit and `O_DIRECTORY`).
        const TMPFILE = 0o20_000_000;
        /// Neither reading nor writing is allowed, though the permission for both must be had; for
        /// calls such as ioctl(2). It goes before `READ` and `WRITE`, and is access mode 3 on Linux.
        const NEITHER = 0o100_000_000;
    }
}

/// The access mode of open(2).
const ACCESS_MODE: u32 = 3;

impl OpenFlags {
    /// Read and write.
    pub const READ_WRITE: Self = Self::READ.union(Self::WRITE);

    /// The set that the flags of Linux's open(2) stand for. Flags that mean nothing here, such as
    /// `O_CLOEXEC` and `O_LARGEFILE`, are dropped.
    ///
    /// ```
    /// use vfsnotify::OpenFlags;
    /// assert_eq!(OpenFlags::from_linux(0), OpenFlags::READ);
    /// ```
    #[must_use]
    pub const fn from_linux(bits: u32) -> Self {
        let access = match bits & ACCESS_MODE {
            0 => Self::READ,
            1 => Self::WRITE,
            2 => Self::READ_WRITE,
            _ => Self::NEITHER,
        };
        let access_bits = ACCESS_MODE | Self::NEITHER.bits();
        Self::from_bits_truncate(bits & !access_bits).union(access)
    }

    /// The flags of Linux's open(2) for this set.
    ///
    /// ```
    /// use vfsnotify::OpenFlags;
    /// assert_eq!((OpenFlags::TMPFILE | OpenFlags::WRITE).to_linux(), 0o20_200_001);
    /// ```
    #[must_use]
    pub const fn to_linux(self) -> u32 {
        let access = match (self.reads(), self.contains(Self::WRITE)) {
            _ if self.contains(Self::NEITHER) => 3,
            (_, false) => 0,
            (false, true) => 1,
            (true, true) => 2,
        };
        let directory = if self.contains(Self::TMPFILE) { Self::DIRECTORY } else { Self::empty() };
        let access_bits = ACCESS_MODE | Self::NEITHER.bits();
        self.union(directory).bits() & !access_bits | access
    }

    /// Those that concern the open file, and not the opening.
    pub(crate) const fn of_open_file(self) -> Self {
        let opening = Self::CREATE.union(Self::EXCL).union(Self::TRUNC).union(Self::NOFOLLOW);
        self.difference(opening.union(Self::TMPFILE))
    }

    /// Whether reading is allowed, if `NEITHER` does not forbid it.
    const fn reads(self) -> bool {
        self.contains(Self::READ) || !self.contains(Self::WRITE)
    }
}

bitflags! {
    /// How far the path of an open may lead, with the bits of openat2(2). Others of its bits, kept by
    /// `from_bits_retain`, are refused with `EINVAL`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ResolveFlags: u32 {
        /// Follow no symbolic link, wherever it is: `ELOOP` (`RESOLVE_NO_SYMLINKS`).
        const NO_SYMLINKS = 4;
        /// Never leave the directory that the path starts from: `EXDEV` (`RESOLVE_BENEATH`).
        const BENEATH = 8;
    }
}

/// Everything that says how to open: [`Vfs::open_with`](crate::Vfs::open_with).
///
/// ```
/// use vfsnotify::{OpenFlags, OpenHow, ResolveFlags};
/// let how = OpenHow { resolve: ResolveFlags::BENEATH, ..OpenHow::new(OpenFlags::READ) };
/// assert_eq!(how.mode, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OpenHow {
    /// The flags.
    pub flags: OpenFlags,
    /// The permission bits of a file that is made, before the umask. Ignored where none is.
    pub mode: u32,
    /// How far the path may lead.
    pub resolve: ResolveFlags,
}

impl OpenHow {
    /// These flags, mode 0, and any path.
    ///
    /// ```
    /// use vfsnotify::{OpenFlags, OpenHow};
    /// assert_eq!(OpenHow::new(OpenFlags::READ).flags, OpenFlags::READ);
    /// ```
    #[must_use]
    pub const fn new(flags: OpenFlags) -> Self {
        Self { flags, mode: 0, resolve: ResolveFlags::empty() }
    }

    /// Checks the flags against each other and drops those that have no effect.
    ///
    /// # Errors
    /// `EINVAL` for `CREATE` with `DIRECTORY` or `TMPFILE`, for `TMPFILE` without `WRITE` or `NEITHER`, and for a
    /// restriction of the path that is not known: without it the path might lead too far.
    pub(crate) fn checked(mut self) -> Result<Self> {
        if ResolveFlags::from_bits(self.resolve.bits()).is_none() {
            return Err(Errno::EINVAL.into());
        }
        if self.flags.contains(OpenFlags::PATH) {
            self.flags &= OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
            return Ok(self);
        }
        if self.flags.contains(OpenFlags::TMPFILE) {
            if !self.flags.intersects(OpenFlags::WRITE | OpenFlags::NEITHER) {
                return Err(Errno::EINVAL.into());
            }
            self.flags |= OpenFlags::DIRECTORY;
        }
        if self.flags.contains(OpenFlags::CREATE | OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL.into());
        }
        if self.flags.contains(OpenFlags::CREATE | OpenFlags::EXCL) {
            self.flags |= OpenFlags::NOFOLLOW;
        }
        if self.flags.contains(OpenFlags::NEITHER) {
            self.flags -= OpenFlags::READ_WRITE;
        } else if self.flags.reads() {
            self.flags |= OpenFlags::READ;
        }
        self.mode &= 0o7777;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_flags_come_back() {
        for bits in [0, 1, 2, 3, 0o1003, 0o101, 0o1102, 0o2001, 0o300, 0o20_200_002, 0o10_400_000] {
            assert_eq!(OpenFlags::from_linux(bits).to_linux(), bits, "{bits:o}");
        }
        assert_eq!(OpenFlags::from_linux(0o2_000_000), OpenFlags::READ);
        assert_eq!(OpenFlags::from_linux(0o100_000_000), OpenFlags::READ, "no flag of Linux");
        assert_eq!(OpenFlags::empty().to_linux(), 0);
    }

    #[test]
    fn flags_are_checked_as_linux_checks_them() {
        let check = |flags| OpenHow::new(flags).checked().map(|how| how.flags);
        assert!(check(OpenFlags::CREATE | OpenFlags::DIRECTORY).is_err());
        assert!(check(OpenFlags::TMPFILE).is_err());
        assert!(check(OpenFlags::TMPFILE | OpenFlags::WRITE | OpenFlags::CREATE).is_err());
        assert_eq!(
            check(OpenFlags::PATH | OpenFlags::CREATE | OpenFlags::WRITE | OpenFlags::NOFOLLOW),
            Ok(OpenFlags::PATH | OpenFlags::NOFOLLOW)
        );
        assert_eq!(check(OpenFlags::empty()), Ok(OpenFlags::READ));
        let neither = OpenFlags::NEITHER;
        assert_eq!(check(neither | OpenFlags::READ_WRITE), Ok(neither));
    }

    #[test]
    fn a_restriction_that_is_not_known_is_refused() {
        for flags in [OpenFlags::READ, OpenFlags::PATH] {
            for bit in (0..32).filter(|bit| ![2, 3].contains(bit)) {
                let resolve = ResolveFlags::from_bits_retain(1 << bit) | ResolveFlags::BENEATH;
                let how = OpenHow { resolve, ..OpenHow::new(flags) };
                assert_eq!(how.checked().unwrap_err().errno(), Errno::EINVAL, "{bit}");
            }
        }
    }
}

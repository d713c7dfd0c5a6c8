//! How to open.

use bitflags::bitflags;

use crate::base::errno::Errno;
use crate::base::error::Result;

bitflags! {
    /// How to open a file: [`Vfs::open`](crate::Vfs::open).
    ///
    /// The bits are those of open(2) on Linux x86-64, except for the access mode: there it is a number,
    /// here it is two bits. A set with neither [`READ`](Self::READ) nor [`WRITE`](Self::WRITE) reads,
    /// as `O_RDONLY`, which is 0, does.
    ///
    /// ```
    /// use vfsnotify::OpenFlags;
    /// let flags = OpenFlags::from_linux(0o1102)?;
    /// assert_eq!(flags, OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::TRUNC);
    /// assert_eq!(flags.to_linux(), 0o1102);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct OpenFlags: u32 {
        /// Reading is allowed.
        const READ = 1;
        /// Writing is allowed.
        const WRITE = 2;
        /// Make a regular file if the name does not exist (`O_CREAT`).
        const CREATE = 0o100;
        /// With `CREATE`: fail if the name exists, even as a symbolic link (`O_EXCL`). With `TMPFILE`:
        /// the file can never get a name.
        const EXCL = 0o200;
        /// Truncate an existing regular file to nothing; needs the permission to write, not `WRITE`
        /// (`O_TRUNC`).
        const TRUNC = 0o1_000;
        /// Every write goes to the end (`O_APPEND`).
        const APPEND = 0o2_000;
        /// Kept for the guest (`O_NONBLOCK`): no call of this crate on an open file waits for another,
        /// with or without it.
        const NONBLOCK = 0o4_000;
        /// Kept for the guest (`O_DSYNC`): to make contents durable, call
        /// [`File::fdatasync`](crate::File::fdatasync).
        const DSYNC = 0o10_000;
        /// Kept for the guest (`O_ASYNC`).
        const ASYNC = 0o20_000;
        /// Kept for the guest (`O_DIRECT`): buffers and offsets need no alignment. `EINVAL` of anything but a
        /// regular file.
        const DIRECT = 0o40_000;
        /// Kept for the guest (`O_LARGEFILE`): every offset has 63 bits. Linux sets it by itself where `off_t` has
        /// 64 bits.
        const LARGEFILE = 0o100_000;
        /// Fail unless it is a directory (`O_DIRECTORY`).
        const DIRECTORY = 0o200_000;
        /// Fail if the last component is a symbolic link (`O_NOFOLLOW`).
        const NOFOLLOW = 0o400_000;
        /// Leave the access time alone, which reading does anyway (`O_NOATIME`). `EPERM` for all but the owner and
        /// uid 0.
        const NOATIME = 0o1_000_000;
        /// Kept for the guest (`O_SYNC`), which includes `DSYNC`: to make attributes durable too, call
        /// [`File::fsync`](crate::File::fsync).
        const SYNC = 0o4_010_000;
        /// Only name the object, whatever it is, and do not open it (`O_PATH`). All other flags
        /// but `DIRECTORY` and `NOFOLLOW` are ignored.
        const PATH = 0o10_000_000;
        /// Make a regular file without a name in the directory of the path (`O_TMPFILE`, which on Linux
        /// is this bit and `O_DIRECTORY`).
        const TMPFILE = 0o20_000_000;
        /// Neither reading nor writing is allowed, but the permission for both is needed; for calls
        /// such as ioctl(2). It overrides `READ` and `WRITE`, and is access mode 3 on Linux.
        const NO_ACCESS = 0o100_000_000;
    }
}

/// The access mode of open(2).
const ACCESS_MODE: u32 = 3;
/// Flags of open(2) that are not a property of an open file: `O_NOCTTY` and `O_CLOEXEC`.
const NOCTTY: u32 = 0o400;
pub(crate) const CLOEXEC: u32 = 0o2_000_000;
/// The bit of `O_SYNC` that `O_DSYNC` does not have: on Linux it means both.
const SYNC_BIT: u32 = 0o4_000_000;

impl OpenFlags {
    /// Read and write.
    pub const READ_WRITE: Self = Self::READ.union(Self::WRITE);

    /// All bits that open(2) knows. Linux ignores other bits, and [`OpenFlags::from_linux`] refuses
    /// them: a caller that wants Linux's behaviour masks with this first.
    pub const LINUX: u32 = Self::all().difference(Self::NO_ACCESS).bits() | NOCTTY | CLOEXEC;

    /// The flags that are ignored for a handle that only names its object.
    pub(crate) const OF_PATH: Self = Self::PATH.union(Self::DIRECTORY).union(Self::NOFOLLOW);

    /// The flags that fcntl(2) sets; `ASYNC` of a fifo only.
    pub(crate) const STATUS: Self = Self::APPEND
        .union(Self::NONBLOCK)
        .union(Self::DIRECT)
        .union(Self::NOATIME)
        .union(Self::ASYNC);

    /// The flags that matter only during opening.
    pub(crate) const OF_OPENING: Self = Self::CREATE.union(Self::EXCL).union(Self::TRUNC);

    /// The set for flags of Linux's open(2). `O_CLOEXEC` and `O_NOCTTY` are dropped: they are not a
    /// property of an open file.
    ///
    /// # Errors
    /// `EINVAL` for a bit that open(2) does not know (it ignores them: see [`OpenFlags::LINUX`]), and for the bit of
    /// `O_TMPFILE` without that of `O_DIRECTORY`.
    ///
    /// ```
    /// use vfsnotify::OpenFlags;
    /// assert_eq!(OpenFlags::from_linux(0)?, OpenFlags::READ);
    /// assert!(OpenFlags::from_linux(0o40).is_err());
    /// assert_eq!(OpenFlags::from_linux(0o40 & OpenFlags::LINUX)?, OpenFlags::READ);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn from_linux(bits: u32) -> Result<Self> {
        let unnamed_elsewhere = Self::PATH.union(Self::TMPFILE).bits() & bits
            == Self::TMPFILE.bits()
            && bits & Self::DIRECTORY.bits() == 0;
        if bits & !Self::LINUX != 0 || unnamed_elsewhere {
            return Err(Errno::EINVAL.into());
        }
        let access = match bits & ACCESS_MODE {
            0 => Self::READ,
            1 => Self::WRITE,
            2 => Self::READ_WRITE,
            _ => Self::NO_ACCESS,
        };
        let sync = if bits & SYNC_BIT == 0 { Self::empty() } else { Self::SYNC };
        Ok(Self::from_bits_truncate(bits & !ACCESS_MODE) | access | sync)
    }

    /// The flags of Linux's open(2) for this set. For those of an open file
    /// ([`File::flags`](crate::File::flags)), this is the value of `F_GETFL`.
    ///
    /// ```
    /// use vfsnotify::OpenFlags;
    /// assert_eq!((OpenFlags::TMPFILE | OpenFlags::WRITE).to_linux(), 0o20_200_001);
    /// ```
    #[must_use]
    pub const fn to_linux(self) -> u32 {
        let access = match (self.reads(), self.contains(Self::WRITE)) {
            _ if self.contains(Self::NO_ACCESS) => 3,
            (_, false) => 0,
            (false, true) => 1,
            (true, true) => 2,
        };
        let directory = if self.contains(Self::TMPFILE) { Self::DIRECTORY } else { Self::empty() };
        let access_bits = ACCESS_MODE | Self::NO_ACCESS.bits();
        self.union(directory).bits() & !access_bits | access
    }

    /// The flags that concern the open file, and not the act of opening.
    pub(crate) const fn of_open_file(self) -> Self {
        // For `TMPFILE`, the directory is that of the path and not the file.
        let unnamed = Self::TMPFILE.union(Self::DIRECTORY);
        let opening = Self::OF_OPENING.union(Self::NOFOLLOW);
        let opening = if self.contains(Self::TMPFILE) { opening.union(unnamed) } else { opening };
        self.difference(opening)
    }

    /// Whether reading is allowed, if `NO_ACCESS` does not forbid it.
    const fn reads(self) -> bool {
        self.contains(Self::READ) || !self.contains(Self::WRITE)
    }

    /// Checks the flags against each other and drops those that have no effect. `None` if they contradict each
    /// other: `CREATE` with `DIRECTORY` or `TMPFILE`, `TMPFILE` without `WRITE` or `NO_ACCESS`.
    #[inline]
    pub(crate) fn checked(self) -> Option<Self> {
        let special = Self::PATH | Self::TMPFILE | Self::CREATE | Self::NO_ACCESS;
        if self.intersects(special) {
            return self.checked_special();
        }
        Some(if self.contains(Self::WRITE) { self } else { self | Self::READ })
    }

    fn checked_special(mut self) -> Option<Self> {
        if self.contains(Self::PATH) {
            return Some(self & Self::OF_PATH);
        }
        if self.contains(Self::TMPFILE) {
            if !self.intersects(Self::WRITE | Self::NO_ACCESS) {
                return None;
            }
            self |= Self::DIRECTORY;
        }
        if self.contains(Self::CREATE | Self::DIRECTORY) {
            return None;
        }
        if self.contains(Self::NO_ACCESS) {
            self -= Self::READ_WRITE;
        } else if self.reads() {
            self |= Self::READ;
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_flags_come_back() {
        let all = [
            0,
            1,
            2,
            3,
            0o1003,
            0o101,
            0o1102,
            0o2001,
            0o300,
            0o20_200_002,
            0o10_400_000,
            0o4_010_000,
            0o10_000,
            0o20_000,
            0o40_000,
            0o100_000,
            0o1_000_002,
        ];
        for bits in all {
            assert_eq!(OpenFlags::from_linux(bits).map(OpenFlags::to_linux), Ok(bits), "{bits:o}");
        }
        assert_eq!(OpenFlags::from_linux(0o2_000_400), Ok(OpenFlags::READ));
        assert_eq!(OpenFlags::from_linux(0o4_000_000), Ok(OpenFlags::READ | OpenFlags::SYNC));
        assert_eq!(OpenFlags::empty().to_linux(), 0);
    }

    #[test]
    fn bits_unknown_to_linux_are_refused() {
        for bit in (0..32).map(|bit| 1_u32 << bit) {
            let tmpfile = 0o20_000_000;
            let is_known = OpenFlags::LINUX & bit != 0 && bit != tmpfile;
            assert_eq!(OpenFlags::from_linux(bit).is_ok(), is_known, "{bit:o}");
        }
        assert_eq!(OpenFlags::LINUX, 0o37_777_703);
    }

    #[test]
    fn flags_are_checked_as_linux_checks_them() {
        let check = |flags: OpenFlags| flags.checked();
        assert!(check(OpenFlags::CREATE | OpenFlags::DIRECTORY).is_none());
        assert!(check(OpenFlags::TMPFILE).is_none());
        assert!(check(OpenFlags::TMPFILE | OpenFlags::WRITE | OpenFlags::CREATE).is_none());
        assert_eq!(
            check(OpenFlags::PATH | OpenFlags::CREATE | OpenFlags::WRITE | OpenFlags::NOFOLLOW),
            Some(OpenFlags::PATH | OpenFlags::NOFOLLOW)
        );
        assert_eq!(check(OpenFlags::empty()), Some(OpenFlags::READ));
        let neither = OpenFlags::NO_ACCESS;
        assert_eq!(check(neither | OpenFlags::READ_WRITE), Some(neither));
    }
}

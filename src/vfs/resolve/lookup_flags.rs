//! How a path is looked up.

use bitflags::bitflags;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::OpenFlags;
use crate::fs::open_flags::CLOEXEC;

bitflags! {
    /// How a path is looked up; [`IntoPath`](crate::IntoPath) has a method for each but the last.
    ///
    /// The bits are those of openat2(2) (`RESOLVE_*`) and of the calls that end in `at` (`AT_*`). Others, kept by
    /// `from_bits_retain`, are refused with `EINVAL` by each operation, as are `BENEATH` and `IN_ROOT` together.
    ///
    /// ```
    /// use vfsnotify::{IntoPath, LookupFlags, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// vfs.symlink(&vfs.context(), "nowhere", "/link")?;
    /// let flags = LookupFlags::NO_FOLLOW | LookupFlags::BENEATH;
    /// assert!(vfs.exists(&vfs.context(), "link".with_flags(flags))?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct LookupFlags: u32 {
        /// Go from no mount to another: `EXDEV` (`RESOLVE_NO_XDEV`).
        const NO_XDEV = 0x1;
        /// Follow no symbolic link, wherever it is: `ELOOP` (`RESOLVE_NO_SYMLINKS`).
        const NO_SYMLINKS = 0x4;
        /// Never leave the directory that the path starts from: `EXDEV` (`RESOLVE_BENEATH`).
        const BENEATH = 0x8;
        /// The directory that the path starts from is its root: `/` leads there, and `..` does not leave it
        /// (`RESOLVE_IN_ROOT`).
        const IN_ROOT = 0x10;
        /// Act on a symbolic link at the end, not on what it leads to (`AT_SYMLINK_NOFOLLOW`).
        const NO_FOLLOW = 0x100;
        /// Follow a symbolic link at the end, where the operation does not do so anyway (`AT_SYMLINK_FOLLOW`).
        const FOLLOW = 0x400;
        /// If the path is empty, act on the object that it starts from (`AT_EMPTY_PATH`).
        const EMPTY_PATH = 0x1000;
        /// Anything but a directory is `ENOTDIR` (`O_DIRECTORY`).
        const DIRECTORY = 0x1_0000;
    }
}

/// `RESOLVE_NO_MAGICLINKS`: no path has a magic link in it.
const NO_MAGICLINKS: u64 = 0x2;

impl LookupFlags {
    /// The flags that begin a system call's own.
    const AT: Self = Self::NO_FOLLOW.union(Self::FOLLOW).union(Self::EMPTY_PATH);
    const RESOLVE: Self = Self::NO_XDEV.union(Self::NO_SYMLINKS).union(Self::SCOPED);
    /// The path starts from its root.
    pub(crate) const SCOPED: Self = Self::BENEATH.union(Self::IN_ROOT);
    /// Whether a symbolic link at the end is followed.
    const LAST_LINK: Self = Self::FOLLOW.union(Self::NO_FOLLOW);

    /// The flags that a guest gives a system call in its `flags`, and to openat2(2) in `resolve`.
    ///
    /// The caller takes out the other bits that a system call's `flags` may have (`AT_REMOVEDIR`, `AT_EACCESS`,
    /// `AT_NO_AUTOMOUNT`). `RESOLVE_NO_MAGICLINKS` is dropped: the crate has no magic links.
    ///
    /// # Errors
    /// `EINVAL` for any other bit (also for `RESOLVE_CACHED`), for `AT_SYMLINK_FOLLOW` with
    /// `AT_SYMLINK_NOFOLLOW`, and for `RESOLVE_BENEATH` with `RESOLVE_IN_ROOT`.
    ///
    /// ```
    /// use vfsnotify::LookupFlags;
    /// let flags = LookupFlags::from_linux(0x1100, 0)?;
    /// assert_eq!(flags, LookupFlags::NO_FOLLOW | LookupFlags::EMPTY_PATH);
    /// assert_eq!(LookupFlags::from_linux(0, 0x8)?, LookupFlags::BENEATH);
    /// assert!(LookupFlags::from_linux(0x200, 0).is_err());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn from_linux(flags: u32, resolve: u64) -> Result<Self> {
        let of_call = Self::from_bits_retain(flags);
        let resolve = u32::try_from(resolve & !NO_MAGICLINKS).map_err(|_| Errno::EINVAL)?;
        let resolve = Self::from_bits_retain(resolve);
        if !Self::AT.contains(of_call)
            || !Self::RESOLVE.contains(resolve)
            || of_call.contains(Self::LAST_LINK)
            || resolve.contains(Self::SCOPED)
        {
            return Err(Errno::EINVAL.into());
        }
        Ok(of_call | resolve)
    }

    /// Whether there are such flags, and at most one scope.
    #[inline]
    pub(crate) fn is_valid(self) -> bool {
        Self::all().contains(self) && !self.contains(Self::SCOPED)
    }

    /// These and further flags; of those that say what becomes of a link at the end, the further ones count.
    #[inline]
    pub(crate) const fn with(self, more: Self) -> Self {
        let kept =
            if more.intersects(Self::LAST_LINK) { self.difference(Self::LAST_LINK) } else { self };
        kept.union(more)
    }

    /// The same for an operation that follows a link at the end unless it is told not to.
    #[inline]
    pub(crate) const fn following(self) -> Self {
        if self.contains(Self::NO_FOLLOW) {
            self.difference(Self::FOLLOW)
        } else {
            self.union(Self::FOLLOW)
        }
    }
}

impl OpenFlags {
    /// The meaning of the members of openat2(2)'s `struct open_how`: the flags, the mode of a new file, and how the
    /// path is looked up ([`IntoPath::with_flags`](crate::IntoPath::with_flags)).
    ///
    /// # Errors
    /// `EINVAL` where openat2(2) gives it: for an unknown bit of any of them, for a mode without `O_CREAT` and
    /// `O_TMPFILE`, for `O_PATH` with flags that it has no use for, and as [`OpenFlags::from_linux`] and
    /// [`LookupFlags::from_linux`]. `RESOLVE_CACHED` is unknown. Flags that contradict each other are left to
    /// [`Vfs::open`](crate::Vfs::open).
    ///
    /// ```
    /// use vfsnotify::{IntoPath, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let (flags, mode, lookup) = OpenFlags::from_openat2(0o102, 0o644, 0x8)?;
    /// vfs.open(&vfs.context(), "new".with_flags(lookup), flags, mode)?;
    /// assert!(OpenFlags::from_openat2(0, 0o644, 0).is_err());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn from_openat2(flags: u64, mode: u64, resolve: u64) -> Result<(Self, u32, LookupFlags)> {
        let bits = u32::try_from(flags).map_err(|_| Errno::EINVAL)?;
        let lookup = LookupFlags::from_linux(0, resolve)?;
        let flags = Self::from_linux(bits)?;
        let makes = flags.intersects(Self::CREATE | Self::TMPFILE);
        let of_path = Self::OF_PATH.bits() | CLOEXEC;
        if mode > if makes { 0o7777 } else { 0 }
            || (flags.contains(Self::PATH) && bits & !of_path != 0)
        {
            return Err(Errno::EINVAL.into());
        }
        Ok((flags, mode as u32, lookup))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_that_a_call_does_not_have_is_refused() {
        for bit in 0..32 {
            let is_known = [0x100, 0x400, 0x1000].contains(&(1 << bit));
            assert_eq!(LookupFlags::from_linux(1 << bit, 0).is_ok(), is_known, "{bit}");
        }
        for bit in 0..64 {
            assert_eq!(LookupFlags::from_linux(0, 1 << bit).is_ok(), bit < 5, "{bit}");
        }
        assert!(LookupFlags::from_linux(0x500, 0).is_err());
        assert!(LookupFlags::from_linux(0, 0x18).is_err());
        assert_eq!(LookupFlags::from_linux(0, 0x2), Ok(LookupFlags::empty()));
    }

    #[test]
    fn the_last_word_on_a_link_counts() {
        let (follow, not) = (LookupFlags::FOLLOW, LookupFlags::NO_FOLLOW);
        assert_eq!(follow.with(not), not);
        assert_eq!(not.with(follow), follow);
        assert_eq!(not.with(LookupFlags::BENEATH), not | LookupFlags::BENEATH);
        assert_eq!(LookupFlags::empty().following(), follow);
        assert_eq!(not.following(), not);
    }

    #[test]
    fn openat2_is_stricter() {
        let (path, create, none) = (0o10_000_000, 0o100, 0);
        assert!(OpenFlags::from_openat2(path | 2, 0, none).is_err());
        assert!(OpenFlags::from_openat2(path | 0o2_600_000, 0, none).is_ok());
        assert!(OpenFlags::from_openat2(create, 0o7777, none).is_ok());
        assert!(OpenFlags::from_openat2(create, 0o10_000, none).is_err());
        assert!(OpenFlags::from_openat2(0, 0o600, none).is_err());
        assert!(OpenFlags::from_openat2(1 << 32, 0, none).is_err());
        assert!(OpenFlags::from_openat2(0, 0, 0x20).is_err());
    }
}

//! Permission checks.

use bitflags::bitflags;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::fs::{Attr, FileSystem};
use crate::tree::Dentry;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::resolve::location::Location;

bitflags! {
    /// The access that a caller wants, with the values of access(2). Empty asks for existence only.
    ///
    /// ```
    /// use vfsnotify::Access;
    /// assert_eq!((Access::READ | Access::EXEC).bits(), 5);
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Access: u32 {
        /// Execute a file; search a directory.
        const EXEC = 1;
        /// Write to a file; change a directory's names.
        const WRITE = 2;
        /// Read a file; list a directory.
        const READ = 4;
    }
}

/// Mode and owner of something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) mode: Mode,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Context {
    /// Whether the caller may do this to an inode with these attributes.
    ///
    /// Only the one class of mode bits counts that fits first: owner, group, others. Mode bits
    /// do not stop uid 0, except from executing a file that has no execute bit.
    ///
    /// # Errors
    /// `EACCES`.
    pub(crate) fn check(&self, attr: &Attr, want: Access) -> Result<()> {
        let credentials = self.credentials();
        let shift = if attr.uid == credentials.uid {
            6
        } else if credentials.is_in_group(attr.gid) {
            3
        } else {
            0
        };
        let allowed = Access::from_bits_truncate(attr.mode.to_u32() >> shift);
        if allowed.contains(want) || (self.is_privileged() && may_override(attr, want)) {
            return Ok(());
        }
        Err(Errno::EACCES.into())
    }

    /// [`Context::check`] of an object, and before it whether the superblock may be written to at all, as
    /// Linux's `inode_permission` asks. That the mount alone is read-only is [`Location::want_write`]'s to
    /// find, and most callers ask that later.
    ///
    /// # Errors
    /// `EROFS`, `EACCES`.
    pub(crate) fn check_object(&self, object: AttrObject<'_>, want: Access) -> Result<()> {
        let at = object.location;
        if want.contains(Access::WRITE)
            && at.mount.mounted_fs().is_read_only()
            && matches!(at.kind(), InodeKind::Regular | InodeKind::Directory | InodeKind::Symlink)
        {
            return Err(Errno::EROFS.into());
        }
        if is_allowed_unseen(self, at.dentry.get(), want) {
            return Ok(());
        }
        self.check(&object.attr(self.request())?, want)
    }

    /// [`Context::check_object`] of a location.
    pub(crate) fn check_location(&self, at: &Location, want: Access) -> Result<()> {
        self.check_object(AttrObject::at(at), want)
    }

    /// [`Context::check`] of a dentry; the file system is asked only if it matters.
    pub(crate) fn check_dentry(
        &self,
        fs: &dyn FileSystem,
        dentry: Dentry<'_>,
        want: Access,
    ) -> Result<()> {
        if is_allowed_unseen(self, dentry, want) {
            return Ok(());
        }
        self.check(&fs.getattr(self.request(), dentry.inode().ino(), None)?, want)
    }

    /// Whether the caller may take a name away from a directory: the checks of Linux's
    /// `may_delete`, in its order.
    ///
    /// # Errors
    /// `EACCES`; `EPERM` by a sticky directory; `ENOTDIR` or `EISDIR` if the target is
    /// not what `as_dir` says.
    pub(crate) fn check_delete(
        &self,
        dir: &Location,
        target: Dentry<'_>,
        as_dir: bool,
    ) -> Result<()> {
        if !self.is_privileged() {
            let request = self.request();
            let attr = dir.attr(request)?;
            self.check(&attr, Access::WRITE | Access::EXEC)?;
            let uid = self.credentials().uid;
            if attr.mode.contains(Mode::STICKY)
                && attr.uid != uid
                && dir.fs().getattr(request, target.inode().ino(), None)?.uid != uid
            {
                return Err(Errno::EPERM.into());
            }
        }
        match (as_dir, target.is_dir()) {
            (true, false) => Err(Errno::ENOTDIR.into()),
            (false, true) => Err(Errno::EISDIR.into()),
            _ => Ok(()),
        }
    }

    /// Whether the caller may open with `CREATE` what is there already: in a sticky directory that
    /// all may write to, another user's device, socket or link may have been put there for the
    /// caller to fall into. So it is on Linux, for uid 0 too; for files and fifos it is so there
    /// only where `fs.protected_regular` and `fs.protected_fifos` say so.
    ///
    /// # Errors
    /// `EACCES`.
    pub(crate) fn may_create_in_sticky(&self, dir: &Location, found: &Location) -> Result<()> {
        if matches!(found.kind(), InodeKind::Regular | InodeKind::Fifo) {
            return Ok(());
        }
        let attr = dir.attr(self.request())?;
        if !attr.mode.contains(Mode::STICKY | Mode::OTHERS_WRITE) {
            return Ok(());
        }
        let owner = found.attr(self.request())?.uid;
        if owner == attr.uid || owner == self.credentials().uid {
            return Ok(());
        }
        Err(Errno::EACCES.into())
    }

    /// Mode and owner of something that the caller makes in a directory: the umask is applied,
    /// and a set-group-id directory hands its group on (and, to a directory, the bit).
    pub(crate) fn ownership(&self, dir: &Attr, kind: InodeKind, mode: u32) -> Ownership {
        let credentials = self.credentials();
        let mut mode = match kind {
            InodeKind::Symlink => Mode::new(0o777),
            InodeKind::Directory => Mode::new(mode) - Mode::SET_ID,
            _ => Mode::new(mode),
        };
        let mut gid = credentials.gid;
        if dir.mode.contains(Mode::SET_GID) {
            gid = dir.gid;
            if kind.is_dir() {
                mode |= Mode::SET_GID;
            } else if mode.contains(Mode::SET_GID | Mode::GROUP_EXEC)
                && !credentials.is_in_group(gid)
                && !self.is_privileged()
            {
                mode -= Mode::SET_GID;
            }
        }
        // Linux looks at the bits that were asked for, before the umask takes some away.
        if kind != InodeKind::Symlink {
            mode -= Mode::new(self.umask());
        }
        Ownership { mode, uid: credentials.uid, gid }
    }
}

/// Whether the caller may do this whatever the mode bits are.
#[inline]
fn is_allowed_unseen(cx: &Context, dentry: Dentry<'_>, want: Access) -> bool {
    cx.is_privileged() && (dentry.is_dir() || !want.contains(Access::EXEC))
}

/// Whether uid 0 may do this whatever the mode bits are.
fn may_override(attr: &Attr, want: Access) -> bool {
    attr.kind.is_dir() || !want.contains(Access::EXEC) || attr.mode.intersects(Mode::EXEC)
}

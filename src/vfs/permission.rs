//! Who may do what.

use bitflags::bitflags;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::fs::{Attr, FileSystem};
use crate::tree::Dentry;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::ops::attr::AttrObject;
use crate::vfs::path::{IntoPath, PathArg};
use crate::vfs::resolve::location::Location;

bitflags! {
    /// What somebody wants to do, with the values of access(2). Empty asks for existence only.
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

impl Vfs {
    /// Whether the caller may do this to an inode with these attributes.
    ///
    /// Only the one class of mode bits counts that fits first: owner, group, others. Mode bits
    /// do not stop uid 0, except from executing a file that nobody may execute.
    ///
    /// # Errors
    /// `EACCES`.
    pub(crate) fn check(&self, cx: &Context, attr: &Attr, want: Access) -> Result<()> {
        let who = cx.credentials();
        let shift = if attr.uid == who.uid {
            6
        } else if who.is_in_group(attr.gid) {
            3
        } else {
            0
        };
        let allowed = Access::from_bits_truncate(attr.mode.to_u32() >> shift);
        if allowed.contains(want) || (cx.is_privileged() && may_override(attr, want)) {
            return Ok(());
        }
        Err(Errno::EACCES.into())
    }

    /// [`Vfs::check`] of an object, and before it whether the superblock may be written to at all, as
    /// Linux's `inode_permission` asks. That the mount alone is read-only is [`Location::want_write`]'s to
    /// find, and most callers ask that later.
    ///
    /// # Errors
    /// `EROFS`, `EACCES`.
    pub(crate) fn check_object(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        want: Access,
    ) -> Result<()> {
        let at = object.location;
        if want.contains(Access::WRITE)
            && at.mount.instance().is_read_only()
            && matches!(at.kind(), InodeKind::Regular | InodeKind::Directory | InodeKind::Symlink)
        {
            return Err(Errno::EROFS.into());
        }
        if is_allowed_unseen(cx, at.dentry.get(), want) {
            return Ok(());
        }
        self.check(cx, &object.attr(cx.request())?, want)
    }

    /// [`Vfs::check_object`] of a location.
    pub(crate) fn check_location(&self, cx: &Context, at: &Location, want: Access) -> Result<()> {
        self.check_object(cx, AttrObject::at(at), want)
    }

    /// [`Vfs::check`] of a dentry; the file system is asked only if it matters.
    pub(crate) fn check_dentry(
        &self,
        cx: &Context,
        fs: &dyn FileSystem,
        dentry: Dentry<'_>,
        want: Access,
    ) -> Result<()> {
        if is_allowed_unseen(cx, dentry, want) {
            return Ok(());
        }
        self.check(cx, &fs.getattr(cx.request(), dentry.inode().ino(), None)?, want)
    }

    /// Whether the caller may take a name away from a directory: the checks of Linux's
    /// `may_delete`, in its order.
    ///
    /// # Errors
    /// `EACCES`; `EPERM` by a sticky directory; `ENOTDIR` or `EISDIR` if the victim is
    /// not what `as_dir` says.
    pub(crate) fn check_delete(
        &self,
        cx: &Context,
        dir: &Location,
        victim: Dentry<'_>,
        as_dir: bool,
    ) -> Result<()> {
        if !cx.is_privileged() {
            let request = cx.request();
            let attr = dir.attr(request)?;
            self.check(cx, &attr, Access::WRITE | Access::EXEC)?;
            let uid = cx.credentials().uid;
            if attr.mode.contains(Mode::STICKY)
                && attr.uid != uid
                && dir.fs().getattr(request, victim.inode().ino(), None)?.uid != uid
            {
                return Err(Errno::EPERM.into());
            }
        }
        match (as_dir, victim.is_dir()) {
            (true, false) => Err(Errno::ENOTDIR.into()),
            (false, true) => Err(Errno::EISDIR.into()),
            _ => Ok(()),
        }
    }

    /// Whether the caller may open with `CREATE` what is there already: in a sticky directory that
    /// all may write to, somebody else's device, socket or link may have been put there for the
    /// caller to fall into. So it is on Linux, for uid 0 too; for files and fifos it is so there
    /// only where `fs.protected_regular` and `fs.protected_fifos` say so.
    ///
    /// # Errors
    /// `EACCES`.
    pub(crate) fn may_create_in_sticky(
        &self,
        cx: &Context,
        dir: &Location,
        found: &Location,
    ) -> Result<()> {
        if matches!(found.kind(), InodeKind::Regular | InodeKind::Fifo) {
            return Ok(());
        }
        let attr = dir.attr(cx.request())?;
        if !attr.mode.contains(Mode::STICKY | Mode::OTHERS_WRITE) {
            return Ok(());
        }
        let owner = found.attr(cx.request())?.uid;
        if owner == attr.uid || owner == cx.credentials().uid {
            return Ok(());
        }
        Err(Errno::EACCES.into())
    }

    /// Whether the caller may do this to what `path` leads to, by the context's credentials.
    ///
    /// # Errors
    /// `EINVAL` for a bit that is none of [`Access`]; those of a look-up; `EACCES`; `EROFS` if it
    /// asks for writing on a read-only mount.
    ///
    /// ```
    /// use vfsnotify::{Access, Credentials, Errno, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let bob = vfs.context().with_credentials(Credentials::new(1000, 1000));
    /// vfs.access(&bob, "/d", Access::READ | Access::EXEC)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// let error = vfs.access(&bob, &dir, Access::WRITE).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EACCES);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn access(&self, cx: &Context, path: impl IntoPath, want: Access) -> Result<()> {
        self.access_path(cx, path.to_path(), want)
    }

    fn access_path(&self, cx: &Context, path: PathArg<'_>, want: Access) -> Result<()> {
        let allowed = |found: AttrObject<'_>| {
            self.check_object(cx, found, want)?;
            if want.contains(Access::WRITE) && !found.kind().is_special() {
                found.location.want_write()?;
            }
            Ok(())
        };
        // Before the path is looked at.
        if Access::from_bits(want.bits()).is_none() {
            return Err(path.add_to(Errno::EINVAL.into()));
        }
        self.with_object(cx, path, allowed)
    }

    /// Whether `path` leads to anything; a symbolic link is followed.
    ///
    /// # Errors
    /// Those of a look-up, but for `ENOENT`.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.symlink(&cx, "nowhere", "/dangling")?;
    /// assert!(!vfs.exists(&cx, "/dangling")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn exists(&self, cx: &Context, path: impl IntoPath) -> Result<bool> {
        self.exists_path(cx, path.to_path())
    }

    fn exists_path(&self, cx: &Context, path: PathArg<'_>) -> Result<bool> {
        match self.access_path(cx, path, Access::empty()) {
            Ok(()) => Ok(true),
            Err(error) if error.errno() == Errno::ENOENT => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Mode and owner of something that the caller makes in a directory: the umask is applied,
    /// and a set-group-id directory hands its group on (and, to a directory, the bit).
    pub(crate) fn ownership(
        &self,
        cx: &Context,
        dir: &Attr,
        kind: InodeKind,
        mode: u32,
    ) -> Ownership {
        let who = cx.credentials();
        let mut mode = match kind {
            InodeKind::Symlink => Mode::new(0o777),
            InodeKind::Directory => Mode::new(mode) - Mode::SET_ID,
            _ => Mode::new(mode),
        };
        let mut gid = who.gid;
        if dir.mode.contains(Mode::SET_GID) {
            gid = dir.gid;
            if kind.is_dir() {
                mode |= Mode::SET_GID;
            } else if mode.contains(Mode::SET_GID | Mode::GROUP_EXEC)
                && !who.is_in_group(gid)
                && !cx.is_privileged()
            {
                mode -= Mode::SET_GID;
            }
        }
        // Linux looks at the bits that were asked for, before the umask takes some away.
        if kind != InodeKind::Symlink {
            mode -= Mode::new(cx.umask());
        }
        Ownership { mode, uid: who.uid, gid }
    }
}

/// Whether the caller may do this whatever the mode bits are.
#[inline]
fn is_allowed_unseen(cx: &Context, dentry: Dentry<'_>, want: Access) -> bool {
    cx.is_privileged() && (dentry.is_dir() || !want.contains(Access::EXEC))
}

/// What mode bits do not stop uid 0 from.
fn may_override(attr: &Attr, want: Access) -> bool {
    attr.kind.is_dir() || !want.contains(Access::EXEC) || attr.mode.intersects(Mode::EXEC)
}

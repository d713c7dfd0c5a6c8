//! Looking at attributes.

use std::ops::Deref;

use crate::base::error::Result;
use crate::fs::Attr;
use crate::vfs::Vfs;
use crate::vfs::at::At;
use crate::vfs::context::Context;
use crate::vfs::file::File;
use crate::vfs::location::Location;

/// What stat(2) says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The attributes, as the file system has them.
    pub attr: Attr,
    /// The number of the file system: equal for two objects that live in one. It can be that of
    /// another file system after an unmount.
    pub device: u64,
}

impl Deref for Metadata {
    type Target = Attr;
    fn deref(&self) -> &Attr {
        &self.attr
    }
}

impl Location {
    /// The number of its file system.
    pub(super) fn device(&self) -> u64 {
        self.dentry.get().superblock().device()
    }
}

/// # Looking at attributes
///
/// Nothing of this is reported. O(1) after the look-up.
impl Vfs {
    /// What `path` leads to, symbolic links followed.
    ///
    /// # Errors
    /// Those of a look-up.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// assert!(vfs.stat(&vfs.context(), "/")?.kind.is_dir());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn stat(&self, cx: &Context, path: impl AsRef<[u8]>) -> Result<Metadata> {
        self.statat(cx, At::Cwd, path, true)
    }

    /// What `path` names, be it a symbolic link.
    ///
    /// # Errors
    /// Those of a look-up.
    ///
    /// ```
    /// # use vfsnotify::{InodeKind, MemFs, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.symlink(&cx, "nowhere", "/link")?;
    /// assert_eq!(vfs.lstat(&cx, "/link")?.kind, InodeKind::Symlink);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn lstat(&self, cx: &Context, path: impl AsRef<[u8]>) -> Result<Metadata> {
        self.statat(cx, At::Cwd, path, false)
    }

    /// [`Vfs::stat`] or [`Vfs::lstat`] with a path from an open directory.
    ///
    /// # Errors
    /// Those of a look-up.
    ///
    /// ```
    /// # use vfsnotify::{At, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// assert!(vfs.statat(&cx, At::Dir(&dir), ".", true)?.kind.is_dir());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn statat(
        &self,
        cx: &Context,
        at: At<'_>,
        path: impl AsRef<[u8]>,
        follow: bool,
    ) -> Result<Metadata> {
        self.with_object(cx, at, path.as_ref(), follow, |object| {
            Ok(Metadata { attr: object.attr(cx.request())?, device: object.device() })
        })
    }
}

impl File {
    /// What it is now.
    ///
    /// # Errors
    /// What the file system reports.
    ///
    /// ```
    /// # use vfsnotify::{MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.unlink(&cx, "/a")?;
    /// assert_eq!(file.stat()?.nlink, 0);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn stat(&self) -> Result<Metadata> {
        self.act(|open| Ok(Metadata { attr: open.attr()?, device: open.location.device() }))
    }
}

//! Looking at attributes.

use std::ops::Deref;

use crate::base::error::Result;
use crate::fs::Attr;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::file::open_file::File;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::resolve::location::Location;

/// The result of stat(2).
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
    pub(crate) fn device(&self) -> u64 {
        self.dentry.get().superblock().device()
    }
}

/// # Looking at attributes
///
/// Nothing of this is reported. O(1) after the look-up.
impl Vfs {
    /// The attributes of what `path` leads to. A symbolic link at the end is followed; with
    /// [`no_follow`](IntoPath::no_follow) it is looked at itself.
    ///
    /// # Errors
    /// Those of a look-up.
    ///
    /// ```
    /// use vfsnotify::{InodeKind, IntoPath, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.symlink(&cx, "/", "/link")?;
    /// assert_eq!(vfs.stat(&cx, "/link")?.kind, InodeKind::Directory);
    /// assert_eq!(vfs.stat(&cx, "/link".no_follow())?.kind, InodeKind::Symlink);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn stat(&self, cx: &Context, path: impl IntoPath) -> Result<Metadata> {
        self.stat_path(cx, path.to_path())
    }

    fn stat_path(&self, cx: &Context, path: PathArg<'_>) -> Result<Metadata> {
        self.with_object(cx, path, |object| {
            Ok(Metadata { attr: object.attr(cx.request())?, device: object.location.device() })
        })
    }
}

impl File {
    /// The attributes of the object as they are now.
    ///
    /// # Errors
    /// Those of the file system.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.unlink(&cx, "/a")?;
    /// assert_eq!(file.stat()?.nlink, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn stat(&self) -> Result<Metadata> {
        self.act(|open| Ok(Metadata { attr: open.attr()?, device: open.location.device() }))
    }
}

//! Symbolic links.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::ops::create::Creation;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::resolve::walk::{check_path, link_target};

/// # Symbolic links
impl Vfs {
    /// Makes a symbolic link to `target`, which need not exist.
    ///
    /// Reports CREATE to the directory. Takes the directory's lock; O(1) and one call to the file
    /// system.
    ///
    /// # Errors
    /// As [`Vfs::mknod`]; `ENOENT` if `target` is empty; `EINVAL` if it is more than bytes: an open file, a
    /// path from one, or a path with flags.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.symlink(&cx, "some/where", "/link")?;
    /// assert_eq!(vfs.readlink(&cx, "/link")?, b"some/where");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn symlink(&self, cx: &Context, target: impl IntoPath, path: impl IntoPath) -> Result<()> {
        self.symlink_path(cx, target.to_path(), path.to_path())
    }

    fn symlink_path(&self, cx: &Context, target: PathArg<'_>, path: PathArg<'_>) -> Result<()> {
        let target = target.only_bytes().and_then(|target| check_path(target).map(|()| target));
        let target = target.map_err(|error| path.add_to(error))?;
        let new = Creation { kind: InodeKind::Symlink, mode: 0o777, rdev: 0, target };
        self.make(cx, path, &new)
    }

    /// The target of a symbolic link, which may be an open one (`PATH` and `NOFOLLOW`), also by an empty path from it.
    /// Nothing is reported.
    ///
    /// # Errors
    /// Those of a look-up; `EINVAL` if `path` does not name a symbolic link; `ENOENT` for an open file that is
    /// none, as readlinkat(2) with an empty path; `EIO` if the file system gives a target that none can be.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.symlink(&cx, "target", "/link")?;
    /// let link = vfs.open(&cx, "/link", OpenFlags::PATH | OpenFlags::NOFOLLOW, 0)?;
    /// vfs.unlink(&cx, "/link")?;
    /// assert_eq!(vfs.readlink(&cx, &link)?, b"target");
    /// let error = vfs.readlink(&cx, "/").unwrap_err();
    /// assert_eq!(error.errno(), Errno::EINVAL);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn readlink(&self, cx: &Context, path: impl IntoPath) -> Result<Vec<u8>> {
        self.readlink_path(cx, path.to_path())
    }

    fn readlink_path(&self, cx: &Context, path: PathArg<'_>) -> Result<Vec<u8>> {
        // readlinkat(2) takes an empty path without a flag.
        let target = self.with_object(cx, path.no_follow().empty_path(), |found| {
            if found.kind() != InodeKind::Symlink {
                let errno = if path.bytes.is_empty() { Errno::ENOENT } else { Errno::EINVAL };
                return Err(errno.into());
            }
            link_target(found.location.fs(), cx.request(), found.location.ino())
        });
        target.map_err(|error| path.add_to(error))
    }
}

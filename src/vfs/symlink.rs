//! Symbolic links.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::create::Creation;
use crate::vfs::location::Location;
use crate::vfs::permission::about;
use crate::vfs::walk::{Lookup, check_path};

/// # Symbolic links
impl Vfs {
    /// Makes a symbolic link to `target`, which need not exist.
    ///
    /// The directory hears CREATE. Takes the directory's lock; O(1) and one call to the file
    /// system.
    ///
    /// # Errors
    /// As [`Vfs::mknod`]; `ENOENT` if `target` is empty.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.symlink(&cx, "some/where", "/link")?;
    /// assert_eq!(vfs.readlink(&cx, "/link")?, b"some/where");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn symlink(
        &self,
        cx: &Context,
        target: impl AsRef<[u8]>,
        path: impl AsRef<[u8]>,
    ) -> Result<()> {
        let path = path.as_ref();
        self.symlink_at(cx, target.as_ref(), None, path).map_err(about(path))
    }

    pub(crate) fn symlink_at(
        &self,
        cx: &Context,
        target: &[u8],
        at: Option<&Location>,
        path: &[u8],
    ) -> Result<()> {
        let _operation = self.operation();
        check_path(target)?;
        let new = Creation { kind: InodeKind::Symlink, mode: 0o777, rdev: 0, target };
        self.make_at(cx, at, path, &new)
    }

    /// The target of a symbolic link. Nobody hears of it.
    ///
    /// # Errors
    /// Those of a look-up; `EINVAL` if `path` does not name a symbolic link.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let error = vfs.readlink(&vfs.context(), "/").unwrap_err();
    /// assert_eq!(error.errno(), Errno::EINVAL);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn readlink(&self, cx: &Context, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        self.readlink_at(cx, None, path).map_err(about(path))
    }

    pub(crate) fn readlink_at(
        &self,
        cx: &Context,
        at: Option<&Location>,
        path: &[u8],
    ) -> Result<Vec<u8>> {
        let _operation = self.operation();
        let found = match at.filter(|at| path.is_empty() && at.kind() == InodeKind::Symlink) {
            Some(link) if !Arc::ptr_eq(link.dentry.tree(), self.tree()) => {
                return Err(Errno::EINVAL.into());
            }
            Some(link) => link.clone(),
            None => self.resolve(cx, at, path, Lookup::NO_FOLLOW)?,
        };
        if found.kind() != InodeKind::Symlink {
            return Err(Errno::EINVAL.into());
        }
        found.fs().readlink(cx.request(), found.ino())
    }
}

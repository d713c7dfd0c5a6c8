//! Asking what is permitted, and what is there.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;

/// # Permission
impl Vfs {
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
            cx.check_object(found, want)?;
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
}

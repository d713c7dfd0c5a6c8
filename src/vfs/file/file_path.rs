//! The path by which an open file can be reached.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::vfs::context::Context;
use crate::vfs::file::open_file::File;

impl File {
    /// The path by which it can be reached now, from the context's root.
    ///
    /// Takes the rename lock of each file system on the way for bounded times, if directories of it move
    /// meanwhile; O(depth), up to the 2048 names that a path may have.
    ///
    /// # Errors
    /// `ENOENT` if the name it was opened by has been removed or is not below that root;
    /// `ENAMETOOLONG` for a path longer than one may be (4095 bytes), as getcwd(2).
    ///
    /// ```
    /// use vfsnotify::{MemFs, OpenFlags, RenameFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.rename(&cx, "/a", "/b", RenameFlags::empty())?;
    /// assert_eq!(file.path(&cx)?, b"/b");
    /// vfs.unlink(&cx, "/b")?;
    /// assert!(file.path(&cx).is_err());
    /// assert_eq!(file.shown_path(&cx)?, b"/b (deleted)");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn path(&self, cx: &Context) -> Result<Vec<u8>> {
        if !self.dentry().is_hashed() {
            return Err(Errno::ENOENT.into());
        }
        let path = self.description().vfs().path_of(cx, self.location())?;
        if path.is_deleted() || path.is_unreachable() {
            return Err(Errno::ENOENT.into());
        }
        Ok(path.into_bytes())
    }

    /// Its path as `/proc/self/fd` shows it on Linux: the last one it had, with ` (deleted)`
    /// behind it if that has been removed. If it is not below the context's root it is
    /// `(unreachable)`: unlike Linux, nothing is told of what is outside. Locks and costs are those of
    /// [`File::path`].
    ///
    /// # Errors
    /// `ENAMETOOLONG` if that is longer than a path may be (4095 bytes), as readlink(2) of such a link.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.unlink(&cx, "/a")?;
    /// assert_eq!(file.shown_path(&cx)?, b"/a (deleted)");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn shown_path(&self, cx: &Context) -> Result<Vec<u8>> {
        self.description().vfs().path_of(cx, self.location())?.into_shown()
    }
}

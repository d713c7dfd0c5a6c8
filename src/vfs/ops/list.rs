//! Listing a directory in one call.

use crate::base::error::Result;
use crate::fs::OpenFlags;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::file::readdir::{BUDGET, DirEntryBuf};
use crate::vfs::ops::open::Opening;
use crate::vfs::path_arg::{IntoPath, PathArg};

/// # Listing
impl Vfs {
    /// Everything in a directory but `.` and `..`. Opens it, reads it to the end, closes it, and
    /// reports all that, as a listing by a C library does on Linux.
    ///
    /// O(entries), in time and memory. A file system that has ever new entries makes it go on until
    /// memory is gone: where one is not trusted, use [`File::read_dir`](crate::File::read_dir), whose memory is bounded by its
    /// budget.
    ///
    /// # Errors
    /// Those of [`Vfs::open`] and [`File::read_dir`](crate::File::read_dir).
    ///
    /// ```
    /// # use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let entries = vfs.list(&cx, "/")?;
    /// assert_eq!((entries.len(), &entries[0].name[..]), (1, &b"d"[..]));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn list(&self, cx: &Context, path: impl IntoPath) -> Result<Vec<DirEntryBuf>> {
        self.list_path(cx, path.to_path())
    }

    fn list_path(&self, cx: &Context, path: PathArg<'_>) -> Result<Vec<DirEntryBuf>> {
        let opening = Opening { cx, path, flags: OpenFlags::DIRECTORY, mode: 0 };
        let directory = self.open_path(opening)?;
        let mut all = Vec::new();
        loop {
            let page = directory.read_dir(BUDGET)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page.into_iter().filter(|entry| !matches!(&entry.name[..], b"." | b"..")));
        }
    }
}

//! Operations on a whole file system: statfs, fsync.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::{FsFlags, FsStat, Request, SyncScope};
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::open_file::File;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::resolve::location::Location;

impl Location {
    /// The figures of the file system, with what the VFS makes of it.
    fn figures(&self, request: &Request) -> Result<FsStat> {
        let mut stat = self.fs().statfs(request)?;
        if stat.fsid == 0 {
            stat.fsid = self.device();
        }
        // Reading leaves access times alone.
        stat.flags |= FsFlags::NO_ATIME;
        stat.flags.set(FsFlags::READ_ONLY, self.mount.is_read_only());
        Ok(stat)
    }
}

impl Vfs {
    /// The figures of the file system that `path` leads into.
    ///
    /// # Errors
    /// Those of a look-up.
    ///
    /// ```
    /// # use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// assert_eq!(vfs.statfs(&vfs.context(), "/")?.name_max, 255);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn statfs(&self, cx: &Context, path: impl IntoPath) -> Result<FsStat> {
        self.statfs_path(cx, path.to_path())
    }

    fn statfs_path(&self, cx: &Context, path: PathArg<'_>) -> Result<FsStat> {
        self.with_object(cx, path, |object| object.location.figures(cx.request()))
    }
}

impl File {
    /// The figures of its file system.
    ///
    /// # Errors
    /// Those of the file system.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// assert_eq!(file.statfs()?.name_max, 255);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn statfs(&self) -> Result<FsStat> {
        self.act(|open| open.location.figures(&open.request))
    }

    /// Makes contents and attributes durable. Reports nothing.
    ///
    /// # Errors
    /// `EINVAL` for a fifo or a device, `EBADF` if it is only named, and what the file system
    /// reports.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.fsync()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn fsync(&self) -> Result<()> {
        self.sync(SyncScope::All)
    }

    /// Makes contents durable, and of the attributes what is needed to read them back.
    ///
    /// # Errors
    /// As [`File::fsync`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.fdatasync()?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn fdatasync(&self) -> Result<()> {
        self.sync(SyncScope::Data)
    }

    fn sync(&self, scope: SyncScope) -> Result<()> {
        self.act(|open| {
            open.check_open()?;
            match open.kind {
                FileKind::Regular(handle) | FileKind::Directory(handle) => {
                    open.fs.fsync(&open.request, open.ino, handle, scope)
                }
                _ => Err(Errno::EINVAL.into()),
            }
        })
    }
}

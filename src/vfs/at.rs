//! Paths that begin at an open directory.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::fs::RenameFlags;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::file::File;
use crate::vfs::location::Location;
use crate::vfs::permission::{Access, about};
use crate::vfs::walk::Lookup;

/// Where a relative path begins. An absolute one begins at the context's root all the same.
///
/// ```
/// use vfsnotify::{At, MemFs, OpenFlags, Vfs};
/// let vfs = Vfs::new(MemFs::new())?;
/// let cx = vfs.context();
/// vfs.mkdir(&cx, "/d", 0o755)?;
/// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
/// vfs.rename(&cx, "/d", "/moved", vfsnotify::RenameFlags::empty())?;
/// vfs.mkdirat(&cx, At::Dir(&dir), "sub", 0o755)?;
/// assert!(vfs.exists(&cx, "/moved/sub")?);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// At the context's current directory.
    Cwd,
    /// At an open directory; `PATH` is enough. If it is something else: `ENOTDIR`.
    Dir(&'a File),
}

impl<'a> At<'a> {
    pub(crate) fn location(self) -> Option<&'a Location> {
        match self {
            Self::Cwd => None,
            Self::Dir(file) => Some(file.location()),
        }
    }
}

/// # Paths from an open directory
///
/// Each does what the method without `at` does, with the same events and errors.
impl Vfs {
    /// [`Vfs::mkdir`] with a path from an open directory.
    ///
    /// # Errors
    /// As [`Vfs::mkdir`].
    ///
    /// ```
    /// # use vfsnotify::{At, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.mkdirat(&cx, At::Dir(&dir), "sub", 0o755)?;
    /// assert!(vfs.exists(&cx, "/d/sub")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn mkdirat(
        &self,
        cx: &Context,
        at: At<'_>,
        path: impl AsRef<[u8]>,
        mode: u32,
    ) -> Result<()> {
        let path = path.as_ref();
        self.mkdir_at(cx, at.location(), path, mode).map_err(about(path))
    }

    /// [`Vfs::mknod`] with a path from an open directory.
    ///
    /// # Errors
    /// As [`Vfs::mknod`].
    ///
    /// ```
    /// # use vfsnotify::{At, InodeKind, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.mknodat(&cx, At::Dir(&dir), "pipe", InodeKind::Fifo, 0o600, 0)?;
    /// assert!(vfs.exists(&cx, "/d/pipe")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn mknodat(
        &self,
        cx: &Context,
        at: At<'_>,
        path: impl AsRef<[u8]>,
        kind: InodeKind,
        mode: u32,
        rdev: u64,
    ) -> Result<()> {
        let path = path.as_ref();
        self.mknod_at(cx, at.location(), path, kind, mode, rdev).map_err(about(path))
    }

    /// [`Vfs::symlink`] with a path from an open directory.
    ///
    /// # Errors
    /// As [`Vfs::symlink`].
    ///
    /// ```
    /// # use vfsnotify::{At, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.symlinkat(&cx, "target", At::Dir(&dir), "link")?;
    /// assert_eq!(vfs.readlink(&cx, "/d/link")?, b"target");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn symlinkat(
        &self,
        cx: &Context,
        target: impl AsRef<[u8]>,
        at: At<'_>,
        path: impl AsRef<[u8]>,
    ) -> Result<()> {
        let path = path.as_ref();
        self.symlink_at(cx, target.as_ref(), at.location(), path).map_err(about(path))
    }

    /// [`Vfs::readlink`] with a path from an open directory; of a symbolic link that was opened itself (with
    /// `PATH` and `NOFOLLOW`) where the path is empty, as readlinkat(2).
    ///
    /// # Errors
    /// As [`Vfs::readlink`].
    ///
    /// ```
    /// # use vfsnotify::{At, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.symlink(&cx, "target", "/d/link")?;
    /// assert_eq!(vfs.readlinkat(&cx, At::Dir(&dir), "link")?, b"target");
    /// let link = vfs.open(&cx, "/d/link", OpenFlags::PATH | OpenFlags::NOFOLLOW, 0)?;
    /// assert_eq!(vfs.readlinkat(&cx, At::Dir(&link), "")?, b"target");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn readlinkat(&self, cx: &Context, at: At<'_>, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        self.readlink_at(cx, at.location(), path).map_err(about(path))
    }

    /// [`Vfs::link`] with paths from open directories.
    ///
    /// # Errors
    /// As [`Vfs::link`].
    ///
    /// ```
    /// # use vfsnotify::{At, InodeKind, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.mknod(&cx, "/d/one", InodeKind::Regular, 0o644, 0)?;
    /// vfs.linkat(&cx, (At::Dir(&dir), "one"), (At::Cwd, "/two"), false)?;
    /// assert_eq!(vfs.stat(&cx, "/two")?.nlink, 2);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn linkat(
        &self,
        cx: &Context,
        (old_at, old): (At<'_>, impl AsRef<[u8]>),
        (new_at, new): (At<'_>, impl AsRef<[u8]>),
        follow: bool,
    ) -> Result<()> {
        let (old, new) = ((old_at.location(), old.as_ref()), (new_at.location(), new.as_ref()));
        self.link_at(cx, old, new, follow)
    }

    /// Gives an open file a further name, or its first if it was opened with `TMPFILE`.
    ///
    /// The file hears ATTRIB, then the directory CREATE. Events by way of this handle go on under
    /// the name that it was opened by.
    ///
    /// # Errors
    /// As [`Vfs::link`]; `ENOENT` for a file whose last name was removed, or that was opened
    /// with `TMPFILE` and `EXCL`.
    ///
    /// ```
    /// use vfsnotify::{At, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// let file = vfs.open(&cx, "/", OpenFlags::TMPFILE | OpenFlags::WRITE, 0o644)?;
    /// file.write(b"complete")?;
    /// vfs.link_file(&cx, &file, At::Cwd, "/report")?;
    /// assert_eq!(vfs.stat(&cx, "/report")?.size, 8);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn link_file(
        &self,
        cx: &Context,
        file: &File,
        at: At<'_>,
        path: impl AsRef<[u8]>,
    ) -> Result<()> {
        let path = path.as_ref();
        self.link_location(cx, file.location(), file.is_linkable(), at.location(), path)
            .map_err(about(path))
    }

    /// [`Vfs::unlink`] with a path from an open directory.
    ///
    /// # Errors
    /// As [`Vfs::unlink`].
    ///
    /// ```
    /// # use vfsnotify::{At, InodeKind, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.mknod(&cx, "/d/one", InodeKind::Regular, 0o644, 0)?;
    /// vfs.unlinkat(&cx, At::Dir(&dir), "one")?;
    /// assert!(!vfs.exists(&cx, "/d/one")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn unlinkat(&self, cx: &Context, at: At<'_>, path: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        self.unlink_at(cx, at.location(), path).map_err(about(path))
    }

    /// [`Vfs::rmdir`] with a path from an open directory.
    ///
    /// # Errors
    /// As [`Vfs::rmdir`].
    ///
    /// ```
    /// # use vfsnotify::{At, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.mkdir(&cx, "/d/sub", 0o755)?;
    /// vfs.rmdirat(&cx, At::Dir(&dir), "sub")?;
    /// assert!(!vfs.exists(&cx, "/d/sub")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn rmdirat(&self, cx: &Context, at: At<'_>, path: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        self.rmdir_at(cx, at.location(), path).map_err(about(path))
    }

    /// [`Vfs::rename`] with paths from open directories.
    ///
    /// # Errors
    /// As [`Vfs::rename`].
    ///
    /// ```
    /// # use vfsnotify::{At, MemFs, OpenFlags, RenameFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.mkdir(&cx, "/d/old", 0o755)?;
    /// let (old, new) = ((At::Dir(&dir), "old"), (At::Cwd, "/new"));
    /// vfs.renameat(&cx, old, new, RenameFlags::NOREPLACE)?;
    /// assert!(vfs.exists(&cx, "/new")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn renameat(
        &self,
        cx: &Context,
        (old_at, old): (At<'_>, impl AsRef<[u8]>),
        (new_at, new): (At<'_>, impl AsRef<[u8]>),
        flags: RenameFlags,
    ) -> Result<()> {
        let (old, new) = ((old_at.location(), old.as_ref()), (new_at.location(), new.as_ref()));
        self.rename_at(cx, old, new, flags)
    }

    /// [`Vfs::access`] with a path from an open directory, or of a symbolic link itself.
    ///
    /// # Errors
    /// As [`Vfs::access`].
    ///
    /// ```
    /// # use vfsnotify::{Access, At, MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// let missing = vfs.accessat(&cx, At::Dir(&dir), "none", Access::READ, true);
    /// assert!(missing.is_err());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn accessat(
        &self,
        cx: &Context,
        at: At<'_>,
        path: impl AsRef<[u8]>,
        want: Access,
        follow: bool,
    ) -> Result<()> {
        let path = path.as_ref();
        self.access_at(cx, at.location(), path, want, Lookup::with_follow(follow))
            .map_err(about(path))
    }
}

impl Context {
    /// Makes an open directory the current one; `PATH` is enough.
    ///
    /// # Errors
    /// `ENOTDIR`; `EACCES` without search permission; `EINVAL` if it is of another VFS.
    ///
    /// ```
    /// use vfsnotify::{MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let mut cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::DIRECTORY, 0)?;
    /// cx.fchdir(&vfs, &dir)?;
    /// vfs.mkdir(&cx, "sub", 0o755)?;
    /// assert!(vfs.exists(&cx, "/d/sub")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn fchdir(&mut self, vfs: &Vfs, directory: &File) -> Result<()> {
        self.chdir_to(vfs, directory.location())
    }
}

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
    /// # use vfsnotify::{MemFs, OpenFlags, Vfs};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.unlink(&cx, "/a")?;
    /// assert_eq!(file.shown_path(&cx)?, b"/a (deleted)");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn shown_path(&self, cx: &Context) -> Result<Vec<u8>> {
        self.description().vfs().path_of(cx, self.location())?.into_shown()
    }
}

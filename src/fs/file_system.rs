//! The requests of the VFS to a file system.

use std::fmt::Debug;
use std::ops::Range;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::{
    Attr, Caching, ContentAccess, DirEntry, FallocateFlags, FsStat, Handle, NewNode, Node,
    OpenFlags, RenameFlags, Request, SeekTo, SetAttr, Sink, SyncScope, Unlinked, WriteData,
    XattrMode,
};

/// A file system that can be mounted in a [`Vfs`](crate::Vfs).
///
/// # Required methods
///
/// [`root`](FileSystem::root), [`lookup`](FileSystem::lookup), [`getattr`](FileSystem::getattr),
/// [`readdir`](FileSystem::readdir) and [`read`](FileSystem::read) make a read-only file system: every
/// change is `EROFS` by default. A file system that can be written to overrides
/// [`is_read_only`](FileSystem::is_read_only). Its missing methods then fail as on Linux: `EPERM` for
/// names and attributes, `EINVAL` for writes, `EOPNOTSUPP` for the rest.
///
/// ```
/// use vfsnotify::fs::{DirEntry, Handle, Node, Request};
/// use vfsnotify::fs::Attr;
/// use vfsnotify::{Errno, FileSystem, InodeKind, Mode, OpenFlags, Result, Vfs};
///
/// /// A directory with one file in it.
/// #[derive(Debug)]
/// struct Hello;
///
/// const TEXT: &[u8] = b"Hello!\n";
///
/// impl FileSystem for Hello {
///     fn root(&self) -> Result<Node> {
///         self.getattr(&Request::SUPERUSER, 1, None).map(Node::new)
///     }
///
///     fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
///         match (parent, name) {
///             (1, b"hello") => self.getattr(request, 2, None).map(Node::new),
///             _ => Err(Errno::ENOENT.into()),
///         }
///     }
///
///     fn getattr(&self, _: &Request, ino: u64, _: Option<Handle>) -> Result<Attr> {
///         match ino {
///             1 => Ok(Attr::new(1, InodeKind::Directory, Mode::new(0o755))),
///             2 => {
///                 let mut attr = Attr::new(2, InodeKind::Regular, Mode::new(0o644));
///                 attr.size = TEXT.len() as u64;
///                 Ok(attr)
///             }
///             _ => Err(Errno::ESTALE.into()),
///         }
///     }
///
///     fn readdir(
///         &self,
///         _: &Request,
///         _: u64,
///         _: Handle,
///         cursor: u64,
///         emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
///     ) -> Result<()> {
///         if cursor == 0 {
///             emit(DirEntry::new(2, InodeKind::Regular, b"hello", 1));
///         }
///         Ok(())
///     }
///
///     fn read(&self, _: &Request, _: u64, _: Handle, offset: u64, buf: &mut [u8]) -> Result<usize> {
///         let rest = TEXT.get(offset as usize..).unwrap_or_default();
///         let count = rest.len().min(buf.len());
///         buf[..count].copy_from_slice(&rest[..count]);
///         Ok(count)
///     }
/// }
///
/// let vfs = Vfs::new(Hello)?;
/// let cx = vfs.context();
/// let file = vfs.open(&cx, "/hello", OpenFlags::READ, 0)?;
/// let mut buf = [0; 5];
/// file.read(&mut buf)?;
/// assert_eq!(&buf, b"Hello");
/// assert_eq!(vfs.mkdir(&cx, "/d", 0o755).unwrap_err(), Errno::EROFS);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
///
/// A file system over another one is a [`Layer`](crate::fs::Layer): it implements only the methods that
/// it changes.
///
/// # Guarantees of the VFS
///
/// Every method takes `&self`; the VFS calls them from many threads. It holds the directory lock of
/// each directory that an operation changes (for writing) or searches (for reading), so two changes of
/// one directory never run at the same time. Changes of the attributes of one inode, extended ones
/// included, are serialised too. None of them runs beside a write, append or fallocate of an
/// unprivileged opener. The file system must synchronise everything else itself.
///
/// Names are never empty, `.` or `..`, contain neither `/` nor NUL, and are at most 255 bytes long.
/// Permissions have been checked already. Each call for a caller carries a [`Request`], which names the
/// caller; an operation on an open file without a [`Context`](crate::Context) names the file's opener.
/// Each call about an open file, also one that stands in place of a path, carries the [`Handle`] that
/// [`open`](FileSystem::open) returned.
///
/// **Lookups are counted.** Each successful method that returns a [`Node`] adds one lookup to that
/// inode. The file system must keep the inode, linked or not, until [`FileSystem::forget`] has given
/// all of them back; then an inode without links is freed. An unmount gives all lookups back, and so
/// does the end of the `Vfs` (unless the end is a panic).
///
/// # Duties of a file system
///
/// A method must not call back into the `Vfs` that called it. It may use another one (two that use each
/// other can deadlock), and it may block. A failed operation has changed nothing.
///
/// **If a file system breaks these rules,** the VFS stays consistent: it fails the operation, or
/// believes the answer. After an error, or a panic, in the middle of a change of names, the operation
/// has failed and no event is reported, whatever was changed. The VFS looks the names up again and
/// follows the answers. `ESTALE` is the result if the number of an inode in use comes with another
/// kind. `EIO` is the result of an object of another kind than requested, a count beyond the requested
/// one, an offset beyond any, a name with a NUL or a slash in a listing, a cursor out of its range, and
/// a listing that repeats. An inode number given out again before it was forgotten is the same inode.
///
/// # Results of changes
///
/// A change returns the part of its result that the VFS remembers: the attributes by
/// [`setattr`](FileSystem::setattr), [`create`](FileSystem::create), [`tmpfile`](FileSystem::tmpfile) and
/// [`link`](FileSystem::link), the number of names left by [`unlink`](FileSystem::unlink) and
/// [`rename`](FileSystem::rename). The VFS remembers no size and no time, so a write returns its count alone.
pub trait FileSystem: Debug + Send + Sync {
    /// The file system is being attached to a VFS.
    ///
    /// Called before all other methods when the VFS is built and at each mount (a bind mount is none),
    /// with no lock of the crate held. Called again if the file system is mounted again, or in several
    /// VFSs. From now on timestamps should come from the sink's [`clock`](Sink::clock), if there is
    /// one.
    ///
    /// # Errors
    /// The error becomes that of the mount: `EBUSY`, say, if the file system can be attached only once.
    /// The default succeeds.
    fn attach(&self, sink: &Sink) -> Result<()> {
        let _ = sink;
        Ok(())
    }

    /// How far the VFS may rely on its caches. Called once for each attachment, after
    /// [`FileSystem::attach`]. The default is: on everything.
    fn caching(&self) -> Caching {
        Caching::default()
    }

    /// Whether the file system refuses all changes. Called once for each attachment, after
    /// [`FileSystem::attach`].
    ///
    /// If so, the VFS fails every change with `EROFS`, at the point where Linux checks for a read-only
    /// superblock, and calls no method. The default is `true`; a file system that can be written to
    /// returns `false`.
    fn is_read_only(&self) -> bool {
        true
    }

    /// The root directory.
    fn root(&self) -> Result<Node>;

    /// Looks `name` up in the directory `parent`.
    ///
    /// # Errors
    /// `ENOENT` if the name does not exist: the VFS remembers that in a negative dentry.
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node>;

    /// Whether `name` in `parent` is still `ino`.
    ///
    /// Called at each use of a cached entry, positive (`Some`) or negative (`None`), but only for a
    /// file system without [`Caching::entries`]: one that changes behind the VFS's back, over a network
    /// or from outside. If it returns `false`, which is the default, the VFS looks the name up again.
    fn revalidate(&self, request: &Request, parent: u64, name: &[u8], ino: Option<u64>) -> bool {
        let _ = (request, parent, name, ino);
        false
    }

    /// The inode of this number and [`generation`](Attr::generation), whatever its names: the object of
    /// a file handle (name_to_handle_at(2)). It may have no name left while it is in use.
    ///
    /// No operation of the VFS calls this yet.
    ///
    /// # Errors
    /// `ESTALE` if the inode no longer exists, which is the default.
    fn by_handle(&self, request: &Request, ino: u64, generation: u64) -> Result<Node> {
        let _ = (request, ino, generation);
        Err(Errno::ESTALE.into())
    }

    /// Gives back `lookups` lookups of `ino`. Called with no lock of the crate held. The default does
    /// nothing: a file system that makes and frees no inodes while it is mounted need not count.
    fn forget(&self, ino: u64, lookups: u64) {
        let _ = (ino, lookups);
    }

    /// The attributes of an inode; `handle` is that of the open file concerned, if there is one.
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr>;

    /// Changes attributes, all of them or none, and returns the new ones.
    ///
    /// A change of size also updates mtime and ctime; any other change updates ctime. `handle` is that
    /// of the open file through which the change is made, if there is one.
    ///
    /// # Errors
    /// `EROFS` by default; `EFBIG`, `ENOSPC`.
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr> {
        let _ = (request, ino, handle, change);
        Err(lacking(self.is_read_only(), Errno::EPERM).into())
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// `EINVAL` by default.
    fn readlink(&self, request: &Request, ino: u64) -> Result<Vec<u8>> {
        let _ = (request, ino);
        Err(Errno::EINVAL.into())
    }

    /// Makes a new inode of any kind and its first name; see [`NewNode`].
    ///
    /// # Errors
    /// `EROFS` by default; `EEXIST` if the name is taken, `ENOSPC`.
    fn create(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new: &NewNode<'_>,
    ) -> Result<Node> {
        let _ = (request, parent, name, new);
        Err(lacking(self.is_read_only(), Errno::EPERM).into())
    }

    /// Makes a regular file without a name (`O_TMPFILE`), with no link.
    ///
    /// # Errors
    /// `EROFS` by default, `EOPNOTSUPP` of a file system that can be written to.
    fn tmpfile(&self, request: &Request, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        let _ = (request, parent, new);
        Err(lacking(self.is_read_only(), Errno::EOPNOTSUPP).into())
    }

    /// Gives an inode, of any kind but a directory, one more name. An inode without a name is from
    /// [`FileSystem::tmpfile`] and never had one: the VFS refuses all others.
    ///
    /// # Errors
    /// `EROFS` by default, `EPERM` of a file system that can be written to; `EEXIST`, `EMLINK`, `ENOSPC`.
    fn link(&self, request: &Request, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        let _ = (request, ino, parent, name);
        Err(lacking(self.is_read_only(), Errno::EPERM).into())
    }

    /// Removes a name of an inode that is not a directory, and returns how many names the inode has
    /// left.
    ///
    /// # Errors
    /// `EROFS` by default.
    fn unlink(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Unlinked> {
        let _ = (request, parent, name);
        Err(lacking(self.is_read_only(), Errno::EPERM).into())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `EROFS` by default; `ENOTEMPTY`.
    fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()> {
        let _ = (request, parent, name);
        Err(lacking(self.is_read_only(), Errno::EPERM).into())
    }

    /// Moves a name, replacing the target of the new name unless `flags` say otherwise. Returns how
    /// many names the replaced inode has left ([`Unlinked::UNKNOWN`] if no inode was replaced).
    ///
    /// The VFS has checked the kinds, that neither directory is an ancestor of the other, and the
    /// flags. The caller owns a whiteout; its group is the caller's, or that of the directory if it has
    /// the set-group-id bit.
    ///
    /// # Errors
    /// `EROFS` by default; `ENOTEMPTY` if a directory to be replaced is not empty; `EINVAL` for flags that the file
    /// system does not know.
    fn rename(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Unlinked> {
        let _ = (request, parent, name, new_parent, new_name, flags);
        Err(lacking(self.is_read_only(), Errno::EPERM).into())
    }

    /// Opens a regular file or a directory and returns a handle of the file system's choice. The
    /// default returns the default handle.
    ///
    /// `flags` are the access mode, and those flags that concern the open file and not the act of
    /// opening. A file to be truncated is truncated by a [`FileSystem::setattr`] afterwards.
    fn open(&self, request: &Request, ino: u64, flags: OpenFlags) -> Result<Handle> {
        let _ = (request, ino, flags);
        Ok(Handle::default())
    }

    /// Ends the use of a handle. Called once for each successful [`FileSystem::open`], for the opener,
    /// by the thread that drops the last handle of the open file.
    fn release(&self, ino: u64, handle: Handle) {
        let _ = (ino, handle);
    }

    /// Makes the contents of a range available: for a file system that fetches them on demand. It may
    /// take any time: no lock of the crate is held, and the range is read or written only after this
    /// has returned. `range` ends at the greatest offset if it means all of the rest.
    ///
    /// No operation of the VFS calls this yet.
    ///
    /// # Errors
    /// The error becomes that of the read, the write or the truncation. The default succeeds.
    fn pre_content(
        &self,
        request: &Request,
        ino: u64,
        range: Range<u64>,
        access: ContentAccess,
    ) -> Result<()> {
        let _ = (request, ino, range, access);
        Ok(())
    }

    /// Reads up to `buf.len()` bytes at `offset`; fewer, or 0, at the end of the file.
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize>;

    /// Writes at `offset`, as one write: no other write to the file comes between several buffers. There are at
    /// most `0x7fff_f000` bytes. Returns how many bytes were written; a part is a short write to the caller.
    ///
    /// # Errors
    /// `EROFS` by default, `EINVAL` of a file system that can be written to; `ENOSPC` or `EFBIG` if not even one
    /// byte could be written.
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        let _ = (request, ino, handle, offset, data);
        Err(lacking(self.is_read_only(), Errno::EINVAL).into())
    }

    /// [`FileSystem::write`] at the end of the file, which is found and written to in one step. Returns
    /// the offset and the count.
    ///
    /// # Errors
    /// As [`FileSystem::write`].
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        let _ = (request, ino, handle, data);
        Err(lacking(self.is_read_only(), Errno::EINVAL).into())
    }

    /// Allocates, zeroes or frees a range.
    ///
    /// # Errors
    /// `EROFS` by default; `EOPNOTSUPP` of a file system that can be written to, and for an unsupported
    /// mode; `EFBIG`, `ENOSPC`.
    fn fallocate(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        let _ = (request, ino, handle, mode, offset, len);
        Err(lacking(self.is_read_only(), Errno::EOPNOTSUPP).into())
    }

    /// The offset of the next data or hole at or after `offset`.
    ///
    /// The default reports one piece of data and a hole at the end.
    ///
    /// # Errors
    /// `ENXIO` if `offset` is at or past the end, or no data follows.
    fn seek(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        to: SeekTo,
    ) -> Result<u64> {
        let size = self.getattr(request, ino, Some(handle))?.size;
        if offset >= size {
            return Err(Errno::ENXIO.into());
        }
        Ok(match to {
            SeekTo::Data => offset,
            SeekTo::Hole => size,
        })
    }

    /// Lists a directory from `cursor` on (0 is the start), without `.` and `..`.
    ///
    /// `emit` is called for each entry and returns whether it wants more. An entry's
    /// [`DirEntry::cursor`] is where a later call continues *after* it. Entries that exist during the
    /// whole listing are reported exactly once, whatever is added or removed meanwhile.
    ///
    /// **Cursors** are the file system's own: 1 to [`DirEntry::MAX_CURSOR`] or
    /// [`DirEntry::END_CURSOR`], in any order, each of one entry. The argument `cursor` is 0, or a
    /// cursor that this file system gave, whose entry may be gone by now, or any value in the range
    /// that a caller made up. A cursor of 0 or beyond the range, and one that repeats in the same
    /// listing, end the listing with `EIO`, after the entries before it. So a new entry behind the
    /// position of a listing must not get the cursor of a removed entry before that position.
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()>;

    /// The value of an extended attribute.
    ///
    /// # Errors
    /// `ENODATA` if there is none, `EOPNOTSUPP` by default.
    fn getxattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        let _ = (request, ino, name);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Sets an extended attribute.
    ///
    /// # Errors
    /// `EROFS` by default, `EOPNOTSUPP` of a file system that can be written to; `EEXIST` or `ENODATA` as `mode`
    /// asks, `ENOSPC`.
    fn setxattr(
        &self,
        request: &Request,
        ino: u64,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        let _ = (request, ino, name, value, mode);
        Err(lacking(self.is_read_only(), Errno::EOPNOTSUPP).into())
    }

    /// The names of all extended attributes. By default there are none, as on Linux for a file system
    /// without attributes.
    fn listxattr(&self, request: &Request, ino: u64) -> Result<Vec<Vec<u8>>> {
        let _ = (request, ino);
        Ok(Vec::new())
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// `EROFS` by default, `EOPNOTSUPP` of a file system that can be written to; `ENODATA` if there is none.
    fn removexattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<()> {
        let _ = (request, ino, name);
        Err(lacking(self.is_read_only(), Errno::EOPNOTSUPP).into())
    }

    /// Figures of the whole file system. The default has no size: see [`FsStat::default`].
    fn statfs(&self, request: &Request) -> Result<FsStat> {
        let _ = request;
        Ok(FsStat::default())
    }

    /// Makes an open file durable. The default does nothing.
    fn fsync(&self, request: &Request, ino: u64, handle: Handle, scope: SyncScope) -> Result<()> {
        let _ = (request, ino, handle, scope);
        Ok(())
    }
}

/// The error of a change that a file system has no method for: `EROFS` if the file system is read-only.
fn lacking(read_only: bool, otherwise: Errno) -> Errno {
    if read_only { Errno::EROFS } else { otherwise }
}

//! What the VFS asks a file system.

use std::fmt::Debug;

use crate::base::clock::Clock;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::{
    Attr, DirEntry, FsStat, NewNode, Node, RenameFlags, SetAttr, WriteData, XattrMode,
};

/// A file system that can be mounted in a [`Vfs`](crate::Vfs).
///
/// Every method takes `&self`; the VFS calls them from many threads. It holds the directory lock
/// of each directory an operation changes (for writing) or looks into (for reading), so two
/// changes of one directory never run at the same time. Changes of the attributes of one inode, extended
/// ones included, take turns too, and none runs beside a write, append or fallocate of an opener who is
/// not privileged. Everything else the file system must synchronise itself.
///
/// **Contract.** A method must not call back into the `Vfs` that called it. It may use another one
/// (two that use each other can deadlock), and it may block. Names are never empty, `.` or `..`,
/// contain neither `/` nor NUL, and are at most 255 bytes long. Permissions have been checked
/// already. A failed operation has changed nothing.
///
/// **Where it is broken.** Nothing that a file system says or does corrupts the VFS; it is answered
/// with an error or believed. After an error, or a panic, in the middle of a change of names, the
/// operation has failed and nobody hears of it, whatever was changed; the VFS looks the names up again
/// and goes by what it is told. A number that stands for an inode of one kind, which is in use, and is
/// then said to be of another is `ESTALE`; what was made of another kind than was asked for, a count
/// beyond what was asked for, an offset beyond any, a name with a NUL or a slash in a listing, a cursor
/// out of its range, and a listing that goes round are `EIO`. An inode number given out again before it was forgotten is the same inode.
///
/// **Lookups are counted.** Each successful method that returns a [`Node`] adds one lookup to
/// that inode. The file system must keep the inode, linked or not, until [`FileSystem::forget`]
/// has given all of them back; an inode whose last link is gone is freed then. An unmount gives all
/// back, and so does the end of the `Vfs` (unless that comes by a panic).
pub trait FileSystem: Debug + Send + Sync {
    /// A VFS with a clock of its own ([`VfsBuilder::clock`](crate::VfsBuilder::clock)) attaches the file
    /// system: timestamps should come from that clock from now on.
    ///
    /// Called before [`FileSystem::root`] when the VFS is built and at each mount, with no lock of the crate
    /// held; more than once if the file system is mounted again, or in several VFSs. It must not fail or block.
    /// The default does nothing: a file system that takes its times from elsewhere need not know.
    fn set_clock(&self, clock: &Arc<dyn Clock>) {
        let _ = clock;
    }

    /// The root directory.
    fn root(&self) -> Result<Node>;

    /// The inode that `name` stands for in the directory `parent`.
    ///
    /// # Errors
    /// `ENOENT` if there is none: the VFS remembers that in a negative dentry.
    fn lookup(&self, parent: u64, name: &[u8]) -> Result<Node>;

    /// Gives back `lookups` lookups of `ino`. Called by the reaper with no lock of the crate held.
    fn forget(&self, ino: u64, lookups: u64);

    /// Whether what was looked up as `name` in `parent` is still `ino`.
    ///
    /// A file system that changes behind the VFS's back (a network or pass-through one) says
    /// `false` where a cached entry, positive (`Some`) or negative (`None`), must be looked up
    /// again. The default trusts the cache.
    fn revalidate(&self, parent: u64, name: &[u8], ino: Option<u64>) -> bool {
        let _ = (parent, name, ino);
        true
    }

    /// The attributes of an inode.
    fn getattr(&self, ino: u64) -> Result<Attr>;

    /// Changes attributes, all of them or none, and returns the new ones.
    ///
    /// A change of size also updates mtime and ctime; any other change updates ctime.
    fn setattr(&self, ino: u64, change: &SetAttr) -> Result<Attr>;

    /// The target of a symbolic link.
    fn readlink(&self, ino: u64) -> Result<Vec<u8>>;

    /// Makes a new inode of any kind and its first name; see [`NewNode`].
    ///
    /// # Errors
    /// `EEXIST` if the name is taken, `ENOSPC`.
    fn create(&self, parent: u64, name: &[u8], new: &NewNode<'_>) -> Result<Node>;

    /// Makes a regular file without a name (`O_TMPFILE`), with no link.
    ///
    /// # Errors
    /// `EOPNOTSUPP` by default.
    fn tmpfile(&self, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        let _ = (parent, new);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Gives an inode, of any kind but a directory, one more name.
    ///
    /// # Errors
    /// `EEXIST`, `EMLINK`, `ENOSPC`.
    fn link(&self, ino: u64, parent: u64, name: &[u8]) -> Result<Node>;

    /// Removes a name of something that is not a directory.
    fn unlink(&self, parent: u64, name: &[u8]) -> Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`.
    fn rmdir(&self, parent: u64, name: &[u8]) -> Result<()>;

    /// Moves a name, replacing what the new name stood for unless `flags` say otherwise.
    ///
    /// The VFS has checked the kinds, that neither is an ancestor of the other, and the flags.
    ///
    /// # Errors
    /// `ENOTEMPTY` if a directory to be replaced is not empty.
    fn rename(
        &self,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<()>;

    /// Opens a regular file or a directory and returns a handle of the file system's choice that
    /// is passed to the calls below and to [`FileSystem::release`]. The default needs none.
    fn open(&self, ino: u64, writable: bool) -> Result<u64> {
        let _ = (ino, writable);
        Ok(0)
    }

    /// Ends the use of a handle; called once for each successful [`FileSystem::open`].
    fn release(&self, ino: u64, handle: u64) {
        let _ = (ino, handle);
    }

    /// Reads up to `buf.len()` bytes at `offset`; fewer, or 0, at the end of the file.
    fn read(&self, ino: u64, handle: u64, offset: u64, buf: &mut [u8]) -> Result<usize>;

    /// Writes at `offset`, as one write: no other write to the file comes between several buffers. There are at
    /// most `0x7fff_f000` bytes. Returns how many bytes were written; a part is a short write to the caller.
    ///
    /// # Errors
    /// `ENOSPC` or `EFBIG` if not even one byte could be written.
    fn write(&self, ino: u64, handle: u64, offset: u64, data: WriteData<'_>) -> Result<usize>;

    /// [`FileSystem::write`] at the end of the file, found and written to in one step; returns the offset
    /// written at and the count.
    fn append(&self, ino: u64, handle: u64, data: WriteData<'_>) -> Result<(u64, usize)>;

    /// Allocates or punches a range; `mode` has the bits of fallocate(2).
    ///
    /// # Errors
    /// `EOPNOTSUPP` by default and for modes it does not know.
    fn fallocate(&self, ino: u64, handle: u64, mode: u32, offset: u64, len: u64) -> Result<()> {
        let _ = (ino, handle, mode, offset, len);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// The offset of the next data (`hole` false) or hole (`hole` true) at or after `offset`.
    ///
    /// The default sees one piece of data and a hole at the end.
    ///
    /// # Errors
    /// `ENXIO` (`ENXIO`) if `offset` is at or past the end.
    fn seek_data(&self, ino: u64, handle: u64, offset: u64, hole: bool) -> Result<u64> {
        let _ = handle;
        let size = self.getattr(ino)?.size;
        if offset >= size {
            return Err(Errno::ENXIO.into());
        }
        Ok(if hole { size } else { offset })
    }

    /// Lists a directory from `cursor` on (0 is the start), without `.` and `..`.
    ///
    /// `emit` is called for each entry and returns whether it wants more. An entry's
    /// [`DirEntry::cursor`] is where a later call goes on *after* it. Entries that are there for
    /// the whole of a listing are reported exactly once, whatever is added or removed on the way.
    ///
    /// **Cursors** are the file system's own: 1 to [`DirEntry::MAX_CURSOR`] or [`DirEntry::END_CURSOR`], in
    /// any order, each of one entry. `cursor` is 0, one that this file system gave, of an entry that may have
    /// gone since, or any of these that a caller made up. A cursor of 0 or beyond the range, and one that
    /// comes up again in the same listing, end the listing with `EIO`, after what came before. So an entry that
    /// is made behind the place of a listing must not get the cursor of one that has gone before that place.
    fn readdir(
        &self,
        ino: u64,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()>;

    /// The value of an extended attribute.
    ///
    /// # Errors
    /// `ENODATA` if there is none, `EOPNOTSUPP` by default.
    fn getxattr(&self, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        let _ = (ino, name);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Sets an extended attribute.
    ///
    /// # Errors
    /// `EEXIST` or `ENODATA` as `mode` asks, `ENOSPC`, `EOPNOTSUPP` by default.
    fn setxattr(&self, ino: u64, name: &[u8], value: &[u8], mode: XattrMode) -> Result<()> {
        let _ = (ino, name, value, mode);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// The names of all extended attributes.
    fn listxattr(&self, ino: u64) -> Result<Vec<Vec<u8>>> {
        let _ = ino;
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// `ENODATA` if there is none.
    fn removexattr(&self, ino: u64, name: &[u8]) -> Result<()> {
        let _ = (ino, name);
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Figures of the whole file system.
    fn statfs(&self) -> Result<FsStat>;

    /// Makes the contents (and, unless `data_only`, the attributes) durable.
    fn fsync(&self, ino: u64, handle: u64, data_only: bool) -> Result<()> {
        let _ = (ino, handle, data_only);
        Ok(())
    }
}

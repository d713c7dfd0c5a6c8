//! A shared file system is a file system: keep a handle and mount it, or mount it twice.

use std::io::IoSlice;

use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::{
    Attr, DirEntry, FileSystem, FsStat, NewNode, Node, RenameFlags, SetAttr, XattrMode,
};

/// ```
/// use std::sync::Arc;
/// use vfsnotify::{MemFs, Vfs};
/// let fs = Arc::new(MemFs::new());
/// let vfs = Vfs::new(Arc::clone(&fs))?;
/// vfs.mkdir(&vfs.context(), "/d", 0o755)?;
/// assert_eq!(fs.stats().inodes, 2);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
impl<T: FileSystem + ?Sized> FileSystem for Arc<T> {
    fn set_clock(&self, clock: &Arc<dyn Clock>) {
        (**self).set_clock(clock)
    }

    fn root(&self) -> Result<Node> {
        (**self).root()
    }

    fn lookup(&self, parent: u64, name: &[u8]) -> Result<Node> {
        (**self).lookup(parent, name)
    }

    fn forget(&self, ino: u64, lookups: u64) {
        (**self).forget(ino, lookups)
    }

    fn revalidate(&self, parent: u64, name: &[u8], ino: Option<u64>) -> bool {
        (**self).revalidate(parent, name, ino)
    }

    fn getattr(&self, ino: u64) -> Result<Attr> {
        (**self).getattr(ino)
    }

    fn setattr(&self, ino: u64, change: &SetAttr) -> Result<Attr> {
        (**self).setattr(ino, change)
    }

    fn readlink(&self, ino: u64) -> Result<Vec<u8>> {
        (**self).readlink(ino)
    }

    fn create(&self, parent: u64, name: &[u8], new: &NewNode<'_>) -> Result<Node> {
        (**self).create(parent, name, new)
    }

    fn tmpfile(&self, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        (**self).tmpfile(parent, new)
    }

    fn link(&self, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        (**self).link(ino, parent, name)
    }

    fn unlink(&self, parent: u64, name: &[u8]) -> Result<()> {
        (**self).unlink(parent, name)
    }

    fn rmdir(&self, parent: u64, name: &[u8]) -> Result<()> {
        (**self).rmdir(parent, name)
    }

    fn rename(
        &self,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<()> {
        (**self).rename(parent, name, new_parent, new_name, flags)
    }

    fn open(&self, ino: u64, writable: bool) -> Result<u64> {
        (**self).open(ino, writable)
    }

    fn release(&self, ino: u64, handle: u64) {
        (**self).release(ino, handle)
    }

    fn read(&self, ino: u64, handle: u64, offset: u64, buf: &mut [u8]) -> Result<usize> {
        (**self).read(ino, handle, offset, buf)
    }

    fn write(&self, ino: u64, handle: u64, offset: u64, data: &[u8]) -> Result<usize> {
        (**self).write(ino, handle, offset, data)
    }

    fn append(&self, ino: u64, handle: u64, data: &[u8]) -> Result<(u64, usize)> {
        (**self).append(ino, handle, data)
    }

    fn write_vectored(
        &self,
        ino: u64,
        handle: u64,
        offset: u64,
        bufs: &[IoSlice<'_>],
    ) -> Result<usize> {
        (**self).write_vectored(ino, handle, offset, bufs)
    }

    fn append_vectored(&self, ino: u64, handle: u64, bufs: &[IoSlice<'_>]) -> Result<(u64, usize)> {
        (**self).append_vectored(ino, handle, bufs)
    }

    fn fallocate(&self, ino: u64, handle: u64, mode: u32, offset: u64, len: u64) -> Result<()> {
        (**self).fallocate(ino, handle, mode, offset, len)
    }

    fn seek_data(&self, ino: u64, handle: u64, offset: u64, hole: bool) -> Result<u64> {
        (**self).seek_data(ino, handle, offset, hole)
    }

    fn readdir(
        &self,
        ino: u64,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        (**self).readdir(ino, cursor, emit)
    }

    fn getxattr(&self, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        (**self).getxattr(ino, name)
    }

    fn setxattr(&self, ino: u64, name: &[u8], value: &[u8], mode: XattrMode) -> Result<()> {
        (**self).setxattr(ino, name, value, mode)
    }

    fn listxattr(&self, ino: u64) -> Result<Vec<Vec<u8>>> {
        (**self).listxattr(ino)
    }

    fn removexattr(&self, ino: u64, name: &[u8]) -> Result<()> {
        (**self).removexattr(ino, name)
    }

    fn statfs(&self) -> Result<FsStat> {
        (**self).statfs()
    }

    fn fsync(&self, ino: u64, handle: u64, data_only: bool) -> Result<()> {
        (**self).fsync(ino, handle, data_only)
    }
}

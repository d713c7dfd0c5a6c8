//! [`MemFs`], the file system in memory.

mod builder;
mod data;
mod dir;
mod inode;
mod inode_table;
mod name_changes;
mod space;
mod xattr;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

use std::fmt;
use std::time::SystemTime;

pub use builder::MemFsBuilder;

use crate::base::clock::{Clock, Timestamp};
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::base::sync::{Arc, OnceLock, count_items};
use crate::fs::{
    Attr, DirEntry, FallocateFlags, FileSystem, FsStat, Handle, NewNode, Node, RenameFlags,
    Request, SeekTo, SetAttr, Sink, Unlinked, WriteData, XattrMode,
};

use data::PAGE;
use inode::{Birth, GENERATION, MemInode};
use inode_table::{InodeTable, ROOT_INO};
use space::Space;

/// The number by which programs know tmpfs, and file systems like it.
const TMPFS_MAGIC: u32 = 0x0102_1994;

/// A file system in memory, modelled on Linux's tmpfs.
///
/// It has all kinds of inodes, hard links, unnamed files, sparse contents with `fallocate` and
/// `seek_data`, extended attributes, every kind of rename, and limits on bytes and inodes: see
/// [`MemFs::builder`]. An operation that fails has changed nothing; only a write may be shortened by a
/// limit, and returns its count. Inode numbers are never used twice, so the generation is always 0, and
/// an inode that has been freed is `ESTALE`, also to [`FileSystem::by_handle`].
///
/// **Time.** Modification and change times are set as tmpfs sets them, one moment for each operation. A
/// change of size to the same size counts. [`FileSystem::read`] and [`FileSystem::readdir`] do not
/// change the access time: the layer above decides that, and sets it with [`FileSystem::setattr`].
///
/// **Listings.** A cursor belongs to a name as long as its directory has that name without a break,
/// whatever is renamed over it or exchanged with it; a rename within one directory to a new name keeps
/// it. New names come last, and one call never reports names added after it began. Cursors start at 3:
/// 1 and 2 can be used for `.` and `..`.
///
/// **Lifetime.** An inode is freed when it has neither a link nor a lookup. The thread that drops the
/// last of them frees its contents, in a time that depends on their size, with no lock held. Forgetting
/// more lookups than were counted is the same as forgetting them all.
///
/// **Cost.** With n names in a directory, i inodes, and p pages of 4096 bytes in a file: an operation
/// on a name O(log n + log i); on attributes O(log i); a read or a write of k pages O(k log p);
/// truncating a file O(p), punching k pages O(k log p); an entry of a listing O(1). Nothing is ever
/// copied or rehashed as a whole because something grew. A lock that a look-up, a creation, a removal
/// or a rename waits for is held for O(log n + log i) steps, or for one batch of a listing. Only
/// readers and writers of the same file wait for each other's data, and a read sees all of a write or
/// nothing of it.
///
/// ```
/// use vfsnotify::fs::{Handle, NewNode, Request, SeekTo};
/// use vfsnotify::{FileSystem, InodeKind, MemFs, Mode, RenameFlags};
///
/// let fs = MemFs::new();
/// let (me, handle) = (&Request::SUPERUSER, Handle::default());
/// let root = fs.root()?.attr.ino;
/// let new = NewNode::new(InodeKind::Regular, Mode::new(0o644));
/// let file = fs.create(me, root, b"draft", &new)?.attr.ino;
/// fs.write(me, file, handle, 1 << 40, b"far out".into())?;
/// fs.rename(me, root, b"draft", root, b"letter", RenameFlags::empty())?;
///
/// let found = fs.lookup(me, root, b"letter")?.attr;
/// assert_eq!((found.ino, found.size, found.blocks), (file, (1 << 40) + 7, 8));
/// assert_eq!(fs.seek(me, file, handle, 0, SeekTo::Data)?, 1 << 40);
///
/// assert_eq!(fs.unlink(me, root, b"letter")?.nlink, Some(0));
/// assert_eq!(fs.stats().inodes, 2);
/// fs.forget(file, 2);
/// assert_eq!(fs.stats().inodes, 1);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
pub struct MemFs {
    table: InodeTable,
    space: Arc<Space>,
    /// The builder's, or that of the first VFS that has one; until then the times are the system's.
    clock: OnceLock<Arc<dyn Clock>>,
    /// The first times of the root.
    born: Timestamp,
}

/// The present contents of a [`MemFs`]; see [`MemFs::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemFsStats {
    /// The inodes that exist, the root and those without a name included.
    pub inodes: u64,
    /// The bytes that count against [`MemFsBuilder::size_limit`].
    pub bytes: u64,
}

impl MemFs {
    /// An empty file system with the default limits; see [`MemFsBuilder`].
    ///
    /// ```
    /// use vfsnotify::fs::Request;
    /// use vfsnotify::{Errno, FileSystem, MemFs};
    /// let fs = MemFs::new();
    /// let error = fs.lookup(&Request::SUPERUSER, fs.root()?.attr.ino, b"nothing").unwrap_err();
    /// assert_eq!(error.errno(), Errno::ENOENT);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A builder of a file system with other limits, another clock or another root.
    ///
    /// ```
    /// use vfsnotify::fs::Request;
    /// use vfsnotify::{FileSystem, MemFs};
    /// let fs = MemFs::builder().inode_limit(10).build();
    /// assert_eq!(fs.statfs(&Request::SUPERUSER)?.files_free, 9);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn builder() -> MemFsBuilder {
        MemFsBuilder::default()
    }

    /// How much exists now, in O(1). While other threads work, the two figures may be of
    /// slightly different moments.
    ///
    /// ```
    /// use vfsnotify::MemFs;
    /// let stats = MemFs::new().stats();
    /// assert_eq!((stats.inodes, stats.bytes), (1, 0));
    /// ```
    #[must_use]
    pub fn stats(&self) -> MemFsStats {
        MemFsStats { inodes: self.space.inodes(), bytes: self.space.bytes() }
    }

    fn from_builder(mut builder: MemFsBuilder) -> Self {
        let clock = builder.clock.take().map_or_else(OnceLock::new, OnceLock::from);
        let born = now(&clock);
        let (uid, gid) = builder.root_owner;
        let mode = Mode::new(builder.root_mode);
        let new = NewNode::new(InodeKind::Directory, mode).with_owner(uid, gid);
        let space = Arc::new(Space::new(builder.size_limit, builder.inode_limit));
        let root = MemInode::new(ROOT_INO, &new, Birth::Named, born, &space);
        let table = InodeTable::new();
        table.insert(Arc::new(root.expect("the limit leaves room for one inode")));
        Self { table, space, clock, born }
    }

    /// The time of an operation that changes the file system.
    fn now(&self) -> Timestamp {
        now(&self.clock)
    }
}

fn now(clock: &OnceLock<Arc<dyn Clock>>) -> Timestamp {
    clock.get().map_or_else(|| SystemTime::now().into(), |clock| clock.now())
}

impl Default for MemFs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemFsStats { inodes, bytes } = self.stats();
        f.debug_struct("MemFs")
            .field("inodes", &inodes)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

impl FileSystem for MemFs {
    fn attach(&self, sink: &Sink) -> Result<()> {
        if let Some(clock) = sink.clock()
            && self.clock.set(clock.clone()).is_ok()
            && let Ok(root) = self.table.get(ROOT_INO)
        {
            let now = clock.now();
            root.attrs_mut().set_birth(self.born, now);
        }
        Ok(())
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn root(&self) -> Result<Node> {
        let root = self.table.get(ROOT_INO)?;
        Ok(root.look_up().ok_or(Errno::ESTALE)?)
    }

    fn lookup(&self, _: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        self.find(parent, name)
    }

    fn by_handle(&self, _: &Request, ino: u64, generation: u64) -> Result<Node> {
        // A number is never given to another inode.
        let inode = if generation == GENERATION { self.table.get(ino).ok() } else { None };
        Ok(inode.and_then(|inode| inode.look_up()).ok_or(Errno::ESTALE)?)
    }

    fn forget(&self, ino: u64, lookups: u64) {
        let Ok(inode) = self.table.get(ino) else { return };
        let last = inode.attrs_mut().forget(lookups);
        if last {
            // The contents are freed with `inode`, after the table is unlocked.
            self.table.remove(ino);
        }
    }

    fn getattr(&self, _: &Request, ino: u64, _: Option<Handle>) -> Result<Attr> {
        Ok(self.table.get(ino)?.attr())
    }

    fn setattr(&self, _: &Request, ino: u64, _: Option<Handle>, change: &SetAttr) -> Result<Attr> {
        let now = self.now();
        let inode = self.table.get(ino)?;
        let Some(size) = change.size else { return Ok(inode.change(change, now)) };
        let mut data = inode.data_mut()?;
        let freed = data.set_size(size)?;
        let attr = inode.resized(&data, change, now);
        drop(data);
        count_items(freed.len());
        drop(freed);
        Ok(attr)
    }

    fn readlink(&self, _: &Request, ino: u64) -> Result<Vec<u8>> {
        Ok(self.table.get(ino)?.target()?.to_vec())
    }

    fn create(&self, _: &Request, parent: u64, name: &[u8], new: &NewNode<'_>) -> Result<Node> {
        self.add(parent, name, new)
    }

    fn tmpfile(&self, _: &Request, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        self.add_unnamed(parent, new)
    }

    fn link(&self, _: &Request, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        self.add_name(ino, parent, name)
    }

    fn unlink(&self, _: &Request, parent: u64, name: &[u8]) -> Result<Unlinked> {
        self.remove_name(parent, name)
    }

    fn rmdir(&self, _: &Request, parent: u64, name: &[u8]) -> Result<()> {
        self.remove_dir(parent, name)
    }

    fn rename(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Unlinked> {
        self.move_name(request, (parent, name), (new_parent, new_name), flags)
    }

    fn read(&self, _: &Request, ino: u64, _: Handle, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let inode = self.table.get(ino)?;
        let data = inode.data()?;
        Ok(data.read(offset, buf))
    }

    fn write(
        &self,
        _: &Request,
        ino: u64,
        _: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        let (_, count) = self.write_at(ino, Some(offset), data)?;
        Ok(count)
    }

    fn append(
        &self,
        _: &Request,
        ino: u64,
        _: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        self.write_at(ino, None, data)
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: u64,
        _: Handle,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        let now = self.now();
        let inode = self.table.get(ino)?;
        let mut data = inode.data_mut()?;
        let freed = data.allocate(mode, offset, len)?;
        inode.data_changed(&data, now);
        drop(data);
        count_items(freed.len());
        drop(freed);
        Ok(())
    }

    fn seek(&self, _: &Request, ino: u64, _: Handle, offset: u64, to: SeekTo) -> Result<u64> {
        let inode = self.table.get(ino)?;
        let data = inode.data()?;
        data.seek(offset, to)
    }

    fn readdir(
        &self,
        _: &Request,
        ino: u64,
        _: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        let inode = self.table.get(ino)?;
        // Names added later are left to a later call, or this one might never end.
        let end = inode.dir()?.end();
        let mut at = cursor;
        loop {
            let batch = inode.dir()?.batch(at, end);
            if batch.is_empty() {
                return Ok(());
            }
            for (cursor, entry) in batch {
                at = cursor;
                let child = entry.child;
                if !emit(DirEntry::new(child.ino, child.kind, &entry.name, cursor)) {
                    return Ok(());
                }
            }
        }
    }

    fn getxattr(&self, _: &Request, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        let inode = self.table.get(ino)?;
        let xattrs = inode.xattrs();
        xattrs.get(name)
    }

    fn setxattr(
        &self,
        _: &Request,
        ino: u64,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        let now = self.now();
        let inode = self.table.get(ino)?;
        let mut xattrs = inode.xattrs_mut();
        xattrs.set(name, value, mode)?;
        inode.attrs_mut().set_ctime(now);
        Ok(())
    }

    fn listxattr(&self, _: &Request, ino: u64) -> Result<Vec<Vec<u8>>> {
        let inode = self.table.get(ino)?;
        let xattrs = inode.xattrs();
        Ok(xattrs.names())
    }

    fn removexattr(&self, _: &Request, ino: u64, name: &[u8]) -> Result<()> {
        let now = self.now();
        let inode = self.table.get(ino)?;
        let mut xattrs = inode.xattrs_mut();
        xattrs.remove(name)?;
        inode.attrs_mut().set_ctime(now);
        Ok(())
    }

    fn statfs(&self, _: &Request) -> Result<FsStat> {
        let space = &self.space;
        let free = space.byte_limit.saturating_sub(space.bytes()) / PAGE;
        Ok(FsStat {
            fs_type: TMPFS_MAGIC,
            block_size: PAGE,
            blocks: space.byte_limit / PAGE,
            blocks_free: free,
            blocks_available: free,
            files: space.inode_limit,
            files_free: space.inode_limit.saturating_sub(space.slots()),
            ..FsStat::default()
        })
    }
}

impl MemFs {
    /// Writes at an offset or at the end, and returns that offset. All buffers are written in place,
    /// under one hold of the data's lock.
    fn write_at(&self, ino: u64, offset: Option<u64>, data: WriteData<'_>) -> Result<(u64, usize)> {
        let now = self.now();
        let inode = self.table.get(ino)?;
        let mut contents = inode.data_mut()?;
        let offset = offset.unwrap_or(contents.size());
        let count = contents.write_all(offset, data)?;
        if count > 0 {
            inode.data_changed(&contents, now);
        }
        Ok((offset, count))
    }
}

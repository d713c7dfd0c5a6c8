//! Making a [`MemFs`].

use super::MemFs;
use crate::base::clock::Clock;
use crate::base::sync::Arc;

/// The limits and the root of a new [`MemFs`]; see [`MemFs::builder`].
///
/// The defaults: 1 GiB of contents, 2^20 inodes, the system's clock, and a root directory with
/// mode 0755 that belongs to 0:0.
///
/// ```
/// use vfsnotify::fs::Request;
/// use vfsnotify::fs::MemFsBuilder;
/// use vfsnotify::{FileSystem, MemFs};
///
/// let builder: MemFsBuilder = MemFs::builder().size_limit(64 << 20).inode_limit(1000);
/// let fs = builder.root_mode(0o1777).build();
/// let figures = fs.statfs(&Request::SUPERUSER)?;
/// assert_eq!(figures.blocks * figures.block_size, 64 << 20);
/// assert_eq!(figures.files, 1000);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MemFsBuilder {
    pub(super) size_limit: u64,
    pub(super) inode_limit: u64,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) root_mode: u32,
    pub(super) root_owner: (u32, u32),
}

impl Default for MemFsBuilder {
    fn default() -> Self {
        Self {
            size_limit: 1 << 30,
            inode_limit: 1 << 20,
            clock: None,
            root_mode: 0o755,
            root_owner: (0, 0),
        }
    }
}

impl MemFsBuilder {
    /// How many bytes all files may take together.
    ///
    /// Counted are the allocated pages of regular files (4096 bytes each), the targets of long
    /// symbolic links (128 bytes or more, in pages too), and the names and values of extended
    /// attributes with 64 bytes for each, which is no less than they take. Names and inodes are bounded by [`MemFsBuilder::inode_limit`]. What exceeds the
    /// limit fails with `ENOSPC`. Choose a real limit wherever a program that is not trusted
    /// can write: one `fallocate` may take all of it at once.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, OpenFlags, Vfs};
    ///
    /// let vfs = Vfs::new(MemFs::builder().size_limit(4096).build())?;
    /// let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    /// let file = vfs.open(&vfs.context(), "/f", flags, 0o644)?;
    /// assert_eq!(file.pwrite(&[1; 200], 4000)?, 96);
    /// assert_eq!(file.pwrite(&[1; 200], 4096).unwrap_err(), Errno::ENOSPC);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn size_limit(mut self, bytes: u64) -> Self {
        self.size_limit = bytes;
        self
    }

    /// How many inodes there may be, the root included; each further hard link counts as one more, as
    /// in tmpfs, and an inode without a name counts until its last use ends. Beyond it, `ENOSPC`. A
    /// limit of 0 is taken as 1: there is a root.
    ///
    /// An inode takes up to 640 bytes, a name up to 160 and its length (1000 more for the first one in
    /// a directory), the target of a short symbolic link its length. The dentry cache uses about 200
    /// bytes and the length of the name for it (1200 for a directory). With the default of 2^20 all
    /// names and inodes together can take 1.5 GB, or 3.5 GB if each is a directory in the other.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, Vfs};
    ///
    /// let vfs = Vfs::new(MemFs::builder().inode_limit(1).build())?;
    /// let error = vfs.mkdir(&vfs.context(), "/d", 0o755).unwrap_err();
    /// assert_eq!(error.errno(), Errno::ENOSPC);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn inode_limit(mut self, inodes: u64) -> Self {
        self.inode_limit = inodes.max(1);
        self
    }

    /// The source of the timestamps, whatever clock a VFS has. It is read once for each operation that
    /// changes anything, with no lock of the file system held.
    ///
    /// Without a call the timestamps are the system's until a VFS with a clock of its own
    /// ([`VfsBuilder::clock`](crate::VfsBuilder::clock)) attaches the file system, and that clock's
    /// from then on. The first such VFS counts. The times of an unchanged root directory are then set
    /// anew.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use vfsnotify::{Clock, FileSystem, MemFs, Timestamp};
    ///
    /// #[derive(Debug)]
    /// struct Frozen;
    /// impl Clock for Frozen {
    ///     fn now(&self) -> Timestamp { Timestamp::from_seconds(7) }
    ///     fn monotonic(&self) -> Duration { Duration::ZERO }
    /// }
    /// let fs = MemFs::builder().clock(Arc::new(Frozen)).build();
    /// assert_eq!(fs.root()?.attr.mtime.seconds, 7);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The mode bits of the root directory; only `0o7777` of them are used.
    ///
    /// ```
    /// use vfsnotify::{FileSystem, MemFs};
    /// let fs = MemFs::builder().root_mode(0o1777).build();
    /// assert_eq!(fs.root()?.attr.mode, 0o1777);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn root_mode(mut self, mode: u32) -> Self {
        self.root_mode = mode;
        self
    }

    /// The owner and the group of the root directory.
    ///
    /// ```
    /// use vfsnotify::{FileSystem, MemFs};
    /// let fs = MemFs::builder().root_owner(1000, 100).build();
    /// let root = fs.root()?.attr;
    /// assert_eq!((root.uid, root.gid), (1000, 100));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn root_owner(mut self, uid: u32, gid: u32) -> Self {
        self.root_owner = (uid, gid);
        self
    }

    /// The file system, with an empty root directory.
    ///
    /// ```
    /// use vfsnotify::MemFs;
    /// let fs = MemFs::builder().build();
    /// assert_eq!(fs.stats().inodes, 1);
    /// ```
    #[must_use]
    pub fn build(self) -> MemFs {
        MemFs::from_builder(self)
    }
}

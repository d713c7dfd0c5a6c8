//! Making a VFS with other limits or another clock.

use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::FileSystem;
use crate::notify::{Notifier, NotifyConfig};
use crate::tree::{Tree, TreeConfig, TreeLimits};
use crate::vfs::file::open_files::OpenFiles;
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::mounts::mount::MountOptions;
use crate::vfs::mounts::mount_table::MountTable;
use crate::vfs::vfs_handle::Vfs;

/// How many files may be open at once if nothing else is said.
const MAX_OPEN_FILES: usize = 1 << 20;
/// How many mounts there may be at once if nothing else is said: as on Linux.
const MAX_MOUNTS: usize = 100_000;

/// Makes a [`Vfs`] with other limits or another clock; see [`Vfs::builder`].
#[derive(Clone, Debug)]
pub struct VfsBuilder {
    tree: TreeConfig,
    limits: TreeLimits,
    notify: NotifyConfig,
    clock: Option<Arc<dyn Clock>>,
    max_open_files: usize,
    max_user_open_files: usize,
    max_mounts: usize,
    options: MountOptions,
}

impl Default for VfsBuilder {
    fn default() -> Self {
        Self {
            tree: TreeConfig::default(),
            limits: TreeLimits::default(),
            notify: NotifyConfig::default(),
            clock: None,
            max_open_files: MAX_OPEN_FILES,
            max_user_open_files: usize::MAX,
            max_mounts: MAX_MOUNTS,
            options: MountOptions::default(),
        }
    }
}

impl VfsBuilder {
    /// The limits of the dentry cache on what is known not to exist.
    #[must_use]
    pub fn tree(mut self, config: TreeConfig) -> Self {
        self.tree = config;
        self
    }

    /// How much the dentry cache can hold at once.
    #[must_use]
    pub fn tree_limits(mut self, limits: TreeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The limits of the notification side, and the pace of its walks.
    #[must_use]
    pub fn notify(mut self, config: NotifyConfig) -> Self {
        self.notify = config;
        self
    }

    /// The clock of the VFS (default: the system's). Walks are paced by it, in the place of the one in
    /// [`VfsBuilder::notify`], and each file system that the VFS attaches is told to take its timestamps from it
    /// ([`Sink::clock`](crate::fs::Sink::clock)): a [`MemFs`](crate::MemFs) does, unless its builder has a clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vfsnotify::{Clock, MemFs, Timestamp, Vfs};
    ///
    /// #[derive(Debug)]
    /// struct Frozen;
    /// impl Clock for Frozen {
    ///     fn now(&self) -> Timestamp { Timestamp::from_seconds(7) }
    ///     fn monotonic(&self) -> Duration { Duration::ZERO }
    /// }
    /// let vfs = Vfs::builder().clock(Frozen).build(MemFs::new())?;
    /// vfs.mkdir(&vfs.context(), "/d", 0o755)?;
    /// assert_eq!(vfs.stat(&vfs.context(), "/d")?.attr.mtime.seconds, 7);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// How many files may be open at once (default 1048576). Beyond it, `ENFILE`.
    ///
    /// An open file takes about 500 bytes, and keeps what it is open on: a file that has lost its
    /// last name still counts in its file system. A fifo that is open also holds up to 64 KiB (8 KiB
    /// where its user has more than 1024 of them open) that has not been read.
    #[must_use]
    pub fn max_open_files(mut self, files: usize) -> Self {
        self.max_open_files = files;
        self
    }

    /// How many of them one user may have open, by [`Context::user`](crate::Context::user) (default: all). Beyond it,
    /// `EMFILE`. Choose one where guests of different tenants share a
    /// `Vfs` and nothing else bounds their files.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::builder().max_user_open_files(1).build(MemFs::new())?;
    /// let (one, two) = (vfs.context().with_user(1), vfs.context().with_user(2));
    /// let file = vfs.open(&one, "/", OpenFlags::READ, 0)?;
    /// let error = vfs.open(&one, "/", OpenFlags::READ, 0).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EMFILE);
    /// vfs.open(&two, "/", OpenFlags::READ, 0)?;
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn max_user_open_files(mut self, files: usize) -> Self {
        self.max_user_open_files = files;
        self
    }

    /// How many mounts there may be at once, the first included (default 100000, as on Linux).
    /// Beyond it, `ENOSPC`. Only uid 0 can mount.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, Vfs};
    /// let vfs = Vfs::builder().max_mounts(2).build(MemFs::new())?;
    /// vfs.mount(&vfs.context(), "/", MemFs::new())?;
    /// let error = vfs.bind_mount(&vfs.context(), "/", "/").unwrap_err();
    /// assert_eq!(error.errno(), Errno::ENOSPC);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn max_mounts(mut self, mounts: usize) -> Self {
        self.max_mounts = mounts;
        self
    }

    /// How the first mount is mounted; as in [`Vfs::mount_with`], the options are its file system's too.
    #[must_use]
    pub fn mount_options(mut self, options: MountOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes the VFS, with `fs` mounted as `/`.
    ///
    /// # Errors
    /// `ENOTDIR` if the root of `fs` is no directory; what `fs` says.
    pub fn build(self, fs: impl FileSystem + 'static) -> Result<Vfs> {
        let tree = Tree::with_limits(self.tree, self.limits);
        let mut notify = self.notify;
        if let Some(clock) = &self.clock {
            notify.pace = notify.pace.with_clock(clock.clone());
        }
        let notifier = Notifier::new(&tree, notify)?;
        let file_systems = FileSystems::new(notifier, self.clock);
        let (mounted_fs, root) =
            file_systems.add(Arc::new(fs), self.options.is_read_only(), |ino| {
                file_systems.notifier().add_reclaimable_superblock(ino)
            })?;
        let mounts = MountTable::new(root, mounted_fs, self.options, self.max_mounts)?;
        let open_files = OpenFiles::new(self.max_open_files, self.max_user_open_files);
        Ok(Vfs::from_parts(mounts, file_systems, open_files))
    }
}

impl Vfs {
    /// A VFS with default limits and `fs` mounted as `/`.
    ///
    /// # Errors
    /// As [`VfsBuilder::build`].
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// assert!(vfs.exists(&vfs.context(), "/")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn new(fs: impl FileSystem + 'static) -> Result<Self> {
        Self::builder().build(fs)
    }

    /// A builder for a VFS with other limits or another clock.
    ///
    /// ```
    /// use vfsnotify::{MemFs, TreeConfig, Vfs};
    /// let tree = TreeConfig::default().with_negatives(1000);
    /// let vfs = Vfs::builder().tree(tree).max_open_files(64).build(MemFs::new())?;
    /// # drop(vfs);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn builder() -> VfsBuilder {
        VfsBuilder::default()
    }
}

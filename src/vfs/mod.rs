//! The VFS: one namespace over any number of file systems, with Linux's events.
//!
//! [`Vfs`] is the handle. It does once what every file system would otherwise do again: path
//! walk, mounts, permissions, the order of the checks and their error numbers, the lifetime of
//! what is unlinked and still open, and the calls to the hooks of
//! [`Notifier`], each once and under the locks that Linux holds there.
//!
//! **Names and paths** are bytes. Every operation takes [`impl IntoPath`](IntoPath): bytes and strings of all kinds, a
//! path from an open directory (`dir.at("name")`), flags on it (`"name".no_follow()`), or an open file, which stands
//! for what it holds. A path that begins neither with `/` nor at an open directory begins at the context's current
//! directory.
//!
//! **Errors of look-ups**, which every operation that takes a path can return: `ENOENT` (also
//! for an empty path), `ENOTDIR`, `EACCES` (a directory on the way cannot be searched),
//! `ELOOP` (more than 40 symbolic links; more mounts crossed than 4096 and twice as
//! many as there may be), `ENAMETOOLONG` (255 bytes for a name, 4095 for a path), `EAGAIN` (for
//! `..` in a deep tree, if directories move all the time), `EXDEV` and `ELOOP` as the path's flags ask for them,
//! `EINVAL` (a NUL byte; flags that there are not, or that contradict each other; a context or an
//! open file of another `Vfs`), and whatever the file system itself says. Where several apply
//! it is the one that Linux gives.
//!
//! **Cost.** A look-up takes O(1) for each component whose name is known, also if it is known
//! not to exist; otherwise one call to the file system. It takes no lock but `children` of each
//! directory, for reading, and the directory's lock for reading where the file system is asked.
//!
//! `..` is O(1) too, but where the context's root is a directory within a file system: there the
//! first one of a path that does not begin at the root takes O(depth), and so does one after a
//! directory of that file system has moved. One path climbs at most 16 times the depth, or 65,536
//! levels, the mounts on the way included. A climb takes the rename lock only if a directory moves meanwhile, and for bounded times.

mod ancestry;
mod context;
mod dcache_update;
mod file;
mod lock;
mod mounted_fs;
mod mounts;
mod operation;
mod ops;
mod path;
mod permission;
mod reap;
mod resolve;

#[cfg(all(test, shuttle))]
mod models;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

use std::fmt;

pub use context::{Context, Credentials};
pub use file::description::{File, FileId};
pub use file::readdir::DirEntryBuf;
pub use mounts::list::MountInfo;
pub use ops::mount::MountOptions;
pub use ops::stat::Metadata;
pub use path::{IntoPath, PathArg};
pub use permission::Access;
pub use resolve::lookup_flags::LookupFlags;

use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::base::sync::{Arc, Owned, RwLock, rank};
use crate::fs::FileSystem;
use crate::notify::{Notifier, NotifyConfig};
use crate::tree::{Tree, TreeConfig, TreeLimits};
use crate::vfs::file::open_files::OpenFiles;
use crate::vfs::mounted_fs::Instances;
use crate::vfs::mounts::table::MountTable;

/// How many files may be open at once if nothing else is said.
const MAX_OPEN_FILES: usize = 1 << 20;
/// How many mounts there may be at once if nothing else is said: as on Linux.
const MAX_MOUNTS: usize = 100_000;

/// A virtual file system: one namespace of mounts, with a dentry cache and notification.
///
/// It is a handle: clones are the same VFS, and it ends when the last clone and open file are
/// gone; a [`Context`] that is left then leads nowhere, and keeps only memory. Every method can be
/// called from any thread. Operations take a [`Context`] that says who acts and from where.
///
/// ```
/// use vfsnotify::{Errno, MemFs, RenameFlags, Vfs};
///
/// let vfs = Vfs::new(MemFs::new())?;
/// let cx = vfs.context();
/// vfs.mkdir(&cx, "/a", 0o755)?;
/// vfs.symlink(&cx, "a", "/link")?;
/// vfs.mkdir(&cx, "/link/b", 0o755)?;
/// vfs.rename(&cx, "/a/b", "/c", RenameFlags::empty())?;
/// vfs.rmdir(&cx, "/c")?;
/// assert_eq!(vfs.rmdir(&cx, "/c").unwrap_err().errno(), Errno::ENOENT);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone)]
pub struct Vfs(Arc<Inner>);

struct Inner {
    // In this order: what is in use goes before what it is in.
    mounts: RwLock<MountTable, { rank::MOUNT_TABLE }>,
    instances: Instances,
    notifier: Arc<Notifier>,
    open_files: OpenFiles,
}

impl Drop for Inner {
    /// Ends all groups, and gives every look-up back: a file system may be somebody else's too.
    fn drop(&mut self) {
        self.notifier.shut_down();
        if !std::thread::panicking() {
            reap::forget_all(&self.instances, self.notifier.tree());
        }
    }
}

/// What makes a [`Vfs`] with other limits or another clock; see [`Vfs::builder`].
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
    /// where its user has more than 1024 of them open) that nobody has read.
    #[must_use]
    pub fn max_open_files(mut self, files: usize) -> Self {
        self.max_open_files = files;
        self
    }

    /// How many of them one user may have open, by [`Context::user`] (default: all). Beyond it,
    /// `EMFILE` (`EMFILE`). Choose one where guests that do not trust each other share a
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
        let instances = Instances::with_clock(self.clock);
        let (instance, root) =
            instances.add(&notifier, Arc::new(fs), self.options.is_read_only(), |ino| {
                notifier.add_reclaimable_superblock(ino)
            })?;
        Ok(Vfs(Arc::new(Inner {
            mounts: RwLock::new(MountTable::new(root, instance, self.options, self.max_mounts)?),
            instances,
            notifier,
            open_files: OpenFiles::new(self.max_open_files, self.max_user_open_files),
        })))
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

    /// What makes a VFS with other limits or another clock.
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

    /// A context of the superuser with umask `0o022`, root and current directory `/`.
    ///
    /// Takes the mount table's lock for reading.
    ///
    /// ```
    /// let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// let cx = vfs.context();
    /// assert_eq!((cx.credentials().uid, cx.umask(), cx.user()), (0, 0o022, 0));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> Context {
        let first = self.mount_table().read().first().clone();
        Context::at_root(first.root_location())
    }

    /// The notification side: limits, groups, and the hooks for changes made elsewhere.
    ///
    /// ```
    /// let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// assert_eq!(vfs.notifier().usage(0), (0, 0));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn notifier(&self) -> &Arc<Notifier> {
        &self.0.notifier
    }

    /// The dentry cache.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// assert!(!vfs.exists(&vfs.context(), "/none")?);
    /// assert_eq!(vfs.tree().negatives(), 1);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        self.0.notifier.tree()
    }

    /// Checks the invariants of the mounts, the tree and the notification side, with nothing
    /// else running.
    ///
    /// # Errors
    /// The first one that does not hold.
    #[doc(hidden)]
    pub fn verify(&self) -> std::result::Result<(), String> {
        self.mount_table().read().verify()?;
        self.notifier().verify()
    }

    pub(crate) fn mount_table(&self) -> Owned<'_, RwLock<MountTable, { rank::MOUNT_TABLE }>> {
        self.0.mounts.of(self.tree().domain())
    }

    pub(crate) fn instances(&self) -> &Instances {
        &self.0.instances
    }

    /// What all open files share.
    fn open_files(&self) -> &OpenFiles {
        &self.0.open_files
    }
}

impl PartialEq for Vfs {
    /// Whether both are handles of the same VFS.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Vfs {}

impl fmt::Debug for Vfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vfs")
            .field("tree", self.tree())
            .field("notifier", self.notifier())
            .finish_non_exhaustive()
    }
}

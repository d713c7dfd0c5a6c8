//! The handle of a VFS.

use std::fmt;

use crate::base::sync::{Arc, Owned, RwLock, rank};
use crate::notify::Notifier;
use crate::tree::Tree;
use crate::vfs::context::Context;
use crate::vfs::file::open_files::OpenFiles;
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::mounts::mount_table::MountTable;
use crate::vfs::resolve::location::Location;

/// A virtual file system: one namespace of mounts, with a dentry cache and notification.
///
/// It is a handle: clones are the same VFS, and it ends when the last clone and open file are
/// gone; a [`Context`] that is left then leads nowhere, and keeps only memory. Every method can be
/// called from any thread. Operations take a [`Context`] that says for which caller and from which directory.
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
    // In this order: a mount goes before its file system, and that before the notifier.
    mounts: RwLock<MountTable, { rank::MOUNT_TABLE }>,
    file_systems: FileSystems,
    open_files: OpenFiles,
}

impl Drop for Inner {
    /// Ends all groups, and gives every look-up back: a file system may be shared with another VFS.
    fn drop(&mut self) {
        self.file_systems.notifier().shut_down();
        if !std::thread::panicking() {
            self.file_systems.forget_all();
        }
    }
}

impl Vfs {
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
        Context::at_root(Location::root_of(first))
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
        self.0.file_systems.notifier()
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
        self.0.file_systems.tree()
    }

    /// The file systems, the mounts over them, and room for open files.
    pub(super) fn from_parts(
        mounts: MountTable,
        file_systems: FileSystems,
        open_files: OpenFiles,
    ) -> Self {
        Self(Arc::new(Inner { mounts: RwLock::new(mounts), file_systems, open_files }))
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

    #[inline]
    pub(crate) fn file_systems(&self) -> &FileSystems {
        &self.0.file_systems
    }

    /// The counts and limits of open files, and the pipes.
    pub(crate) fn open_files(&self) -> &OpenFiles {
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

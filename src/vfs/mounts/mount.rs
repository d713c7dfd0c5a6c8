//! A mount: it shows a file system, or a part of one, somewhere in the namespace.

use std::fmt;

use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::fs::FileSystem;
use crate::notify::{DentryRef, MountMarks, Notifier};
use crate::vfs::mounts::mounted_fs::MountedFs;

/// How to mount.
///
/// ```
/// use vfsnotify::MountOptions;
/// assert!(MountOptions::default().read_only(true).is_read_only());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    read_only: bool,
}

impl MountOptions {
    /// Whether everything that would change the file system is refused with `EROFS`.
    ///
    /// [`Vfs::mount_with`](crate::Vfs::mount_with) and [`VfsBuilder::mount_options`](crate::VfsBuilder::mount_options) make the
    /// superblock read-only, and so every mount of it. [`Vfs::bind_mount_with`](crate::Vfs::bind_mount_with) makes the new mount
    /// read-only and leaves the others as they are. Which error is given first differs, as on Linux: a
    /// caller without permission to write is told `EROFS` by a read-only superblock, and
    /// `EACCES` where the mount alone is read-only (in open, access and truncate).
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// The value that [`MountOptions::read_only`] set.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

/// The place of a mount: a dentry of another mount, with a reference to both.
#[derive(Clone, Debug)]
pub(crate) struct Mountpoint {
    // In this order: the dentry goes before the mount.
    pub(crate) dentry: DentryRef,
    pub(crate) mount: Arc<Mount>,
}

/// A mount.
pub(crate) struct Mount {
    id: u64,
    /// Where it is mounted: a dentry of another mount. `None` for the first mount of all.
    on: Option<Mountpoint>,
    /// The dentry it shows as its root.
    root: DentryRef,
    mounted_fs: Arc<MountedFs>,
    options: MountOptions,
    marks: MountMarks,
    /// The last count of directory moves for which `on` was shown to be in what its own mount shows;
    /// `u64::MAX` before. Any path walk that has shown it writes it, under no lock. Relaxed: it stays true of
    /// that count for ever, and a reader compares it with the count that it has read itself.
    place_shown_at: AtomicU64,
}

/// The parts of a new mount, with a slot for its marks: made before the mount table is locked.
pub(crate) struct MountSource {
    /// The dentry that it shows as its root.
    root: DentryRef,
    mounted_fs: Arc<MountedFs>,
    options: MountOptions,
    marks: MountMarks,
}

impl MountSource {
    /// # Errors
    /// `ENOMEM` if every slot is taken.
    pub(crate) fn new(
        root: DentryRef,
        mounted_fs: Arc<MountedFs>,
        options: MountOptions,
    ) -> Result<Self> {
        let marks = mounted_fs.notifier().add_mount(mounted_fs.superblock())?;
        Ok(Self { root, mounted_fs, options, marks })
    }
}

impl Mount {
    pub(crate) fn new(id: u64, on: Option<Mountpoint>, source: MountSource) -> Arc<Self> {
        let MountSource { root, mounted_fs, options, marks } = source;
        let place_shown_at = AtomicU64::new(u64::MAX);
        Arc::new(Self { id, on, root, mounted_fs, options, marks, place_shown_at })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The place that it covers.
    pub(crate) fn on(&self) -> Option<&Mountpoint> {
        self.on.as_ref()
    }

    pub(crate) fn root(&self) -> &DentryRef {
        &self.root
    }

    pub(crate) fn mounted_fs(&self) -> &Arc<MountedFs> {
        &self.mounted_fs
    }

    pub(crate) fn fs(&self) -> &dyn FileSystem {
        &**self.mounted_fs.fs()
    }

    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        self.mounted_fs.notifier()
    }

    /// Whether it refuses changes: for itself, or because its superblock does.
    pub(crate) fn is_read_only(&self) -> bool {
        self.options.read_only || self.mounted_fs.is_read_only()
    }

    /// Notes that what it is mounted on was in what that mount shows, for this count of directory
    /// moves.
    pub(crate) fn remember_place(&self, moves: u64) {
        if self.place_shown_at.load(Ordering::Relaxed) != moves {
            self.place_shown_at.store(moves, Ordering::Relaxed);
        }
    }

    /// The last count that was noted.
    pub(crate) fn remembered_place(&self) -> Option<u64> {
        Some(self.place_shown_at.load(Ordering::Relaxed)).filter(|moves| *moves != u64::MAX)
    }

    /// The marks of the notification layer on the mount.
    pub(crate) fn marks(&self) -> &MountMarks {
        &self.marks
    }

    /// Whether it shows a part of its file system only.
    pub(crate) fn is_partial(&self) -> bool {
        !self.root.get().is_root()
    }
}

impl Drop for Mount {
    /// One mount after the other: a mount may be the last to hold the one it is on, and that one the
    /// next, and they can be as many as a guest likes.
    fn drop(&mut self) {
        let mut on = self.on.take();
        while let Some(Mountpoint { dentry, mount }) = on {
            drop(dentry);
            on = Arc::into_inner(mount).and_then(|mut mount| mount.on.take());
        }
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("id", &self.id)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

//! Mounts: what shows a file system, or a part of one, somewhere in the namespace.

use std::fmt;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicU64, Ordering, RwLockWriteGuard, rank};
use crate::fs::FileSystem;
use crate::notify::{DentryRef, MountMarks, Notifier};
use crate::tree::directory::DirState;
use crate::tree::{Dentry, Tree};
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::mounted_fs::Instance;
use crate::vfs::path::{IntoPath, PathArg};
use crate::vfs::reap::Retired;
use crate::vfs::resolve::location::Location;

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
    /// [`Vfs::mount_with`] and [`VfsBuilder::mount_options`](crate::VfsBuilder::mount_options) make the
    /// superblock read-only, and so every mount of it. [`Vfs::bind_mount_with`] makes the new mount
    /// read-only and leaves the others as they are. Which error is given first differs, as on Linux: a
    /// caller without permission to write is told `EROFS` by a read-only superblock, and
    /// `EACCES` where the mount alone is read-only (in open, access and truncate).
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// What [`MountOptions::read_only`] said.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

/// A mount.
pub(crate) struct Mount {
    id: u64,
    /// Where it is mounted: a dentry of another mount. `None` for the first mount of all.
    on: Option<Location>,
    /// The dentry it shows as its root.
    root: DentryRef,
    instance: Arc<Instance>,
    options: MountOptions,
    marks: MountMarks,
    /// The last count of directory moves for which `on` was shown to be in what its own mount shows;
    /// `u64::MAX` before. Any path walk that has shown it writes it, under no lock. Relaxed: it stays true of
    /// that count for ever, and a reader compares it with the count that it has read itself.
    place_shown_at: AtomicU64,
}

/// What a mount shows, with a slot for its marks: made before the mount table is locked.
pub(crate) struct MountSource {
    /// The dentry that it shows as its root.
    root: DentryRef,
    instance: Arc<Instance>,
    options: MountOptions,
    marks: MountMarks,
}

impl MountSource {
    /// # Errors
    /// `ENOMEM` if every slot is taken.
    pub(crate) fn new(
        root: DentryRef,
        instance: Arc<Instance>,
        options: MountOptions,
    ) -> Result<Self> {
        let marks = instance.notifier().add_mount(instance.superblock())?;
        Ok(Self { root, instance, options, marks })
    }
}

impl Mount {
    pub(crate) fn new(id: u64, on: Option<Location>, source: MountSource) -> Arc<Self> {
        let MountSource { root, instance, options, marks } = source;
        let place_shown_at = AtomicU64::new(u64::MAX);
        Arc::new(Self { id, on, root, instance, options, marks, place_shown_at })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The location it covers.
    pub(crate) fn on(&self) -> Option<&Location> {
        self.on.as_ref()
    }

    pub(crate) fn root(&self) -> &DentryRef {
        &self.root
    }

    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    pub(crate) fn fs(&self) -> &dyn FileSystem {
        &**self.instance.fs()
    }

    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        self.instance.notifier()
    }

    /// Whether it refuses changes: for itself, or because its superblock does.
    pub(crate) fn is_read_only(&self) -> bool {
        self.options.read_only || self.instance.is_read_only()
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

    /// What the notification layer hangs on the mount.
    pub(crate) fn marks(&self) -> &MountMarks {
        &self.marks
    }

    /// The location of its root.
    pub(crate) fn root_location(self: &Arc<Self>) -> Location {
        Location { dentry: self.root.clone(), mount: self.clone() }
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
        while let Some(Location { dentry, mount }) = on {
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

/// Locks the directory that a dentry is in: while it is held nobody can take the dentry's name
/// away. `None` for the root of a file system, which has none.
fn lock_parent<'a>(
    tree: &'a Arc<Tree>,
    dentry: &DentryRef,
) -> Option<RwLockWriteGuard<'a, DirState, { rank::DIRECTORY }>> {
    loop {
        let dir = dentry.get().link().dir()?;
        let guard = tree.dir_lock(dir).write_keyed(u64::from(dir));
        if dentry.get().link().dir() == Some(dir) {
            return Some(guard);
        }
    }
}

/// # Mounts
///
/// Only uid 0 may mount and unmount (`EPERM`). Nothing of this is heard by watches, but
/// the last unmount of a file system, which every watched inode of it hears.
impl Vfs {
    /// Mounts a file system on what `path` names, which must be a directory.
    ///
    /// What was there is covered until the unmount; watches on it stay and hear nothing of what
    /// happens in the new file system. Takes the lock of the directory that holds `path`, and then the
    /// mount table's.
    ///
    /// # Errors
    /// Those of a look-up; `EPERM`; `ENOTDIR` if `path` or the root of `fs` is not a
    /// directory; `ENOENT` if it is removed meanwhile; `ENOSPC` if there are too many mounts
    /// (see [`VfsBuilder::max_mounts`](crate::VfsBuilder::max_mounts)); what `fs` says.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/tmp", 0o1777)?;
    /// vfs.mount(&cx, "/tmp", MemFs::new())?;
    /// vfs.mkdir(&cx, "/tmp/d", 0o755)?;
    /// vfs.unmount(&cx, "/tmp")?;
    /// assert!(!vfs.exists(&cx, "/tmp/d")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn mount(
        &self,
        cx: &Context,
        path: impl IntoPath,
        fs: impl FileSystem + 'static,
    ) -> Result<()> {
        self.mount_on(cx, path.to_path(), Arc::new(fs), MountOptions::default())
    }

    /// [`Vfs::mount`] with options, and a file system that the caller may share.
    ///
    /// With [`MountOptions::read_only`] the superblock is read-only, also through bind mounts of it.
    ///
    /// Each call makes a file system of its own: mounting one `fs` twice gives two caches over
    /// it, which do not know of each other: a file that is open in one of them may keep a set-id bit
    /// that was set by way of the other. [`Vfs::bind_mount`] shows one file system twice.
    ///
    /// # Errors
    /// As [`Vfs::mount`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vfsnotify::{Errno, MemFs, MountOptions, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/ro", 0o755)?;
    /// let options = MountOptions::default().read_only(true);
    /// vfs.mount_with(&cx, "/ro", Arc::new(MemFs::new()), options)?;
    /// assert_eq!(vfs.mkdir(&cx, "/ro/d", 0o755).unwrap_err().errno(), Errno::EROFS);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn mount_with(
        &self,
        cx: &Context,
        path: impl IntoPath,
        fs: Arc<dyn FileSystem>,
        options: MountOptions,
    ) -> Result<()> {
        self.mount_on(cx, path.to_path(), fs, options)
    }

    fn mount_on(
        &self,
        cx: &Context,
        path: PathArg<'_>,
        fs: Arc<dyn FileSystem>,
        options: MountOptions,
    ) -> Result<()> {
        let operation = self.operation();
        let mut refused = None;
        let mut mount = || {
            let target = self.resolve(cx, path.following())?;
            cx.require_privilege()?;
            let target = self.mount_target(target)?;
            if !target.is_dir() {
                return Err(Errno::ENOTDIR.into());
            }
            let notifier = self.notifier();
            let (instance, root) =
                self.instances().add(notifier, fs.clone(), options.read_only, |ino| {
                    self.with_room(|| notifier.add_reclaimable_superblock(ino))
                })?;
            let source = MountSource::new(root, instance.clone(), options);
            let attached = source.and_then(|source| self.attach(target, source));
            attached.inspect_err(|_| refused = Some(self.instances().retire(instance)))
        };
        let mounted = mount().map_err(|error| path.add_to(error));
        drop(operation);
        // With no lock held: the file system is called, and dropped.
        if let Some(retired) = refused {
            self.release_unmounted(retired);
        }
        mounted
    }

    /// Shows what `from` names, a directory or a file, at `to` as well.
    ///
    /// Names and watches are shared; a name in one mount cannot be linked or renamed into the
    /// other (`EXDEV`). Mounts below `from` are not shown.
    ///
    /// # Errors
    /// Those of the look-ups; `EPERM`; `EINVAL` if `from` is empty; `ENOTDIR` if one is a
    /// directory and the other is not; `ENOENT` if either has been removed; `ENOSPC` if there are
    /// too many mounts. The path of the error is that of the two which it is about.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/a", 0o755)?;
    /// vfs.mkdir(&cx, "/b", 0o755)?;
    /// vfs.bind_mount(&cx, "/a", "/b")?;
    /// vfs.mkdir(&cx, "/b/d", 0o755)?;
    /// assert!(vfs.exists(&cx, "/a/d")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn bind_mount(&self, cx: &Context, from: impl IntoPath, to: impl IntoPath) -> Result<()> {
        self.bind_on(cx, from.to_path(), to.to_path(), MountOptions::default())
    }

    /// [`Vfs::bind_mount`] with options, which are those of the new mount alone; it is read-only in any
    /// case if `from`'s mount is.
    ///
    /// # Errors
    /// As [`Vfs::bind_mount`].
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, MountOptions, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/a", 0o755)?;
    /// vfs.mkdir(&cx, "/b", 0o755)?;
    /// vfs.bind_mount_with(&cx, "/a", "/b", MountOptions::default().read_only(true))?;
    /// assert_eq!(vfs.mkdir(&cx, "/b/d", 0o755).unwrap_err().errno(), Errno::EROFS);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn bind_mount_with(
        &self,
        cx: &Context,
        from: impl IntoPath,
        to: impl IntoPath,
        options: MountOptions,
    ) -> Result<()> {
        self.bind_on(cx, from.to_path(), to.to_path(), options)
    }

    fn bind_on(
        &self,
        cx: &Context,
        from: PathArg<'_>,
        to: PathArg<'_>,
        options: MountOptions,
    ) -> Result<()> {
        let _operation = self.operation();
        let target = self.resolve(cx, to.following()).map_err(|error| to.add_to(error))?;
        let bind = || {
            cx.require_privilege()?;
            // mount(2) takes an empty source for one that is missing, not for a path.
            if from.bytes.is_empty() && !from.is_object() {
                return Err(Errno::EINVAL.into());
            }
            let source = self.resolve(cx, from.following())?;
            let target = self.mount_target(target).map_err(|error| to.add_to(error))?;
            if source.is_dir() != target.is_dir() {
                return Err(Errno::ENOTDIR.into());
            }
            if !source.dentry.get().is_hashed() {
                return Err(Errno::ENOENT.into());
            }
            let options = options.read_only(options.read_only || source.mount.is_read_only());
            let instance = source.mount.instance().clone();
            let source = MountSource::new(source.dentry.clone(), instance, options)?;
            let attached = self.attach(target, source);
            attached.map_err(|error| to.add_to(error))
        };
        bind().map_err(|error| from.add_to(error))
    }

    /// Puts a new mount on top of whatever is at `target`.
    fn attach(&self, mut target: Location, source: MountSource) -> Result<()> {
        loop {
            target = self.mount_target(target)?;
            let dentry = target.dentry.clone();
            // Before the table, which everybody takes: it is held for as long as a file system takes.
            let _parent = lock_parent(self.tree(), &dentry);
            let mut table = self.mount_table().write();
            if !dentry.get().is_hashed() {
                return Err(Errno::ENOENT.into());
            }
            // Somebody may have been here first.
            if table.mounted_on(&target.mount, dentry.get().index).is_none() {
                // Where there is no room, the source is dropped after the locks.
                table.check_room()?;
                table.attach(target, source);
                return Ok(());
            }
        }
    }

    /// What is mounted on a place on top of all, if it still has a name.
    ///
    /// # Errors
    /// `ENOENT`.
    fn mount_target(&self, place: Location) -> Result<Location> {
        let target = self.topmost(place);
        if target.dentry.get().is_hashed() { Ok(target) } else { Err(Errno::ENOENT.into()) }
    }

    /// Takes the mount whose root `path` names away.
    ///
    /// Watches do not keep a mount. When the last mount of a file system goes, every watched
    /// inode of it hears UNMOUNT and IGNORED; then its dentries are freed in bounded steps and
    /// the file system is dropped, before this returns. If something of it is still in use (a
    /// [`DentryRef`](crate::notify::DentryRef), a [`PendingWatch`](crate::inotify::PendingWatch)), that is
    /// left to [`Vfs::reap`]; of the operations only one that was under way on it does it. Takes the mount
    /// table's lock. O(names of the file system that are cached, and watched objects of the `Vfs`).
    ///
    /// # Errors
    /// Those of a look-up; `EPERM`; `EINVAL` if `path` is not the root of a mount;
    /// `EBUSY` if something is open or mounted in it, if a context's root or current directory is
    /// in it, if an event is queued whose reader opens the file through it, or if it is the first mount.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let mut cx = vfs.context();
    /// vfs.mkdir(&cx, "/m", 0o755)?;
    /// vfs.mount(&cx, "/m", MemFs::new())?;
    /// cx.chdir(&vfs, "/m")?;
    /// assert_eq!(vfs.unmount(&cx, "/m").unwrap_err().errno(), Errno::EBUSY);
    /// cx.chdir(&vfs, "/")?;
    /// vfs.unmount(&cx, "/m")?;
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn unmount(&self, cx: &Context, path: impl IntoPath) -> Result<()> {
        self.unmount_path(cx, path.to_path())
    }

    fn unmount_path(&self, cx: &Context, path: PathArg<'_>) -> Result<()> {
        let unmounted = {
            let _operation = self.operation();
            self.unmount_inner(cx, path).map_err(|error| path.add_to(error))?
        };
        // With no lock held: the file system is called, and dropped.
        if let Some(retired) = unmounted {
            self.release_unmounted(retired);
        }
        Ok(())
    }

    /// Takes the mount away; returns its file system if no other mount shows it.
    fn unmount_inner(&self, cx: &Context, path: PathArg<'_>) -> Result<Option<Retired>> {
        let target = self.resolve(cx, path.following())?;
        cx.require_privilege()?;
        let Location { dentry, mount } = self.topmost(target);
        if dentry.get() != mount.root().get() {
            return Err(Errno::EINVAL.into());
        }
        drop(dentry);
        let last = self.mount_table().write().detach(&mount)?;
        let instance = mount.instance().clone();
        if let Some(on) = mount.on() {
            self.leave_mountpoint(on.dentry.get());
        }
        // First: a root that has lost its name dies of this, and not of the end of its file system.
        drop(mount);
        Ok(last.then(|| self.instances().retire(instance)))
    }

    /// What nothing is mounted on any more may be in a directory that has been forgotten, where nobody would
    /// come by its name again.
    fn leave_mountpoint(&self, place: Dentry<'_>) {
        let Some(parent) = self.tree().parent_of(place.index) else { return };
        let parent = DentryRef::new(self.notifier(), parent);
        if !parent.get().is_hashed() {
            self.defer_forgotten(parent);
        }
    }

    /// What is mounted on a place on top of all; the place itself if nothing is. A look-up goes
    /// there by itself, but not from where it begins.
    ///
    /// One level at a time under the mount table's lock: they can be as many as there are mounts.
    fn topmost(&self, mut place: Location) -> Location {
        loop {
            let above = {
                let table = self.mount_table().read();
                table.mounted_on(&place.mount, place.dentry.get().index)
            };
            match above {
                Some(above) => place = above.root_location(),
                None => return place,
            }
        }
    }
}

//! Mounting and unmounting.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, RwLockWriteGuard, rank};
use crate::fs::FileSystem;
use crate::notify::DentryRef;
use crate::tree::directory::DirState;
use crate::tree::{Dentry, Tree};
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::mounts::mount::{MountOptions, MountSource};
use crate::vfs::mounts::retired_fs::Retired;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::resolve::location::Location;

/// Locks the directory that a dentry is in. While it is held, no thread can take the dentry's name
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
/// Only uid 0 may mount and unmount (`EPERM`). No event is reported, but for the last unmount
/// of a file system, which is reported to every watched inode of it.
impl Vfs {
    /// Mounts a file system on what `path` names, which must be a directory.
    ///
    /// The directory there is covered until the unmount; watches on it stay and get no event of what
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
            let (mounted_fs, root) =
                self.file_systems().add(fs.clone(), options.is_read_only(), |ino| {
                    self.file_systems().with_room(|| notifier.add_reclaimable_superblock(ino))
                })?;
            let source = MountSource::new(root, mounted_fs.clone(), options);
            let attached = source.and_then(|source| self.attach(target, source));
            attached.inspect_err(|_| refused = Some(self.file_systems().retire(mounted_fs)))
        };
        let mounted = mount().map_err(|error| path.add_to(error));
        drop(operation);
        // With no lock held: the file system is called, and dropped.
        if let Some(retired) = refused {
            self.file_systems().release_unmounted(retired);
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
            let options = options.read_only(options.is_read_only() || source.mount.is_read_only());
            let mounted_fs = source.mount.mounted_fs().clone();
            let source = MountSource::new(source.dentry.clone(), mounted_fs, options)?;
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
            // Before the table: a directory may be locked for as long as its file system takes to answer, and every path
            // that crosses a mount takes the table.
            let _parent = lock_parent(self.tree(), &dentry);
            let mut table = self.mount_table().write();
            if !dentry.get().is_hashed() {
                return Err(Errno::ENOENT.into());
            }
            // Another thread may have mounted here first.
            if table.mounted_on(&target.mount, dentry.get().index).is_none() {
                // Where there is no room, the source is dropped after the locks.
                table.check_room()?;
                table.attach(target.into(), source);
                return Ok(());
            }
        }
    }

    /// The root of the topmost mount on a place, if it still has a name.
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
    /// inode of it is told UNMOUNT and IGNORED; then its dentries are freed in bounded steps and
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
            self.file_systems().release_unmounted(retired);
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
        let mounted_fs = mount.mounted_fs().clone();
        if let Some(on) = mount.on() {
            self.release_mountpoint(on.dentry.get());
        }
        // First: a root that has lost its name dies of this, and not of the end of its file system.
        drop(mount);
        Ok(last.then(|| self.file_systems().retire(mounted_fs)))
    }

    /// A former mount point may be in a directory that has been forgotten, where no look-up would find its name
    /// again.
    fn release_mountpoint(&self, place: Dentry<'_>) {
        let Some(parent) = self.tree().parent_of(place.index) else { return };
        let parent = DentryRef::new(self.notifier(), parent);
        if !parent.get().is_hashed() {
            self.file_systems().defer_forgotten(parent);
        }
    }

    /// The root of the topmost mount on a place; the place itself if there is none. A look-up goes
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
                Some(above) => place = Location::root_of(above),
                None => return place,
            }
        }
    }
}

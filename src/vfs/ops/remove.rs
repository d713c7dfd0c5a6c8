//! Removing names: unlink and rmdir.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::Request;
use crate::notify::held_dentry::HeldDentry;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::dcache_update::DcacheUpdate;
use crate::vfs::directory_locks::DirLocks;
use crate::vfs::link_count::lock_links;
use crate::vfs::link_count::refresh_link_count;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup::MAX_RETRIES;
use crate::vfs::resolve::walk::LastKind;

/// # Taking names away
///
/// A removed object lives on, without a name, as long as it is referenced: by an open file, or as a current
/// directory. Its death (DELETE_SELF, then IGNORED) is reported when the last reference ends.
/// If there is no other reference, that is before the DELETE of the parent.
impl Vfs {
    /// Removes a name of anything but a directory.
    ///
    /// Reports ATTRIB to the inode, then DELETE to the directory. Takes the directory's lock; O(1) and
    /// two calls to the file system.
    ///
    /// # Errors
    /// Those of a look-up; `EROFS`; `EISDIR` for a directory, also if it is `.`, `..` or `/`;
    /// `ENOTDIR` if a slash follows the name of something else; `EACCES`; `EPERM` in
    /// a sticky directory; `EBUSY` if something is mounted on it.
    ///
    /// ```
    /// use vfsnotify::{Errno, InodeKind, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mknod(&cx, "/file", InodeKind::Regular, 0o644, 0)?;
    /// assert_eq!(vfs.unlink(&cx, "/file/").unwrap_err().errno(), Errno::ENOTDIR);
    /// vfs.unlink(&cx, "/file")?;
    /// assert_eq!(vfs.unlink(&cx, "/file").unwrap_err().errno(), Errno::ENOENT);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn unlink(&self, cx: &Context, path: impl IntoPath) -> Result<()> {
        self.unlink_path(cx, path.to_path())
    }

    fn unlink_path(&self, cx: &Context, path: PathArg<'_>) -> Result<()> {
        let _operation = self.operation();
        self.file_systems()
            .with_room(|| self.try_unlink(cx, path.naming()))
            .map_err(|error| path.add_to(error))
    }

    fn try_unlink(&self, cx: &Context, path: PathArg<'_>) -> Result<()> {
        let last = self.resolve_parent(cx, path)?;
        let name = last.normal(Errno::EISDIR)?;
        let dir = &last.dir;
        dir.want_write()?;
        let (request, slot) = (cx.request(), dir.dir_slot()?);
        self.file_systems().prime_dcache(request, dir, name)?;
        let locks = DirLocks::new(self.tree(), &[Some(slot)]);
        if locks.any_dead() {
            return Err(Errno::ENOENT.into());
        }
        let target =
            self.file_systems().find_for_change(request, dir, name)?.ok_or(Errno::ENOENT)?;
        if last.trailing_slash {
            let errno = if target.is_dir() { Errno::EISDIR } else { Errno::ENOTDIR };
            return Err(errno.into());
        }
        cx.check_delete(dir, target.get(), false)?;
        refuse_mountpoint(&target)?;
        let inode = target.get().inode();
        // Held to the end: of two last names that go at once, exactly one reports the death.
        let _count = lock_links(inode);
        // The file system, then the cache, then the report.
        let mut update = DcacheUpdate::new(self.file_systems(), request, dir, slot, name);
        let unlinked = dir.fs().unlink(request, dir.ino(), name);
        let unlinked = unlinked.inspect_err(|_| update.revalidate())?;
        refresh_link_count(request, dir, inode, unlinked);
        update.commit();
        self.removed(request, dir, name, target);
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// Reports DELETE|ISDIR to the parent, after the directory's own death if it is unreferenced. Nothing
    /// can be made in it any more, not even through an open file. Takes the locks of both
    /// directories; O(1) and one call to the file system. Names in it that are known not to exist
    /// are freed later, in bounded steps.
    ///
    /// # Errors
    /// Those of a look-up; `EINVAL` for `.`, `ENOTEMPTY` for `..`, `EBUSY` for `/`; `EROFS`;
    /// `EACCES`; `EPERM` in a sticky directory; `ENOTDIR`; `EBUSY` if something is
    /// mounted on it; `ENOTEMPTY`.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// vfs.mkdir(&cx, "/d/e", 0o755)?;
    /// assert_eq!(vfs.rmdir(&cx, "/d").unwrap_err().errno(), Errno::ENOTEMPTY);
    /// assert_eq!(vfs.rmdir(&cx, "/d/e/.").unwrap_err().errno(), Errno::EINVAL);
    /// vfs.rmdir(&cx, "/d/e/")?;
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn rmdir(&self, cx: &Context, path: impl IntoPath) -> Result<()> {
        self.rmdir_path(cx, path.to_path())
    }

    fn rmdir_path(&self, cx: &Context, path: PathArg<'_>) -> Result<()> {
        let _operation = self.operation();
        self.file_systems()
            .with_room(|| self.try_rmdir(cx, path.naming()))
            .map_err(|error| path.add_to(error))
    }

    fn try_rmdir(&self, cx: &Context, path: PathArg<'_>) -> Result<()> {
        let last = self.resolve_parent(cx, path)?;
        let name = last.normal(match last.kind {
            LastKind::Dot => Errno::EINVAL,
            LastKind::DotDot => Errno::ENOTEMPTY,
            _ => Errno::EBUSY,
        })?;
        let dir = &last.dir;
        dir.want_write()?;
        let (request, slot) = (cx.request(), dir.dir_slot()?);
        // The target must be locked together with its parent, in the order of slots. So it is looked up before the
        // locks, and again under them: only that result counts.
        let mut expected =
            self.file_systems().find(request, dir.mount.mounted_fs(), dir.dentry.get(), name)?;
        let mut retries = 0..MAX_RETRIES;
        let (mut locks, target, own) = loop {
            retries.next().ok_or(Errno::ESTALE)?;
            let own = expected.as_ref().and_then(|held| held.get().inode().dir());
            let locks = DirLocks::new(self.tree(), &[Some(slot), own]);
            if locks.is_dead(slot) {
                return Err(Errno::ENOENT.into());
            }
            let target =
                self.file_systems().find_for_change(request, dir, name)?.ok_or(Errno::ENOENT)?;
            cx.check_delete(dir, target.get(), true)?;
            match target.get().inode().dir() {
                Some(own) if locks.has(own) => break (locks, target, own),
                _ => {
                    drop(locks);
                    expected = Some(target);
                }
            }
        };
        drop(expected);
        refuse_mountpoint(&target)?;
        // A look-up that finds the directory under another name must not restore the count.
        let _count = lock_links(target.get().inode());
        let mut update = DcacheUpdate::new(self.file_systems(), request, dir, slot, name);
        match dir.fs().rmdir(request, dir.ino(), name) {
            Ok(()) => update.commit(),
            Err(error) => {
                if error.errno() == Errno::ENOTEMPTY {
                    update.commit();
                } else {
                    update.revalidate();
                }
                return Err(error);
            }
        }
        target.get().inode().set_nlink(0);
        locks.mark_removed(own);
        self.removed(request, dir, name, target);
        Ok(())
    }

    /// Unhashes a name that the file system has removed, and reports the removal.
    fn removed(&self, request: &Request, dir: &Location, name: &[u8], target: HeldDentry<'_>) {
        let inode = target.get().inode();
        self.notifier().by(request.actor()).report_removal(dir.dentry.get(), name, inode, || {
            let entry = self.tree().d_unhash(target.index(), true);
            self.file_systems().end_of_directory(target);
            entry
        });
    }
}

/// Refuses to take the name of a mount point. The caller holds the lock of its directory, so no mount can come
/// meanwhile.
pub(crate) fn refuse_mountpoint(dentry: &HeldDentry<'_>) -> Result<()> {
    if dentry.get().page.is_mounted_on(dentry.index()) {
        return Err(Errno::EBUSY.into());
    }
    Ok(())
}

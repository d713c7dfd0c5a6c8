//! Renaming.

use smallvec::SmallVec;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::RenameFlags;
use crate::notify::ancestor_query::{AncestorProof, AncestorQuery, ClimbBudget};
use crate::notify::held_dentry::HeldDentry;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::dcache_update::DcacheUpdate;
use crate::vfs::directory_locks::DirLocks;
use crate::vfs::link_count::lock_links;
use crate::vfs::link_count::refresh_link_count;
use crate::vfs::ops::remove::refuse_mountpoint;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup::MAX_RETRIES;
use crate::vfs::resolve::walk::Last;

/// The names and objects of a move, found under the locks.
struct Move<'a> {
    from: &'a Last,
    to: &'a Last,
    flags: RenameFlags,
    source: HeldDentry<'a>,
    target: Option<HeldDentry<'a>>,
}

/// The result of the checks.
enum Checked {
    /// The move may go on.
    Go,
    /// Both names are of one inode: there is nothing to do.
    SameInode,
    /// The climb that shows whether a directory would come to be inside itself is longer than locks may be
    /// held.
    TooDeep(AncestorQuery),
}

/// # Moving names
impl Vfs {
    /// Moves a name, over whatever the new name stands for.
    ///
    /// Reports MOVED_FROM to the old directory and MOVED_TO to the new one, next to each other and with
    /// one cookie; then ATTRIB to the replaced object, MOVE_SELF to the moved one, and the death of the replaced
    /// one if it is unreferenced. With `EXCHANGE` there are two moves, each
    /// with a cookie of its own. If both names are of one inode nothing happens.
    ///
    /// Takes the rename lock of the file system if the directories differ, the locks of both and
    /// of a directory that is replaced; O(depth) if the directories differ, else O(1).
    ///
    /// # Errors
    /// In this order, which is Linux's:
    ///
    /// 1. `EINVAL` for flags that exclude each other.
    /// 2. The errors of the lookups of both directories, the old one first.
    /// 3. `EXDEV` if the names are on different mounts.
    /// 4. `EBUSY` if either name is `.`, `..` or `/` (`EEXIST` for the new one with `NOREPLACE`).
    /// 5. `EROFS`.
    /// 6. `ENOENT` if the old name does not exist, or if either directory has been removed.
    /// 7. `EEXIST` with `NOREPLACE`; `ENOENT` with `EXCHANGE` if the new name does not exist.
    /// 8. `ENOTDIR` if a slash follows the name of something that is no directory.
    /// 9. `EINVAL` if a directory would come to be inside itself; `ENOTEMPTY` if the new name is that of a directory
    ///    above the old one.
    /// 10. `EACCES` and `EPERM` (a sticky directory) for the old directory, then for the new one; `ENOTDIR` if a
    ///     directory would replace something else, `EISDIR` if something else would replace a directory; `EACCES` if
    ///     a directory gets another parent and may not be written to.
    /// 11. `EBUSY` if something is mounted on either name.
    /// 12. `ENOSPC`, and the errors of the file system, such as `ENOTEMPTY`.
    ///
    /// `EBUSY` comes instead of 9 if in a tree deeper than 512 levels directories move all the time. The path of the
    /// error is the new one if its lookup failed, else the old one.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, RenameFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/a", 0o755)?;
    /// vfs.mkdir(&cx, "/b", 0o755)?;
    /// let error = vfs.rename(&cx, "/a", "/b", RenameFlags::NOREPLACE).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EEXIST);
    /// vfs.rename(&cx, "/a", "/b/c", RenameFlags::empty())?;
    /// let error = vfs.rename(&cx, "/b", "/b/c/d", RenameFlags::empty()).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EINVAL);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn rename(
        &self,
        cx: &Context,
        old: impl IntoPath,
        new: impl IntoPath,
        flags: RenameFlags,
    ) -> Result<()> {
        self.rename_path(cx, old.to_path(), new.to_path(), flags)
    }

    fn rename_path(
        &self,
        cx: &Context,
        old: PathArg<'_>,
        new: PathArg<'_>,
        flags: RenameFlags,
    ) -> Result<()> {
        let _operation = self.operation();
        let exclusive = RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
        if RenameFlags::from_bits(flags.bits()).is_none()
            || (flags.contains(RenameFlags::EXCHANGE) && flags.intersects(exclusive))
        {
            return Err(old.add_to(Errno::EINVAL.into()));
        }
        let from = self.resolve_parent(cx, old.naming()).map_err(|error| old.add_to(error))?;
        let to = self.resolve_parent(cx, new.naming()).map_err(|error| new.add_to(error))?;
        self.file_systems()
            .with_room(|| self.rename_lasts(cx, &from, &to, flags))
            .map_err(|error| old.add_to(error))
    }

    fn rename_lasts(&self, cx: &Context, from: &Last, to: &Last, flags: RenameFlags) -> Result<()> {
        if !Arc::ptr_eq(&from.dir.mount, &to.dir.mount) {
            return Err(Errno::EXDEV.into());
        }
        let old_name = from.normal(Errno::EBUSY)?;
        let no_replace = flags.contains(RenameFlags::NOREPLACE);
        let new_name = to.normal(if no_replace { Errno::EEXIST } else { Errno::EBUSY })?;
        from.dir.want_write()?;
        let (old_slot, new_slot) = (from.dir.dir_slot()?, to.dir.dir_slot()?);
        let request = cx.request();
        self.file_systems().prime_dcache(request, &from.dir, old_name)?;
        // As in rmdir: a directory to be replaced is locked too, so it is looked up before the locks. An error is
        // ignored here: the look-up under the locks fails again, in its turn.
        let mounted_fs = from.dir.mount.mounted_fs();
        let mut expected = self
            .file_systems()
            .find(request, mounted_fs, to.dir.dentry.get(), new_name)
            .unwrap_or(None);
        let superblock = mounted_fs.superblock().slot();
        let lock_rename = || (old_slot != new_slot).then(|| superblock.lock_rename());
        let mut rename = lock_rename();
        let mut known = SmallVec::<[AncestorProof; 2]>::new();
        let mut budget = ClimbBudget::default();
        for _ in 0..MAX_RETRIES {
            let replaced_dir = expected.as_ref().and_then(|held| held.get().inode().dir());
            let locks = DirLocks::new(self.tree(), &[Some(old_slot), Some(new_slot), replaced_dir]);
            if locks.is_dead(old_slot) || locks.is_dead(new_slot) {
                return Err(Errno::ENOENT.into());
            }
            let source = self
                .file_systems()
                .find_for_change(request, &from.dir, old_name)?
                .ok_or(Errno::ENOENT)?;
            let target = self.file_systems().find_for_change(request, &to.dir, new_name)?;
            let moving = Move { from, to, flags, source, target };
            match self.check_move(cx, &moving, &known)? {
                Checked::Go => {}
                Checked::SameInode => return Ok(()),
                Checked::TooDeep(query) => {
                    // Prove it with none of these locks held; then check everything again.
                    drop((locks, rename));
                    known.retain(|proof| proof.is_current(superblock));
                    known.push(self.notifier().prove(query, &mut budget).ok_or(Errno::EBUSY)?);
                    expected = moving.target;
                    rename = lock_rename();
                    continue;
                }
            }
            let replaced = moving.replaced().and_then(|held| held.get().inode().dir());
            if replaced.is_some_and(|own| !locks.has(own)) {
                drop(locks);
                expected = moving.target;
                continue;
            }
            drop(expected);
            return self.move_locked(cx, moving, locks);
        }
        Err(Errno::ESTALE.into())
    }

    /// Linux's checks, in its order.
    fn check_move(
        &self,
        cx: &Context,
        moving: &Move<'_>,
        known: &[AncestorProof],
    ) -> Result<Checked> {
        let Move { from, to, flags, source, target } = moving;
        // NOREPLACE, EXCHANGE and trailing slashes.
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let across = from.dir.dir_slot()? != to.dir.dir_slot()?;
        if target.is_some() && flags.contains(RenameFlags::NOREPLACE) {
            return Err(Errno::EEXIST.into());
        }
        if exchange {
            let target = target.as_ref().ok_or(Errno::ENOENT)?;
            if !target.is_dir() && to.trailing_slash {
                return Err(Errno::ENOTDIR.into());
            }
        }
        if !source.is_dir() && (from.trailing_slash || (!exchange && to.trailing_slash)) {
            return Err(Errno::ENOTDIR.into());
        }
        // No directory may come to be inside itself.
        if across {
            let is_above = |above: &HeldDentry<'_>, below: &Location| {
                let query =
                    AncestorQuery { above: above.get().id(), below: below.dentry.get().id() };
                self.notifier().is_ancestor(query, known)
            };
            match is_above(source, &to.dir) {
                Ok(false) => {}
                Ok(true) => return Err(Errno::EINVAL.into()),
                Err(query) => return Ok(Checked::TooDeep(query)),
            }
            match target.as_ref().map_or(Ok(false), |target| is_above(target, &from.dir)) {
                Ok(false) => {}
                Ok(true) if exchange => return Err(Errno::EINVAL.into()),
                Ok(true) => return Err(Errno::ENOTEMPTY.into()),
                Err(query) => return Ok(Checked::TooDeep(query)),
            }
        }
        // Both names may be of one inode; then the permission checks of both directories.
        let moved = source.get();
        if target.as_ref().is_some_and(|target| target.get().inode().index == moved.inode().index) {
            return Ok(Checked::SameInode);
        }
        cx.check_delete(&from.dir, moved, moved.is_dir())?;
        match target {
            None => cx.check_location(&to.dir, Access::WRITE | Access::EXEC)?,
            Some(target) => {
                let as_dir = if exchange { target.is_dir() } else { moved.is_dir() };
                cx.check_delete(&to.dir, target.get(), as_dir)?;
            }
        }
        if across {
            // A directory that gets another parent is written to: its `..` changes.
            let fs = from.dir.fs();
            if moved.is_dir() {
                cx.check_dentry(fs, moved, Access::WRITE)?;
            }
            if let Some(target) = target.as_ref().filter(|target| exchange && target.is_dir()) {
                cx.check_dentry(fs, target.get(), Access::WRITE)?;
            }
        }
        refuse_mountpoint(source)?;
        target.as_ref().map_or(Ok(()), refuse_mountpoint)?;
        Ok(Checked::Go)
    }

    /// Moves what has been checked.
    fn move_locked(&self, cx: &Context, moving: Move<'_>, mut locks: DirLocks<'_>) -> Result<()> {
        let (from, to) = (&moving.from.dir, &moving.to.dir);
        let (old_name, new_name) = (&*moving.from.name, &*moving.to.name);
        let moved = moving.source.get().inode();
        let (old_slot, new_slot) = (from.dir_slot()?, to.dir_slot()?);
        let exchange = moving.flags.contains(RenameFlags::EXCHANGE);
        if old_slot != new_slot && !exchange {
            // The room stays while both directories are locked. After the file system has renamed, it is too late to fail.
            self.tree().check_room(new_slot)?;
        }
        let request = cx.request();
        let mut old_update =
            DcacheUpdate::new(self.file_systems(), request, from, old_slot, old_name);
        let mut new_update =
            DcacheUpdate::new(self.file_systems(), request, to, new_slot, new_name);
        let mut fs_rename = || {
            let (old, new) = (from.ino(), to.ino());
            let renamed = from.fs().rename(request, old, old_name, new, new_name, moving.flags);
            renamed.inspect_err(|_| {
                old_update.revalidate();
                new_update.revalidate();
            })
        };
        let hook = self.notifier().by(request.actor());
        // An exchange: both names stay.
        if let Some(target) = moving.target.as_ref().filter(|_| exchange) {
            fs_rename()?;
            self.tree().d_exchange(moving.source.index(), target.index())?;
            old_update.commit();
            new_update.commit();
            let (old, new) = ((from.dentry.get(), old_name), (to.dentry.get(), new_name));
            hook.report_exchange(old, new, moved, target.get().inode());
            return Ok(());
        }
        // A move, over whatever the new name stands for: the file system, the link count, the cache, the report.
        let replaced = moving.target.as_ref().map(|target| target.get().inode());
        // The lock of the link count is held until the report is done, as in unlink.
        let _count = replaced.map(lock_links);
        let unlinked = fs_rename()?;
        if let Some(inode) = replaced {
            match inode.dir() {
                Some(own) => {
                    inode.set_nlink(0);
                    locks.mark_removed(own);
                }
                None => refresh_link_count(request, to, inode, unlinked),
            }
        }
        let unnamed = self.tree().d_move(moving.source.index(), new_slot, new_name)?;
        old_update.commit();
        new_update.commit();
        let (old, new) = ((from.dentry.get(), old_name), (to.dentry.get(), new_name));
        let target = moving.target;
        hook.report_move(old, new, moved, replaced, || {
            if let Some(target) = target {
                self.file_systems().end_of_directory(target);
            }
            unnamed
        });
        Ok(())
    }
}

impl Move<'_> {
    /// The object that loses its name, unless it is an exchange.
    fn replaced(&self) -> Option<&HeldDentry<'_>> {
        let exchange = self.flags.contains(RenameFlags::EXCHANGE);
        self.target.as_ref().filter(|_| !exchange)
    }
}

//! Taking names away.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::{FileSystem, Request, Unlinked};
use crate::notify::DentryRef;
use crate::tree::Inode;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::dcache_update::Doubt;
use crate::vfs::lock::{DirLocks, lock_links};
use crate::vfs::operation;
use crate::vfs::path::{IntoPath, PathArg};
use crate::vfs::resolve::location::{Held, Location};
use crate::vfs::resolve::lookup::PATIENCE;
use crate::vfs::resolve::walk::LastKind;

/// # Taking names away
///
/// What is removed lives on, without a name, as long as anything uses it: an open file, a current
/// directory. Its death (DELETE_SELF, then IGNORED) is heard when the last use ends, which is
/// before the parent hears DELETE if nobody else uses it.
impl Vfs {
    /// Removes a name of anything but a directory.
    ///
    /// The inode hears ATTRIB, then the directory DELETE. Takes the directory's lock; O(1) and
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
        self.with_room(|| self.try_unlink(cx, path.naming())).map_err(|error| path.add_to(error))
    }

    fn try_unlink(&self, cx: &Context, path: PathArg<'_>) -> Result<()> {
        let last = self.resolve_parent(cx, path)?;
        let name = last.normal(Errno::EISDIR)?;
        let dir = &last.dir;
        dir.want_write()?;
        let (request, slot) = (cx.request(), dir.dir_slot()?);
        self.forestall(request, dir, name)?;
        let locks = DirLocks::new(self.tree(), &[Some(slot)]);
        if locks.any_dead() {
            return Err(Errno::ENOENT.into());
        }
        let victim = self.find_for_change(request, dir, name)?.ok_or(Errno::ENOENT)?;
        if last.trailing_slash {
            let kind = if victim.is_dir() { Errno::EISDIR } else { Errno::ENOTDIR };
            return Err(kind.into());
        }
        self.check_delete(cx, dir, victim.get(), false)?;
        refuse_mountpoint(&victim)?;
        let inode = victim.get().inode();
        // To the end: of two last names that go at once, one only is the end of the inode.
        let _count = lock_links(inode);
        let mut doubt = Doubt::about(self, request, dir, slot, name);
        let unlinked = dir.fs().unlink(request, dir.ino(), name);
        let unlinked = unlinked.inspect_err(|_| doubt.look_again())?;
        self.refresh_link_count(request, dir, inode, unlinked);
        doubt.trust();
        self.removed(request, dir, name, victim);
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// The parent hears DELETE|ISDIR, after the directory's own death if nobody uses it. Nothing
    /// can be made in it any more, by whoever still has it open. Takes the locks of both
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
        self.with_room(|| self.try_rmdir(cx, path.naming())).map_err(|error| path.add_to(error))
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
        // Only what the name stands for while the parent is locked counts. It must be locked
        // with the parent, so it is found first and found again.
        let mut expected = self.find(request, dir.mount.instance(), dir.dentry.get(), name)?;
        let mut patience = 0..PATIENCE;
        let (mut locks, victim, own) = loop {
            patience.next().ok_or(Errno::ESTALE)?;
            let own = expected.as_ref().and_then(|held| held.get().inode().dir());
            let locks = DirLocks::new(self.tree(), &[Some(slot), own]);
            if locks.is_dead(slot) {
                return Err(Errno::ENOENT.into());
            }
            let victim = self.find_for_change(request, dir, name)?.ok_or(Errno::ENOENT)?;
            self.check_delete(cx, dir, victim.get(), true)?;
            match victim.get().inode().dir() {
                Some(own) if locks.has(own) => break (locks, victim, own),
                _ => {
                    drop(locks);
                    expected = Some(victim);
                }
            }
        };
        drop(expected);
        refuse_mountpoint(&victim)?;
        // A look-up that has found it elsewhere must not put the count back.
        let _count = lock_links(victim.get().inode());
        let mut doubt = Doubt::about(self, request, dir, slot, name);
        match dir.fs().rmdir(request, dir.ino(), name) {
            Ok(()) => doubt.trust(),
            Err(error) => {
                if error.errno() == Errno::ENOTEMPTY {
                    doubt.trust();
                } else {
                    doubt.look_again();
                }
                return Err(error);
            }
        }
        victim.get().inode().set_nlink(0);
        locks.bury(own);
        self.removed(request, dir, name, victim);
        Ok(())
    }

    /// Takes the name of what is gone from the file system, and reports that.
    fn removed(&self, request: &Request, dir: &Location, name: &[u8], victim: Held<'_>) {
        let inode = victim.get().inode();
        self.notifier().by(request.actor()).report_removal(dir.dentry.get(), name, inode, || {
            let entry = self.tree().d_unhash(victim.index(), true);
            self.end_of_directory(victim);
            entry
        });
    }

    /// Gives back what has been removed or forgotten. If the cache has names in it, which the file system
    /// knew to be gone, they go at the end of the operation, and with them what keeps it alive. No lock
    /// may be held for that long.
    pub(crate) fn end_of_directory(&self, victim: Held<'_>) {
        if self.tree().has_children(victim.get()) {
            self.defer_forgotten(DentryRef::new(self.notifier(), victim.get().reference()));
        }
    }

    /// Takes the names below a removed or forgotten directory away at the end of an operation on its
    /// file system.
    pub(crate) fn defer_forgotten(&self, directory: DentryRef) {
        let superblock = directory.get().superblock();
        if let Some(instance) = self.instances().get(superblock) {
            instance.defer_directory(directory);
            operation::acts_on(superblock);
        }
    }

    /// Learns the link count of an inode that has lost a name; its link lock is held. The file system is asked
    /// only if it has not said.
    pub(crate) fn refresh_link_count(
        &self,
        request: &Request,
        dir: &Location,
        inode: Inode<'_>,
        unlinked: Unlinked,
    ) {
        let count = unlinked.nlink.unwrap_or_else(|| {
            match dir.fs().getattr(request, inode.ino(), None) {
                Ok(attr) => attr.nlink,
                // It had this name at least.
                Err(_) => inode.nlink().saturating_sub(1),
            }
        });
        change_link_count(inode, count);
    }
}

/// Stores a link count that a change has left; the link lock is held. An inode without a name is not
/// counted: no look-up that is going on can find it.
pub(crate) fn change_link_count(inode: Inode<'_>, count: u32) {
    inode.set_nlink(count);
    if count > 0 {
        inode.superblock.count_link_change();
    }
}

/// Asks for the link count of an inode anew where a look-up has said another than the tree has: the
/// answer may be from before a link that is known by now, or tell of one that was made behind the
/// VFS's back. The lock of the looked-up name's directory is held, and no link lock.
///
/// `changes` is the superblock's count of link changes from before the look-up. If the inode was in the
/// tree then and has left it since, it was made anew with the count of the answer, and both are old. That
/// needs a second name, so files with one name, and directories, are not asked for again.
pub(crate) fn recheck_link_count(
    request: &Request,
    fs: &dyn FileSystem,
    inode: Inode<'_>,
    told: u32,
    changes: u64,
) {
    let may_be_old =
        || told > 1 && !inode.kind().is_dir() && inode.superblock.link_changes() != changes;
    if inode.nlink() == told && !may_be_old() {
        return;
    }
    let _count = lock_links(inode);
    match fs.getattr(request, inode.ino(), None) {
        Ok(attr) => inode.set_nlink(attr.nlink),
        // It has the name at least that has been found.
        Err(_) if inode.nlink() == 0 => inode.set_nlink(told),
        Err(_) => {}
    }
}

/// What something is mounted on keeps its name. The directory that holds it is locked, so no
/// mount can come meanwhile.
pub(crate) fn refuse_mountpoint(dentry: &Held<'_>) -> Result<()> {
    if dentry.get().page.is_mounted_on(dentry.index()) {
        return Err(Errno::EBUSY.into());
    }
    Ok(())
}

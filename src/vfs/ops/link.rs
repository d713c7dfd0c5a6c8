//! Further names of an inode.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicBool, Ordering};
use crate::notify::held_dentry::HeldDentry;
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::dcache_update::DcacheUpdate;
use crate::vfs::link_count::{change_link_count, lock_links};
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::location::Location;

/// # Further names
impl Vfs {
    /// Gives what `old` leads to a further name. A symbolic link at the end of `old` is linked itself, as link(2)
    /// does it; with [`follow`](IntoPath::follow) it is followed.
    ///
    /// Reports ATTRIB to the inode, then CREATE to the directory of the new name. An open file may be given a name
    /// too (`&file`), its first if it was opened with `TMPFILE`: that is linkat(2) through `/proc/self/fd`. Events by
    /// way of its handles go on under the name that they were opened by.
    ///
    /// # Errors
    /// Those of the look-ups; `EEXIST`; `ENOENT` if the new name is followed by a slash, its
    /// directory has been removed, or the old name has, and of an open file whose last name was removed or that
    /// was opened with `TMPFILE` and `EXCL`; `EROFS`; `EXDEV` if the names
    /// are on different mounts; `EACCES`; `EPERM` for a directory; what the file
    /// system says. The path of the error is that of the new name, if not `old` was not found.
    ///
    /// ```
    /// use vfsnotify::{InodeKind, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mknod(&cx, "/one", InodeKind::Regular, 0o644, 0)?;
    /// vfs.link(&cx, "/one", "/two")?;
    /// vfs.unlink(&cx, "/one")?;
    /// assert!(vfs.exists(&cx, "/two")?);
    ///
    /// let file = vfs.open(&cx, "/", OpenFlags::TMPFILE | OpenFlags::WRITE, 0o644)?;
    /// file.write(b"complete")?;
    /// vfs.link(&cx, &file, "/report")?;
    /// assert_eq!(vfs.stat(&cx, "/report")?.size, 8);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn link(&self, cx: &Context, old: impl IntoPath, new: impl IntoPath) -> Result<()> {
        self.link_path(cx, old.to_path(), new.to_path())
    }

    fn link_path(&self, cx: &Context, old: PathArg<'_>, new: PathArg<'_>) -> Result<()> {
        let _operation = self.operation();
        let source = self.resolve(cx, old).map_err(|error| old.add_to(error))?;
        let link = || {
            let last = self.resolve_parent(cx, new.naming())?;
            let name = last.normal(Errno::EEXIST)?;
            self.refuse_trailing_slash(cx, &last)?;
            let source = AttrObject::by(old, &source);
            self.file_systems()
                .with_room(|| self.try_link(cx, source, old.linkable(), &last.dir, name))
        };
        link().map_err(|error| new.add_to(error))
    }

    /// Gives an inode a further name; one without any only if it is `linkable`: made by `TMPFILE` without `EXCL`, and
    /// never named since.
    fn try_link(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        linkable: Option<&Arc<AtomicBool>>,
        dir: &Location,
        name: &[u8],
    ) -> Result<()> {
        let (request, slot, old) = (cx.request(), dir.dir_slot()?, object.location);
        self.file_systems().prime_dcache(request, dir, name)?;
        let _locks = self.lock_for_new(request, dir, slot, name)?;
        if !Arc::ptr_eq(&old.mount, &dir.mount) {
            return Err(Errno::EXDEV.into());
        }
        cx.check_location(dir, Access::WRITE | Access::EXEC)?;
        if old.is_dir() {
            return Err(Errno::EPERM.into());
        }
        let inode = old.dentry.get().inode();
        let count = lock_links(inode);
        let is_unnamed = linkable.is_some_and(|linkable| linkable.load(Ordering::Relaxed));
        if !is_unnamed && object.attr(request)?.nlink == 0 {
            return Err(Errno::ENOENT.into());
        }
        let mut slots = self.tree().reserve(slot, None)?;
        let mut update = DcacheUpdate::new(self.file_systems(), request, dir, slot, name);
        let linked = dir.fs().link(request, old.ino(), dir.ino(), name);
        let node = linked.inspect_err(|_| update.revalidate())?;
        let linked = dir.mount.mounted_fs().make_inode(&node.attr)?;
        if linked.get().index != inode.index {
            // The file system linked something else: its answer is useless.
            return Err(Errno::EIO.into());
        }
        // For a file without a name this is the first one: the inode is alive again.
        change_link_count(inode, node.attr.nlink);
        if let Some(linkable) = linkable {
            linkable.store(false, Ordering::Relaxed);
        }
        drop(count);
        let dentry = self.name_it(slot, name, linked, &mut slots)?;
        update.commit();
        let dentry = HeldDentry::new(self.notifier(), dentry);
        self.notifier().by(request.actor()).on_link(inode, dir.dentry.get(), name);
        drop(dentry);
        Ok(())
    }
}

//! Making objects: mkdir, mknod, and files without a name.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::path_limits::NAME_MAX;
use crate::base::slot_index::Ix;
use crate::fs::{NewNode, Request};
use crate::tree::directory::DirSlot;
use crate::tree::{InodeRef, RawDentryRef, Reserved};
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::dcache_update::DcacheUpdate;
use crate::vfs::directory_locks::DirLocks;
use crate::vfs::link_count::recheck_link_count;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::walk::Last;

/// The object to create, before umask and owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Creation<'a> {
    pub(crate) kind: InodeKind,
    pub(crate) mode: u32,
    pub(crate) rdev: u64,
    /// The target of a symbolic link.
    pub(crate) target: &'a [u8],
}

impl Creation<'static> {
    /// A regular file.
    pub(crate) fn file(mode: u32) -> Self {
        Self { kind: InodeKind::Regular, mode, rdev: 0, target: b"" }
    }
}

/// # Making names
///
/// Each of these takes the lock of the directory the name is made in, looks the name up under
/// it, and costs O(1) and one or two calls to the file system.
impl Vfs {
    /// Makes a directory.
    ///
    /// Reports CREATE|ISDIR to the parent. The umask applies; a set-group-id parent hands its group
    /// and the bit on.
    ///
    /// # Errors
    /// Those of a look-up; `EEXIST` if the name is taken by anything; `EROFS`; `EACCES`;
    /// `ENOENT` also if the parent has been removed; what the file system says.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d/", 0o755)?;
    /// assert_eq!(vfs.mkdir(&cx, "/d", 0o755).unwrap_err().errno(), Errno::EEXIST);
    /// assert_eq!(vfs.mkdir(&cx, "/", 0o755).unwrap_err().errno(), Errno::EEXIST);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn mkdir(&self, cx: &Context, path: impl IntoPath, mode: u32) -> Result<()> {
        self.mkdir_path(cx, path.to_path(), mode)
    }

    fn mkdir_path(&self, cx: &Context, path: PathArg<'_>, mode: u32) -> Result<()> {
        self.make(cx, path, &Creation { kind: InodeKind::Directory, mode, rdev: 0, target: b"" })
    }

    /// Makes an empty regular file, a fifo, a device node or a socket node, without opening it.
    ///
    /// Reports CREATE to the directory. `rdev` counts for devices only; the umask applies.
    ///
    /// # Errors
    /// `EPERM` for a directory; `EINVAL` for a symbolic link; those of a look-up;
    /// `EEXIST` if the name is taken by anything; `ENOENT` if the name is followed by a slash,
    /// or the directory has been removed; `EROFS`; `EACCES`; `EPERM` for a device
    /// (but character device 0) unless uid is 0; what the file system says.
    ///
    /// ```
    /// use vfsnotify::{InodeKind, MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mknod(&cx, "/file", InodeKind::Regular, 0o644, 0)?;
    /// vfs.mknod(&cx, "/pipe", InodeKind::Fifo, 0o600, 0)?;
    /// vfs.mknod(&cx, "/null", InodeKind::CharDevice, 0o666, 0x103)?;
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn mknod(
        &self,
        cx: &Context,
        path: impl IntoPath,
        kind: InodeKind,
        mode: u32,
        rdev: u64,
    ) -> Result<()> {
        self.mknod_path(cx, path.to_path(), kind, mode, rdev)
    }

    fn mknod_path(
        &self,
        cx: &Context,
        path: PathArg<'_>,
        kind: InodeKind,
        mode: u32,
        rdev: u64,
    ) -> Result<()> {
        let rdev = match kind {
            InodeKind::Directory => return Err(path.add_to(Errno::EPERM.into())),
            InodeKind::Symlink => return Err(path.add_to(Errno::EINVAL.into())),
            InodeKind::CharDevice | InodeKind::BlockDevice => rdev,
            _ => 0,
        };
        self.make(cx, path, &Creation { kind, mode, rdev, target: b"" })
    }

    /// Makes what a path names, as a public operation.
    pub(crate) fn make(&self, cx: &Context, path: PathArg<'_>, new: &Creation<'_>) -> Result<()> {
        let _operation = self.operation();
        let make = || {
            let last = self.resolve_parent(cx, path.naming())?;
            let name = last.normal(Errno::EEXIST)?;
            if !new.kind.is_dir() {
                self.refuse_trailing_slash(cx, &last)?;
            }
            self.create_in(cx, &last.dir, name, new).map(Location::release)
        };
        make().map_err(|error| path.add_to(error))
    }

    /// Only a directory can be made with a slash behind its name.
    pub(super) fn refuse_trailing_slash(&self, cx: &Context, last: &Last) -> Result<()> {
        if last.trailing_slash {
            let (mounted_fs, dir) = (last.dir.mount.mounted_fs(), last.dir.dentry.get());
            let found = self.file_systems().find(cx.request(), mounted_fs, dir, &last.name)?;
            return Err(found.map_or(Errno::ENOENT, |_| Errno::EEXIST).into());
        }
        Ok(())
    }

    /// Makes a name in a directory: takes its lock, checks permission there, inherits, and reports
    /// CREATE to the directory while it is locked.
    ///
    /// # Errors
    /// `EEXIST` if the name is taken (mounts apart); `ENOENT` if the directory has been
    /// removed; `EROFS`; `EACCES`; what the file system says.
    pub(crate) fn create_in(
        &self,
        cx: &Context,
        dir: &Location,
        name: &[u8],
        new: &Creation<'_>,
    ) -> Result<Location> {
        self.file_systems().with_room(|| self.try_create_in(cx, dir, name, new))
    }

    fn try_create_in(
        &self,
        cx: &Context,
        dir: &Location,
        name: &[u8],
        new: &Creation<'_>,
    ) -> Result<Location> {
        let (request, slot) = (cx.request(), dir.dir_slot()?);
        self.file_systems().prime_dcache(request, dir, name)?;
        let _locks = self.lock_for_new(request, dir, slot, name)?;
        cx.check_location(dir, Access::WRITE | Access::EXEC)?;
        if matches!(new.kind, InodeKind::CharDevice | InodeKind::BlockDevice)
            && (new.kind, new.rdev) != (InodeKind::CharDevice, 0)
        {
            cx.require_privilege()?;
        }
        let owner = cx.ownership(&dir.attr(request)?, new.kind, new.mode);
        let node = NewNode::new(new.kind, owner.mode)
            .with_owner(owner.uid, owner.gid)
            .with_rdev(new.rdev)
            .with_target(new.target);
        // Reserve room before the file system creates the object: afterwards it is too late to fail.
        let mut slots = self.tree().reserve(slot, Some(new.kind))?;
        // The file system, then the cache, then the report, all under the directory's lock.
        let mut update = DcacheUpdate::new(self.file_systems(), request, dir, slot, name);
        let changes = dir.dentry.get().inode().superblock.link_changes();
        let made = dir.fs().create(request, dir.ino(), name, &node);
        let made = made.inspect_err(|_| update.revalidate())?;
        let mounted_fs = dir.mount.mounted_fs();
        let inode = mounted_fs.make_inode_in(&made.attr, &mut slots)?;
        if made.attr.kind != new.kind {
            // The file system made something else: its answer is useless.
            return Err(Errno::EIO.into());
        }
        recheck_link_count(request, dir.fs(), inode.get(), made.attr.nlink, changes);
        let dentry = self.name_it(slot, name, inode, &mut slots)?;
        update.commit();
        let made = Location::new(dir.mount.clone(), dentry);
        let child = made.dentry.get().inode();
        self.notifier().by(request.actor()).on_create(dir.dentry.get(), name, child);
        Ok(made)
    }

    /// Locks a directory in which a name is to be made, and checks that it can be.
    pub(super) fn lock_for_new(
        &self,
        request: &Request,
        dir: &Location,
        slot: Ix<DirSlot>,
        name: &[u8],
    ) -> Result<DirLocks<'_>> {
        let locks = DirLocks::new(self.tree(), &[Some(slot)]);
        if locks.any_dead() {
            return Err(Errno::ENOENT.into());
        }
        if self.file_systems().find_for_change(request, dir, name)?.is_some() {
            return Err(Errno::EEXIST.into());
        }
        dir.want_write()?;
        Ok(locks)
    }

    /// Puts what a file system has just made into the cache, under its name. Room has been reserved.
    ///
    /// # Errors
    /// `ESTALE` if it is a directory that has a name already: the file system contradicts itself.
    pub(super) fn name_it(
        &self,
        slot: Ix<DirSlot>,
        name: &[u8],
        inode: InodeRef,
        slots: &mut Reserved<'_>,
    ) -> Result<RawDentryRef> {
        let named = self.tree().d_instantiate_in(slot, name, inode, slots);
        named.map_err(|error| match error.errno() {
            Errno::EEXIST => Errno::ESTALE.into(),
            _ => error,
        })
    }

    /// Makes a regular file without a name in a directory (`O_TMPFILE`). It is not reported; its
    /// events go to the directory with the name `#` and the inode number.
    ///
    /// Takes the directory's lock for reading, at the end. A directory that has been removed will do,
    /// unless the file system minds.
    ///
    /// # Errors
    /// `EROFS`; `EACCES`; `EOPNOTSUPP` and what else the file system says.
    pub(crate) fn tmpfile_in(&self, cx: &Context, dir: &Location, mode: u32) -> Result<Location> {
        self.file_systems().with_room(|| self.try_tmpfile_in(cx, dir, mode))
    }

    fn try_tmpfile_in(&self, cx: &Context, dir: &Location, mode: u32) -> Result<Location> {
        let (request, slot) = (cx.request(), dir.dir_slot()?);
        dir.want_write()?;
        cx.check_location(dir, Access::WRITE | Access::EXEC)?;
        let kind = InodeKind::Regular;
        let owner = cx.ownership(&dir.attr(request)?, kind, mode);
        let new = NewNode::new(kind, owner.mode).with_owner(owner.uid, owner.gid);
        let mut slots = self.tree().reserve(slot, Some(kind))?;
        let node = dir.fs().tmpfile(request, dir.ino(), &new)?;
        let mounted_fs = dir.mount.mounted_fs();
        let inode = mounted_fs.make_inode_in(&node.attr, &mut slots)?;
        if node.attr.kind != kind {
            return Err(Errno::EIO.into());
        }
        let name = format!("#{}", node.attr.ino);
        debug_assert!(name.len() <= NAME_MAX);
        // Another thread that makes a name here relies on the room that it reserved.
        let _dir = self.tree().dir_lock(slot).read_keyed(u64::from(slot));
        let dentry = self.tree().d_tmpfile(slot, name.as_bytes(), inode, &mut slots)?;
        Ok(Location::new(dir.mount.clone(), dentry))
    }
}

//! inotify by path.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::inotify::{Inotify, PendingWatch, WatchDescriptor, WatchMask};
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::lookup_flags::LookupFlags;

impl Vfs {
    /// Makes an inotify instance, counted against the quotas of the context's user.
    ///
    /// # Errors
    /// `EMFILE` (`EMFILE`) at the limit of the user's instances.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, _, _) = new_vfs()?;
    /// let inotify = vfs.inotify(&vfs.context())?;
    /// assert!(inotify.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn inotify(&self, cx: &Context) -> Result<Inotify> {
        Inotify::new(self.notifier(), cx.user())
    }

    /// Watches what a path leads to, as inotify_add_watch(2) does, and returns when the watch is
    /// ready: every event that happens after the return is seen.
    ///
    /// The caller must be allowed to read the object, not to list the way to it. A symbolic link at the end is
    /// followed unless the mask has `DONT_FOLLOW`, or the path [`no_follow`](IntoPath::no_follow). A directory that was not
    /// watched for events of its children before is walked, in chunks, with nothing held
    /// between them; O(positive children). Otherwise O(1) after the look-up.
    ///
    /// # Errors
    /// `EINVAL` for a bad mask or an instance of another VFS, those of look-ups, `EACCES`,
    /// `ENOTDIR` (`ONLYDIR`), `EEXIST` (`MASK_CREATE`), `ENOSPC` at the limit of the user's
    /// watches, `ENOENT` if the file system is being unmounted, `ESHUTDOWN` if the instance is
    /// closed. In Linux's order (RULE add-watch-error-order).
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let inotify = vfs.inotify(&cx)?;
    /// let wd = vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE | WatchMask::DELETE)?;
    /// assert_eq!(wd.as_raw(), 1);
    ///
    /// // An open object, whatever has become of its name.
    /// let file = vfs.open(&cx, "/f", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.unlink(&cx, "/f")?;
    /// inotify.drain();
    /// vfs.add_watch(&cx, &inotify, &file, WatchMask::MODIFY)?;
    /// file.write(b"seen")?;
    /// assert_eq!(inotify.len(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add_watch(
        &self,
        cx: &Context,
        inotify: &Inotify,
        path: impl IntoPath,
        mask: WatchMask,
    ) -> Result<WatchDescriptor> {
        self.start_watch_path(cx, inotify, path.to_path(), mask)?.wait()
    }

    /// The stepping form of [`Vfs::add_watch`]: the walk is left to the caller.
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let inotify = vfs.inotify(&cx)?;
    /// let pending = vfs.start_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
    /// assert_eq!(pending.wait()?.as_raw(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn start_watch(
        &self,
        cx: &Context,
        inotify: &Inotify,
        path: impl IntoPath,
        mask: WatchMask,
    ) -> Result<PendingWatch> {
        self.start_watch_path(cx, inotify, path.to_path(), mask)
    }

    fn start_watch_path(
        &self,
        cx: &Context,
        inotify: &Inotify,
        path: PathArg<'_>,
        mask: WatchMask,
    ) -> Result<PendingWatch> {
        mask.check()?;
        if !inotify.belongs_to(self.notifier()) {
            return Err(Errno::EINVAL.into());
        }
        let mut path = path;
        if mask.contains(WatchMask::DONT_FOLLOW) {
            path = path.no_follow();
        }
        if mask.contains(WatchMask::ONLYDIR) {
            path = path.with_flags(LookupFlags::DIRECTORY);
        }
        self.with_object(cx, path, |object| {
            cx.check_object(object, Access::READ)?;
            inotify.start_watch(&object.location.dentry.inode_ref(), mask)
        })
    }
}

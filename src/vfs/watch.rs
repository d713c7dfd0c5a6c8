//! inotify by path.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::inotify::{Inotify, PendingWatch, WatchDescriptor, WatchMask};
use crate::vfs::Vfs;
use crate::vfs::at::At;
use crate::vfs::context::Context;
use crate::vfs::file::File;
use crate::vfs::location::Location;
use crate::vfs::permission::Access;
use crate::vfs::walk::{Follow, Lookup};

impl Vfs {
    /// Makes an inotify instance, counted against the quotas of the context's user.
    ///
    /// # Errors
    /// `EMFILE` (`EMFILE`) at the limit of the user's instances.
    ///
    /// ```
    /// # let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// let inotify = vfs.inotify(&vfs.context())?;
    /// assert!(inotify.is_empty());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn inotify(&self, cx: &Context) -> Result<Inotify> {
        Inotify::new(self.notifier(), cx.user())
    }

    /// Watches what a path names, as inotify_add_watch(2) does, and returns when the watch is
    /// ready: every event that happens after the return is seen.
    ///
    /// The caller must be allowed to read the object, not to list the way to it. The path is
    /// followed through symbolic links unless the mask has `DONT_FOLLOW`. A directory that was not
    /// watched for events of its children before is walked, in chunks, with nothing held
    /// between them; O(positive children). Otherwise O(1) after the look-up.
    ///
    /// # Errors
    /// `EINVAL` for a bad mask or an instance of another VFS, those of look-ups, `EACCES`,
    /// `ENOTDIR` (`ONLYDIR`), `EEXIST` (`MASK_CREATE`), `ENOSPC` at the limit of the user's
    /// watches, `ENOENT` if the file system is being unmounted, `ESHUTDOWN` if the instance is
    /// closed. In Linux's order (SEMANTICS 3, add_watch argument order).
    ///
    /// ```
    /// # use vfsnotify::{MemFs, Vfs, inotify::WatchMask};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// let inotify = vfs.inotify(&cx)?;
    /// let wd = vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE | WatchMask::DELETE)?;
    /// assert_eq!(wd.as_raw(), 1);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn add_watch(
        &self,
        cx: &Context,
        inotify: &Inotify,
        path: impl AsRef<[u8]>,
        mask: WatchMask,
    ) -> Result<WatchDescriptor> {
        self.start_watch(cx, inotify, path, mask)?.wait()
    }

    /// The stepping form of [`Vfs::add_watch`]: the walk is left to the caller.
    ///
    /// # Errors
    /// As there.
    pub fn start_watch(
        &self,
        cx: &Context,
        inotify: &Inotify,
        path: impl AsRef<[u8]>,
        mask: WatchMask,
    ) -> Result<PendingWatch> {
        self.start_watch_at(cx, inotify, At::Cwd, path, mask)
    }

    /// [`Vfs::start_watch`] with a path from an open directory.
    ///
    /// # Errors
    /// As there.
    pub fn start_watch_at(
        &self,
        cx: &Context,
        inotify: &Inotify,
        at: At<'_>,
        path: impl AsRef<[u8]>,
        mask: WatchMask,
    ) -> Result<PendingWatch> {
        let path = path.as_ref();
        let _operation = self.operation();
        self.check_watch(inotify, mask)?;
        let follow = if mask.contains(WatchMask::DONT_FOLLOW) { Follow::No } else { Follow::Yes };
        let must_be_dir = mask.contains(WatchMask::ONLYDIR);
        let how = Lookup { follow, must_be_dir, ..Lookup::default() };
        let started = self
            .resolve(cx, at.location(), path, how)
            .and_then(|location| self.start_watch_on(cx, inotify, &location, mask));
        started.map_err(|error| error.with_path(path))
    }

    /// Watches an open object, whatever has become of its name, as a path through
    /// `/proc/self/fd` does on Linux.
    ///
    /// # Errors
    /// As [`Vfs::add_watch`], without those of look-ups.
    ///
    /// ```
    /// # use vfsnotify::{MemFs, OpenFlags, Vfs, inotify::WatchMask};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// let inotify = vfs.inotify(&cx)?;
    /// let file = vfs.open(&cx, "/f", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.unlink(&cx, "/f")?;
    /// vfs.add_watch_file(&cx, &inotify, &file, WatchMask::MODIFY)?;
    /// file.write(b"heard")?;
    /// assert_eq!(inotify.len(), 1);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn add_watch_file(
        &self,
        cx: &Context,
        inotify: &Inotify,
        file: &File,
        mask: WatchMask,
    ) -> Result<WatchDescriptor> {
        self.start_watch_file(cx, inotify, file, mask)?.wait()
    }

    /// The stepping form of [`Vfs::add_watch_file`]: the walk is left to the caller.
    ///
    /// # Errors
    /// As there.
    pub fn start_watch_file(
        &self,
        cx: &Context,
        inotify: &Inotify,
        file: &File,
        mask: WatchMask,
    ) -> Result<PendingWatch> {
        let _operation = file.description().operation();
        self.start_watch_on(cx, inotify, file.location(), mask)
    }

    /// What is checked before anything is looked up.
    fn check_watch(&self, inotify: &Inotify, mask: WatchMask) -> Result<()> {
        mask.check()?;
        if !inotify.is_of(self.notifier()) {
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    /// [`Vfs::start_watch`] of what has been found already.
    fn start_watch_on(
        &self,
        cx: &Context,
        inotify: &Inotify,
        location: &Location,
        mask: WatchMask,
    ) -> Result<PendingWatch> {
        self.check_watch(inotify, mask)?;
        // Part of the look-up where there is one, and so before the look at permissions.
        if mask.contains(WatchMask::ONLYDIR) && !location.kind().is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        self.check_location(cx, location, Access::READ)?;
        inotify.start_watch_on(&location.dentry.inode_ref(), mask)
    }
}

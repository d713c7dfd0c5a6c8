//! Opening files.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::sync::{Arc, AtomicBool};
use crate::fs::OpenFlags;
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::open_file::{File, Opened};
use crate::vfs::file::open_slot::OpenSlot;
use crate::vfs::ops::create::Creation;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup::MAX_RETRIES;
use crate::vfs::resolve::lookup_flags::LookupFlags;
use crate::vfs::resolve::walk::{LastKind, check_path};

/// Whether the object was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Found,
    /// Its mode bits do not stop the caller who made it, and it is not truncated.
    Made,
}

/// The arguments of an open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) cx: &'a Context,
    /// Its flags say how it is looked up, a link at the end included.
    pub(crate) path: PathArg<'a>,
    pub(crate) flags: OpenFlags,
    /// The permission bits of a file that is made, before the umask.
    pub(crate) mode: u32,
}

impl Opening<'_> {
    /// Checks what is asked for, and drops what has no effect. False for flags that there are not, or that contradict
    /// each other.
    #[inline]
    fn check(&mut self) -> bool {
        let lookup = self.path.flags;
        if lookup.contains(LookupFlags::NO_FOLLOW) {
            self.flags |= OpenFlags::NOFOLLOW;
        }
        if lookup.contains(LookupFlags::DIRECTORY) {
            self.flags |= OpenFlags::DIRECTORY;
        }
        let Some(flags) = self.flags.checked() else { return false };
        let exclusive = OpenFlags::CREATE | OpenFlags::EXCL;
        let nofollow = flags.contains(OpenFlags::NOFOLLOW) || flags.contains(exclusive);
        let last_link = if nofollow { LookupFlags::NO_FOLLOW } else { LookupFlags::FOLLOW };
        self.path.flags = lookup.with(last_link);
        self.flags = flags;
        self.mode &= 0o7777;
        lookup.is_valid()
    }
}

/// # Opening
impl Vfs {
    /// Opens what `path` leads to, or makes a regular file there; `mode` is for a file that is
    /// made, before the umask.
    ///
    /// Reports OPEN, after all locks; before it CREATE, under the directory's lock, if the file
    /// was made; after it MODIFY if one that was there was truncated. With `PATH` nothing is reported,
    /// now or when it is closed. O(1) after the look-up.
    ///
    /// An open file (`&file`) is opened again, maybe with other flags or by another user: see
    /// [`File::reopen`]. `NOFOLLOW` says nothing of it: there is no link at the end. Of a symbolic link that was
    /// opened itself only `PATH` gives another handle.
    ///
    /// An open never waits for the other end of a fifo: Linux's rules for `O_NONBLOCK` hold.
    ///
    /// # Errors
    /// In Linux's order: `EINVAL` for flags that contradict each other; those of a path that none can
    /// be (empty, too long, with a NUL); `EMFILE` at the limit
    /// of the user's open files, `ENFILE` at that of all;
    /// those of a look-up; `EEXIST` for `CREATE` with `EXCL`; `EISDIR` for `CREATE`, `WRITE` or
    /// `TRUNC` of a directory, and for `CREATE` of a name with a slash behind it; `ENOTDIR` for
    /// `DIRECTORY` of anything else; `ELOOP` for `NOFOLLOW` of a symbolic link;
    /// `EROFS`; `EACCES`; `EPERM` for `NOATIME` of another user's; `ENXIO` for a socket, for a device of number 0,
    /// and for `WRITE` alone of a fifo without a reader; `EINVAL` for `DIRECT` of anything but a regular file;
    /// what the file system says. If truncating the file fails, it has
    /// been opened and is closed again, both of which is reported.
    ///
    /// ```
    /// use vfsnotify::{Errno, IntoPath, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// let file = vfs.open(&cx, "/new", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// let error = vfs.open(&cx, "/", OpenFlags::WRITE, 0).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EISDIR);
    ///
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// let error = vfs.open(&cx, dir.at("../new").beneath(), OpenFlags::READ, 0).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EXDEV);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn open(
        &self,
        cx: &Context,
        path: impl IntoPath,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<File> {
        self.open_path(Opening { cx, path: path.to_path(), flags, mode })
    }

    pub(crate) fn open_path(&self, mut opening: Opening<'_>) -> Result<File> {
        let _operation = self.operation();
        self.open_checked(&mut opening).map_err(|error| opening.path.add_to(error))
    }

    #[inline]
    fn open_checked(&self, opening: &mut Opening<'_>) -> Result<File> {
        if !opening.check() {
            return Err(Errno::EINVAL.into());
        }
        let is_object = opening.path.is_object();
        if !is_object {
            check_path(opening.path.bytes)?;
        }
        // Charge the description before anything is looked up, as Linux does.
        let slot = OpenSlot::take(self, opening.cx.user())?;
        if opening.flags.contains(OpenFlags::TMPFILE) {
            self.open_unnamed(opening, slot)
        } else if opening.flags.contains(OpenFlags::CREATE) {
            self.open_or_create(opening, slot)
        } else {
            let found = if is_object {
                self.resolve_object(opening.cx, opening.path)?
            } else {
                self.resolve_checked(opening.cx, opening.path)?
            };
            self.open_location(opening, found, Origin::Found, slot)
        }
    }

    fn open_unnamed(&self, opening: &Opening<'_>, slot: OpenSlot) -> Result<File> {
        let Opening { cx, path, .. } = *opening;
        let dir = self.resolve(cx, path.with_flags(LookupFlags::DIRECTORY))?;
        let made = self.tmpfile_in(cx, &dir, opening.mode)?;
        self.open_location(opening, made, Origin::Made, slot)
    }

    fn open_or_create(&self, opening: &Opening<'_>, slot: OpenSlot) -> Result<File> {
        let Opening { cx, path, flags, mode } = *opening;
        let exclusive = flags.contains(OpenFlags::EXCL);
        let refuse = if exclusive { Errno::EEXIST } else { Errno::EISDIR };
        if path.is_object() {
            let found = self.resolve(cx, path)?;
            if exclusive || found.is_dir() {
                return Err(refuse.into());
            }
            return self.open_location(opening, found, Origin::Found, slot);
        }
        for _ in 0..MAX_RETRIES {
            let last = self.resolve_parent(cx, path)?;
            if last.kind != LastKind::Normal {
                // Resolve `..` first: it may leave the place where the path must stay.
                self.resolve(cx, path)?;
                return Err(refuse.into());
            }
            if last.trailing_slash {
                return Err(Errno::EISDIR.into());
            }
            let found = match self.lookup_in(cx.request(), &last.dir, &last.name)? {
                Some(found) => found,
                None => {
                    match self.create_in(cx, &last.dir, &last.name, &Creation::file(mode)) {
                        Ok(made) => {
                            drop(last);
                            return self.open_location(opening, made, Origin::Made, slot);
                        }
                        // Another thread was faster: now it is there.
                        Err(error) if error.errno() == Errno::EEXIST && !exclusive => continue,
                        Err(error) => return Err(error),
                    }
                }
            };
            if exclusive {
                return Err(Errno::EEXIST.into());
            }
            if found.kind() == InodeKind::Symlink && path.flags.contains(LookupFlags::FOLLOW) {
                // Another thread has just made it: follow it.
                continue;
            }
            if found.is_dir() {
                return Err(Errno::EISDIR.into());
            }
            cx.may_create_in_sticky(&last.dir, &found)?;
            drop(last);
            return self.open_location(opening, found, Origin::Found, slot);
        }
        Err(Errno::ESTALE.into())
    }

    /// Opens an object: the last checks, the file system, and the reports.
    fn open_location(
        &self,
        opening: &Opening<'_>,
        object: Location,
        origin: Origin,
        slot: OpenSlot,
    ) -> Result<File> {
        let Opening { cx, path, flags, .. } = *opening;
        if flags.contains(OpenFlags::DIRECTORY)
            && !object.is_dir()
            && !flags.contains(OpenFlags::TMPFILE)
        {
            return Err(Errno::ENOTDIR.into());
        }
        // PATH: the object is only named. Nothing is checked, opened or reported.
        let fs = object.mount.mounted_fs().fs().clone();
        let (opener, request) = (cx.shared_credentials().clone(), *cx.request());
        let linkable = path.linkable().cloned();
        if flags.contains(OpenFlags::PATH) {
            let opened = Opened { fs, kind: FileKind::PathOnly, flags, opener, request, linkable };
            return Ok(File::new(slot, object, opened));
        }
        // Check, and open the contents.
        let truncates = origin == Origin::Found
            && flags.contains(OpenFlags::TRUNC)
            && object.kind() == InodeKind::Regular;
        if origin == Origin::Found {
            self.may_open(cx, AttrObject::by(path, &object), flags)?;
        }
        let pipes = self.open_files().pipes();
        let kind = FileKind::open(cx, &object, flags, pipes, slot.user())?;
        if flags.contains(OpenFlags::DIRECT) && !matches!(kind, FileKind::Regular(_)) {
            // As on Linux, after every other error of the open.
            kind.close(&*fs, object.dentry.get(), pipes, flags);
            return Err(Errno::EINVAL.into());
        }
        // Report the opening, then truncate.
        let is_unnamed = flags & (OpenFlags::TMPFILE | OpenFlags::EXCL) == OpenFlags::TMPFILE;
        let linkable = if is_unnamed { Some(Arc::new(AtomicBool::new(true))) } else { linkable };
        let opened = Opened { fs, kind, flags, opener, request, linkable };
        let file = File::new(slot, object, opened);
        file.description().hooks().on_open(file.description().event_path());
        if truncates {
            // The mode may have changed since it was checked.
            let object = AttrObject::of(file.description());
            self.set_size(cx.credentials(), cx.request(), object, 0, |attr| {
                cx.check(attr, Access::WRITE)
            })?;
        }
        Ok(file)
    }

    /// The checks of Linux's `may_open`, in its order.
    fn may_open(&self, cx: &Context, object: AttrObject<'_>, flags: OpenFlags) -> Result<()> {
        let mut want = Access::empty();
        let reads = OpenFlags::READ | OpenFlags::NO_ACCESS;
        let writes = OpenFlags::WRITE | OpenFlags::TRUNC | OpenFlags::NO_ACCESS;
        want.set(Access::READ, flags.intersects(reads));
        want.set(Access::WRITE, flags.intersects(writes));
        let kind = object.kind();
        match kind {
            InodeKind::Symlink => return Err(Errno::ELOOP.into()),
            InodeKind::Directory if want.contains(Access::WRITE) => {
                return Err(Errno::EISDIR.into());
            }
            _ => {}
        }
        // Linux asks the mount before the mode bits where a file is truncated, and after them where it is
        // to be written to.
        if flags.contains(OpenFlags::TRUNC) && kind == InodeKind::Regular {
            object.location.want_write()?;
        }
        cx.check_object(object, want)?;
        if flags.contains(OpenFlags::NOATIME) && !cx.is_privileged() {
            cx.credentials().require_owner(&object.attr(cx.request())?)?;
        }
        if flags.contains(OpenFlags::WRITE) && !kind.is_special() {
            object.location.want_write()?;
        }
        Ok(())
    }
}

impl File {
    /// Opens the object once more, as [`Vfs::open`] does with the handle for a path: a description of its own, maybe
    /// with other flags or by another user. The names do not matter: a file that has none any more can be opened, and no directory is searched. On Linux that is open(2) of `/proc/self/fd`.
    ///
    /// The way from a `PATH` handle, which a server keeps for each object that its client knows, to one that reads
    /// and writes.
    ///
    /// # Errors
    /// As [`Vfs::open`], without those of a look-up; `ELOOP` for a symbolic link that was opened itself, but with
    /// `PATH`.
    ///
    /// ```
    /// use vfsnotify::{InodeKind, MemFs, OpenFlags, RenameFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mknod(&cx, "/a", InodeKind::Regular, 0o644, 0)?;
    /// vfs.mknod(&cx, "/b", InodeKind::Regular, 0o644, 0)?;
    /// let handle = vfs.open(&cx, "/a", OpenFlags::PATH, 0)?;
    /// vfs.rename(&cx, "/a", "/b", RenameFlags::EXCHANGE)?;
    /// let file = handle.reopen(&cx, OpenFlags::READ_WRITE)?;
    /// file.write(b"a, by whatever name")?;
    /// assert_eq!(vfs.stat(&cx, "/b")?.size, 19);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn reopen(&self, cx: &Context, flags: OpenFlags) -> Result<Self> {
        let opening = Opening { cx, path: self.to_path(), flags, mode: 0 };
        self.description().vfs().open_path(opening)
    }
}

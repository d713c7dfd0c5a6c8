//! Opening.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::fs::OpenFlags;
use crate::vfs::Vfs;
use crate::vfs::at::At;
use crate::vfs::attr::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::create::Creation;
use crate::vfs::file::{Channel, File, Opened};
use crate::vfs::location::Location;
use crate::vfs::lookup::PATIENCE;
use crate::vfs::open_files::OpenSlot;
use crate::vfs::open_flags::{OpenHow, ResolveFlags};
use crate::vfs::permission::{Access, about};
use crate::vfs::walk::{LastKind, Lookup, check_path};

/// How an existing object is opened, or a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Found,
    /// Its mode bits do not stop who made it, and it is not cut.
    Made,
}

impl OpenHow {
    fn lookup(&self) -> Lookup {
        Lookup {
            beneath: self.resolve.contains(ResolveFlags::BENEATH),
            no_symlinks: self.resolve.contains(ResolveFlags::NO_SYMLINKS),
            ..Lookup::with_follow(!self.flags.contains(OpenFlags::NOFOLLOW))
        }
    }
}

/// # Opening
impl Vfs {
    /// Opens what `path` leads to, or makes a regular file there; `mode` is for a file that is
    /// made, before the umask.
    ///
    /// Reports OPEN, after all locks; before it CREATE, under the directory's lock, if the file
    /// was made; after it MODIFY if one that was there was cut. With `PATH` nothing is reported,
    /// now or when it is closed. O(1) after the look-up.
    ///
    /// Nobody waits for the other end of a fifo: Linux's rules for `O_NONBLOCK` hold.
    ///
    /// # Errors
    /// In Linux's order: `EINVAL` for flags that contradict each other; those of a path that none can
    /// be (empty, too long, with a NUL); `EMFILE` at the limit
    /// of the user's open files, `ENFILE` at that of all;
    /// those of a look-up; `EEXIST` for `CREATE` with `EXCL`; `EISDIR` for `CREATE`, `WRITE` or
    /// `TRUNC` of a directory, and for `CREATE` of a name with a slash behind it; `ENOTDIR` for
    /// `DIRECTORY` of anything else; `ELOOP` for `NOFOLLOW` of a symbolic link;
    /// `EROFS`; `EACCES`; `ENXIO` for a socket, for a device of number 0, and for `WRITE`
    /// alone of a fifo that nobody reads; what the file system says. If cutting the file fails, it has
    /// been opened and is closed again, both of which is reported.
    ///
    /// ```
    /// use vfsnotify::{Errno, MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// let file = vfs.open(&cx, "/new", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// let error = vfs.open(&cx, "/", OpenFlags::WRITE, 0).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EISDIR);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn open(
        &self,
        cx: &Context,
        path: impl AsRef<[u8]>,
        flags: OpenFlags,
        mode: u32,
    ) -> Result<File> {
        self.open_with(cx, At::Cwd, path, OpenHow { mode, ..OpenHow::new(flags) })
    }

    /// [`Vfs::open`] with a path from an open directory, or one that may not lead everywhere.
    ///
    /// # Errors
    /// As [`Vfs::open`]; `EXDEV` and `ELOOP` as `how.resolve` asks.
    ///
    /// ```
    /// use vfsnotify::{At, Errno, MemFs, OpenFlags, OpenHow, ResolveFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// let how = OpenHow { resolve: ResolveFlags::BENEATH, ..OpenHow::new(OpenFlags::READ) };
    /// let error = vfs.open_with(&cx, At::Dir(&dir), "../etc/passwd", how).unwrap_err();
    /// assert_eq!(error.errno(), Errno::EXDEV);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn open_with(
        &self,
        cx: &Context,
        at: At<'_>,
        path: impl AsRef<[u8]>,
        how: OpenHow,
    ) -> Result<File> {
        let path = path.as_ref();
        let _operation = self.operation();
        let open = || {
            let how = how.checked()?;
            check_path(path)?;
            let slot = OpenSlot::take(self, cx.user())?;
            if how.flags.contains(OpenFlags::TMPFILE) {
                self.open_unnamed(cx, at, path, how, slot)
            } else if how.flags.contains(OpenFlags::CREATE) {
                self.open_or_create(cx, at, path, how, slot)
            } else {
                let found = self.resolve(cx, at.location(), path, how.lookup())?;
                self.open_location(cx, found, how.flags, Origin::Found, slot)
            }
        };
        open().map_err(about(path))
    }

    fn open_unnamed(
        &self,
        cx: &Context,
        at: At<'_>,
        path: &[u8],
        how: OpenHow,
        slot: OpenSlot,
    ) -> Result<File> {
        let lookup = Lookup { must_be_dir: true, ..how.lookup() };
        let dir = self.resolve(cx, at.location(), path, lookup)?;
        let made = self.tmpfile_in(cx, &dir, how.mode)?;
        let flags = how.flags.difference(OpenFlags::DIRECTORY);
        self.open_location(cx, made, flags, Origin::Made, slot)
    }

    fn open_or_create(
        &self,
        cx: &Context,
        at: At<'_>,
        path: &[u8],
        how: OpenHow,
        slot: OpenSlot,
    ) -> Result<File> {
        let exclusive = how.flags.contains(OpenFlags::EXCL);
        let nofollow = how.flags.contains(OpenFlags::NOFOLLOW);
        for _ in 0..PATIENCE {
            let last = self.resolve_parent(cx, at.location(), path, how.lookup())?;
            if last.kind != LastKind::Normal {
                // `..` is gone to first, and may lead out of where the path must stay.
                self.resolve(cx, at.location(), path, how.lookup())?;
                let kind = if exclusive { Errno::EEXIST } else { Errno::EISDIR };
                return Err(kind.into());
            }
            if last.trailing_slash {
                return Err(Errno::EISDIR.into());
            }
            let found = match self.lookup_in(cx.request(), &last.dir, &last.name)? {
                Some(found) => found,
                None => {
                    match self.create_in(cx, &last.dir, &last.name, &Creation::file(how.mode)) {
                        Ok(made) => {
                            drop(last);
                            return self.open_location(cx, made, how.flags, Origin::Made, slot);
                        }
                        // Somebody was faster: now it is there.
                        Err(error) if error.errno() == Errno::EEXIST && !exclusive => continue,
                        Err(error) => return Err(error),
                    }
                }
            };
            if exclusive {
                return Err(Errno::EEXIST.into());
            }
            if found.kind() == InodeKind::Symlink && !nofollow {
                // It has just been made: follow it.
                continue;
            }
            if found.is_dir() {
                return Err(Errno::EISDIR.into());
            }
            self.may_create_in_sticky(cx, &last.dir, &found)?;
            drop(last);
            return self.open_location(cx, found, how.flags, Origin::Found, slot);
        }
        Err(Errno::ESTALE.into())
    }

    /// Opens an object: the last checks, the file system, and the reports.
    fn open_location(
        &self,
        cx: &Context,
        object: Location,
        flags: OpenFlags,
        origin: Origin,
        slot: OpenSlot,
    ) -> Result<File> {
        if flags.contains(OpenFlags::DIRECTORY) && !object.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        let fs = object.mount.instance().fs().clone();
        let (opener, request) = (cx.shared_credentials().clone(), *cx.request());
        if flags.contains(OpenFlags::PATH) {
            let opened = Opened { fs, channel: Channel::Named, flags, opener, request };
            return Ok(File::new(slot, object, opened));
        }
        let cut = origin == Origin::Found
            && flags.contains(OpenFlags::TRUNC)
            && object.kind() == InodeKind::Regular;
        if origin == Origin::Found {
            self.may_open(cx, &object, flags)?;
        }
        let channel = self.open_channel(cx, &object, flags, slot.user())?;
        let file = File::new(slot, object, Opened { fs, channel, flags, opener, request });
        self.notifier().on_open(file.description().victim());
        if cut {
            // The mode may have changed since it was looked at.
            let object = AttrObject::of(file.description());
            self.set_size(cx.credentials(), cx.request(), object, 0, |attr| {
                self.check(cx, attr, Access::WRITE)
            })?;
        }
        Ok(file)
    }

    /// The checks of Linux's `may_open`, in its order.
    fn may_open(&self, cx: &Context, object: &Location, flags: OpenFlags) -> Result<()> {
        let mut want = Access::empty();
        let reads = OpenFlags::READ | OpenFlags::NEITHER;
        let writes = OpenFlags::WRITE | OpenFlags::TRUNC | OpenFlags::NEITHER;
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
        // Linux asks the mount before the mode bits where a file is cut, and after them where it is
        // to be written to.
        if flags.contains(OpenFlags::TRUNC) && kind == InodeKind::Regular {
            object.want_write()?;
        }
        self.check_location(cx, object, want)?;
        if flags.contains(OpenFlags::WRITE) && !kind.is_special() {
            object.want_write()?;
        }
        Ok(())
    }

    fn open_channel(
        &self,
        cx: &Context,
        object: &Location,
        flags: OpenFlags,
        user: u32,
    ) -> Result<Channel> {
        let open = || object.fs().open(cx.request(), object.ino(), flags.of_open_file());
        Ok(match object.kind() {
            InodeKind::Regular => Channel::Regular(open()?),
            InodeKind::Directory => Channel::Directory(open()?),
            InodeKind::Fifo => {
                let inode = object.dentry.get().inode().key();
                Channel::Pipe(self.open_files().pipes().open(inode, flags, user)?)
            }
            // The number 0 is that of no device: it marks a whiteout.
            InodeKind::CharDevice | InodeKind::BlockDevice
                if object.attr(cx.request())?.rdev != 0 =>
            {
                Channel::Device
            }
            InodeKind::CharDevice | InodeKind::BlockDevice | InodeKind::Socket => {
                return Err(Errno::ENXIO.into());
            }
            InodeKind::Symlink => return Err(Errno::ELOOP.into()),
        })
    }
}

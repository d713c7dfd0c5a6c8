//! Changes of a file's size and of the storage behind it.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::fs::{Attr, FallocateFlags, Request, SetAttr};
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::credentials::Credentials;
use crate::vfs::directory_locks::lock_object;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::open_file::File;
use crate::vfs::file::read_write::{MAX_OFFSET, check_offset};
use crate::vfs::file::set_id;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;

/// # Errors
/// `EOPNOTSUPP` for a combination that means nothing.
fn check_flags(flags: FallocateFlags) -> Result<()> {
    let punch = flags.contains(FallocateFlags::PUNCH_HOLE);
    let senseless = punch
        && (!flags.contains(FallocateFlags::KEEP_SIZE)
            || flags.contains(FallocateFlags::ZERO_RANGE));
    // `complement` leaves out the bits without a name.
    if senseless || FallocateFlags::from_bits(flags.bits()).is_none() {
        return Err(Errno::EOPNOTSUPP.into());
    }
    Ok(())
}

impl Vfs {
    /// Truncates the file that `path` leads to, or extends it by a hole. It is not opened.
    ///
    /// Reports MODIFY, also for the size it has already; if set-id bits are stripped, that and
    /// ATTRIB are one event.
    ///
    /// # Errors
    /// Those of a look-up; `EINVAL` for a size that is negative to Linux and for what is no
    /// regular file, `EISDIR`; `EACCES` without permission to write; `EROFS`, which on a
    /// read-only superblock comes before `EACCES`; `EFBIG`.
    ///
    /// ```
    /// # use vfsnotify::{MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// vfs.truncate(&cx, "/a", 1000)?;
    /// assert_eq!(vfs.stat(&cx, "/a")?.attr.size, 1000);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn truncate(&self, cx: &Context, path: impl IntoPath, len: u64) -> Result<()> {
        self.truncate_path(cx, path.to_path(), len)
    }

    fn truncate_path(&self, cx: &Context, path: PathArg<'_>, len: u64) -> Result<()> {
        check_offset(len).map_err(|error| path.add_to(error))?;
        self.with_object(cx, path, |object| {
            match object.kind() {
                InodeKind::Regular => {}
                InodeKind::Directory => return Err(Errno::EISDIR.into()),
                _ => return Err(Errno::EINVAL.into()),
            }
            // Linux asks the mode bits before the mount (but a read-only superblock before both).
            cx.check_object(object, Access::WRITE)?;
            object.location.want_write()?;
            let allow = |attr: &Attr| cx.check(attr, Access::WRITE);
            self.set_size(cx.credentials(), cx.request(), object, len, allow)
        })
    }

    /// Sets the size of a regular file, with all that goes with it, if `allow` finds it allowed with
    /// the attributes as they are: in one step to other changes of them.
    pub(crate) fn set_size(
        &self,
        who: &Credentials,
        request: &Request,
        object: AttrObject<'_>,
        len: u64,
        allow: impl FnOnce(&Attr) -> Result<()>,
    ) -> Result<()> {
        let dentry = object.location.dentry.get();
        let _object = lock_object(self.tree(), dentry);
        let attr = object.attr(request)?;
        allow(&attr)?;
        let mode = set_id::left_by_write(&attr, who);
        let change = SetAttr { size: Some(len), mode, ..SetAttr::default() };
        object.setattr(request, &change)?;
        let attrib = if mode.is_some() { EventMask::ATTRIB } else { EventMask::empty() };
        self.notifier().by(request.actor()).on_attrib(dentry, EventMask::MODIFY | attrib);
        Ok(())
    }
}

impl File {
    /// Truncates the file, or extends it by a hole; see [`Vfs::truncate`].
    ///
    /// # Errors
    /// `EINVAL` for a size that is negative to Linux, for what is no regular file, and if it is
    /// not open for writing; `EBADF` if it is only named; `EFBIG`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.truncate(5)?;
    /// assert_eq!(file.stat()?.attr.size, 5);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn truncate(&self, len: u64) -> Result<()> {
        self.act(|open| {
            check_offset(len)?;
            open.check_open()?;
            if !matches!(open.kind, FileKind::Regular(_)) || open.check_writes().is_err() {
                return Err(Errno::EINVAL.into());
            }
            let _operation = open.operation();
            let object = AttrObject::of(open);
            open.vfs().set_size(&open.opener, &open.request, object, len, |_| Ok(()))
        })
    }

    /// Allocates, zeroes or frees a range of a file. Reports MODIFY.
    ///
    /// # Errors
    /// `EINVAL` for an empty range or one that is negative to Linux, `EBADF` if it is not
    /// open for writing, `ESPIPE` for a fifo, `ENODEV` for a device, `EFBIG`,
    /// `ENOSPC`, `EOPNOTSUPP` for flags that the file system does not know.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use vfsnotify::FallocateFlags;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.fallocate(FallocateFlags::KEEP_SIZE, 0, 4096)?;
    /// let attr = file.stat()?.attr;
    /// assert_eq!((attr.size, attr.blocks), (0, 8));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn fallocate(&self, flags: FallocateFlags, offset: u64, len: u64) -> Result<()> {
        self.act(|open| {
            open.check_open()?;
            if offset > MAX_OFFSET || len > MAX_OFFSET || len == 0 {
                return Err(Errno::EINVAL.into());
            }
            check_flags(flags)?;
            open.check_writes()?;
            let handle = match open.kind {
                FileKind::Regular(handle) => handle,
                FileKind::Pipe(_) => return Err(Errno::ESPIPE.into()),
                _ => return Err(Errno::ENODEV.into()),
            };
            if offset + len > MAX_OFFSET {
                return Err(Errno::EFBIG.into());
            }
            let _operation = open.operation();
            open.change_then_strip(|| {
                open.fs.fallocate(&open.request, open.ino, handle, flags, offset, len)
            })?;
            open.hooks().on_modify(open.event_path());
            Ok(())
        })
    }
}

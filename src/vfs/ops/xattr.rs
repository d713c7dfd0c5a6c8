//! Extended attributes.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::mode::Mode;
use crate::base::path_limits::{XATTR_NAME_MAX, XATTR_SIZE_MAX};
use crate::base::sync::count_items;
use crate::fs::XattrMode;
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::directory_locks::lock_object;
use crate::vfs::file::open_file::File;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;

/// The namespace of an attribute, by the prefix of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespace {
    /// For every user, by the mode bits, on regular files and directories.
    User,
    /// For the superuser only; others do not see it.
    Trusted,
    /// Set by the superuser, seen by every user.
    Security,
    /// No file system here has any.
    Unknown,
}

impl Namespace {
    /// The namespace of a name, and whether there is anything after the prefix.
    fn of(name: &[u8]) -> (Self, bool) {
        let known = [
            (&b"user."[..], Self::User),
            (&b"trusted."[..], Self::Trusted),
            (&b"security."[..], Self::Security),
        ];
        let found = known.into_iter().find(|(prefix, _)| name.starts_with(prefix));
        found.map_or((Self::Unknown, true), |(prefix, namespace)| {
            (namespace, name.len() > prefix.len())
        })
    }
}

/// # Extended attributes
///
/// Names begin with `user.`, `trusted.` or `security.`; any other namespace is `EOPNOTSUPP`.
/// Setting and removing report ATTRIB, also where the value stays the same; looking reports
/// nothing. The cost is that of the look-up and of the file system.
///
/// `user.` attributes exist on regular files and directories only, and follow the mode bits; in a
/// sticky directory's own only its owner sets them. `trusted.` ones exist only for uid 0, who
/// alone sets `security.` ones.
impl Vfs {
    /// The value of an attribute of what `path` leads to, a symbolic link at the end followed.
    ///
    /// # Errors
    /// Those of a look-up; `ENODATA`; `ERANGE` for an empty name or one of more than 255 bytes;
    /// `EINVAL` for a name with a NUL, and for a prefix and nothing more; `EACCES`; `EOPNOTSUPP`; `E2BIG` if the
    /// file system's value has more than 64 KiB.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.setxattr(&cx, "/", "user.key", b"value", XattrMode::Create)?;
    /// assert_eq!(vfs.getxattr(&cx, "/", "user.key")?, b"value");
    /// assert_eq!(vfs.listxattr(&cx, "/")?, [b"user.key"]);
    /// vfs.removexattr(&cx, "/", "user.key")?;
    /// assert!(vfs.getxattr(&cx, "/", "user.key").is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn getxattr(
        &self,
        cx: &Context,
        path: impl IntoPath,
        name: impl AsRef<[u8]>,
    ) -> Result<Vec<u8>> {
        self.getxattr_path(cx, path.to_path(), name.as_ref())
    }

    fn getxattr_path(&self, cx: &Context, path: PathArg<'_>, name: &[u8]) -> Result<Vec<u8>> {
        let name = check_name(name).map_err(|error| path.add_to(error))?;
        self.with_object(cx, path, |object| self.get_attribute(cx, object, name))
    }

    /// Sets an attribute of what `path` leads to, a symbolic link at the end followed.
    ///
    /// # Errors
    /// Those of a look-up; `EEXIST` or `ENODATA` as `mode` asks; `ENOSPC`, `E2BIG` for a value of
    /// more than 64 KiB; `EROFS`; `EPERM` where the object or the caller cannot have
    /// such an attribute; otherwise as [`Vfs::getxattr`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let error = vfs.setxattr(&cx, "/", "user.a", b"", XattrMode::Replace).unwrap_err();
    /// assert_eq!(error.errno(), Errno::ENODATA);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn setxattr(
        &self,
        cx: &Context,
        path: impl IntoPath,
        name: impl AsRef<[u8]>,
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        self.setxattr_path(cx, path.to_path(), name.as_ref(), value, mode)
    }

    fn setxattr_path(
        &self,
        cx: &Context,
        path: PathArg<'_>,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        let name = check_name(name).map_err(|error| path.add_to(error))?;
        check_value(value).map_err(|error| path.add_to(error))?;
        self.with_object(cx, path, |object| self.set_attribute(cx, object, name, value, mode))
    }

    /// The names of the attributes that the caller may know of, of what `path` leads to, a symbolic link at the end
    /// followed.
    ///
    /// # Errors
    /// Those of a look-up; `EOPNOTSUPP` by the file system; `EIO` if it lists a name that none can be;
    /// `E2BIG` if the names take more than 64 KiB, with a byte for each beside it, as on Linux.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.setxattr(&cx, "/", "user.a", b"x", XattrMode::Set)?;
    /// assert_eq!(vfs.listxattr(&cx, "/")?, [b"user.a"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn listxattr(&self, cx: &Context, path: impl IntoPath) -> Result<Vec<Vec<u8>>> {
        self.listxattr_path(cx, path.to_path())
    }

    fn listxattr_path(&self, cx: &Context, path: PathArg<'_>) -> Result<Vec<Vec<u8>>> {
        self.with_object(cx, path, |object| self.list_attributes(cx, object))
    }

    /// Removes an attribute of what `path` leads to, a symbolic link at the end followed.
    ///
    /// # Errors
    /// As [`Vfs::getxattr`] and [`Vfs::setxattr`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let error = vfs.removexattr(&cx, "/", "user.none").unwrap_err();
    /// assert_eq!(error.errno(), Errno::ENODATA);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn removexattr(
        &self,
        cx: &Context,
        path: impl IntoPath,
        name: impl AsRef<[u8]>,
    ) -> Result<()> {
        self.removexattr_path(cx, path.to_path(), name.as_ref())
    }

    fn removexattr_path(&self, cx: &Context, path: PathArg<'_>, name: &[u8]) -> Result<()> {
        let name = check_name(name).map_err(|error| path.add_to(error))?;
        self.with_object(cx, path, |object| self.remove_attribute(cx, object, name))
    }

    fn get_attribute(&self, cx: &Context, object: AttrObject<'_>, name: &[u8]) -> Result<Vec<u8>> {
        self.check_attribute(cx, object, name, Access::READ)?;
        let value = object.location.fs().getxattr(cx.request(), object.location.ino(), name)?;
        // As Linux answers, which gives the file system no room for more.
        check_value(&value).map(|()| value)
    }

    fn set_attribute(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        self.change_attribute(cx, object, name, || {
            object.location.fs().setxattr(cx.request(), object.location.ino(), name, value, mode)
        })
    }

    fn list_attributes(&self, cx: &Context, object: AttrObject<'_>) -> Result<Vec<Vec<u8>>> {
        let mut names = object.location.fs().listxattr(cx.request(), object.location.ino())?;
        count_items(names.len());
        // A NUL ends a name where the list is handed on.
        if names.iter().any(|name| check_name(name).is_err()) {
            return Err(Errno::EIO.into());
        }
        if !cx.is_privileged() {
            names.retain(|name| Namespace::of(name).0 != Namespace::Trusted);
        }
        if names.iter().map(|name| name.len() + 1).sum::<usize>() > 65_536 {
            return Err(Errno::E2BIG.into());
        }
        Ok(names)
    }

    fn remove_attribute(&self, cx: &Context, object: AttrObject<'_>, name: &[u8]) -> Result<()> {
        self.change_attribute(cx, object, name, || {
            object.location.fs().removexattr(cx.request(), object.location.ino(), name)
        })
    }

    /// Checks, changes and reports, in one step to other changes of this object.
    fn change_attribute(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        name: &[u8],
        change: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        object.location.want_write()?;
        let dentry = object.location.dentry.get();
        let _object = lock_object(self.tree(), dentry);
        self.check_attribute(cx, object, name, Access::WRITE)?;
        change()?;
        self.notifier().by(cx.request().actor()).on_attrib(dentry, EventMask::ATTRIB);
        Ok(())
    }

    /// Whether the caller may read or write such an attribute of this object.
    ///
    /// # Errors
    /// In Linux's order: what the namespace forbids, what the mode bits forbid, and whether there
    /// is such a namespace at all.
    fn check_attribute(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        name: &[u8],
        access: Access,
    ) -> Result<()> {
        let writes = access == Access::WRITE;
        let (namespace, named) = Namespace::of(name);
        let hidden = || if writes { Errno::EPERM } else { Errno::ENODATA };
        match namespace {
            Namespace::Trusted if !cx.is_privileged() => return Err(hidden().into()),
            Namespace::Security if writes => cx.require_privilege()?,
            Namespace::Trusted | Namespace::Security => {}
            Namespace::User => {
                if !matches!(object.kind(), InodeKind::Regular | InodeKind::Directory) {
                    return Err(hidden().into());
                }
                let attr = object.attr(cx.request())?;
                if writes && attr.kind.is_dir() && attr.mode.contains(Mode::STICKY) {
                    cx.credentials().require_owner(&attr)?;
                }
                cx.check(&attr, access)?;
            }
            Namespace::Unknown => {
                if !name.starts_with(b"system.") {
                    cx.check(&object.attr(cx.request())?, access)?;
                }
                return Err(Errno::EOPNOTSUPP.into());
            }
        }
        if named { Ok(()) } else { Err(Errno::EINVAL.into()) }
    }
}

/// # Errors
/// `ERANGE` for a name that is empty or too long, `EINVAL` for one with a NUL, which no caller of
/// Linux can pass.
fn check_name(name: &[u8]) -> Result<&[u8]> {
    if name.is_empty() || name.len() > XATTR_NAME_MAX {
        return Err(Errno::ERANGE.into());
    }
    if name.contains(&0) {
        return Err(Errno::EINVAL.into());
    }
    Ok(name)
}

/// # Errors
/// `E2BIG` for a value that is too large for every file system.
fn check_value(value: &[u8]) -> Result<()> {
    if value.len() > XATTR_SIZE_MAX { Err(Errno::E2BIG.into()) } else { Ok(()) }
}

/// # Extended attributes
///
/// As the methods of [`Vfs`] of the same names, for what is open. A handle that only names an
/// object has none of them: `EBADF`.
impl File {
    /// The value of an attribute; see [`Vfs::getxattr`].
    ///
    /// # Errors
    /// As [`Vfs::getxattr`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.setxattr(&cx, "user.a", b"x", XattrMode::Set)?;
    /// assert_eq!(file.getxattr(&cx, "user.a")?, b"x");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn getxattr(&self, cx: &Context, name: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let name = self.act(|_| check_name(name.as_ref()))?;
        self.change_open(|open| open.vfs().get_attribute(cx, AttrObject::of(open), name))
    }

    /// Sets an attribute; see [`Vfs::setxattr`].
    ///
    /// # Errors
    /// As [`Vfs::setxattr`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.setxattr(&cx, "user.a", b"x", XattrMode::Create)?;
    /// assert_eq!(vfs.getxattr(&cx, "/a", "user.a")?, b"x");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn setxattr(
        &self,
        cx: &Context,
        name: impl AsRef<[u8]>,
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        let name = self.act(|_| check_name(name.as_ref()))?;
        self.act(|_| check_value(value))?;
        self.change_open(|open| {
            open.vfs().set_attribute(cx, AttrObject::of(open), name, value, mode)
        })
    }

    /// The names of the attributes; see [`Vfs::listxattr`].
    ///
    /// # Errors
    /// As [`Vfs::listxattr`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// assert!(file.listxattr(&cx)?.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn listxattr(&self, cx: &Context) -> Result<Vec<Vec<u8>>> {
        self.change_open(|open| open.vfs().list_attributes(cx, AttrObject::of(open)))
    }

    /// Removes an attribute; see [`Vfs::removexattr`].
    ///
    /// # Errors
    /// As [`Vfs::removexattr`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.setxattr(&cx, "user.a", b"x", XattrMode::Set)?;
    /// file.removexattr(&cx, "user.a")?;
    /// assert!(file.listxattr(&cx)?.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn removexattr(&self, cx: &Context, name: impl AsRef<[u8]>) -> Result<()> {
        let name = self.act(|_| check_name(name.as_ref()))?;
        self.change_open(|open| open.vfs().remove_attribute(cx, AttrObject::of(open), name))
    }
}

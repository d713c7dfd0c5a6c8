//! Changes of attributes.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::mode::Mode;
use crate::fs::{Attr, SetAttr, TimeSetting};
use crate::tree::Inode;
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::directory_locks::lock_object;
use crate::vfs::file::open_file::{Description, File};
use crate::vfs::file::set_id;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;

/// # Changing attributes
///
/// The change is reported to the object and to the directory of the name that was used, as
/// ATTRIB if nothing else is said. O(1) after the look-up; a directory's own lock is held.
impl Vfs {
    /// Sets the permission bits of what `path` leads to, a symbolic link at the end followed.
    ///
    /// The set-group-id bit is dropped if the caller is neither privileged nor in the file's
    /// group. Reports ATTRIB, also for the bits it has already.
    ///
    /// # Errors
    /// Those of a look-up; `EROFS`; `EOPNOTSUPP` for a symbolic link that is not followed; `EPERM` for all but
    /// the owner and uid 0.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.chmod(&cx, "/", 0o700)?;
    /// assert_eq!(vfs.stat(&cx, "/")?.mode, 0o700);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn chmod(&self, cx: &Context, path: impl IntoPath, mode: u32) -> Result<()> {
        self.chmod_path(cx, path.to_path(), mode)
    }

    fn chmod_path(&self, cx: &Context, path: PathArg<'_>, mode: u32) -> Result<()> {
        self.with_object(cx, path, |object| self.set_mode(cx, object, mode))
    }

    /// Sets the owner, the group, or both, of what `path` leads to, a symbolic link at the end followed; `None`
    /// leaves one as it is, and so does `u32::MAX`, which is the -1 of chown(2).
    ///
    /// Set-id bits of what is not a directory are dropped, as Linux drops them. Reports ATTRIB;
    /// nothing where both stay and no bit is dropped.
    ///
    /// # Errors
    /// Those of a look-up; `EROFS`; `EPERM` for all but uid 0, but an owner may set the
    /// group to one of its own.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.symlink(&cx, "/", "/link")?;
    /// vfs.chown(&cx, "/link", Some(1000), None)?;
    /// vfs.chown(&cx, "/link".no_follow(), None, Some(7))?;
    /// assert_eq!(vfs.stat(&cx, "/")?.uid, 1000);
    /// assert_eq!(vfs.stat(&cx, "/link".no_follow())?.gid, 7);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn chown(
        &self,
        cx: &Context,
        path: impl IntoPath,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<()> {
        self.chown_path(cx, path.to_path(), uid, gid)
    }

    fn chown_path(
        &self,
        cx: &Context,
        path: PathArg<'_>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<()> {
        self.with_object(cx, path, |object| self.set_owner(cx, object, uid, gid))
    }

    /// Sets the access time, the modification time, or both, of what `path` leads to, a symbolic link at the end
    /// followed; `None` leaves one as it is.
    ///
    /// Reports ATTRIB for both, ACCESS for the access time alone and MODIFY for the modification
    /// time alone, as Linux does. Where both are `None` not even the path is looked at.
    ///
    /// # Errors
    /// Those of a look-up; `EINVAL` for a billion nanoseconds or more; `EROFS`;
    /// `EPERM` for all but the owner and uid 0; but a caller who may write may set both to now,
    /// and gets `EACCES` otherwise.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use vfsnotify::{TimeSetting, Timestamp};
    /// let time = Timestamp::from_seconds(1_000_000_000);
    /// vfs.utimens(&cx, "/", Some(TimeSetting::Now), Some(TimeSetting::At(time)))?;
    /// assert_eq!(vfs.stat(&cx, "/")?.mtime, time);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn utimens(
        &self,
        cx: &Context,
        path: impl IntoPath,
        atime: Option<TimeSetting>,
        mtime: Option<TimeSetting>,
    ) -> Result<()> {
        self.utimens_path(cx, path.to_path(), atime, mtime)
    }

    fn utimens_path(
        &self,
        cx: &Context,
        path: PathArg<'_>,
        atime: Option<TimeSetting>,
        mtime: Option<TimeSetting>,
    ) -> Result<()> {
        if atime.is_none() && mtime.is_none() {
            return Ok(());
        }
        self.with_object(cx, path, |object| self.set_times(cx, object, atime, mtime))
    }

    fn set_mode(&self, cx: &Context, object: AttrObject<'_>, mode: u32) -> Result<()> {
        let credentials = cx.credentials();
        self.change(cx, object, |attr| {
            // After the mount and before the owner, as on Linux.
            if attr.kind == InodeKind::Symlink {
                return Err(Errno::EOPNOTSUPP.into());
            }
            credentials.require_owner(attr)?;
            let mut mode = Mode::new(mode);
            if !set_id::may_set_gid(attr.gid, credentials) {
                mode -= Mode::SET_GID;
            }
            Ok((SetAttr::default().with_mode(mode), EventMask::ATTRIB))
        })
    }

    fn set_owner(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<()> {
        let credentials = cx.credentials();
        let (uid, gid) = (uid.filter(is_id), gid.filter(is_id));
        self.change(cx, object, |attr| {
            let mode = set_id::left_by_chown(attr, credentials);
            if !credentials.is_privileged() {
                let owns = attr.uid == credentials.uid;
                let may_give = uid.is_none_or(|uid| owns && uid == attr.uid);
                let may_share =
                    gid.is_none_or(|gid| owns && (gid == attr.gid || credentials.is_in_group(gid)));
                // Dropping a set-id bit changes the mode, which only the owner may.
                if !may_give || !may_share || (mode.is_some() && !owns) {
                    return Err(Errno::EPERM.into());
                }
            }
            let change = SetAttr { mode, uid, gid, ..SetAttr::default() };
            if change == SetAttr::default() {
                // No event, but ctime changes.
                return Ok((SetAttr { uid: Some(attr.uid), ..change }, EventMask::empty()));
            }
            Ok((change, EventMask::ATTRIB))
        })
    }

    fn set_times(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        atime: Option<TimeSetting>,
        mtime: Option<TimeSetting>,
    ) -> Result<()> {
        // Before the mount is asked, and after the look-up.
        check_times(atime, mtime)?;
        let sets_both_to_now = atime == Some(TimeSetting::Now) && mtime == Some(TimeSetting::Now);
        self.change(cx, object, |attr| {
            if let Err(error) = cx.credentials().require_owner(attr) {
                if !sets_both_to_now {
                    return Err(error);
                }
                cx.check(attr, Access::WRITE)?;
            }
            let what = match (atime, mtime) {
                (Some(_), Some(_)) => EventMask::ATTRIB,
                (Some(_), None) => EventMask::ACCESS,
                (None, Some(_)) => EventMask::MODIFY,
                (None, None) => EventMask::empty(),
            };
            Ok((SetAttr { atime, mtime, ..SetAttr::default() }, what))
        })
    }

    /// Makes the change that `decide` finds right for the attributes as they are, and reports
    /// it: both in one step to other changes of this object.
    fn change(
        &self,
        cx: &Context,
        object: AttrObject<'_>,
        decide: impl FnOnce(&Attr) -> Result<(SetAttr, EventMask)>,
    ) -> Result<()> {
        object.location.want_write()?;
        let dentry = object.location.dentry.get();
        let _object = lock_object(self.tree(), dentry);
        let (change, what) = decide(&object.attr(cx.request())?)?;
        if change == SetAttr::default() {
            return Ok(());
        }
        // After an error or a panic the bits are unknown: count a change.
        let mut counted = SetIdChange { inode: dentry.inode(), is_change: true };
        let now = object.setattr(cx.request(), &change)?;
        counted.is_change = now.mode.intersects(Mode::SET_ID);
        drop(counted);
        if !what.is_empty() {
            self.notifier().by(cx.request().actor()).on_attrib(dentry, what);
        }
        Ok(())
    }
}

/// Notes, when it is dropped, that an inode may have set-id bits now: its writers must look again.
/// The object is locked.
struct SetIdChange<'a> {
    inode: Inode<'a>,
    is_change: bool,
}

impl Drop for SetIdChange<'_> {
    fn drop(&mut self) {
        if self.is_change {
            self.inode.count_set_id_change();
        }
    }
}

/// Whether a number names an owner or a group. -1 does not: to chown(2) it means unchanged.
fn is_id(id: &u32) -> bool {
    *id != u32::MAX
}

/// # Errors
/// `EINVAL` for a time that is none.
fn check_times(atime: Option<TimeSetting>, mtime: Option<TimeSetting>) -> Result<()> {
    for time in [atime, mtime].into_iter().flatten() {
        if matches!(time, TimeSetting::At(time) if time.nanoseconds >= 1_000_000_000) {
            return Err(Errno::EINVAL.into());
        }
    }
    Ok(())
}

/// # Changing attributes
///
/// As the methods of [`Vfs`] of the same names, for what is open; what is only named is not:
/// `EBADF`.
impl File {
    /// Sets the permission bits; see [`Vfs::chmod`].
    ///
    /// # Errors
    /// As [`Vfs::chmod`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.chmod(&cx, 0o600)?;
    /// assert_eq!(file.stat()?.mode, 0o600);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn chmod(&self, cx: &Context, mode: u32) -> Result<()> {
        self.change_open(|open| open.vfs().set_mode(cx, AttrObject::of(open), mode))
    }

    /// Sets owner and group; see [`Vfs::chown`].
    ///
    /// # Errors
    /// As [`Vfs::chown`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.chown(&cx, Some(7), Some(8))?;
    /// assert_eq!((file.stat()?.uid, file.stat()?.gid), (7, 8));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn chown(&self, cx: &Context, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        self.change_open(|open| open.vfs().set_owner(cx, AttrObject::of(open), uid, gid))
    }

    /// Sets times; see [`Vfs::utimens`].
    ///
    /// # Errors
    /// As [`Vfs::utimens`]; `EBADF`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// let time = Timestamp::from_seconds(7);
    /// file.utimens(&cx, Some(TimeSetting::At(time)), None)?;
    /// assert_eq!(file.stat()?.atime, time);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn utimens(
        &self,
        cx: &Context,
        atime: Option<TimeSetting>,
        mtime: Option<TimeSetting>,
    ) -> Result<()> {
        if atime.is_none() && mtime.is_none() {
            return Ok(());
        }
        self.change_open(|open| open.vfs().set_times(cx, AttrObject::of(open), atime, mtime))
    }

    /// Calls `act` with the open object, as a public operation.
    pub(crate) fn change_open<T>(&self, act: impl FnOnce(&Description) -> Result<T>) -> Result<T> {
        self.act(|open| {
            open.check_open()?;
            let _operation = open.operation();
            act(open)
        })
    }
}

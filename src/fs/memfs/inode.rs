//! One inode: its kind, its attributes, its locks.

use std::ops::{Deref, DerefMut};

use super::data::{MemData, PAGE};
use super::dir::{Dir, MemChild};
use super::space::{Charge, InodeCharge, Space};
use super::xattr::Xattrs;
use crate::base::clock::Timestamp;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::base::sync::{Arc, RwLock, rank};
use crate::fs::{Attr, NewNode, Node, SetAttr, TimeSetting};

type Lock<T> = RwLock<T, { rank::FS_NODE }>;

/// The generation of every inode.
pub(super) const GENERATION: u64 = 0;

/// Makes the key of an attribute lock greater than that of any other lock of any inode.
const ATTRS: u64 = 1 << 63;

/// A target shorter than this takes no storage, as in tmpfs.
const SHORT_TARGET: usize = 128;

/// An inode.
///
/// It has up to three locks. The lock of its contents or entries and that of its extended attributes
/// may be held for long; operations on its attributes or its name do not take them. The lock of the
/// attributes is the innermost of all and is held for a few stores. Two locks of contents are held
/// together only for directories, in the order of their numbers.
#[derive(Debug)]
pub(super) struct MemInode {
    pub(super) ino: u64,
    pub(super) kind: InodeKind,
    rdev: u64,
    body: Body,
    xattrs: Lock<Xattrs>,
    attrs: Lock<Attrs>,
    _slot: InodeCharge,
}

#[derive(Debug)]
enum Body {
    File(Lock<MemData>),
    Directory(Lock<Dir>),
    Symlink { target: Box<[u8]>, _charge: Charge },
    Special,
}

/// How many links a new inode has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Birth {
    /// Those of a name that the caller is about to give it.
    Named,
    /// None, but it may get one (`O_TMPFILE`).
    Unnamed,
}

/// The attributes that can change. The size and the blocks are copies of those of the contents, updated
/// with every change.
#[derive(Debug)]
pub(super) struct Attrs {
    mode: Mode,
    uid: u32,
    gid: u32,
    nlink: u32,
    lookups: u64,
    size: u64,
    blocks: u64,
    atime: Timestamp,
    mtime: Timestamp,
    ctime: Timestamp,
    btime: Timestamp,
    /// It has no name yet but may get one.
    linkable: bool,
    /// The last link and the last lookup are gone: it is being removed from the table.
    freed: bool,
}

/// The result of the loss of a link.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkGone {
    /// The link was a second or further name, which has a slot of its own.
    pub(super) slot: bool,
    /// The inode must be freed.
    pub(super) last: bool,
    /// How many links are left.
    pub(super) nlink: u32,
}

impl Attrs {
    /// Changes attributes other than the size; a change of size sets the times only.
    fn apply(&mut self, change: &SetAttr, now: Timestamp) {
        if *change == SetAttr::default() {
            return;
        }
        let time = |setting| match setting {
            TimeSetting::Now => now,
            TimeSetting::At(time) => time,
        };
        self.mode = change.mode.unwrap_or(self.mode);
        self.uid = change.uid.unwrap_or(self.uid);
        self.gid = change.gid.unwrap_or(self.gid);
        if change.size.is_some() {
            self.mtime = now;
        }
        self.atime = change.atime.map_or(self.atime, time);
        self.mtime = change.mtime.map_or(self.mtime, time);
        self.ctime = now;
    }

    /// Sets another time of birth of an inode that has not been changed since.
    pub(super) fn set_birth(&mut self, born: Timestamp, now: Timestamp) {
        if [self.atime, self.mtime, self.ctime] == [born; 3] {
            (self.atime, self.mtime, self.ctime, self.btime) = (now, now, now, now);
        }
    }

    pub(super) fn set_ctime(&mut self, now: Timestamp) {
        self.ctime = now;
    }

    /// Counts one name more.
    ///
    /// # Errors
    /// `ENOENT` if the last one is gone, `EMLINK`, `ENOSPC`.
    pub(super) fn add_link(&mut self, space: &Space, now: Timestamp) -> Result<()> {
        if self.freed || (self.nlink == 0 && !self.linkable) {
            return Err(Errno::ENOENT.into());
        }
        let nlink = self.nlink.checked_add(1).ok_or(Errno::EMLINK)?;
        if self.nlink > 0 {
            space.take_slot()?;
        }
        self.nlink = nlink;
        self.linkable = false;
        self.ctime = now;
        Ok(())
    }

    /// Counts one name less; a directory has lost its only one.
    pub(super) fn drop_link(&mut self, kind: InodeKind, now: Timestamp) -> LinkGone {
        let slot = !kind.is_dir() && self.nlink > 1;
        self.nlink = if kind.is_dir() { 0 } else { self.nlink.saturating_sub(1) };
        self.ctime = now;
        LinkGone { slot, last: self.end(), nlink: self.nlink }
    }

    /// Gives lookups back and returns whether the inode must be freed.
    pub(super) fn forget(&mut self, lookups: u64) -> bool {
        self.lookups = self.lookups.saturating_sub(lookups);
        self.end()
    }

    /// Whether the inode must be freed now; true only once.
    fn end(&mut self) -> bool {
        let last = self.nlink == 0 && self.lookups == 0 && !self.freed;
        self.freed |= last;
        last
    }
}

impl MemInode {
    /// # Errors
    /// `ENOSPC`.
    pub(super) fn new(
        ino: u64,
        new: &NewNode<'_>,
        birth: Birth,
        now: Timestamp,
        space: &Arc<Space>,
    ) -> Result<Self> {
        // The charges, and the contents.
        let slot = InodeCharge::take(space)?;
        let (mut size, mut blocks) = (0, 0);
        let body = match new.kind {
            InodeKind::Regular => Body::File(Lock::new(MemData::new(space))),
            InodeKind::Directory => {
                let dir = Dir::new();
                size = dir.size();
                Body::Directory(Lock::new(dir))
            }
            InodeKind::Symlink => {
                size = new.target.len() as u64;
                let mut charge = Charge::new(space);
                if new.target.len() >= SHORT_TARGET {
                    charge.take(size.next_multiple_of(PAGE))?;
                }
                blocks = charge.bytes() / 512;
                Body::Symlink { target: new.target.into(), _charge: charge }
            }
            _ => Body::Special,
        };
        // The attributes.
        let device = matches!(new.kind, InodeKind::CharDevice | InodeKind::BlockDevice);
        let attrs = Attrs {
            mode: new.mode,
            uid: new.uid,
            gid: new.gid,
            nlink: match birth {
                Birth::Named if new.kind.is_dir() => 2,
                Birth::Named => 1,
                Birth::Unnamed => 0,
            },
            lookups: 0,
            size,
            blocks,
            atime: now,
            mtime: now,
            ctime: now,
            btime: now,
            linkable: birth == Birth::Unnamed,
            freed: false,
        };
        Ok(Self {
            ino,
            kind: new.kind,
            rdev: if device { new.rdev } else { 0 },
            body,
            xattrs: Lock::new(Xattrs::new(space)),
            attrs: Lock::new(attrs),
            _slot: slot,
        })
    }

    /// The directory entry's view of this inode.
    pub(super) fn child(&self) -> MemChild {
        MemChild { ino: self.ino, kind: self.kind }
    }

    pub(super) fn attr(&self) -> Attr {
        let attrs = self.attrs.read_keyed(ATTRS | self.ino);
        self.shown(&attrs)
    }

    /// Counts a lookup, unless the inode is being freed.
    pub(super) fn look_up(&self) -> Option<Node> {
        let mut attrs = self.attrs_mut();
        if attrs.freed {
            return None;
        }
        attrs.lookups += 1;
        Some(Node { attr: self.shown(&attrs) })
    }

    fn shown(&self, attrs: &Attrs) -> Attr {
        Attr {
            ino: self.ino,
            generation: GENERATION,
            kind: self.kind,
            mode: attrs.mode,
            nlink: attrs.nlink,
            uid: attrs.uid,
            gid: attrs.gid,
            rdev: self.rdev,
            size: attrs.size,
            blocks: attrs.blocks,
            atime: attrs.atime,
            mtime: attrs.mtime,
            ctime: attrs.ctime,
            btime: Some(attrs.btime),
        }
    }

    pub(super) fn attrs_mut(&self) -> impl DerefMut<Target = Attrs> {
        self.attrs.write_keyed(ATTRS | self.ino)
    }

    /// Updates the attributes after a change of a directory. Called under the directory's lock, so that
    /// the copies follow the order of the changes.
    pub(super) fn entries_changed(&self, dir: &Dir, now: Timestamp) {
        let mut attrs = self.attrs_mut();
        attrs.size = dir.size();
        attrs.nlink = dir.nlink();
        attrs.mtime = now;
        attrs.ctime = now;
    }

    /// Updates the attributes after a write to a file. Called under the lock of the contents.
    pub(super) fn data_changed(&self, data: &MemData, now: Timestamp) {
        self.resized(data, &SetAttr { size: Some(data.size()), ..SetAttr::default() }, now);
    }

    /// Changes attributes, the size among them, which the contents have already. Called under the lock
    /// of the contents.
    pub(super) fn resized(&self, data: &MemData, change: &SetAttr, now: Timestamp) -> Attr {
        let mut attrs = self.attrs_mut();
        attrs.size = data.size();
        attrs.blocks = data.allocated() / 512;
        attrs.apply(change, now);
        self.shown(&attrs)
    }

    /// Changes any attributes but the size.
    pub(super) fn change(&self, change: &SetAttr, now: Timestamp) -> Attr {
        let mut attrs = self.attrs_mut();
        attrs.apply(change, now);
        self.shown(&attrs)
    }

    /// # Errors
    /// `ENOTDIR`.
    pub(super) fn dir(&self) -> Result<impl Deref<Target = Dir>> {
        match &self.body {
            Body::Directory(dir) => Ok(dir.read_keyed(self.ino)),
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    /// # Errors
    /// `ENOTDIR`.
    pub(super) fn dir_mut(&self) -> Result<impl DerefMut<Target = Dir>> {
        match &self.body {
            Body::Directory(dir) => Ok(dir.write_keyed(self.ino)),
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    /// # Errors
    /// `EISDIR`, or `EINVAL` for anything else that is not a regular file.
    pub(super) fn data(&self) -> Result<impl Deref<Target = MemData>> {
        Ok(self.file()?.read_keyed(self.ino))
    }

    /// # Errors
    /// `EISDIR`, or `EINVAL` for anything else that is not a regular file.
    pub(super) fn data_mut(&self) -> Result<impl DerefMut<Target = MemData>> {
        Ok(self.file()?.write_keyed(self.ino))
    }

    fn file(&self) -> Result<&Lock<MemData>> {
        match &self.body {
            Body::File(data) => Ok(data),
            Body::Directory(_) => Err(Errno::EISDIR.into()),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// # Errors
    /// `EINVAL` if it is not a symbolic link.
    pub(super) fn target(&self) -> Result<&[u8]> {
        match &self.body {
            Body::Symlink { target, .. } => Ok(target),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    pub(super) fn xattrs(&self) -> impl Deref<Target = Xattrs> {
        self.xattrs.read_keyed(self.ino)
    }

    pub(super) fn xattrs_mut(&self) -> impl DerefMut<Target = Xattrs> {
        self.xattrs.write_keyed(self.ino)
    }
}

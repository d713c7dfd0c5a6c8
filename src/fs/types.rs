//! The plain values about inodes that a file system and the VFS exchange.

use crate::base::clock::Timestamp;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;

/// The attributes of an inode, as stat(2) shows them.
///
/// ```
/// use vfsnotify::fs::Attr;
/// use vfsnotify::{InodeKind, Mode};
/// let mut attr = Attr::new(7, InodeKind::Regular, Mode::new(0o644));
/// attr.size = 100;
/// assert_eq!((attr.st_mode(), attr.nlink), (0o100_644, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attr {
    /// The inode number, unique in its file system.
    pub ino: u64,
    /// Distinguishes inodes that had the same number one after the other.
    pub generation: u64,
    /// Its kind.
    pub kind: InodeKind,
    /// Permission, set-id and sticky bits.
    pub mode: Mode,
    /// How many names it has; for a directory 2 plus the number of its subdirectories.
    pub nlink: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The device number of a device node, else 0.
    pub rdev: u64,
    /// The size in bytes.
    pub size: u64,
    /// The storage in use, in units of 512 bytes.
    pub blocks: u64,
    /// When it was last read.
    pub atime: Timestamp,
    /// When its contents last changed.
    pub mtime: Timestamp,
    /// When its attributes last changed.
    pub ctime: Timestamp,
    /// When it was made, if the file system knows.
    pub btime: Option<Timestamp>,
}

impl Attr {
    /// The attributes of an inode with this number, kind and mode bits: of generation 0, with one name
    /// (a directory without subdirectories has 2), owned by 0:0, empty, without storage, dated 1970.
    #[must_use]
    pub const fn new(ino: u64, kind: InodeKind, mode: Mode) -> Self {
        let start = Timestamp::from_seconds(0);
        Self {
            ino,
            generation: 0,
            kind,
            mode,
            nlink: if kind.is_dir() { 2 } else { 1 },
            uid: 0,
            gid: 0,
            rdev: 0,
            size: 0,
            blocks: 0,
            atime: start,
            mtime: start,
            ctime: start,
            btime: None,
        }
    }

    /// `st_mode`: the type bits and the mode bits.
    #[must_use]
    pub const fn st_mode(&self) -> u32 {
        self.kind.mode_bits() | self.mode.to_u32()
    }
}

/// An inode that a file system returned, with one lookup counted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Its attributes, with its number.
    pub attr: Attr,
}

impl Node {
    /// An inode with these attributes.
    #[must_use]
    pub const fn new(attr: Attr) -> Self {
        Self { attr }
    }
}

/// The names left of an inode that has lost one.
///
/// ```
/// use vfsnotify::fs::Unlinked;
/// assert_eq!(Unlinked::left(1).nlink, Some(1));
/// assert_eq!(Unlinked::UNKNOWN.nlink, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unlinked {
    /// How many names it has now. `None` if the file system would have to look that up: then the VFS
    /// fetches the attributes.
    pub nlink: Option<u32>,
}

impl Unlinked {
    /// The number of names left is not known.
    pub const UNKNOWN: Self = Self { nlink: None };

    /// This many names are left.
    #[must_use]
    pub const fn left(nlink: u32) -> Self {
        Self { nlink: Some(nlink) }
    }
}

/// The properties of a new inode.
///
/// ```
/// use vfsnotify::fs::NewNode;
/// use vfsnotify::{InodeKind, Mode};
/// let new = NewNode::new(InodeKind::Regular, Mode::new(0o644)).with_owner(1000, 100);
/// assert_eq!((new.uid, new.gid, new.rdev, new.target), (1000, 100, 0, &b""[..]));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NewNode<'a> {
    /// Its kind.
    pub kind: InodeKind,
    /// The mode bits, the umask already applied.
    pub mode: Mode,
    /// The owner.
    pub uid: u32,
    /// The group (a set-group-id parent has been taken into account already).
    pub gid: u32,
    /// The device number of a device node, else 0.
    pub rdev: u64,
    /// The target of a symbolic link, else empty.
    pub target: &'a [u8],
}

impl<'a> NewNode<'a> {
    /// An inode of this kind with these mode bits, owned by 0:0.
    #[must_use]
    pub const fn new(kind: InodeKind, mode: Mode) -> Self {
        Self { kind, mode, uid: 0, gid: 0, rdev: 0, target: &[] }
    }

    /// The same with this owner and group.
    #[must_use]
    pub const fn with_owner(mut self, uid: u32, gid: u32) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// The same with this device number.
    #[must_use]
    pub const fn with_rdev(mut self, rdev: u64) -> Self {
        self.rdev = rdev;
        self
    }

    /// The same with this target.
    #[must_use]
    pub const fn with_target(mut self, target: &'a [u8]) -> Self {
        self.target = target;
        self
    }
}

/// How to set a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSetting {
    /// The file system's own current time.
    Now,
    /// This time.
    At(Timestamp),
}

/// A change of attributes; a field that is `None` stays.
///
/// ```
/// use vfsnotify::Mode;
/// use vfsnotify::fs::SetAttr;
/// let change = SetAttr::default().with_mode(Mode::new(0o600)).with_size(0);
/// assert_eq!((change.size, change.uid), (Some(0), None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAttr {
    /// New mode bits.
    pub mode: Option<Mode>,
    /// A new owner.
    pub uid: Option<u32>,
    /// A new group.
    pub gid: Option<u32>,
    /// A new size: the contents are truncated, or extended by a hole.
    pub size: Option<u64>,
    /// A new access time.
    pub atime: Option<TimeSetting>,
    /// A new modification time.
    pub mtime: Option<TimeSetting>,
}

impl SetAttr {
    /// The same with [`SetAttr::mode`].
    #[must_use]
    pub const fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The same with [`SetAttr::uid`].
    #[must_use]
    pub const fn with_uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// The same with [`SetAttr::gid`].
    #[must_use]
    pub const fn with_gid(mut self, gid: u32) -> Self {
        self.gid = Some(gid);
        self
    }

    /// The same with [`SetAttr::size`].
    #[must_use]
    pub const fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same with [`SetAttr::atime`].
    #[must_use]
    pub const fn with_atime(mut self, atime: TimeSetting) -> Self {
        self.atime = Some(atime);
        self
    }

    /// The same with [`SetAttr::mtime`].
    #[must_use]
    pub const fn with_mtime(mut self, mtime: TimeSetting) -> Self {
        self.mtime = Some(mtime);
        self
    }
}

/// One entry of a directory listing.
///
/// ```
/// use vfsnotify::InodeKind;
/// use vfsnotify::fs::DirEntry;
/// let entry = DirEntry::new(7, InodeKind::Regular, b"name", 1);
/// assert_eq!((entry.ino, entry.name), (7, &b"name"[..]));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DirEntry<'a> {
    /// The inode number.
    pub ino: u64,
    /// Its kind.
    pub kind: InodeKind,
    /// The name.
    pub name: &'a [u8],
    /// The position after this entry, where a later listing continues: 1 to [`DirEntry::MAX_CURSOR`] or
    /// [`DirEntry::END_CURSOR`], unique in the directory.
    pub cursor: u64,
}

impl<'a> DirEntry<'a> {
    /// An entry with these four fields.
    #[must_use]
    pub const fn new(ino: u64, kind: InodeKind, name: &'a [u8], cursor: u64) -> Self {
        Self { ino, kind, name, cursor }
    }
}

impl DirEntry<'_> {
    /// The greatest cursor but for [`DirEntry::END_CURSOR`]. With the positions of `.` and `..` before
    /// it, every position in a directory is an offset of 63 bits, which Linux, FUSE and 9p can carry.
    ///
    /// ```
    /// use vfsnotify::fs::DirEntry;
    /// assert_eq!(DirEntry::MAX_CURSOR + 3, DirEntry::END_CURSOR);
    /// ```
    pub const MAX_CURSOR: u64 = i64::MAX as u64 - 3;

    /// One cursor beyond [`DirEntry::MAX_CURSOR`]. ext4 gives it (as `d_off`) to the last entry of each
    /// directory, so a file system that passes on a listing of the host passes it on too.
    ///
    /// ```
    /// use vfsnotify::fs::DirEntry;
    /// assert_eq!(DirEntry::END_CURSOR, i64::MAX.unsigned_abs());
    /// ```
    pub const END_CURSOR: u64 = i64::MAX as u64;
}

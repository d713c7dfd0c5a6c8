//! The plain values a file system and the VFS exchange.

use bitflags::bitflags;

use crate::base::clock::Timestamp;
use crate::base::kind::InodeKind;

/// The attributes of an inode, as stat(2) shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// The inode number, unique in its file system.
    pub ino: u64,
    /// Tells apart two inodes that had the same number one after the other.
    pub generation: u64,
    /// What it is.
    pub kind: InodeKind,
    /// Permission, set-id and sticky bits (`0o7777`).
    pub mode: u32,
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
}

impl Attr {
    /// `st_mode`: the type bits and the mode bits.
    #[must_use]
    pub const fn st_mode(&self) -> u32 {
        self.kind.mode_bits() | self.mode
    }
}

/// An inode that a file system returned, with one lookup counted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its attributes, which name it.
    pub attr: Attr,
}

/// What to create.
#[derive(Clone, Copy, Debug)]
pub struct NewNode<'a> {
    /// What it is.
    pub kind: InodeKind,
    /// Permission bits, the umask already applied.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group (a set-group-id parent has been taken into account already).
    pub gid: u32,
    /// The device number of a device node, else 0.
    pub rdev: u64,
    /// The target of a symbolic link, else empty.
    pub target: &'a [u8],
}

/// How to set a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSetting {
    /// The file system's own current time.
    Now,
    /// This time.
    At(Timestamp),
}

/// A change of attributes; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// New permission bits.
    pub mode: Option<u32>,
    /// A new owner.
    pub uid: Option<u32>,
    /// A new group.
    pub gid: Option<u32>,
    /// A new size: the contents are cut, or extended by a hole.
    pub size: Option<u64>,
    /// A new access time.
    pub atime: Option<TimeSetting>,
    /// A new modification time.
    pub mtime: Option<TimeSetting>,
}

/// One entry of a directory listing.
#[derive(Clone, Copy, Debug)]
pub struct DirEntry<'a> {
    /// The inode number.
    pub ino: u64,
    /// What it is.
    pub kind: InodeKind,
    /// The name.
    pub name: &'a [u8],
    /// Where a later listing goes on after this entry: 1 to [`DirEntry::MAX_CURSOR`] or
    /// [`DirEntry::END_CURSOR`], and of no other entry of the directory.
    pub cursor: u64,
}

impl DirEntry<'_> {
    /// The greatest cursor, but for [`DirEntry::END_CURSOR`]: with the places of `.` and `..` before it, every
    /// position in a directory is an offset that Linux, FUSE and 9p can carry, which have 63 bits for it.
    ///
    /// ```
    /// use vfsnotify::DirEntry;
    /// assert_eq!(DirEntry::MAX_CURSOR + 3, DirEntry::END_CURSOR);
    /// ```
    pub const MAX_CURSOR: u64 = i64::MAX as u64 - 3;

    /// One cursor beyond [`DirEntry::MAX_CURSOR`]: ext4 gives it (as `d_off`) to the last entry of each
    /// directory, so a file system that hands on a listing of the system's hands it on too.
    ///
    /// ```
    /// use vfsnotify::DirEntry;
    /// assert_eq!(DirEntry::END_CURSOR, i64::MAX.unsigned_abs());
    /// ```
    pub const END_CURSOR: u64 = i64::MAX as u64;
}

/// Figures of a file system, as statfs(2) shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsStat {
    /// The size of a block in bytes.
    pub block_size: u64,
    /// All blocks.
    pub blocks: u64,
    /// Free blocks.
    pub blocks_free: u64,
    /// All inodes.
    pub files: u64,
    /// Free inodes.
    pub files_free: u64,
    /// The longest name.
    pub name_max: u64,
}

/// Whether an extended attribute may or must be there before it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XattrMode {
    /// Set it, whether it is there or not.
    #[default]
    Set,
    /// It must not be there (`XATTR_CREATE`).
    Create,
    /// It must be there (`XATTR_REPLACE`).
    Replace,
}

bitflags! {
    /// How to rename, with the values of renameat2(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RenameFlags: u32 {
        /// Fail with `EEXIST` if the new name is taken.
        const NOREPLACE = 1;
        /// Exchange the two names.
        const EXCHANGE = 2;
        /// Leave a whiteout (a character device 0:0) behind.
        const WHITEOUT = 4;
    }
}

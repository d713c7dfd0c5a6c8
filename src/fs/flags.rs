//! Flags and other choices in the arguments of a file system's methods.

use bitflags::bitflags;

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

bitflags! {
    /// The operation of [`File::fallocate`](crate::File::fallocate) on a range, with the values of
    /// fallocate(2). The empty set allocates storage and makes the file at least that long.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FallocateFlags: u32 {
        /// The size stays.
        const KEEP_SIZE = 0x01;
        /// Free the range, which then reads as zeroes; only with `KEEP_SIZE`.
        const PUNCH_HOLE = 0x02;
        /// Make the range read as zeroes, allocated.
        const ZERO_RANGE = 0x10;
    }
}

/// Whether an extended attribute may or must exist before it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XattrMode {
    /// Set it, whether it exists or not.
    #[default]
    Set,
    /// It must not exist (`XATTR_CREATE`).
    Create,
    /// It must exist (`XATTR_REPLACE`).
    Replace,
}

/// The target of [`FileSystem::seek`](crate::FileSystem::seek).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTo {
    /// Data (`SEEK_DATA`).
    Data,
    /// A hole (`SEEK_HOLE`).
    Hole,
}

/// The parts of a file that [`FileSystem::fsync`](crate::FileSystem::fsync) makes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncScope {
    /// The contents, and those attributes that are needed to read them back (fdatasync(2)).
    Data,
    /// Contents and attributes (fsync(2)).
    All,
}

/// The access to a range of contents that is about to happen; see
/// [`FileSystem::pre_content`](crate::FileSystem::pre_content).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentAccess {
    /// It is read.
    Read,
    /// It is written to.
    Write,
    /// The file will be truncated at the beginning of the range.
    Truncate,
}

//! Flags and choices that a file system is called with.

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
    /// What [`File::fallocate`](crate::File::fallocate) does to a range, with the values of fallocate(2). The
    /// empty set allocates storage and makes the file at least that long.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FallocateFlags: u32 {
        /// The size stays.
        const KEEP_SIZE = 0x01;
        /// Free the range, which reads as zeroes then; only with `KEEP_SIZE`.
        const PUNCH_HOLE = 0x02;
        /// Make the range read as zeroes, allocated.
        const ZERO_RANGE = 0x10;
    }
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

/// What [`FileSystem::seek`](crate::FileSystem::seek) looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTo {
    /// Data (`SEEK_DATA`).
    Data,
    /// A hole (`SEEK_HOLE`).
    Hole,
}

/// What [`FileSystem::fsync`](crate::FileSystem::fsync) makes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncScope {
    /// The contents, and of the attributes what is needed to read them back (fdatasync(2)).
    Data,
    /// Contents and attributes (fsync(2)).
    All,
}

/// What is about to be done to a range of contents; see
/// [`FileSystem::pre_content`](crate::FileSystem::pre_content).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentAccess {
    /// It is read.
    Read,
    /// It is written to.
    Write,
    /// The file ends at the beginning of the range from now on.
    Truncate,
}

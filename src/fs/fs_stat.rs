//! Figures of a whole file system.

use bitflags::bitflags;

use crate::base::path_limits::NAME_MAX;

bitflags! {
    /// The flags of a mounted file system, with the values of `f_flags` of statfs(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FsFlags: u64 {
        /// It refuses changes (`ST_RDONLY`).
        const READ_ONLY = 0x1;
        /// Set-id bits have no effect (`ST_NOSUID`).
        const NO_SUID = 0x2;
        /// Devices cannot be opened (`ST_NODEV`).
        const NO_DEVICES = 0x4;
        /// Programs cannot be executed (`ST_NOEXEC`).
        const NO_EXEC = 0x8;
        /// Writes are durable at once (`ST_SYNCHRONOUS`).
        const SYNCHRONOUS = 0x10;
        /// Access times are not kept (`ST_NOATIME`).
        const NO_ATIME = 0x400;
        /// Access times of directories are not kept (`ST_NODIRATIME`).
        const NO_DIRECTORY_ATIME = 0x800;
        /// Access times are kept approximately (`ST_RELATIME`).
        const RELATIVE_ATIME = 0x1000;
    }
}

/// Figures of a file system, as statfs(2) shows them.
///
/// ```
/// use vfsnotify::fs::FsStat;
/// let mut stat = FsStat::default();
/// stat.blocks = 1000;
/// assert_eq!((stat.block_size, stat.name_max, stat.blocks_free), (4096, 255, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FsStat {
    /// The kind of file system, by the number that programs know it by (`f_type`, statfs(2) lists
    /// some); 0 for none.
    pub fs_type: u32,
    /// The size of a block in bytes.
    pub block_size: u64,
    /// All blocks.
    pub blocks: u64,
    /// Free blocks.
    pub blocks_free: u64,
    /// Free blocks available to unprivileged users.
    pub blocks_available: u64,
    /// All inodes.
    pub files: u64,
    /// Free inodes.
    pub files_free: u64,
    /// The longest name.
    pub name_max: u64,
    /// An identifier of this file system (`f_fsid`). Where it is 0 the VFS shows the file system's
    /// [`device`](crate::Metadata::device) number.
    pub fsid: u64,
    /// The flags. The VFS adds `READ_ONLY` where the mount or its superblock refuses changes.
    pub flags: FsFlags,
}

impl Default for FsStat {
    /// A file system without a size, as Linux shows one: blocks of 4096 bytes, names of up to 255.
    fn default() -> Self {
        Self {
            fs_type: 0,
            block_size: 4096,
            blocks: 0,
            blocks_free: 0,
            blocks_available: 0,
            files: 0,
            files_free: 0,
            name_max: NAME_MAX as u64,
            fsid: 0,
            flags: FsFlags::empty(),
        }
    }
}

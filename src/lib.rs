#![forbid(unsafe_code)]
//! In-process file-system change notification for programs that carry their own VFS.

mod backend;
mod base;
mod fs;
pub mod notify;
mod tree;
mod vfs;

#[cfg(all(test, not(any(loom, shuttle))))]
mod sizes;

pub use backend::inotify;
pub use base::clock::{Clock, SystemClock, Timestamp};
pub use base::error::{Error, ErrorKind, Result};
pub use base::kind::InodeKind;
pub use base::mask::EventMask;
pub use base::name::Name;
pub use base::pace::{Pace, Yielder};
pub use tree::{
    Dentry, DentryId, DentryRef, Inode, InodeId, InodeRef, InodeSpec, Lookup, SuperblockId,
    SuperblockRef, Tree, TreeConfig,
};

pub use fs::{
    Attr, DirEntry, FileSystem, FsStat, MemFs, MemFsBuilder, MemFsStats, NewNode, Node,
    RenameFlags, SetAttr, TimeSetting, XattrMode,
};
pub use vfs::{
    Access, At, Context, Credentials, DirEntryBuf, FallocateFlags, File, FileId, Metadata,
    MountInfo, MountOptions, OpenFlags, OpenHow, ResolveFlags, Vfs, VfsBuilder,
};

//! Where the bytes live: the [`FileSystem`] trait and the embedded [`MemFs`].
//!
//! A file system works on inode numbers, like FUSE's low-level interface. It knows no paths,
//! permissions or events: the VFS above it handles those once.

mod file_system;
mod flags;
mod fs_stat;
mod layer;
mod memfs;
pub(crate) mod open_flags;
mod request;
mod sink;
mod types;
mod write_data;

pub use file_system::FileSystem;
pub use flags::{ContentAccess, FallocateFlags, RenameFlags, SeekTo, SyncScope, XattrMode};
pub use fs_stat::{FsFlags, FsStat};
pub use layer::Layer;
pub use memfs::{MemFs, MemFsBuilder, MemFsStats};
pub use open_flags::OpenFlags;
pub use request::{Handle, Request};
pub(crate) use sink::Attachment;
pub use sink::{Caching, Sink};
pub use types::{Attr, DirEntry, NewNode, Node, SetAttr, TimeSetting, Unlinked};
pub use write_data::WriteData;

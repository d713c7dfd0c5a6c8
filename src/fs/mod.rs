//! Where the bytes live: the [`FileSystem`] trait and the embedded [`MemFs`].
//!
//! A file system speaks inode numbers, like FUSE's low-level interface. It knows nothing of
//! paths, of permissions or of events: the VFS does all that once, above it.

mod file_system;
mod layer;
mod memfs;
mod types;
mod write_data;

pub use file_system::FileSystem;
pub use layer::Layer;
pub use memfs::{MemFs, MemFsBuilder, MemFsStats};
pub use types::{
    Attr, DirEntry, FsStat, NewNode, Node, RenameFlags, SetAttr, TimeSetting, XattrMode,
};
pub use write_data::WriteData;

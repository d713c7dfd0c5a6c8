#![forbid(unsafe_code)]
//! In-process file-system change notification for programs that carry their own VFS.

mod backend;
pub(crate) mod base;
pub mod notify;
pub(crate) mod tree;

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

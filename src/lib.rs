#![forbid(unsafe_code)]
//! In-process file-system change notification for programs that carry their own VFS.

pub(crate) mod base;
pub(crate) mod tree;

pub use base::clock::{Clock, SystemClock, Timestamp};
pub use base::error::{Error, ErrorKind, Result};
pub use base::kind::InodeKind;
pub use base::mask::EventMask;
pub use base::name::Name;
pub use base::pace::{Pace, Yielder};
pub use tree::{
    Dentry, DentryId, DentryRef, Inode, InodeId, InodeRef, InodeSpec, SuperblockId, SuperblockRef,
    Tree, TreeConfig,
};

//! The deferred work of one file system.

use crate::base::sync::{Mutex, rank};
use crate::notify::DentryRef;

/// A directory that was removed or forgotten while the cache had names in it.
#[derive(Debug)]
pub(crate) struct ForgottenDirectory {
    pub(crate) dentry: DentryRef,
    /// The names at this place and above it have been looked at; `None` before the first step.
    pub(crate) place: Option<usize>,
}

/// The deferred work of one file system; its superblock's slot says whether there may be any.
#[derive(Debug, Default)]
pub(crate) struct DeferredWork(pub(super) Mutex<Lists, { rank::LEAF }>);

#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Look-ups to give back, by inode number, with their count: their inodes never got into the tree, or
    /// were freed by an operation on another file system.
    pub(super) lookups: Vec<(u64, u64)>,
    pub(super) directories: Vec<ForgottenDirectory>,
}

/// One piece of deferred work.
pub(crate) enum Work {
    Lookups(u64, u64),
    Directory(ForgottenDirectory),
}

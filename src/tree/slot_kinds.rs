//! The kinds of slots that several files of the tree number; none of those files may import another for
//! them.

/// A positive dentry's slot: a place in each column of a [`DentryPage`](crate::tree::dentry_page::DentryPage).
pub(crate) enum DentrySlot {}

/// An inode's slot: a place in each column of an [`InodePage`](crate::tree::inode_page::InodePage).
pub(crate) enum InodeSlot {}

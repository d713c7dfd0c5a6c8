//! For a program with a VFS of its own: dentries, inodes and superblocks.
//!
//! A [`Tree`] is a dentry cache that knows no events. An inode is an object of a file system; a dentry
//! is one of its names in a directory. A *positive* dentry has a slot of its own. A *negative* one,
//! which remembers that a name does not exist, is an entry in its directory and nothing else.
//!
//! Names are made, moved and removed on the [`Notifier`](crate::notify::Notifier), which reports the
//! changes. The notifier returns the references [`DentryRef`](crate::notify::DentryRef) and
//! [`SuperblockRef`]; [`Tree::make_inode`] returns an [`InodeRef`]. [`Dentry`] and [`Inode`] are
//! borrows of them. The ids ([`DentryId`], [`InodeId`], [`SuperblockId`]) name an object and do not
//! keep it.

// For the notification layer above, an inode carries a `NotifySlot` of plain words, and a directory a
// word that says which flag its children get. The tree does not interpret them.

mod api;
pub(crate) mod child_watch;
pub(crate) mod children;
mod config;
mod cycle_prevention;
mod dcache;
mod deferred;
mod deferred_queue;
pub(crate) mod dentry;
pub(crate) mod dentry_page;
pub(crate) mod directory;
pub(crate) mod hook_gate;
mod icache;
pub(crate) mod inode;
pub(crate) mod inode_page;
#[cfg(all(test, loom))]
mod models;
mod moves;
mod name_hash;
pub(crate) mod negative;
mod negative_budget;
pub(crate) mod notify_slot;
mod parent_links;
mod prune_dentry;
mod reclaim;
pub(crate) mod ref_state;
#[cfg(feature = "vfs")]
mod reserved_for_vfs;
mod reserved_slots;
pub(crate) mod slot_kinds;
mod slots;
mod store;
pub(crate) mod superblock;
mod superblock_ref;
#[cfg(all(test, not(shuttle)))]
mod test_references;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod verify;
#[cfg(feature = "vfs")]
mod vfs_inode;

pub use config::{TreeConfig, TreeLimits};
pub(crate) use dcache::DcacheLookup;
pub(crate) use deferred::{FreeStep, FreedInode};
pub(crate) use dentry::RawDentryRef;
pub use dentry::{Dentry, DentryId};
pub(crate) use inode::InodeKey;
pub use inode::{Inode, InodeId, InodeRef, InodeSpec};
#[cfg(feature = "vfs")]
pub(crate) use reclaim::Candidates;
#[cfg(feature = "vfs")]
pub(crate) use reserved_slots::Reserved;
pub use store::Tree;
pub use superblock::SuperblockId;
pub use superblock_ref::SuperblockRef;

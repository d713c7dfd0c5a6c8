//! The notification core: groups, marks, connectors, and the delivery of events to the queues.
//!
//! A [`Notifier`] belongs to a [`Tree`](crate::Tree). A *group* is a listener: it has a queue and a set of
//! *marks*. A mark on an object (an inode, a mount, a superblock) has a mask of the events that the group
//! wants. The *connector* of an object has its marks. A back end ([`inotify`](crate::inotify)) makes the groups
//! and decodes their records.
//!
//! A program with a VFS of its own holds dentries by [`DentryRef`]s. The drop of the last one reports the death
//! of a file that has no name left. Such a program changes names by the notifier's recipes, which report what
//! they change. It calls the hooks for everything else.

#[cfg(feature = "vfs")]
pub(crate) mod ancestor_query;
pub(crate) mod connector;
mod delivery_order;
mod dispatch;
pub(crate) mod flag_walk;
pub(crate) mod group;
pub(crate) mod group_handle;
#[cfg(feature = "vfs")]
pub(crate) mod held_dentry;
mod hooks;
mod ignore;
pub(crate) mod lifetime;
pub(crate) mod limits;
pub(crate) mod mark;
mod mark_table;
mod mark_tags;
pub(crate) mod marks;
mod matched_marks;
#[cfg(all(test, any(loom, shuttle)))]
pub(crate) mod models;
mod mount_marks;
mod mount_slot;
mod notifier;
mod occurrence;
mod parent;
mod path_pin;
mod prune_subtree;
pub(crate) mod queue;
mod recipes;
pub(crate) mod record;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod unreported_names;
mod verify;
pub(crate) mod watched_object;

pub use hooks::{EventPath, Hooks};
pub use lifetime::dentry_ref::DentryRef;
pub use limits::{Limits, NotifyConfig};
pub use mount_marks::MountMarks;
pub use notifier::Notifier;
pub use occurrence::{Actor, Child};
#[cfg(feature = "vfs")]
pub(crate) use prune_subtree::PruneWalk;
pub use prune_subtree::Pruning;
pub use unreported_names::Lookup;

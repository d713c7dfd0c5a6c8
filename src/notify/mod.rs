//! The notification core: who wants to hear of what, and the path of an event to their queues.
//!
//! A [`Notifier`] stands beside a [`Tree`](crate::Tree). A *group* is a listener: a queue and a
//! set of *marks*, each of which says what the group wants to hear of one object. The marks on
//! one object hang on its *connector*. Back ends give groups their meaning
//! ([`inotify`](crate::inotify)).
//!
//! A program with a VFS of its own holds its dentries by [`DentryRef`]s, whose end reports the death of a file
//! without a name. It changes names by whole recipes of the notifier, which report what they do, and calls the
//! hooks for everything else.

pub(crate) mod connector;
pub(crate) mod dispatch;
pub(crate) mod event;
pub(crate) mod flag_walk;
pub(crate) mod group;
mod hooks;
pub(crate) mod lifetime;
mod limits;
pub(crate) mod mark;
mod mark_end;
pub(crate) mod mark_set;
#[cfg(all(test, any(loom, shuttle)))]
mod models;
mod names;
mod notifier;
mod parent;
mod pruning;
pub(crate) mod queue;
mod reaper;
mod recipes;
mod tags;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod verify;

pub use connector::MountMarks;
pub use dispatch::Victim;
pub use lifetime::DentryRef;
pub use limits::{Limits, NotifyConfig};
pub use names::Lookup;
pub use notifier::Notifier;
#[cfg(feature = "vfs")]
pub(crate) use pruning::PruneWalk;
pub use pruning::Pruning;

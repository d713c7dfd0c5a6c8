//! The end of dentries, inodes, file systems and the notifier, and the events that report it.

mod death;
pub(crate) mod dentry_ref;
mod reaper;
mod shutdown;
mod unmount;

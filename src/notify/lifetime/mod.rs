//! How dentries, inodes, file systems and the notifier end, and what is reported then.

mod death;
pub(crate) mod dentry_ref;
mod reaper;
mod shutdown;
mod unmount;

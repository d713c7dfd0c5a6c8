//! The operations: a file for each family of system calls.

mod access;
mod attr;
mod chdir;
mod copy;
pub(crate) mod create;
mod link;
mod list;
mod mount;
pub(crate) mod open;
pub(crate) mod remove;
mod rename;
pub(crate) mod stat;
mod symlink;
mod sync;
mod truncate;
mod watch;
mod xattr;

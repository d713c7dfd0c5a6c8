//! The operations: a file for each family of system calls.

pub(crate) mod attr;
mod copy;
mod create;
pub(crate) mod mount;
pub(crate) mod open;
pub(crate) mod remove;
mod rename;
pub(crate) mod stat;
mod symlink;
mod sync;
mod truncate;
mod watch;
mod xattr;

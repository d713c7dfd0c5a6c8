//! Mounts, and the file systems that they show.

pub(crate) mod deferred_work;
pub(crate) mod file_systems;
pub(crate) mod list;
pub(crate) mod mount;
pub(crate) mod mounted_fs;
pub(crate) mod panics;
pub(crate) mod retired;
pub(crate) mod table;

//! Mounts, and the file systems that they show.

pub(crate) mod deferred_work;
pub(crate) mod file_systems;
pub(crate) mod fs_panics;
pub(crate) mod mount;
pub(crate) mod mount_list;
pub(crate) mod mount_table;
pub(crate) mod mounted_fs;
pub(crate) mod retired_fs;

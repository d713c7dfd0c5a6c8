//! Mounts.

pub(crate) mod list;
pub(crate) mod table;

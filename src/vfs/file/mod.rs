//! Open files.

pub(crate) mod cycle_check;
pub(crate) mod description;
pub(crate) mod kind;
pub(crate) mod open_files;
pub(crate) mod open_slot;
mod path;
pub(crate) mod pipe;
mod position;
pub(crate) mod read_write;
pub(crate) mod readdir;
pub(crate) mod set_id;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

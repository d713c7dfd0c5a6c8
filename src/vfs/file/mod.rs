//! Open files: descriptions, their contents, listings and limits.

pub(crate) mod file_kind;
mod file_path;
pub(crate) mod listing_cycle;
pub(crate) mod open_file;
pub(crate) mod open_files;
pub(crate) mod open_slot;
pub(crate) mod pipe;
mod position;
pub(crate) mod read_write;
pub(crate) mod readdir;
pub(crate) mod set_id;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

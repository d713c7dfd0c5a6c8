//! A reference model of a VFS with its inotify instances, and the crate beside it.
//!
//! The model is written from `docs/rules.md` (the table of operations, and the rules of delivery and
//! of inotify), from the manual pages of the calls, and from what the README lists as different from Linux. It is plain maps and
//! knows nothing of the crate's flags, epochs and masks: a directory that is watched is told of its
//! children, and that is that. It says of each operation what it returns, and of each instance what
//! is queued, to the cookie. [`check::run`] runs a case on both and compares everything that can be
//! looked at after each operation.
//!
//! `tests/model` runs random cases, the fuzz target `ops_model`
//! those that libFuzzer finds.

pub mod case;
pub mod check;

mod attributes;
mod choices;
mod contexts;
mod delivery;
mod directories;
mod files;
mod groups;
mod mounts;
mod namespace;
mod naming;
mod opening;
mod real;
mod reference;
mod renaming;
mod space;
mod walk;
mod watching;

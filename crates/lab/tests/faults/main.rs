//! Faults: what an embedder plugs in fails, lies, panics, blocks or calls back, and limits are reached
//! in the middle of an operation. The crate answers with an error or goes on; it never corrupts its
//! own state, never panics by itself, and never hangs.
//!
//! - `sweep.rs`: every operation of the VFS, with each call that it makes to a file system failing in
//!   turn, before and after the change was made, by an error and by a panic.
//! - `coverage.rs`: no operation is missing from that table.
//! - `lying.rs`: a file system that breaks its contract.
//! - `callbacks.rs`: yielders, clocks, reapers and file systems that panic, block or call back.
//! - `limits.rs`: limits that are reached half way.
//! - `readers.rs`: readers that vanish.
//!
//! A failure of the global allocator is out of scope: the process aborts.
//!
//! `VFSNOTIFY_FAULTS=all cargo test --release --test faults` tries every error with every call.

mod callbacks;
mod coverage;
mod limits;
mod lying;
mod readers;
mod sweep;

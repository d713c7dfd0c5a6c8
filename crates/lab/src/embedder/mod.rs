//! A program with a VFS of its own: a tree under locks, and every hook it can call.

pub mod hooks;
#[expect(clippy::disallowed_types, reason = "an embedder has locks of its own")]
pub mod world;

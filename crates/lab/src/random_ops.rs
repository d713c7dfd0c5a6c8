//! Random sequences of operations on two worlds, which must give the same.
//!
//! [`draw`] makes a [`sequence::Sequence`] from bytes, which a fuzzer or proptest chooses. It runs on
//! two worlds, and what an operation gives is compared as far as two file systems agree on it
//! ([`normal`]): no inode numbers, no sizes of directories, names sorted. [`profile`] knows what both
//! worlds can do.

pub mod draw;
pub mod normal;
pub mod profile;
pub mod sequence;

/// How many places for open files there are.
pub const SLOTS: usize = 4;

/// How many groups there are.
pub const GROUPS: usize = 3;

/// How many children deep processes go.
pub const CHILDREN: usize = 2;

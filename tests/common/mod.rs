//! What the tests that compare worlds share: scenario files, random operations, and the real
//! kernel.
//!
//! A world ([`world::World`]) is one tree with inotify on it. [`kernel::KernelWorld`] is the
//! running Linux, [`vfs_world::VfsWorld`] the crate's own VFS. [`scenario`] runs scenario
//! files on a world or on two at once, [`random_ops`] makes sequences of operations and runs them.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "every test binary compiles this module for itself and uses a part of it"
)]

pub mod compare;
pub mod kernel;
pub mod random_ops;
pub mod scenario;
pub mod vfs_world;
pub mod world;

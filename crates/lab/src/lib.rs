//! The laboratory: what several tests, the fuzz targets and the scenario runner share.
//!
//! A world ([`world::World`]) is one tree with inotify on it: [`kernel::KernelWorld`] is the running
//! Linux, [`vfs_world::VfsWorld`] the crate's own VFS. [`scenario`] runs scenario files on a world or
//! on two at once, [`random_ops`] makes sequences of operations and runs them. [`model`] is the
//! reference model, [`fuzzing`] has the fuzz targets, [`faults`] a file system that fails, and
//! [`embedder`] the hooks under the locks of an embedder.

use std::path::Path;

pub mod compare;
pub mod embedder;
pub mod faults;
pub mod fuzzing;
pub mod kernel;
pub mod model;
pub mod op;
pub mod outcome;
pub mod path;
pub mod random_ops;
#[cfg(feature = "scenarios")]
pub mod scenario;
pub mod vfs_world;
pub mod world;

/// The root of the repository.
///
/// # Panics
///
/// If the crate is no longer where it was built.
pub fn repository() -> &'static Path {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above.nth(2).expect("the crate is two folders below the root")
}

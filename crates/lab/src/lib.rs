//! The laboratory: what the tests of the file system, the fuzz targets and the scenario runner share.
//!
//! # One language
//!
//! * [`op::Op`] is one operation: a system call with its arguments. It names open files, groups and
//!   watches by small numbers. [`op::Step`] adds the context that makes the call and the open
//!   directory that its path starts from.
//! * [`outcome::Outcome`] is what an operation gives. Errors are [`vfsnotify::Errno`] everywhere.
//! * [`world::World`] is a place where operations are done. It has one method for that,
//!   [`apply`](world::World::apply), and says which operations it lacks.
//!   * [`vfs_world::VfsWorld`] is the crate's own VFS. Each call of the crate's is made in one place
//!     below it; the stress and the path oracle, which have objects of their own, call that directly.
//!   * [`kernel::KernelWorld`] is the running Linux. Each system call is made in one place below it.
//! * [`model`] is the oracle: a reference model that predicts of each step the outcome, and of each
//!   group the queue. It knows contexts, mounts, space and watches that are not ready. It is written
//!   from the semantics and knows nothing of the crate's data.
//!
//! An operation that a world lacks gives ENOSYS there; the makers of sequences leave it out
//! ([`random_ops::profile`]). One on an empty place gives [`Nothing`](outcome::Outcome::Nothing) in every
//! world.
//!
//! # Makers and runners of operations
//!
//! | from | by | runs on |
//! |---|---|---|
//! | lines of `scenarios/*.jsonl` | [`scenario`] | either world, or both side by side |
//! | bytes, for what a kernel can do | [`random_ops::draw`] | both worlds: `tests/differential`, fuzz target `vs_kernel` |
//! | bytes, for what the model knows | [`model`] | the VFS and the model: `tests/model`, fuzz target `ops_model` |
//! | bytes, for odd paths out of a jail | [`fuzzing::names_and_paths`] | the VFS and a second oracle, of paths alone |
//! | a list of every call on every kind of path | `tests/against_linux.rs` | both worlds |
//! | random numbers in many threads | `tests/stress` | the VFS, with assertions instead of an oracle |
//!
//! The two decoders of bytes are two because the operations differ in what they may do: one must not
//! leave the root of a directory on the machine, nor block, and the other wishes for objects that the
//! model knows to be there. A seed means what it meant when it was found, so a decoder changes only
//! with the seeds.
//!
//! # Languages that stay apart, and the reasons
//!
//! * [`fuzzing::mark_lifecycle`] and [`fuzzing::tree_nonsense`] call hooks, trees and notifiers, as a
//!   program with a VFS of its own does: there are no paths and no open files. `tests/stress` has such
//!   an embedder too, and [`embedder`] every hook under the embedder's locks.
//! * [`fuzzing::abi`] is about encodings, not operations.
//! * [`faults::operations`] has one call for each public function of the VFS, so that a test can tell
//!   that none is missing; an operation says nothing of which function is called.

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

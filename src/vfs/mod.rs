//! The VFS: one namespace over any number of file systems, with Linux's events.
//!
//! [`Vfs`] is the handle. It does once what every file system would otherwise do again: path
//! walk, mounts, permissions, the order of the checks and their error numbers, the lifetime of
//! what is unlinked and still open, and the calls to the hooks of
//! [`Notifier`], each once and under the locks that Linux holds there.
//!
//! **Names and paths** are bytes. Every operation takes [`impl IntoPath`](IntoPath): bytes and strings of all kinds, a
//! path from an open directory (`dir.at("name")`), flags on it (`"name".no_follow()`), or an open file, which stands
//! for what it holds. A path that begins neither with `/` nor at an open directory begins at the context's current
//! directory.
//!
//! **Errors of look-ups**, which every operation that takes a path can return: `ENOENT` (also
//! for an empty path), `ENOTDIR`, `EACCES` (a directory on the way cannot be searched),
//! `ELOOP` (more than 40 symbolic links; more mounts crossed than 4096 and twice as
//! many as there may be), `ENAMETOOLONG` (255 bytes for a name, 4095 for a path), `EAGAIN` (for
//! `..` in a deep tree, if directories move all the time), `EXDEV` and `ELOOP` as the path's flags ask for them,
//! `EINVAL` (a NUL byte; flags that there are not, or that contradict each other; a context or an
//! open file of another `Vfs`), and whatever the file system itself says. Where several apply
//! it is the one that Linux gives.
//!
//! **Cost.** A look-up takes O(1) for each component whose name is known, also if it is known
//! not to exist; otherwise one call to the file system. It takes no lock but `children` of each
//! directory, for reading, and the directory's lock for reading where the file system is asked.
//!
//! `..` is O(1) too, but where the context's root is a directory within a file system: there the
//! first one of a path that does not begin at the root takes O(depth), and so does one after a
//! directory of that file system has moved. One path climbs at most 16 times the depth, or 65,536
//! levels, the mounts on the way included. A climb takes the rename lock only if a directory moves meanwhile, and for bounded times.

// First: the page of `Vfs` begins with what is in these two.
mod builder;
mod vfs_handle;

mod attr_object;
mod context;
mod credentials;
mod current_operations;
mod dcache_update;
mod directory_locks;
mod file;
mod link_count;
mod mounts;
mod operation;
mod ops;
mod path_arg;
mod permission;
mod reap;
mod resolve;

#[cfg(all(test, shuttle))]
mod models;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

pub use builder::VfsBuilder;
pub use context::Context;
pub use credentials::Credentials;
pub use file::open_file::{File, FileId};
pub use file::readdir::DirEntryBuf;
pub use mounts::mount::MountOptions;
pub use mounts::mount_list::MountInfo;
pub use ops::stat::Metadata;
pub use path_arg::{IntoPath, PathArg};
pub use permission::Access;
pub use resolve::lookup_flags::LookupFlags;
pub use vfs_handle::Vfs;

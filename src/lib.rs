#![forbid(unsafe_code)]
//! File-system change notification, with inotify's semantics, for programs that carry a file
//! system inside: sandbox and WASM runtimes, user-space file servers, build systems, editors, test
//! harnesses.
//!
//! Linux tells programs what happens to files; a program's own VFS tells nobody anything. This crate
//! is both halves: a VFS ([`Vfs`] over any [`FileSystem`], [`MemFs`] included), and the notification
//! core that Linux has in `fs/notify`, event for event. A program that has a VFS already keeps its
//! own, holds its dentries in a [`Tree`], and reports what happens on a [`notify::Notifier`] under its own
//! locks.
//!
//! ```
//! use vfsnotify::inotify::{Event, WatchMask};
//! use vfsnotify::{MemFs, OpenFlags, Vfs};
//!
//! let vfs = Vfs::new(MemFs::new())?;
//! let cx = vfs.context();
//! vfs.mkdir(&cx, "/etc", 0o755)?;
//!
//! let inotify = vfs.inotify(&cx)?;
//! vfs.add_watch(&cx, &inotify, "/etc", WatchMask::CLOSE_WRITE)?;
//!
//! let file = vfs.open(&cx, "/etc/hosts", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
//! file.write(b"127.0.0.1 localhost")?;
//! file.close();
//!
//! for event in inotify.drain() {
//!     match event {
//!         Event::Fs(event) => assert_eq!(event.name, "hosts"),
//!         Event::Overflow { lost } => panic!("{lost} events were lost"),
//!     }
//! }
//! # Ok::<(), vfsnotify::Error>(())
//! ```
//!
//! # Where things are
//!
//! | for | see |
//! |---|---|
//! | files, names, mounts | [`Vfs`], [`Context`], [`File`] |
//! | watches and their events | [`inotify`] |
//! | a file system of your own under the VFS | [`fs`] |
//! | a VFS of your own under the notification | [`Tree`], [`notify`] |
//! | errors and their numbers | [`Error`], [`Errno`] |
//!
//! # What is guaranteed
//!
//! Every event equals Linux's. Beyond that: an `add_watch` that has returned misses nothing, whoever
//! else was adding; nothing but adding or widening a mark ever visits a directory's children, and
//! that in bounded chunks, never the negative ones; a one-shot watch reports one event; hooks may be
//! called with any of the caller's locks held; a hook that nobody listens to takes no lock and
//! allocates nothing; what is lost is counted. The README has the whole table, with the test that
//! shows each row, and `ARCHITECTURE.md` says why it holds.
//!
//! # It is not
//!
//! A watcher of the operating system's files (see the `notify` and `inotify` crates), and not yet
//! fanotify or dnotify. It blocks or polls; it has no executor of its own.
//!
//! # Features
//!
//! `vfs`, on by default: the VFS and its file systems. A program with a VFS of its own takes the crate
//! with `default-features = false`, and gets [`Tree`], [`notify`], [`inotify`] and what they use.
#![cfg_attr(not(feature = "vfs"), doc = "\n")]
#![cfg_attr(not(feature = "vfs"), doc = "[`Vfs`]: #features")]
#![cfg_attr(not(feature = "vfs"), doc = "[`Context`]: #features")]
#![cfg_attr(not(feature = "vfs"), doc = "[`File`]: #features")]
#![cfg_attr(not(feature = "vfs"), doc = "[`FileSystem`]: #features")]
#![cfg_attr(not(feature = "vfs"), doc = "[`fs`]: #features")]
#![cfg_attr(not(feature = "vfs"), doc = "[`MemFs`]: #features")]

mod backend;
mod base;
#[cfg(feature = "vfs")]
pub mod fs;
pub mod notify;
mod tree;
#[cfg(feature = "vfs")]
mod vfs;

#[cfg(all(test, not(any(loom, shuttle))))]
mod sizes;

pub use backend::inotify;
pub use base::clock::{Clock, SystemClock, Timestamp};
pub use base::errno::Errno;
pub use base::error::{Error, Limit, Result};
pub use base::kind::InodeKind;
pub use base::mask::EventMask;
#[cfg(feature = "vfs")]
pub use base::mode::Mode;
pub use base::name::Name;
pub use base::pace::{Pace, Yielder};
#[doc(hidden)]
pub use base::sync::lockdep;
pub use tree::{
    Dentry, DentryId, Inode, InodeId, InodeRef, InodeSpec, SuperblockId, SuperblockRef, Tree,
    TreeConfig, TreeLimits,
};

#[cfg(feature = "vfs")]
pub use fs::{
    Attr, FallocateFlags, FileSystem, FsFlags, FsStat, MemFs, MemFsBuilder, MemFsStats, OpenFlags,
    RenameFlags, TimeSetting, XattrMode,
};
#[cfg(feature = "vfs")]
pub use vfs::{
    Access, Context, Credentials, DirEntryBuf, File, FileId, IntoPath, LookupFlags, Metadata,
    MountInfo, MountOptions, PathArg, Vfs, VfsBuilder,
};

/// The examples of the README.
#[cfg(all(doctest, feature = "vfs"))]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;

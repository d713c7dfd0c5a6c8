#![forbid(unsafe_code)]
//! File-system change notification, with inotify's semantics, for programs that carry their own file
//! system: sandbox and WASM runtimes, user-space file servers, build systems, editors, test harnesses.
//!
//! The crate does inside one process what `fs/notify` does inside Linux: its [`inotify`] delivers the
//! same events, in the same order. A complete VFS comes with it.
//!
//! # Which half you need
//!
//! | your program | uses | take it with |
//! |---|---|---|
//! | has no VFS | the VFS: a [`Vfs`] over [`MemFs`], or over a [`FileSystem`] of your own | `cargo add vfsnotify` |
//! | has a VFS | the hooks: names in a [`Tree`], each change reported on a [`Notifier`](notify::Notifier), under your own locks | `cargo add vfsnotify --no-default-features` |
//!
//! Without the default feature `vfs` the crate has no [`Vfs`], no [`fs`] and no [`MemFs`]. It needs Rust 1.88,
//! makes no system call of its own, and compiles for Linux, Windows, macOS, WebAssembly and 32-bit targets.
//!
//! # The VFS
//!
//! ```
//! # #[cfg(feature = "vfs")] {
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
//! # }
//! # Ok::<(), vfsnotify::Error>(())
//! ```
//!
//! Go on with [`Vfs`], [`Context`] and [`File`]; with [`fs`] for a file system of your own under it.
//!
//! # The hooks
//!
//! ```
//! use vfsnotify::inotify::{Inotify, WatchMask};
//! use vfsnotify::notify::{Notifier, NotifyConfig};
//! use vfsnotify::tree::InodeSpec;
//! use vfsnotify::{InodeKind, Tree, TreeConfig};
//!
//! let tree = Tree::new(TreeConfig::default());
//! let notifier = Notifier::new(&tree, NotifyConfig::default())?;
//! let (superblock, root) = notifier.add_superblock(1)?;
//!
//! let inotify = Inotify::new(&notifier, 1000)?;
//! inotify.add_watch(&root.inode_ref(), WatchMask::ALL_EVENTS)?;
//!
//! // In your create(), with your directory lock held: the name, and CREATE.
//! let inode = tree.make_inode(&superblock, InodeSpec::new(2, InodeKind::Regular, 1))?;
//! let file = notifier.hooks().create(root.get(), b"letter", inode)?;
//! // In your write():
//! notifier.hooks().on_modify(file.get());
//!
//! assert_eq!(inotify.drain().len(), 2);
//! # Ok::<(), vfsnotify::Error>(())
//! ```
//!
//! Go on with [`notify::Hooks`], which has the table of hooks, with [`tree`], and with `examples/bring_your_own_vfs.rs`.
//!
//! # Ten words
//!
//! | | |
//! |---|---|
//! | inode | an object of a file system: a file, a directory, a symbolic link ([`Inode`](tree::Inode)) |
//! | dentry | a name of an inode in a directory ([`Dentry`](tree::Dentry)); a *negative* one remembers that a name does not exist |
//! | superblock | one file system with all its inodes ([`SuperblockRef`](tree::SuperblockRef)) |
//! | mount | the place in the tree of names where a superblock's root appears |
//! | hook | the function that a VFS calls at a change or an access ([`notify::Hooks`]) |
//! | mark | the interest of one group in one object, a mask of events; inotify calls it a *watch* ([`inotify::WatchMask`]) |
//! | group | a listener: a queue and its marks; an inotify *instance* is one ([`inotify::Inotify`]) |
//! | event | what a hook puts into the queue of each group with a matching mark ([`inotify::Event`]) |
//! | cookie | the number that MOVED_FROM and MOVED_TO of one rename have in common |
//! | overflow | the last event of a full queue; here it says how many events were lost |
//!
//! # Guarantees
//!
//! Each event equals that of Linux, but for the differences that the README lists. Beyond that, by the numbers of the
//! README, whose table names the tests:
//!
//! | | |
//! |---|---|
//! | G1 | When adding a watch has returned, every operation that happens after it is reported |
//! | G2 | Only adding or widening a watch visits the children of a directory |
//! | G3 | No lock that an operation can wait for is held for longer than one chunk of a walk |
//! | G4 | The first watch that wants events of children costs O(existing children); negative dentries cost nothing, and further watches O(1) |
//! | G5 | Removing a watch costs O(1) in the directory's size |
//! | G6 | A hook may be called, and a [`DentryRef`](notify::DentryRef) dropped, with any lock of the caller's held; it runs no code of the caller's |
//! | G7 | A one-shot watch fires exactly once, then IGNORED |
//! | G8 | Clearing a stale flag never loses an event |
//! | G9 | Directory and name of an event belong together, also during renames |
//! | G10 | MOVED_FROM and MOVED_TO of a rename are next to each other in a queue that gets both (only the IGNORED of a one-shot that gets the first comes between) |
//! | G11 | Queues, watches, negative dentries, open files and what a guest hands in are bounded or charged, and a full queue says how many events it lost |
//! | G12 | An operation that fails emits nothing; a hook that matches no mark allocates nothing and takes no lock of the notification side |
//! | G13 | Instances, files, contexts and the VFS can be dropped in any order: all is freed, and no thread waits for ever |
//! | G14 | No `unsafe` |
//!
//! # Limits
//!
//! Each has a default, and an errno beyond it: [`notify::Limits`] for queues, instances, watches and marks, [`TreeConfig`]
//! for dentries, [`VfsBuilder`] for open files and mounts, [`MemFs::builder`] for contents. [`Error::limit`] says which
//! one was reached.
//!
//! # It is not
//!
//! A watcher of the operating system's files (see the crates `notify` and `inotify`), and not yet fanotify or dnotify. Reading
//! blocks, polls, or is `select!`ed on; there is no adapter for async runtimes yet. There is no `mmap`. It is no sandbox by
//! itself: `beneath` and [`Context::with_root`] confine paths, limits bound memory, the rest is the embedder's business.
#![cfg_attr(not(feature = "vfs"), doc = "\n")]
#![cfg_attr(not(feature = "vfs"), doc = "[`Vfs`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`Context`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`File`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`FileSystem`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`fs`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`MemFs`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`Context::with_root`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`MemFs::builder`]: #which-half-you-need")]
#![cfg_attr(not(feature = "vfs"), doc = "[`VfsBuilder`]: #which-half-you-need")]

mod backend;
mod base;
#[doc(hidden)]
pub mod doc;
#[cfg(feature = "vfs")]
pub mod fs;
pub mod notify;
pub mod tree;
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
#[doc(hidden)]
pub use base::sync::lockdep;
pub use base::walk_pace::{Pace, Yielder};
pub use tree::{Tree, TreeConfig, TreeLimits};

#[cfg(feature = "vfs")]
pub use fs::{FallocateFlags, FileSystem, MemFs, OpenFlags, RenameFlags, TimeSetting, XattrMode};
#[cfg(feature = "vfs")]
pub use vfs::{
    Access, Context, Credentials, DirEntryBuf, File, FileId, IntoPath, LookupFlags, Metadata,
    MountInfo, MountOptions, PathArg, Vfs, VfsBuilder,
};

/// The examples of the README.
#[cfg(all(doctest, feature = "vfs"))]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;

//! The common beginning of the examples in the documentation, so that each shows only its own call.
//!
//! Hidden, and no part of the API: it may change in any release. An example begins with two hidden lines, and ends
//! with one:
//!
//! ```text
//! # use vfsnotify::doc::*;
//! # let (vfs, cx, inotify) = new_vfs()?;
//! vfs.mkdir(&cx, "/d", 0o755)?;
//! # Ok::<(), Error>(())
//! ```

pub use crate::inotify::*;
pub use crate::notify::*;
pub use crate::tree::*;
pub use crate::*;

/// A VFS over an empty [`MemFs`], the superuser's context in it, and an inotify instance without a watch.
#[cfg(feature = "vfs")]
pub fn new_vfs() -> Result<(Vfs, Context, Inotify)> {
    let vfs = Vfs::new(MemFs::new())?;
    let cx = vfs.context();
    let inotify = vfs.inotify(&cx)?;
    Ok((vfs, cx, inotify))
}

/// The tree of a program with a VFS of its own, its notifier, a superblock, and the superblock's root directory with
/// the inode number 1.
pub fn new_tree()
-> Result<(base::sync::Arc<Tree>, base::sync::Arc<Notifier>, SuperblockRef, DentryRef)> {
    let tree = Tree::new(TreeConfig::default());
    let notifier = Notifier::new(&tree, NotifyConfig::default())?;
    let (superblock, root) = notifier.add_superblock(1)?;
    Ok((tree, notifier, superblock, root))
}

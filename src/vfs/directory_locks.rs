//! The locks that an operation on names takes.
//!
//! Directory locks are taken in ascending order of their slots, whichever is whose parent: an
//! operation that needs a child's lock as well as its parent's finds the child first, takes both
//! in order, and looks again. One total order over all directories cannot deadlock, and it does
//! not change when directories move.
//!
//! After them, in the same rank, comes the link lock of one inode: the part of Linux's `i_rwsem` of
//! files that counts here. It makes one step of a change of the link count, the reading of the new
//! count and the events to the inode's watches, and keeps a link from being made while the last name
//! goes. A thread holds one of them at most.
//!
//! An inode's attributes have a lock of their own: truncating a large file takes a time that grows
//! with it, and an unlink of the file must not wait for that. Both locks are the inode's (they are in
//! the page of its slot), so a file system that hangs holds up callers of that inode, and those that
//! wait for a directory which such a caller has locked.

use smallvec::SmallVec;

use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, RwLockWriteGuard, rank};
use crate::tree::directory::{DirSlot, DirState};
use crate::tree::{Dentry, Tree};

type Guard<'a> = RwLockWriteGuard<'a, DirState, { rank::DIRECTORY }>;

/// Up to three directories, locked for writing.
pub(crate) struct DirLocks<'a>(SmallVec<[(Ix<DirSlot>, Guard<'a>); 3]>);

impl<'a> DirLocks<'a> {
    /// Locks these directories; some may be the same, or none.
    pub(crate) fn new(tree: &'a Arc<Tree>, dirs: &[Option<Ix<DirSlot>>]) -> Self {
        let mut order: SmallVec<[Ix<DirSlot>; 3]> = dirs.iter().copied().flatten().collect();
        order.sort_unstable();
        order.dedup();
        let lock = |dir: Ix<DirSlot>| (dir, tree.dir_lock(dir).write_keyed(u64::from(dir)));
        Self(order.into_iter().map(lock).collect())
    }

    /// Whether this directory is one of those locked.
    pub(crate) fn has(&self, dir: Ix<DirSlot>) -> bool {
        self.0.iter().any(|(locked, _)| *locked == dir)
    }

    /// Whether this one of them has been removed.
    pub(crate) fn is_dead(&self, dir: Ix<DirSlot>) -> bool {
        self.0.iter().any(|(locked, state)| *locked == dir && state.dead)
    }

    /// Whether any of them has been removed.
    pub(crate) fn any_dead(&self) -> bool {
        self.0.iter().any(|(_, state)| state.dead)
    }

    /// Marks a locked directory as removed and unlocks it.
    pub(crate) fn mark_removed(&mut self, dir: Ix<DirSlot>) {
        if let Some(at) = self.0.iter().position(|(locked, _)| *locked == dir) {
            let (_, mut state) = self.0.remove(at);
            state.dead = true;
        }
    }
}

/// Holds an object against other changes of its attributes.
#[expect(dead_code, reason = "held for its drop")]
pub(crate) enum ObjectGuard<'a> {
    /// A directory's lock.
    Directory(Guard<'a>),
    /// The attribute lock of anything else.
    Other(RwLockWriteGuard<'a, (), { rank::ATTRIBUTES }>),
}

/// Locks an object of a tree against other changes of its attributes, and against writes that may have to
/// strip set-id bits.
#[track_caller]
pub(crate) fn lock_object<'a>(tree: &'a Arc<Tree>, object: Dentry<'a>) -> ObjectGuard<'a> {
    let inode = object.inode();
    match inode.dir() {
        Some(dir) => ObjectGuard::Directory(tree.dir_lock(dir).write_keyed(u64::from(dir))),
        None => ObjectGuard::Other(inode.attributes().write()),
    }
}

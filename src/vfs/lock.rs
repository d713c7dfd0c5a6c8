//! The locks that an operation on names takes.
//!
//! Directory locks are taken in ascending order of their slots, whichever is whose parent: an
//! operation that needs a child's lock as well as its parent's finds the child first, takes both
//! in order, and looks again. One total order over all directories cannot deadlock, and it does
//! not change when directories move.
//!
//! After them, in the same rank, come the link locks: the part of Linux's `i_rwsem` of files
//! that counts here. They make a change of a file's link count, the reading of the new count and
//! what the file's watchers hear of it one step, and keep a link from being made while the last
//! name goes. A thread holds one of them at most. The locks of files' attributes are apart from them:
//! cutting off a large file takes a time that depends on its size, under a lock that many files share,
//! and nobody who unlinks another of those files shall wait for that.

use smallvec::SmallVec;

use crate::base::arena::slots;
use crate::base::sync::{Arc, Mutex, MutexGuard, RwLockWriteGuard, rank};
use crate::tree::directory::{DirState, NONE};
use crate::tree::{Inode, Tree};

type Guard<'a> = RwLockWriteGuard<'a, DirState, { rank::DIRECTORY }>;

/// Up to three directories, locked for writing.
pub(crate) struct DirLocks<'a>(SmallVec<[(u32, Guard<'a>); 3]>);

impl<'a> DirLocks<'a> {
    /// Locks these directories; some may be the same, or [`NONE`].
    pub(crate) fn new(tree: &'a Arc<Tree>, dirs: &[u32]) -> Self {
        let mut order: SmallVec<[u32; 3]> = dirs.into();
        order.sort_unstable();
        order.dedup();
        order.retain(|dir| *dir != NONE);
        let lock = |dir: u32| (dir, tree.dir_lock(dir).write_keyed(u64::from(dir)));
        Self(order.into_iter().map(lock).collect())
    }

    /// Whether this directory is one of those locked.
    pub(crate) fn has(&self, dir: u32) -> bool {
        self.0.iter().any(|(locked, _)| *locked == dir)
    }

    /// Whether this one of them has been removed.
    pub(crate) fn is_dead(&self, dir: u32) -> bool {
        self.0.iter().any(|(locked, state)| *locked == dir && state.dead)
    }

    /// Whether any of them has been removed.
    pub(crate) fn any_dead(&self) -> bool {
        self.0.iter().any(|(_, state)| state.dead)
    }

    /// Marks a locked directory as removed and unlocks it.
    pub(crate) fn bury(&mut self, dir: u32) {
        if let Some(at) = self.0.iter().position(|(locked, _)| *locked == dir) {
            let (_, mut state) = self.0.remove(at);
            state.dead = true;
        }
    }
}

/// How many files share the locks.
const STRIPES: usize = slots(64);
/// The link locks' keys come after every directory's.
const AFTER_DIRECTORIES: u64 = 1 << 32;

/// The locks of files' link counts.
#[derive(Debug)]
pub(crate) struct LinkLocks(Box<[Mutex<(), { rank::DIRECTORY }>]>);

impl Default for LinkLocks {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(STRIPES).collect())
    }
}

/// The locks of files' attributes.
#[derive(Debug)]
pub(crate) struct AttrLocks(Box<[Mutex<(), { rank::ATTRIBUTES }>]>);

impl Default for AttrLocks {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(STRIPES).collect())
    }
}

impl AttrLocks {
    /// Locks a file's attributes.
    pub(crate) fn lock(&self, inode: Inode<'_>) -> MutexGuard<'_, (), { rank::ATTRIBUTES }> {
        self.0[inode.index as usize % STRIPES].of(inode.superblock.domain()).lock()
    }
}

impl LinkLocks {
    /// Locks a file's link count; directories are locked before, and one file at a time.
    pub(crate) fn lock(&self, inode: Inode<'_>) -> MutexGuard<'_, (), { rank::DIRECTORY }> {
        let lock = &self.0[inode.index as usize % STRIPES];
        lock.of(inode.superblock.domain()).lock_keyed(AFTER_DIRECTORIES)
    }
}

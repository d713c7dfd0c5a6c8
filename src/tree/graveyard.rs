//! What is dead and not yet freed.
//!
//! Ending a use never frees anything: the object goes on a list that is threaded through the slots
//! themselves, so that a hook, or a drop under somebody's lock, costs two stores and no allocation.
//! The lists are emptied in bounded steps by whoever holds no lock.

use crate::base::sync::{AtomicBool, Mutex, Ordering, rank};
use crate::tree::dcache::Tree;
use crate::tree::directory::NONE;
use crate::tree::superblock::SuperblockId;

#[derive(Debug)]
struct Lists {
    dentries: u32,
    inodes: u32,
}

/// The lists of the dead.
#[derive(Debug)]
pub(crate) struct Graveyard {
    lists: Mutex<Lists, { rank::REAPER }>,
    /// Whether a list may hold anything. Written under the lock; read without it, `Relaxed`, as
    /// a hint: what is missed now is seen by the next to look.
    occupied: AtomicBool,
}

impl Default for Graveyard {
    fn default() -> Self {
        Self {
            lists: Mutex::new(Lists { dentries: NONE, inodes: NONE }),
            occupied: AtomicBool::new(false),
        }
    }
}

/// An inode that was freed: the file system can be told. It was a use of its superblock, which the
/// receiver gives back with [`Tree::put_superblock`] after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buried {
    pub(crate) superblock: SuperblockId,
    pub(crate) ino: u64,
    pub(crate) lookups: u64,
}

/// What one step of burying inodes came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing is left to do.
    Done,
    /// Something was freed, and there may be more.
    More,
    /// An inode is gone.
    Buried(Buried),
}

impl Tree {
    /// Whether anything waits to be freed.
    pub(crate) fn has_dead(&self) -> bool {
        self.graveyard.occupied.load(Ordering::Relaxed)
    }

    /// Queues a dentry whose last use is gone, for [`Tree::next_dead_dentry`].
    pub(crate) fn leave_dead_dentry(&self, dentry: u32) {
        let mut lists = self.graveyard.lists.lock();
        self.dentry_page(dentry).hot().set_next(dentry, lists.dentries);
        lists.dentries = dentry;
        self.graveyard.occupied.store(true, Ordering::Relaxed);
    }

    /// Takes a dentry off the list: its death can be reported, then [`Tree::bury_dentry`].
    pub(crate) fn next_dead_dentry(&self) -> Option<u32> {
        let mut lists = self.graveyard.lists.lock();
        let dentry = lists.dentries;
        if dentry == NONE {
            return None;
        }
        lists.dentries = self.dentry_page(dentry).hot().next(dentry);
        Some(dentry)
    }

    pub(super) fn leave_dead_inode(&self, inode: u32) {
        let mut lists = self.graveyard.lists.lock();
        self.inode_at(inode).set_grave(lists.inodes);
        lists.inodes = inode;
        self.graveyard.occupied.store(true, Ordering::Relaxed);
    }

    /// Does one bounded piece of work on the first dead inode.
    pub(crate) fn bury_inode_step(&self) -> Step {
        let inode = {
            let mut lists = self.graveyard.lists.lock();
            let inode = lists.inodes;
            if inode == NONE {
                let rest = lists.dentries != NONE;
                self.graveyard.occupied.store(rest, Ordering::Relaxed);
                return Step::Done;
            }
            lists.inodes = self.inode_at(inode).grave();
            inode
        };
        if let Some(dir) = self.inode_at(inode).dir()
            && self.drain_directory_step(dir)
        {
            self.leave_dead_inode(inode);
            return Step::More;
        }
        Step::Buried(self.bury_inode(inode))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::base::kind::InodeKind;
    use crate::tree::{InodeSpec, TreeConfig};

    fn dead_directory(tree: &std::sync::Arc<Tree>, names: usize) -> crate::tree::SuperblockRef {
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let spec = InodeSpec { ino: 2, kind: InodeKind::Directory, nlink: 2 };
        let inode = tree.make_inode(&superblock, spec).unwrap();
        let dir = tree.instantiate(root.get(), b"d", inode).unwrap();
        for n in 0..names {
            tree.remember_missing(dir.get(), format!("{n}").as_bytes()).unwrap();
        }
        drop(tree.unhash(dir.get(), false).unwrap());
        drop(dir);
        let dead = tree.next_dead_dentry().unwrap();
        tree.end_alias(dead);
        tree.bury_dentry(dead);
        superblock
    }

    /// The hand that keeps the budget may come to a directory that is being freed.
    #[test]
    fn nothing_is_evicted_from_a_directory_that_is_half_freed() {
        let config = TreeConfig { negatives: 20_000, ..TreeConfig::default() };
        let tree = Tree::new(config);
        let superblock = dead_directory(&tree, 20_000);
        let (_other, root) = tree.add_superblock(1).unwrap();
        let mut step = 0;
        loop {
            for n in 0..300 {
                let name = format!("{step}-{n}");
                tree.remember_missing(root.get(), name.as_bytes()).unwrap();
            }
            step += 1;
            match tree.bury_inode_step() {
                Step::Done => break,
                Step::More => {}
                Step::Buried(buried) => tree.put_superblock(buried.superblock.index),
            }
        }
        tree.verify().unwrap();
        drop(superblock);
    }

    /// G3 for a directory that is removed: its names are freed 1024 at a time, each time under a
    /// hold of its own lock only.
    #[test]
    fn a_removed_directory_of_many_names_is_freed_in_bounded_steps() {
        const NAMES: usize = 50_000;
        let tree = Tree::new(TreeConfig::default());
        let _superblock = dead_directory(&tree, NAMES);
        let (mut steps, mut before) = (0, tree.negatives());
        loop {
            match tree.bury_inode_step() {
                Step::Done => break,
                Step::More => {}
                Step::Buried(buried) => {
                    assert_eq!(buried.ino, 2);
                    tree.put_superblock(buried.superblock.index);
                }
            }
            let now = tree.negatives();
            assert!(before - now <= 1024, "one step freed {} names", before - now);
            before = now;
            steps += 1;
        }
        assert!(steps >= NAMES / 1024, "{steps} steps");
        assert_eq!(tree.negatives(), 0);
        tree.verify().unwrap();
    }
}

//! The tree alone, through its public operations.

mod cycles;
mod ids;
mod limits;
mod moves;
mod names;
mod negatives;
mod reclaim;
#[cfg(feature = "vfs")]
mod reservations;

use std::cell::Cell;

use crate::base::errno::Errno;
use crate::base::error::Error;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::tree::test_references::{DeferringRef, Known};
use crate::tree::{Dentry, InodeRef, InodeSpec, SuperblockRef, Tree, TreeConfig, TreeLimits};

/// A tree with one file system in it.
struct TreeStage {
    tree: Arc<Tree>,
    superblock: SuperblockRef,
    root: DeferringRef,
    next_ino: Cell<u64>,
}

impl TreeStage {
    fn new() -> Self {
        Self::with(TreeConfig::default(), TreeLimits::default())
    }

    fn with(config: TreeConfig, limits: TreeLimits) -> Self {
        let tree = Tree::with_limits(config, limits);
        let (superblock, root) = tree.add_superblock(1).unwrap();
        Self { tree, superblock, root, next_ino: Cell::new(2) }
    }

    fn inode(&self, kind: InodeKind) -> Result<InodeRef, Error> {
        let ino = self.next_ino.replace(self.next_ino.get() + 1);
        self.tree.make_inode(&self.superblock, InodeSpec { ino, kind, nlink: 1 })
    }

    fn make(&self, dir: Dentry<'_>, name: &str, kind: InodeKind) -> Result<DeferringRef, Error> {
        self.tree.instantiate(dir, name.as_bytes(), self.inode(kind)?)
    }

    fn file(&self, dir: &DeferringRef, name: &str) -> DeferringRef {
        self.make(dir.get(), name, InodeKind::Regular).unwrap()
    }

    fn dir(&self, name: &str) -> DeferringRef {
        self.make(self.root.get(), name, InodeKind::Directory).unwrap()
    }

    fn look(&self, dir: &DeferringRef, name: &str) -> Known {
        self.tree.lookup(dir.get(), name.as_bytes()).unwrap()
    }

    /// The inode number of a name; `None` if it has no positive dentry.
    fn ino(&self, dir: &DeferringRef, name: &str) -> Option<u64> {
        match self.look(dir, name) {
            Known::Positive(dentry) => Some(dentry.get().inode().ino()),
            Known::Negative | Known::Unknown => None,
        }
    }

    /// Unhashes a dentry; whether it was hashed.
    fn unhash(&self, dentry: &DeferringRef, remember: bool) -> bool {
        self.tree.unhash(dentry.get(), remember).unwrap().is_some()
    }

    /// Frees all dead objects.
    fn reap(&self) {
        self.tree.free_all_dead();
    }

    /// How many dentries and inodes there are once the dead are freed.
    fn live(&self) -> (usize, usize) {
        self.reap();
        self.tree.verify().unwrap();
        (self.tree.live_dentries(), self.tree.live_inodes())
    }
}

fn name_of(dentry: &DeferringRef) -> String {
    String::from_utf8(dentry.get().name().to_vec()).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Errno {
    result.unwrap_err().errno()
}

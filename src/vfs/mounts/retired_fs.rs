//! A file system after its last unmount.

use crate::base::sync::Arc;
use crate::notify::{DentryRef, PruneWalk};
use crate::vfs::mounts::mounted_fs::MountedFs;

/// A file system that no mount shows any more, until the last of its inodes is gone.
#[derive(Debug)]
pub(crate) struct Retired {
    pub(crate) mounted_fs: Arc<MountedFs>,
    /// The root, until everything below it has been taken away.
    root: Option<DentryRef>,
    pruning: PruneWalk,
}

impl Retired {
    pub(crate) fn new(mounted_fs: Arc<MountedFs>, root: Option<DentryRef>) -> Self {
        Self { mounted_fs, root, pruning: PruneWalk::default() }
    }

    /// Prunes unreferenced dentries, in bounded steps; true if there were any.
    pub(crate) fn prune(&mut self) -> bool {
        let Some(root) = &self.root else { return false };
        let tree = root.notifier().tree();
        let before = self.pruning.pruned();
        while self.pruning.step(root.notifier(), root.get()) {}
        if !tree.has_children(root.get()) {
            self.pruning = PruneWalk::default();
            self.root = None;
            return true;
        }
        self.pruning.pruned() > before
    }

    pub(crate) fn belongs_to(&self, mounted_fs: &Arc<MountedFs>) -> bool {
        Arc::ptr_eq(&self.mounted_fs, mounted_fs)
    }

    pub(crate) fn has_dead(&self) -> bool {
        self.mounted_fs.superblock().slot().deferred().has_dead()
    }

    /// Whether nothing but the superblock itself is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
            && self.mounted_fs.superblock().slot().refs().count() == 1
            && self.mounted_fs.has_no_work()
    }
}

//! A tree with a notifier, as a program with a VFS of its own has them.

use std::sync::Arc;

use vfsnotify::inotify::Inotify;
use vfsnotify::notify::{DentryRef, Limits, Notifier, NotifyConfig};
use vfsnotify::tree::{Dentry, InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Tree, TreeConfig};

pub(super) struct World {
    pub(super) tree: Arc<Tree>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) superblock: SuperblockRef,
    pub(super) root: DentryRef,
}

impl World {
    pub(super) fn new() -> Self {
        let tree = Tree::new(TreeConfig::default());
        let limits = Limits::default().with_max_user_instances(1 << 20);
        let config = NotifyConfig::default().with_limits(limits);
        let notifier = Notifier::new(&tree, config).expect("a notifier");
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        Self { tree, notifier, superblock, root }
    }

    pub(super) fn make(
        &self,
        dir: Dentry<'_>,
        ino: u64,
        name: &[u8],
        kind: InodeKind,
    ) -> DentryRef {
        let spec = InodeSpec::new(ino, kind, 1);
        let inode = self.tree.make_inode(&self.superblock, spec).expect("an inode");
        self.notifier.instantiate(dir, name, inode).expect("a dentry")
    }

    pub(super) fn file(&self, ino: u64, name: &[u8]) -> DentryRef {
        self.make(self.root.get(), ino, name, InodeKind::Regular)
    }

    pub(super) fn dir(&self, ino: u64, name: &[u8]) -> DentryRef {
        self.make(self.root.get(), ino, name, InodeKind::Directory)
    }

    pub(super) fn inotify(&self) -> Inotify {
        Inotify::new(&self.notifier, 0).expect("an instance")
    }
}

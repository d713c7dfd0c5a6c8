//! The objects that acts take their arguments from.

use std::sync::Arc;

use vfsnotify::inotify::{Inotify, PendingWatch, WatchDescriptor};
use vfsnotify::notify::{DentryRef, MountMarks, Notifier, NotifyConfig, Pruning};
use vfsnotify::tree::{DentryId, InodeId, InodeRef, InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Tree, TreeConfig, TreeLimits};

/// How many objects a pool keeps; a new one takes the place of another.
const MOST: usize = 24;

/// See the module.
#[derive(Default)]
pub(super) struct Pools {
    pub(super) trees: Vec<Arc<Tree>>,
    pub(super) notifiers: Vec<Arc<Notifier>>,
    pub(super) superblocks: Vec<SuperblockRef>,
    pub(super) dentries: Vec<DentryRef>,
    pub(super) inodes: Vec<InodeRef>,
    pub(super) dentry_ids: Vec<DentryId>,
    pub(super) inode_ids: Vec<InodeId>,
    pub(super) groups: Vec<Inotify>,
    pub(super) watches: Vec<WatchDescriptor>,
    pub(super) pending: Vec<PendingWatch>,
    pub(super) prunings: Vec<Pruning>,
    pub(super) mounts: Vec<MountMarks>,
}

/// The element that a byte stands for; `None` in an empty pool.
pub(super) fn pick<T>(pool: &[T], at: u8) -> Option<&T> {
    pool.get(usize::from(at) % pool.len().max(1))
}

/// Adds to a pool. What makes way for it is returned.
pub(super) fn keep<T>(pool: &mut Vec<T>, new: T) -> Option<T> {
    pool.push(new);
    (pool.len() > MOST).then(|| pool.remove(0))
}

/// Takes an element out of a pool.
pub(super) fn take<T>(pool: &mut Vec<T>, at: u8) -> Option<T> {
    let len = pool.len();
    (len > 0).then(|| pool.swap_remove(usize::from(at) % len))
}

impl Pools {
    /// Two trees with two superblocks each, and in each superblock `/a/b/c` and a file.
    pub(super) fn new(low_limits: bool) -> Self {
        let mut pools = Self::default();
        let limits = match low_limits {
            true => TreeLimits::default()
                .with_dentries(24)
                .with_inodes(20)
                .with_directories(14)
                .with_superblocks(3)
                .with_children_per_directory(4),
            false => TreeLimits::default(),
        };
        for _ in 0..2 {
            let config = TreeConfig::default().with_negatives(8);
            let tree = Tree::with_limits(config, limits);
            let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("the first");
            pools.groups.push(Inotify::new(&notifier, 0).expect("the first"));
            for _ in 0..2 {
                let (superblock, root) = notifier.add_superblock(1).expect("room for two");
                let mut dir = root.clone();
                pools.keep_dentry(root);
                for (ino, name) in [(2, "a"), (3, "b"), (4, "c"), (5, "f")] {
                    let kind = if ino == 5 { InodeKind::Regular } else { InodeKind::Directory };
                    let inode = tree.make_inode(&superblock, InodeSpec::new(ino, kind, 1));
                    let made =
                        notifier.instantiate(dir.get(), name.as_bytes(), inode.expect("room"));
                    dir = made.expect("room");
                    pools.keep_dentry(dir.clone());
                }
                pools.mounts.push(notifier.add_mount(&superblock).expect("room for a mount"));
                pools.superblocks.push(superblock);
            }
            pools.trees.push(tree);
            pools.notifiers.push(notifier);
        }
        pools
    }

    pub(super) fn keep_dentry(&mut self, dentry: DentryRef) {
        keep(&mut self.dentry_ids, dentry.get().id());
        keep(&mut self.inode_ids, dentry.get().inode().id());
        drop(keep(&mut self.dentries, dentry));
    }

    /// The invariants hold, and a climb from every dentry ends at a root.
    pub(super) fn check(&self) {
        for notifier in &self.notifiers {
            notifier.verify().unwrap_or_else(|wrong| panic!("{wrong}"));
        }
        for dentry in &self.dentries {
            let most = dentry.notifier().tree().live_dentries();
            let mut here = dentry.clone();
            for level in 0.. {
                assert!(level <= most, "the climb from {dentry:?} has no end");
                let Some(parent) = here.parent() else { break };
                here = parent;
            }
            assert!(here.get().is_root(), "{here:?} has no parent and is no root");
        }
    }

    /// Drops everything, in one order or another, and checks what is left.
    pub(super) fn end(mut self, order: u8) {
        if order & 1 != 0 {
            self.groups.clear();
        }
        if order & 2 != 0 {
            for notifier in &self.notifiers {
                self.superblocks.iter().for_each(|superblock| notifier.on_unmount(superblock));
            }
        }
        self.pending.clear();
        for mut pruning in std::mem::take(&mut self.prunings) {
            // Each step takes a dentry away or goes to another directory.
            let most = self.trees.iter().map(|tree| tree.live_dentries() + 2).sum::<usize>() * 4;
            let ends = (0..most).any(|_| !pruning.step());
            assert!(ends, "{pruning:?} has no end");
        }
        self.inodes.clear();
        if order & 4 != 0 {
            self.superblocks.clear();
        }
        for dentry in std::mem::take(&mut self.dentries) {
            match pick(&self.notifiers, order >> 4) {
                Some(notifier) if order & 8 != 0 => drop(notifier.hooks().remove(dentry)),
                _ => drop(dentry),
            }
        }
        for notifier in &self.notifiers {
            notifier.reap(|_, _, _| {});
        }
        self.check();
        if order & 16 != 0 {
            self.notifiers.iter().for_each(|notifier| notifier.shut_down());
            self.check();
        }
        if order & 32 != 0 {
            self.notifiers.clear();
        }
    }
}

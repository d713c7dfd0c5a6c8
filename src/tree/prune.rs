//! Taking the dentries of a file system, or below a directory, away in bounded steps.

use crate::base::sync::{Arc, count_items};
use crate::tree::dcache::Tree;
use crate::tree::dentry::{Dentry, DentryRef};

/// A walk that takes away the dentries below a directory that nobody uses, deepest first and without
/// any event: after an unmount, or when memory is short. What is taken away is found again by asking
/// the file system.
///
/// It goes as far as the first dentry that is in use. Between two steps nothing is locked, and anybody
/// may do anything.
///
/// ```
/// # use vfsnotify::{InodeKind, InodeSpec, Tree};
/// # use vfsnotify::notify::{Notifier, NotifyConfig};
/// use vfsnotify::Pruning;
/// # let tree = Tree::new(Default::default());
/// # let notifier = Notifier::new(&tree, NotifyConfig::default())?;
/// # let (superblock, root) = tree.add_superblock(1)?;
/// # let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
/// # drop(tree.instantiate(root.get(), b"file", tree.make_inode(&superblock, spec)?)?);
/// // An unmount: the watches go first, then the names, then the root.
/// notifier.on_unmount(&superblock);
/// let mut pruning = Pruning::below(root);
/// while pruning.step() {}
/// notifier.dput(pruning.into_root());
/// drop(superblock);
/// notifier.reap(|_superblock, _ino, _lookups| {});
/// assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Debug)]
pub struct Pruning {
    root: DentryRef,
    walk: PruneWalk,
}

impl Pruning {
    /// A walk that has not begun.
    #[must_use]
    pub fn below(root: DentryRef) -> Self {
        Self { root, walk: PruneWalk::default() }
    }

    /// Takes one dentry away, or goes to another directory. False when it is through, or has come to a
    /// dentry that somebody uses or that waits to be freed; a later call goes on from there.
    ///
    /// Takes `children` of one directory for a bounded time; O(1). Call it with no lock held that a
    /// hook's caller may hold. The inodes are left to the reaper.
    pub fn step(&mut self) -> bool {
        self.walk.step(self.root.tree(), self.root.get())
    }

    /// Ends the walk and gives the directory back.
    #[must_use]
    pub fn into_root(self) -> DentryRef {
        self.root
    }
}

/// A [`Pruning`] whose root is kept by somebody else.
#[derive(Debug, Default)]
pub(crate) struct PruneWalk {
    /// The directory it is in; the root if there is none. It is in use: others free what is dead meanwhile.
    at: Option<DentryRef>,
}

impl PruneWalk {
    /// Takes one dentry away, or goes to another directory; false when it comes to a dentry that somebody
    /// else uses, or that is dead and not yet freed. The next call goes on from there.
    pub(crate) fn step(&mut self, tree: &Arc<Tree>, root: Dentry<'_>) -> bool {
        count_items(1);
        let here = self.at.as_ref().map_or(root, DentryRef::get);
        let Some(dir) = here.inode().dir() else { return false };
        let last = {
            let children = tree.dir_at(dir).children.read();
            children.positives().checked_sub(1).map(|last| {
                let child = children.dentry_at(last);
                let alive = tree.dentry_page(child).hot().life(child).try_get(None);
                alive.then(|| DentryRef::from_use(tree, child))
            })
        };
        match last {
            Some(Some(child)) if tree.has_children(child.get()) => {
                self.go_to(tree, Some(child));
                true
            }
            Some(Some(child)) => tree.prune(child),
            Some(None) => false,
            None if here == root => false,
            None => {
                let parent = tree.parent_of(here.index);
                let parent = parent.map(|parent| DentryRef::from_use(tree, parent));
                self.go_to(tree, parent.filter(|parent| parent.get() != root));
                true
            }
        }
    }

    fn go_to(&mut self, tree: &Tree, at: Option<DentryRef>) {
        if let Some(left) = std::mem::replace(&mut self.at, at) {
            tree.release(left);
        }
    }
}

impl Tree {
    /// Takes a dentry away if nobody but its name and the caller uses it; whether it has gone.
    fn prune(self: &Arc<Self>, dentry: DentryRef) -> bool {
        let index = dentry.get().index;
        if self.unhash_unused(index) {
            self.release(DentryRef::from_use(self, index));
        }
        self.release(dentry)
    }

    /// Takes the name of a dentry away if nobody but that and the caller uses it. Who looks it up takes
    /// its use under the same lock, so nobody finds it and has it taken away.
    fn unhash_unused(&self, dentry: u32) -> bool {
        let page = self.dentry_page(dentry).hot();
        let Some((_, mut children, link)) = self.lock_parent(dentry) else { return false };
        if !page.is_hashed(dentry) || page.life(dentry).uses() > 2 {
            return false;
        }
        children.unhash(link.place());
        page.set_hashed(dentry, false);
        true
    }

    /// Gives a use back, and frees what only that kept; whether the dentry has gone.
    fn release(&self, dentry: DentryRef) -> bool {
        let index = dentry.into_use();
        let last = self.dentry_page(index).hot().life(index).put();
        let mut dead = last.then_some(index);
        while let Some(gone) = dead {
            self.end_alias(gone);
            dead = self.bury_dentry(gone);
        }
        last
    }
}

//! Taking a whole file system's dentries away, in bounded steps.

use crate::base::sync::{Arc, count_items};
use crate::tree::dcache::Tree;
use crate::tree::dentry::{Dentry, DentryRef};

/// A walk that takes the dentries of a file system away that nobody uses, deepest first, without any
/// event.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    /// The directory it is in; the root if there is none. It is in use: others free what is dead meanwhile.
    at: Option<DentryRef>,
}

impl Pruning {
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
        let uses = self.dentry_page(index).hot().life(index).uses();
        if uses <= 2 && self.d_unhash(index, false) {
            self.release(DentryRef::from_use(self, index));
        }
        self.release(dentry)
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

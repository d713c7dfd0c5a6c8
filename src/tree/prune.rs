//! Taking a whole file system's dentries away, in bounded steps.

use crate::base::sync::{Arc, count_items};
use crate::tree::dcache::Tree;
use crate::tree::dentry::Dentry;

impl Tree {
    /// Takes one unused dentry below `root` away, deepest first, without any event; false when
    /// all that is left is in use by somebody else.
    ///
    /// `at` is where the walk is: start it with `None`.
    pub(crate) fn prune_step(self: &Arc<Self>, root: Dentry<'_>, at: &mut Option<u32>) -> bool {
        count_items(1);
        let here = at.unwrap_or(root.index);
        let Some(dir) = self.dir_of(here) else { return false };
        let slot = self.dir_at(dir);
        let (child, uses) = {
            let children = slot.children.read();
            let Some(last) = children.positives().checked_sub(1) else {
                drop(children);
                return self.prune_up(root, here, at);
            };
            let child = children.dentry_at(last);
            (child, self.dentry_page(child).hot().life(child).uses())
        };
        let has_children = self
            .dir_of(child)
            .is_some_and(|below| self.dir_at(below).children.read().positives() > 0);
        if has_children {
            *at = Some(child);
            return true;
        }
        if uses > 1 || !self.d_unhash(child, false) {
            return false;
        }
        let mut dead = self.dentry_page(child).hot().life(child).put().then_some(child);
        while let Some(gone) = dead {
            if gone == here {
                // It was kept by this child alone; so may those above it have been.
                *at = None;
            }
            self.end_alias(gone);
            dead = self.bury_dentry(gone);
        }
        true
    }

    fn prune_up(&self, root: Dentry<'_>, here: u32, at: &mut Option<u32>) -> bool {
        if here == root.index {
            return false;
        }
        *at = self.parent_of(here).inspect(|parent| {
            // Its children, at least this one, keep the parent alive.
            self.dentry_page(*parent).hot().life(*parent).put();
        });
        true
    }
}

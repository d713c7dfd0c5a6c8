//! Taking a dentry away that nothing but its name refers to.

use crate::base::index::Ix;
use crate::tree::directory::Link;
use crate::tree::kinds::DentrySlot;
use crate::tree::store::Tree;

impl Tree {
    pub(crate) fn is_directory(&self, dentry: Ix<DentrySlot>) -> bool {
        self.inode_at(self.dentry_page(dentry).hot().inode(dentry)).dir().is_some()
    }

    /// Takes a dentry away if nothing but its name refers to it, and it is to go: that is asked, with its
    /// link, while `children` of its parent is locked. Whether it has gone.
    ///
    /// The reference of the name is given up first, by one compare-and-swap that fails if there is any
    /// other; then the name goes. So no look-up finds a name whose dentry is dead, and none takes a
    /// reference that is then lost.
    ///
    /// Until then nothing keeps the dentry: it may be freed, and its slot serve a name of another directory,
    /// whose lock this is not. So the swap is of the generation that was there before the link was read.
    pub(crate) fn prune_dentry(
        &self,
        dentry: Ix<DentrySlot>,
        is_to_go: impl FnOnce(Link) -> bool,
    ) -> bool {
        let page = self.dentry_page(dentry).hot();
        let refs = page.refs(dentry);
        let Some(generation) = refs.generation_if_unreferenced() else { return false };
        let Some((_, mut children, link)) = self.lock_parent(dentry) else { return false };
        if !page.is_hashed(dentry) || !is_to_go(link) || !refs.end_if_unreferenced(generation) {
            return false;
        }
        children.unhash(link.place());
        page.set_hashed(dentry, false);
        drop(children);
        // The file system took the last name away without a word to the cache: the death is reported,
        // which is not known here. Otherwise an end in the cache is none of the file's.
        if self.inode_at(page.inode(dentry)).nlink() == 0 {
            self.defer_dentry(dentry);
            return true;
        }
        self.end_alias(dentry);
        if let Some(parent) = self.free_dead_dentry(dentry) {
            self.defer_dentry(parent);
        }
        true
    }
}

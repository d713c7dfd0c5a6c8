//! Freeing a dentry whose only reference is that of its name.

use crate::base::slot_index::Ix;
use crate::tree::directory::Link;
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::store::Tree;

impl Tree {
    pub(crate) fn is_directory(&self, dentry: Ix<DentrySlot>) -> bool {
        self.inode_at(self.dentry_page(dentry).hot().inode(dentry)).dir().is_some()
    }

    /// Frees a dentry if its only reference is that of its name and `may_free` agrees. `may_free` gets
    /// the dentry's link, with `children` of its parent locked. Returns whether the dentry was freed.
    ///
    /// The reference of the name is dropped first, by one compare-and-swap that fails if there is
    /// another reference; then the name is unhashed. So no look-up finds a name whose dentry is dead,
    /// and none takes a reference that is then lost.
    ///
    /// Until then nothing keeps the dentry: it may be freed, and its slot may serve a name of another
    /// directory, whose lock this thread does not hold. So the swap names the generation that was read
    /// before the link.
    pub(crate) fn prune_dentry(
        &self,
        dentry: Ix<DentrySlot>,
        may_free: impl FnOnce(Link) -> bool,
    ) -> bool {
        let page = self.dentry_page(dentry).hot();
        let refs = page.refs(dentry);
        let Some(generation) = refs.generation_if_unreferenced() else { return false };
        let Some((_, mut children, link)) = self.lock_parent(dentry) else { return false };
        if !page.is_hashed(dentry) || !may_free(link) || !refs.end_if_unreferenced(generation) {
            return false;
        }
        children.unhash(link.place());
        page.set_hashed(dentry, false);
        drop(children);
        // If the file system has removed the last name without telling the cache, this is the death of
        // the inode, which the notification layer reports. Otherwise the end of a cached dentry is not
        // the end of its file.
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

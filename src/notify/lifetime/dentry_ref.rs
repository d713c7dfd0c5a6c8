//! References to dentries: the last put reports the death of a file that has no name left.

use std::fmt;

use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::notify::notifier::Notifier;
use crate::tree::dentry::{DentryPages, DentrySlot};
use crate::tree::{Dentry, DentryId, InodeRef, RawDentryRef, Tree};

/// A counted reference to a positive dentry. It keeps the dentry and its inode alive, with or without a name.
///
/// The drop puts the reference. If it was the last, and the inode has no name left, the inode reports its death
/// (DELETE_SELF, then IGNORED) before the drop returns. So do the directories above it that only it kept, up to
/// 255 of them; the rest is left to [`Notifier::reap`]. An early return by `?` therefore reports the same
/// events as an ordinary end of the scope.
///
/// A drop takes `children` of the parent, and for each mark on a file that dies the locks that a hook takes,
/// each for a bounded time. It frees no inode and calls nothing of the embedder's. It is allowed with any lock
/// of the embedder's held, inside a `FileSystem`, while a panic unwinds, and after [`Notifier::shut_down`]. The
/// reference keeps the notifier. Cloning counts one more reference; O(1).
///
/// # Panics
/// In debug builds the drop panics if the thread holds a lock of the crate that a hook takes (ranked at or
/// inside `group.marks`): no embedder's code runs under one. Other builds leave the report to
/// [`Notifier::reap`] there.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (tree, notifier, superblock, root) = new_tree()?;
/// let spec = InodeSpec::new(2, InodeKind::Regular, 1);
/// let open: DentryRef = notifier.hooks().create(root.get(), b"file", tree.make_inode(&superblock, spec)?)?;
/// let inotify = Inotify::new(&notifier, 0)?;
/// inotify.add_watch(&open.inode_ref(), WatchMask::DELETE_SELF)?;
/// notifier.hooks().remove(open.clone())?;
/// assert!(inotify.is_empty(), "it is open");
/// drop(open);
/// let masks: Vec<_> = inotify.drain().iter().filter_map(|e| Some(e.fs_event()?.mask)).collect();
/// assert_eq!(masks, [EventMask::DELETE_SELF, EventMask::IGNORED]);
/// # Ok::<(), Error>(())
/// ```
pub struct DentryRef {
    notifier: Arc<Notifier>,
    /// The pages of its words and those of its inode: a lookup of them at each use would cost a hook more than
    /// the rest of it.
    pages: DentryPages,
    index: Ix<DentrySlot>,
    generation: u32,
}

impl DentryRef {
    /// Takes over a counted reference.
    pub(crate) fn new(notifier: &Arc<Notifier>, dentry: RawDentryRef) -> Self {
        let index = dentry.into_index();
        let pages = notifier.tree().pages_of(index);
        let generation = pages.generation(index);
        Self { notifier: notifier.clone(), pages, index, generation }
    }

    /// Borrows the dentry, for hooks. O(1).
    #[must_use]
    #[inline]
    pub fn get(&self) -> Dentry<'_> {
        self.pages.dentry(self.tree(), self.index)
    }

    /// The id of the dentry.
    #[must_use]
    pub fn id(&self) -> DentryId {
        DentryId { index: self.index, generation: self.generation, tree: self.tree().number() }
    }

    /// One more reference to its inode.
    #[must_use]
    pub fn inode_ref(&self) -> InodeRef {
        self.get().inode_ref()
    }

    /// The dentry of its parent directory; `None` for a root. Takes `children` of the parent for reading;
    /// O(1).
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parent = self.tree().parent_of(self.index)?;
        Some(Self::new(&self.notifier, parent))
    }

    /// Drops the reference as a release build does under a lock that a hook takes: if it was the last, the
    /// death of the dentry is left to the reaper.
    #[cfg(test)]
    pub(crate) fn drop_deferred(self) {
        let (notifier, dentry) = (self.notifier.clone(), self.get().reference().into_index());
        drop(self);
        if notifier.tree().dentry_page(dentry).hot().refs(dentry).put() {
            notifier.tree().defer_dentry_without_lock(dentry);
        }
    }

    /// The notifier that reports its death.
    #[must_use]
    pub fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    /// The tree of the dentry.
    #[inline]
    pub(crate) fn tree(&self) -> &Arc<Tree> {
        self.notifier.tree()
    }
}

impl Clone for DentryRef {
    fn clone(&self) -> Self {
        let (index, generation) = (self.get().reference().into_index(), self.generation);
        Self { notifier: self.notifier.clone(), pages: self.pages.clone(), index, generation }
    }
}

impl Drop for DentryRef {
    fn drop(&mut self) {
        self.notifier.put(RawDentryRef::counted(self.index));
    }
}

impl PartialEq for DentryRef {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for DentryRef {}

impl fmt::Debug for DentryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

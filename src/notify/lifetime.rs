//! References to dentries: the end of the last one reports the death of a file that has no name left.

use std::fmt;

use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, assert_no_hook_lock, count_items, holds_hook_lock};
use crate::notify::hooks::isdir;
use crate::notify::notifier::Notifier;
use crate::tree::dentry::{DentryPages, DentrySlot};
use crate::tree::{Dentry, DentryId, InodeRef, RawDentryRef, Tree};

/// How many dentries that one reference kept alive die with it at once. With the eight steps of the reaper
/// that an operation of the VFS does at its end, all of a chain that a path can name (4095 bytes, so
/// 2047 directories) is dead when the operation returns.
const DEATHS_AT_ONCE: usize = 256;

/// A counted reference to a positive dentry: while it exists the dentry and its inode do, with or without a
/// name.
///
/// Dropping it gives the reference back. If it was the last, and the inode has no name left, the inode reports
/// its death (DELETE_SELF, then IGNORED) before the drop returns. So do the directories above it that only it
/// kept, up to 255 of them; those above these are left to [`Notifier::reap`]. An early return by `?` therefore
/// reports what an ordinary end of the scope does.
///
/// A drop takes `children` of the parent, and for each mark on a file that dies the locks that a hook takes,
/// each for a bounded time; it frees no inode and calls nothing of the embedder's. It may be done with any
/// lock of the embedder's held, inside a `FileSystem`, while a panic unwinds, and after
/// [`Notifier::shut_down`]. It keeps the notifier. Cloning counts one more reference; O(1).
///
/// # Panics
/// In debug builds the drop panics where the thread holds a lock of the crate that a hook takes (ranked at or
/// inside `group.marks`): no code of an embedder's runs under one. Other builds leave the report to
/// [`Notifier::reap`] there.
///
/// ```
/// use vfsnotify::inotify::{Inotify, WatchMask};
/// use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig};
/// use vfsnotify::{EventMask, InodeKind, InodeSpec, Tree};
///
/// let tree = Tree::new(Default::default());
/// let notifier = Notifier::new(&tree, NotifyConfig::default())?;
/// let (superblock, root) = notifier.add_superblock(1)?;
/// let spec = InodeSpec::new(2, InodeKind::Regular, 1);
/// let open: DentryRef = notifier.create(root.get(), b"file", tree.make_inode(&superblock, spec)?)?;
/// let inotify = Inotify::new(&notifier, 0)?;
/// inotify.add_watch_on(&open.inode_ref(), WatchMask::DELETE_SELF)?;
/// notifier.remove(open.clone())?;
/// assert!(inotify.is_empty(), "it is open");
/// drop(open);
/// let masks: Vec<_> = inotify.drain().iter().filter_map(|e| Some(e.happened()?.mask)).collect();
/// assert_eq!(masks, [EventMask::DELETE_SELF, EventMask::IGNORED]);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
pub struct DentryRef {
    notifier: Arc<Notifier>,
    /// Where its words are, and those of its inode: to look that up each time would cost a hook more than the
    /// hook itself does.
    pages: DentryPages,
    index: Ix<DentrySlot>,
    generation: u32,
}

impl DentryRef {
    /// Takes over a reference that was counted.
    pub(crate) fn new(notifier: &Arc<Notifier>, dentry: RawDentryRef) -> Self {
        let index = dentry.into_index();
        let pages = notifier.tree().pages_of(index);
        let generation = pages.generation(index);
        Self { notifier: notifier.clone(), pages, index, generation }
    }

    /// The borrowed form, for hooks. O(1).
    #[must_use]
    #[inline]
    pub fn get(&self) -> Dentry<'_> {
        self.pages.dentry(self.tree(), self.index)
    }

    /// Names it.
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

    /// Drops it as under a lock that a hook takes, in a build without the check: the death of a dentry whose
    /// last reference this was is left to the reaper.
    #[cfg(test)]
    pub(crate) fn drop_deferred(self) {
        let (notifier, dentry) = (self.notifier.clone(), self.get().reference().into_index());
        drop(self);
        if notifier.tree().dentry_page(dentry).hot().life(dentry).put() {
            notifier.tree().defer_dentry_without_lock(dentry);
        }
    }

    /// The notifier that its end is reported on.
    #[must_use]
    pub fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    /// The tree it is in.
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

impl Notifier {
    /// Gives a reference back; the end of the last one is reported here and now.
    #[inline]
    pub(crate) fn put(&self, dentry: RawDentryRef) {
        let dentry = dentry.into_index();
        if self.tree().dentry_page(dentry).hot().life(dentry).put() {
            self.end_dentry(dentry);
        }
        assert_no_hook_lock("a reference to a dentry was given back");
    }

    /// Ends a dentry without references. The report takes the locks that hooks take, so a thread that holds
    /// one of them leaves it to the reaper, without waiting for any.
    fn end_dentry(&self, dentry: Ix<DentrySlot>) {
        if holds_hook_lock() {
            self.tree().defer_dentry_without_lock(dentry);
        } else {
            self.report_death(dentry);
        }
    }

    /// Reports the death of a dentry without references and frees it, and of its parents that only it kept
    /// alive. Of a chain that is longer than [`DEATHS_AT_ONCE`] the rest is left to the reaper: a hook takes a
    /// bounded time.
    pub(crate) fn report_death(&self, dentry: Ix<DentrySlot>) {
        let mut dead = Some(dentry);
        for _ in 0..DEATHS_AT_ONCE {
            let Some(dentry) = dead else { return };
            count_items(1);
            let inode = self.tree().dentry_at(dentry).inode;
            self.tree().end_alias(dentry);
            if inode.nlink() == 0 {
                self.destroy_marks_on(inode, EventMask::DELETE_SELF | isdir(inode.kind()));
            }
            dead = self.tree().free_dead_dentry(dentry);
        }
        if let Some(dentry) = dead {
            self.tree().defer_dentry(dentry);
        }
    }
}

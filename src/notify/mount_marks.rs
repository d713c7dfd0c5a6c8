//! The mounts of an embedder: the marks on them, and the events that keep them busy.

use crate::base::arena::Page;
use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, Weak};
use crate::notify::mount_slot::{MountPage, MountSlot};
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::Watched;
use crate::tree::SuperblockRef;

/// The marks on a mount. An embedder keeps one for each of its mounts and passes it with the events (see
/// [`EventPath`](crate::notify::EventPath)). The drop ends the marks, each under a brief hold of its group's
/// locks: any lock of the embedder's may be held, and none that hooks take.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (_, notifier, superblock, _) = new_tree()?;
/// let mount = notifier.add_mount(&superblock)?;
/// assert!(!mount.is_watched());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct MountMarks {
    notifier: Weak<Notifier>,
    page: Arc<Page<MountPage, ()>>,
    index: Ix<MountSlot>,
    /// The reference keeps the superblock's slot from being reused.
    superblock: SuperblockRef,
}

impl Notifier {
    /// Registers a mount of a superblock, so that it can have marks.
    ///
    /// # Errors
    /// `ENOMEM` if every slot is taken, `EINVAL` for a superblock of another tree.
    pub fn add_mount(self: &Arc<Self>, superblock: &SuperblockRef) -> Result<MountMarks> {
        if !Arc::ptr_eq(superblock.tree(), self.tree()) {
            return Err(Errno::EINVAL.into());
        }
        let Some((index, page)) = self.mounts().insert(()) else {
            return Err(Error::from(Errno::ENOMEM).with_limit(Limit::Mounts));
        };
        page.hot().slot(index).begin(index, superblock.id().index);
        let (page, superblock) = (page.clone(), superblock.clone());
        Ok(MountMarks { notifier: Arc::downgrade(self), page, index, superblock })
    }
}

impl Notifier {
    /// Puts a reference to a mount: its owner's, or a queued event's.
    pub(super) fn put_mount(&self, index: Ix<MountSlot>) {
        let page = self.mounts().page(index).expect("an index that was given out has a page");
        let refs = page.hot().slot(index).refs();
        if refs.put() && refs.end() {
            self.mounts().remove(index);
        }
    }
}

impl MountMarks {
    #[inline(always)]
    pub(crate) fn slot(&self) -> &MountSlot {
        self.page.hot().slot(self.index)
    }

    /// Whether the mount has marks.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.slot().notify().interest() != 0
    }

    /// Whether unread events keep the mount: it is busy (`EBUSY`), since their reader may open the files.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.slot().refs().count() > 1
    }

    /// Whether it is a mount of this notifier. In another notifier its index names another mount.
    pub(super) fn belongs_to(&self, notifier: &Arc<Notifier>) -> bool {
        std::ptr::eq(self.notifier.as_ptr(), Arc::as_ptr(notifier))
    }

    pub(crate) fn watched(&self) -> Watched<'_> {
        let superblock = self.superblock.slot();
        Watched::Mount { slot: self.slot(), index: self.index, superblock }
    }
}

impl Drop for MountMarks {
    /// Ends the marks, each under a brief hold of its group's locks, as a detach of the mount does.
    fn drop(&mut self) {
        let Some(notifier) = self.notifier.upgrade() else { return };
        self.slot().set_ending();
        notifier.destroy_marks_on(self.watched(), None);
        notifier.put_mount(self.index);
    }
}

//! A mounted file system, however many mounts show it.

use std::fmt;

use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::fs::{Attachment, Attr, Caching, FileSystem};
use crate::notify::{DentryRef, Notifier};
use crate::tree::{InodeRef, InodeSpec, Reserved, SuperblockId, SuperblockRef};
use crate::vfs::mounts::deferred_work::{DeferredWork, ForgottenDirectory, Lists, Work};

/// A file system with its superblock.
pub(crate) struct MountedFs {
    fs: Arc<dyn FileSystem>,
    superblock: SuperblockRef,
    /// The id of the superblock.
    id: SuperblockId,
    notifier: Arc<Notifier>,
    /// Whether the superblock is read-only, through whichever mount it is seen.
    read_only: bool,
    /// The caching that the file system allowed when it was attached.
    caching: Caching,
    /// How many mounts show it. Written under the mount table's lock. Relaxed: that orders it.
    mounts: AtomicUsize,
    deferred: DeferredWork,
    /// Whether an operation has ended that may have referenced the unmounted file system. AcqRel; written before the
    /// lock of the retired is taken, read after it was.
    may_be_unused: AtomicBool,
    /// Ends after the file system has been given all look-ups back.
    _attachment: Attachment,
}

impl MountedFs {
    /// Notes that an operation has ended that may have referenced the unmounted file system.
    pub(crate) fn set_may_be_unused(&self) {
        self.may_be_unused.store(true, Ordering::Release);
    }

    /// Whether that was noted since the last call.
    pub(crate) fn take_may_be_unused(&self) -> bool {
        self.may_be_unused.swap(false, Ordering::AcqRel)
    }

    pub(super) fn new(
        fs: Arc<dyn FileSystem>,
        superblock: SuperblockRef,
        notifier: Arc<Notifier>,
        read_only: bool,
        caching: Caching,
        attachment: Attachment,
    ) -> Self {
        Self {
            fs,
            id: superblock.id(),
            superblock,
            notifier,
            read_only,
            caching,
            mounts: AtomicUsize::new(0),
            deferred: DeferredWork::default(),
            may_be_unused: AtomicBool::new(false),
            _attachment: attachment,
        }
    }

    pub(crate) fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    #[inline]
    pub(crate) fn id(&self) -> SuperblockId {
        self.id
    }

    pub(crate) fn superblock(&self) -> &SuperblockRef {
        &self.superblock
    }

    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    /// Whether the superblock itself refuses changes, and not a mount of it alone.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Which cached answers of it may be used without asking again.
    #[inline]
    pub(crate) fn caching(&self) -> Caching {
        self.caching
    }

    /// Counts a mount that comes or goes, under the mount table's lock; how many there are now.
    pub(crate) fn count_mount(&self, more: bool) -> usize {
        if more {
            self.mounts.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.mounts.fetch_sub(1, Ordering::Relaxed) - 1
        }
    }
    /// The inode of what the file system has just returned; it counted a look-up. An inode that is in the tree already
    /// keeps its link count.
    ///
    /// # Errors
    /// `ENOMEM`; `ESTALE` if the number is that of an inode of another kind, which is in use.
    pub(crate) fn make_inode(&self, attr: &Attr) -> Result<InodeRef> {
        self.make_inode_in(attr, &mut Reserved::default())
    }

    /// [`MountedFs::make_inode`] with slots that were taken before.
    pub(crate) fn make_inode_in(&self, attr: &Attr, slots: &mut Reserved<'_>) -> Result<InodeRef> {
        let spec = InodeSpec { ino: attr.ino, kind: attr.kind, nlink: attr.nlink };
        let made = self.notifier.tree().make_inode_in(&self.superblock, spec, slots);
        if made.is_err() {
            self.defer_forget(attr.ino);
        }
        made
    }

    /// Gives a look-up back to the file system when no lock is held any more.
    pub(crate) fn defer_forget(&self, ino: u64) {
        self.defer_forgets(ino, 1);
    }

    pub(crate) fn defer_forgets(&self, ino: u64, lookups: u64) {
        self.defer(|lists| lists.lookups.push((ino, lookups)));
    }

    /// Takes the names in a removed directory away when no lock is held any more.
    pub(crate) fn defer_directory(&self, dentry: DentryRef) {
        self.defer_rest(ForgottenDirectory { dentry, place: None });
    }

    pub(crate) fn defer_rest(&self, directory: ForgottenDirectory) {
        self.defer(|lists| lists.directories.push(directory));
    }

    fn defer(&self, push: impl FnOnce(&mut Lists)) {
        let mut lists = self.deferred.0.lock();
        push(&mut lists);
        self.superblock().slot().set_owner_work(true);
    }

    pub(crate) fn take_work(&self) -> Option<Work> {
        let mut lists = self.deferred.0.lock();
        let work = lists.lookups.pop().map(|(ino, lookups)| Work::Lookups(ino, lookups));
        let work = work.or_else(|| lists.directories.pop().map(Work::Directory));
        if work.is_none() {
            self.superblock().slot().set_owner_work(false);
        }
        work
    }

    /// Whether nothing is left to do for it.
    pub(super) fn has_no_work(&self) -> bool {
        let lists = self.deferred.0.lock();
        lists.lookups.is_empty() && lists.directories.is_empty()
    }
}

impl fmt::Debug for MountedFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountedFs")
            .field("superblock", &self.superblock)
            .field("fs", &self.fs)
            .finish_non_exhaustive()
    }
}

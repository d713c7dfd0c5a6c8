//! A mounted file system, however many mounts show it.

use std::fmt;

use crate::base::clock::Clock;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, RwLock, count_items, rank};
use crate::fs::{Attachment, Attr, Caching, FileSystem};
use crate::notify::{DentryRef, Notifier};
use crate::tree::{InodeRef, InodeSpec, Reserved, SuperblockId, SuperblockRef};
use crate::vfs::reap::{DeferredWork, Retired};

/// A file system with its superblock.
pub(crate) struct Instance {
    fs: Arc<dyn FileSystem>,
    superblock: SuperblockRef,
    /// Names the superblock.
    id: SuperblockId,
    notifier: Arc<Notifier>,
    /// Whether the superblock is read-only, through whichever mount it is seen.
    read_only: bool,
    /// What the file system has said of itself when it was attached.
    caching: Caching,
    /// How many mounts show it. Written under the mount table's lock. Relaxed: that orders it.
    mounts: AtomicUsize,
    deferred: DeferredWork,
    /// Whether an operation has ended that may have kept the unmounted file system. AcqRel; written before the
    /// lock of the retired is taken, read after it was.
    may_be_unused: AtomicBool,
    /// Ends after the file system has been given all look-ups back.
    _attachment: Attachment,
}

impl Instance {
    /// Notes that an operation has ended that may have kept the unmounted file system.
    pub(crate) fn set_may_be_unused(&self) {
        self.may_be_unused.store(true, Ordering::Release);
    }

    /// Whether that was noted since the last call.
    pub(crate) fn take_may_be_unused(&self) -> bool {
        self.may_be_unused.swap(false, Ordering::AcqRel)
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

    pub(crate) fn deferred_work(&self) -> &DeferredWork {
        &self.deferred
    }

    /// Whether the superblock itself refuses changes, and not a mount of it alone.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// How far what is remembered of it may be relied on.
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
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("superblock", &self.superblock)
            .field("fs", &self.fs)
            .finish_non_exhaustive()
    }
}

/// A file system that a superblock belongs to.
#[derive(Debug)]
struct Slot {
    instance: Arc<Instance>,
    /// Its root, until it retires: the last mount to go may show a part of it only.
    root: Option<DentryRef>,
}

/// The file systems by superblock, those that are unmounted and in use included.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    slots: RwLock<Vec<Option<Slot>>, { rank::LEAF }>,
    /// The clock of the VFS, if it has one of its own: each file system is told of it.
    clock: Option<Arc<dyn Clock>>,
    retired: Mutex<Vec<Retired>, { rank::LEAF }>,
}

impl Instances {
    pub(crate) fn with_clock(clock: Option<Arc<dyn Clock>>) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Attaches a file system; its root directory comes with it. With `read_only`, or if it says so itself, its
    /// superblock refuses changes. `make_superblock` makes that, with a root of the number that it is given.
    ///
    /// Calls the file system; no lock is held. It is attached once, however often room is made for its
    /// superblock.
    ///
    /// # Errors
    /// `ENOTDIR` if its root is none, `ENOMEM`, what it says.
    pub(crate) fn add(
        &self,
        notifier: &Arc<Notifier>,
        fs: Arc<dyn FileSystem>,
        read_only: bool,
        make_superblock: impl FnOnce(u64) -> Result<(SuperblockRef, DentryRef)>,
    ) -> Result<(Arc<Instance>, DentryRef)> {
        let attachment = Attachment::new(self.clock.clone());
        fs.attach(attachment.sink())?;
        let (caching, read_only) = (fs.caching(), read_only || fs.is_read_only());
        let attr = fs.root()?.attr;
        if !attr.kind.is_dir() {
            fs.forget(attr.ino, 1);
            return Err(Errno::ENOTDIR.into());
        }
        let added = make_superblock(attr.ino);
        let (superblock, root) = added.inspect_err(|_| fs.forget(attr.ino, 1))?;
        let at = superblock.id().ordinal();
        let notifier = notifier.clone();
        let mounts = AtomicUsize::new(0);
        let deferred = DeferredWork::default();
        let may_be_unused = AtomicBool::new(false);
        let id = superblock.id();
        let instance = Arc::new(Instance {
            fs,
            superblock,
            id,
            notifier,
            read_only,
            caching,
            mounts,
            deferred,
            may_be_unused,
            _attachment: attachment,
        });
        let slot = Slot { instance: instance.clone(), root: Some(root.clone()) };
        let mut slots = self.slots.write();
        if slots.len() <= at {
            // It may move.
            count_items(slots.len());
            slots.resize_with(at + 1, || None);
        }
        slots[at] = Some(slot);
        Ok((instance, root))
    }

    /// The file system of a superblock.
    pub(crate) fn get(&self, superblock: SuperblockId) -> Option<Arc<Instance>> {
        let slots = self.slots.read();
        let Slot { instance, .. } = slots.get(superblock.ordinal())?.as_ref()?;
        (instance.superblock.id() == superblock).then(|| instance.clone())
    }

    /// The inode that a file system has just returned, which it counted a look-up on. One that the
    /// tree has keeps its link count.
    ///
    /// # Errors
    /// `ENOMEM`; `ESTALE` if the number is that of an inode of another kind, which is in use.
    pub(crate) fn make_inode(&self, instance: &Arc<Instance>, attr: &Attr) -> Result<InodeRef> {
        self.make_inode_in(instance, attr, &mut Reserved::default())
    }

    /// [`Instances::make_inode`] with slots that were taken before.
    pub(crate) fn make_inode_in(
        &self,
        instance: &Arc<Instance>,
        attr: &Attr,
        slots: &mut Reserved<'_>,
    ) -> Result<InodeRef> {
        let spec = InodeSpec { ino: attr.ino, kind: attr.kind, nlink: attr.nlink };
        let made = instance.notifier.tree().make_inode_in(&instance.superblock, spec, slots);
        if made.is_err() {
            instance.defer_forget(attr.ino);
        }
        made
    }

    /// The first file system whose slot is not before `from`, and where to go on after it: to visit
    /// all while some come and go.
    pub(crate) fn next_from(&self, from: usize) -> Option<(Arc<Instance>, usize)> {
        let slots = self.slots.read();
        let after = slots.get(from..)?;
        let found = after.iter().position(Option::is_some);
        count_items(found.unwrap_or(after.len()));
        let instance = after[found?].as_ref()?.instance.clone();
        Some((instance, from + found? + 1))
    }

    /// Begins the end of a file system whose last mount has gone.
    pub(crate) fn retire(&self, instance: Arc<Instance>) -> Retired {
        instance.notifier.on_unmount(&instance.superblock);
        let at = instance.superblock.id().ordinal();
        let root = self.slots.write().get_mut(at).and_then(|slot| slot.as_mut()?.root.take());
        Retired::new(instance, root)
    }

    /// Keeps an unmounted file system that is in use, for the next [`Vfs::reap`](crate::Vfs::reap).
    pub(crate) fn keep_retired(&self, retired: Retired) {
        self.retired.lock().push(retired);
    }

    /// Takes all that are kept: the caller frees them, or keeps them again.
    pub(crate) fn take_retired(&self) -> Vec<Retired> {
        std::mem::take(&mut *self.retired.lock())
    }

    /// Takes one that is kept, unless another thread has taken it.
    pub(crate) fn take_retired_of(&self, instance: &Arc<Instance>) -> Option<Retired> {
        let mut retired = self.retired.lock();
        count_items(retired.len());
        let at = retired.iter().position(|retired| retired.belongs_to(instance))?;
        Some(retired.swap_remove(at))
    }

    /// Takes a file system out of which nothing is left; the caller drops it with no lock held.
    pub(crate) fn remove(&self, superblock: SuperblockId) -> Option<impl Sized + use<>> {
        self.slots.write().get_mut(superblock.ordinal()).and_then(Option::take)
    }
}

//! The file systems of a VFS.

use crate::base::clock::Clock;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, Mutex, RwLock, count_items, rank};
use crate::fs::{Attachment, FileSystem};
use crate::notify::{DentryRef, Notifier};
use crate::tree::{SuperblockId, SuperblockRef, Tree};
use crate::vfs::current_operations::Nested;
use crate::vfs::mounts::deferred_work::Work;
use crate::vfs::mounts::fs_panics::Panics;
use crate::vfs::mounts::mounted_fs::MountedFs;
use crate::vfs::mounts::retired_fs::Retired;

/// A file system that a superblock belongs to.
#[derive(Debug)]
struct Slot {
    mounted_fs: Arc<MountedFs>,
    /// Its root, until it retires: the last mount to go may show a part of it only.
    root: Option<DentryRef>,
}

/// The file systems of a VFS by superblock, those that are unmounted and in use included. What is done to one without
/// regard to mounts is done here: look-ups of names, deferred work, room in the cache.
#[derive(Debug)]
pub(crate) struct FileSystems {
    slots: RwLock<Vec<Option<Slot>>, { rank::LEAF }>,
    /// The clock of the VFS, if it has one of its own: each file system is told of it.
    clock: Option<Arc<dyn Clock>>,
    retired: Mutex<Vec<Retired>, { rank::LEAF }>,
    notifier: Arc<Notifier>,
}

impl FileSystems {
    pub(crate) fn new(notifier: Arc<Notifier>, clock: Option<Arc<dyn Clock>>) -> Self {
        Self { slots: RwLock::default(), clock, retired: Mutex::default(), notifier }
    }

    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    pub(crate) fn tree(&self) -> &Arc<Tree> {
        self.notifier.tree()
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
        fs: Arc<dyn FileSystem>,
        read_only: bool,
        make_superblock: impl FnOnce(u64) -> Result<(SuperblockRef, DentryRef)>,
    ) -> Result<(Arc<MountedFs>, DentryRef)> {
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
        let notifier = self.notifier.clone();
        let mounted_fs =
            Arc::new(MountedFs::new(fs, superblock, notifier, read_only, caching, attachment));
        let slot = Slot { mounted_fs: mounted_fs.clone(), root: Some(root.clone()) };
        let mut slots = self.slots.write();
        if slots.len() <= at {
            // The vector may move.
            count_items(slots.len());
            slots.resize_with(at + 1, || None);
        }
        slots[at] = Some(slot);
        Ok((mounted_fs, root))
    }

    /// The file system of a superblock.
    pub(crate) fn get(&self, superblock: SuperblockId) -> Option<Arc<MountedFs>> {
        let slots = self.slots.read();
        let Slot { mounted_fs, .. } = slots.get(superblock.ordinal())?.as_ref()?;
        (mounted_fs.superblock().id() == superblock).then(|| mounted_fs.clone())
    }

    /// The first file system whose slot is not before `from`, and where to go on after it: to visit
    /// all while some come and go.
    pub(crate) fn next_from(&self, from: usize) -> Option<(Arc<MountedFs>, usize)> {
        let slots = self.slots.read();
        let after = slots.get(from..)?;
        let found = after.iter().position(Option::is_some);
        count_items(found.unwrap_or(after.len()));
        let mounted_fs = after[found?].as_ref()?.mounted_fs.clone();
        Some((mounted_fs, from + found? + 1))
    }

    /// Begins the end of a file system whose last mount has gone.
    pub(crate) fn retire(&self, mounted_fs: Arc<MountedFs>) -> Retired {
        mounted_fs.notifier().on_unmount(mounted_fs.superblock());
        let at = mounted_fs.superblock().id().ordinal();
        let root = self.slots.write().get_mut(at).and_then(|slot| slot.as_mut()?.root.take());
        Retired::new(mounted_fs, root)
    }

    /// Keeps an unmounted file system that is referenced, for the next [`Vfs::reap`](crate::Vfs::reap).
    pub(crate) fn keep_retired(&self, retired: Retired) {
        self.retired.lock().push(retired);
    }

    /// Takes all that are kept: the caller frees them, or keeps them again.
    pub(crate) fn take_retired(&self) -> Vec<Retired> {
        std::mem::take(&mut *self.retired.lock())
    }

    /// Takes one that is kept, unless another thread has taken it.
    pub(crate) fn take_retired_of(&self, mounted_fs: &Arc<MountedFs>) -> Option<Retired> {
        let mut retired = self.retired.lock();
        count_items(retired.len());
        let at = retired.iter().position(|retired| retired.belongs_to(mounted_fs))?;
        Some(retired.swap_remove(at))
    }

    /// Takes a file system out of which nothing is left; the caller drops it with no lock held.
    pub(crate) fn remove(&self, superblock: SuperblockId) -> Option<impl Sized + use<>> {
        self.slots.write().get_mut(superblock.ordinal()).and_then(Option::take)
    }

    /// Gives all look-ups back, before the file systems are dropped: they may be shared.
    ///
    /// Calls file systems; one that panics keeps no other from being told.
    pub(crate) fn forget_all(&self) {
        let _nested = Nested::enter();
        let mut panics = Panics::default();
        let mut after = 0;
        while let Some((mounted_fs, next)) = self.next_from(after) {
            after = next;
            while let Some(work) = mounted_fs.take_work() {
                if let Work::Lookups(ino, lookups) = work {
                    panics.contain(|| mounted_fs.fs().forget(ino, lookups));
                }
            }
        }
        self.tree().take_lookups(|superblock, ino, lookups| {
            if let Some(mounted_fs) = self.get(superblock) {
                panics.contain(|| mounted_fs.fs().forget(ino, lookups));
            }
        });
        panics.resume();
    }
}

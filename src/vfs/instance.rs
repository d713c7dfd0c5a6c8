//! A mounted file system, however many mounts show it.

use std::fmt;

use crate::base::error::{ErrorKind, Result};
use crate::base::sync::{Arc, AtomicUsize, Mutex, Ordering, RwLock, count_items, rank};
use crate::fs::{Attr, FileSystem};
use crate::notify::Notifier;
use crate::tree::{InodeRef, InodeSpec, PruneWalk, Reserved, SuperblockId, SuperblockRef, Tree};
use crate::vfs::location::DentryUse;

/// A file system with its superblock.
pub(crate) struct Instance {
    fs: Arc<dyn FileSystem>,
    superblock: SuperblockRef,
    notifier: Arc<Notifier>,
    /// How many mounts show it. Written under the mount table's lock. Relaxed: that orders it.
    mounts: AtomicUsize,
}

impl Instance {
    pub(crate) fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    pub(crate) fn superblock(&self) -> &SuperblockRef {
        &self.superblock
    }

    pub(crate) fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
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
    root: Option<DentryUse>,
}

/// A file system that no mount shows any more, until the last of its inodes is gone.
#[derive(Debug)]
struct Retired {
    instance: Arc<Instance>,
    /// The root, until everything below it has been taken away.
    root: Option<DentryUse>,
    pruning: PruneWalk,
}

impl Retired {
    /// Takes unused dentries away, in bounded steps; true if there were any.
    fn prune(&mut self) -> bool {
        let Some(root) = &self.root else { return false };
        let (tree, mut some) = (root.tree(), false);
        while self.pruning.step(tree, root.get()) {
            some = true;
        }
        if !tree.has_children(root.get()) {
            self.pruning = PruneWalk::default();
            self.root = None;
            some = true;
        }
        some
    }

    /// Whether nothing but the superblock itself is left.
    fn is_empty(&self) -> bool {
        self.root.is_none() && self.instance.superblock.slot().life().uses() == 1
    }
}

/// The file systems by superblock, and what the file systems are still owed.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    slots: RwLock<Vec<Option<Slot>>, { rank::LEAF }>,
    retired: Mutex<Vec<Retired>, { rank::LEAF }>,
    /// Look-ups that came to nothing: their inodes never got into the tree, and do not keep the file system.
    unwanted: Mutex<Vec<(Arc<Instance>, u64)>, { rank::LEAF }>,
    /// Removed directories, and what was in them, with names that the file system knows no more.
    left_behind: Mutex<Vec<DentryUse>, { rank::LEAF }>,
    /// How many are in `retired`, `unwanted` or `left_behind`. Relaxed: a hint to look there.
    owed: AtomicUsize,
}

impl Instances {
    /// Takes a file system in; its root directory comes with it.
    ///
    /// Calls the file system; no lock is held.
    ///
    /// # Errors
    /// `NotDir` if its root is none, `NoMemory`.
    pub(crate) fn add(
        &self,
        notifier: &Arc<Notifier>,
        fs: Arc<dyn FileSystem>,
    ) -> Result<(Arc<Instance>, DentryUse)> {
        let attr = fs.root()?.attr;
        if !attr.kind.is_dir() {
            fs.forget(attr.ino, 1);
            return Err(ErrorKind::NotDir.into());
        }
        let added = notifier.tree().add_superblock(attr.ino);
        let (superblock, root) = added.inspect_err(|_| fs.forget(attr.ino, 1))?;
        let at = superblock.id().index as usize;
        let root = DentryUse::new(notifier, root);
        let notifier = notifier.clone();
        let mounts = AtomicUsize::new(0);
        let instance = Arc::new(Instance { fs, superblock, notifier, mounts });
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
        let Slot { instance, .. } = slots.get(superblock.index as usize)?.as_ref()?;
        (instance.superblock.id() == superblock).then(|| instance.clone())
    }

    /// The inode that a file system has just returned, which it counted a look-up on.
    ///
    /// # Errors
    /// `NoMemory`; `Stale` if the number is that of an inode of another kind, which is in use.
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
            self.owe(instance, attr.ino);
        }
        made
    }

    /// Gives all look-ups back, before the file systems are dropped: by those who share them.
    ///
    /// Calls file systems.
    pub(crate) fn forget_all(&self, tree: &Tree) {
        self.give_unwanted_back();
        tree.take_lookups(|superblock, ino, lookups| {
            if let Some(instance) = self.get(superblock) {
                instance.fs.forget(ino, lookups);
            }
        });
    }

    fn give_unwanted_back(&self) {
        loop {
            // One at a time: should a file system panic, the next to come goes on.
            let Some((instance, ino)) = self.unwanted.lock().pop() else { return };
            self.owed.fetch_sub(1, Ordering::Relaxed);
            instance.fs.forget(ino, 1);
        }
    }

    /// Gives a look-up back, at the end of the operation: a lock is held.
    pub(crate) fn owe(&self, instance: &Arc<Instance>, ino: u64) {
        self.unwanted.lock().push((instance.clone(), ino));
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// Leaves the names in a removed directory to the end of the operation.
    pub(crate) fn leave_behind(&self, dentry: DentryUse) {
        self.left_behind.lock().push(dentry);
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// One of those that were left behind.
    pub(crate) fn take_left_behind(&self) -> Option<DentryUse> {
        let dentry = self.left_behind.lock().pop()?;
        self.owed.fetch_sub(1, Ordering::Relaxed);
        Some(dentry)
    }

    /// Begins the end of a file system whose last mount has gone.
    pub(crate) fn retire(&self, instance: Arc<Instance>) {
        instance.notifier.on_unmount(&instance.superblock);
        let at = instance.superblock.id().index as usize;
        let root = self.slots.write().get_mut(at).and_then(|slot| slot.as_mut()?.root.take());
        self.retired.lock().push(Retired { instance, root, pruning: PruneWalk::default() });
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there may be something to settle.
    pub(crate) fn owes(&self) -> bool {
        self.owed.load(Ordering::Relaxed) != 0
    }

    /// Prunes what is retired and gives unwanted look-ups back; true if it pruned anything, which
    /// then waits to be freed.
    ///
    /// Calls file systems; no lock may be held.
    pub(crate) fn settle(&self) -> bool {
        self.give_unwanted_back();
        let mut retired = std::mem::take(&mut *self.retired.lock());
        // One that somebody still uses stays here, and prunes nothing most of the time.
        let some = retired.iter_mut().fold(false, |some, one| one.prune() | some);
        self.retired.lock().append(&mut retired);
        some
    }

    /// Drops the retired file systems of which nothing is left.
    pub(crate) fn sweep(&self) {
        loop {
            // One at a time: should a file system panic when it is dropped, the next to come goes on.
            let gone = {
                let mut retired = self.retired.lock();
                count_items(retired.len());
                let Some(at) = retired.iter().position(Retired::is_empty) else { return };
                retired.swap_remove(at)
            };
            self.owed.fetch_sub(1, Ordering::Relaxed);
            let at = gone.instance.superblock.id().index as usize;
            let slot = self.slots.write().get_mut(at).and_then(Option::take);
            drop(slot);
        }
    }
}

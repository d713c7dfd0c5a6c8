//! The table of mounts.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, Ordering, count_items, fence};
use crate::notify::DentryRef;
use crate::tree::dentry::DentrySlot;
use crate::vfs::mounts::mount::{Mount, MountOptions, MountSource, Mountpoint};
use crate::vfs::mounts::mounted_fs::MountedFs;

/// How many mounts one hold of the table's lock copies.
const BATCH: usize = 128;

/// The place of a mount: the id of another mount, and a dentry of it.
pub(crate) type Key = (u64, Ix<DentrySlot>);

/// All mounts of a VFS, by what they are on.
#[derive(Debug)]
pub(crate) struct MountTable {
    /// The first mount; it stays.
    first: Arc<Mount>,
    /// The others, by the mount and the dentry they are on.
    mounts: BTreeMap<Key, Arc<Mount>>,
    /// On how many mounts something is mounted on a dentry; where it is one or more, the
    /// dentry's own flag is set.
    covered: BTreeMap<Ix<DentrySlot>, usize>,
    next_id: u64,
    /// How many mounts there may be, the first included.
    most: usize,
}

impl MountTable {
    /// A table with a first mount.
    ///
    /// # Errors
    /// `ENOMEM` if every slot of a mount is taken.
    pub(crate) fn new(
        root: DentryRef,
        mounted_fs: Arc<MountedFs>,
        options: MountOptions,
        most: usize,
    ) -> Result<Self> {
        let first = Mount::new(1, None, MountSource::new(root, mounted_fs, options)?);
        first.mounted_fs().count_mount(true);
        Ok(Self { first, mounts: BTreeMap::new(), covered: BTreeMap::new(), next_id: 2, most })
    }

    pub(crate) fn first(&self) -> &Arc<Mount> {
        &self.first
    }

    /// The mount on a dentry of another mount.
    pub(crate) fn mounted_on(&self, mount: &Mount, dentry: Ix<DentrySlot>) -> Option<Arc<Mount>> {
        self.mounts.get(&(mount.id(), dentry)).cloned()
    }

    /// The id that the next mount gets.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// How many mounts there may be.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The mount that is filed under a key.
    pub(crate) fn get(&self, key: Key) -> Option<&Arc<Mount>> {
        self.mounts.get(&key)
    }

    /// The ids and keys of the first few mounts after a key, and the last key; the first mount of all is
    /// not among them.
    pub(crate) fn batch(&self, after: Option<Key>) -> (Vec<(u64, Key)>, Option<Key>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let some = self.mounts.range((from, Bound::Unbounded)).take(BATCH);
        let some: Vec<_> = some.map(|(key, mount)| (mount.id(), *key)).collect();
        count_items(some.len());
        let last = some.last().map(|(_, key)| *key);
        (some, last)
    }

    /// Whether there may be another mount.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.mounts.len() + 1 >= self.most {
            return Err(Error::from(Errno::ENOSPC).with_limit(Limit::Mounts));
        }
        Ok(())
    }

    /// Adds a mount on a place where nothing is mounted. The lock of the directory that holds
    /// the place is held.
    pub(crate) fn attach(&mut self, on: Mountpoint, source: MountSource) {
        let id = self.next_id;
        self.next_id += 1;
        let dentry = on.dentry.get();
        dentry.page.set_mounted_on(dentry.index, true);
        let key = (on.mount.id(), dentry.index);
        *self.covered.entry(key.1).or_default() += 1;
        let mount = Mount::new(id, Some(on), source);
        mount.mounted_fs().count_mount(true);
        self.mounts.insert(key, mount);
    }

    /// Takes a mount away that only the caller references, once; true if it was the last of its file system.
    pub(crate) fn detach(&mut self, mount: &Arc<Mount>) -> Result<bool> {
        let on = mount.on().ok_or(Errno::EBUSY)?;
        let key = (on.mount.id(), on.dentry.get().index);
        match self.mounts.get(&key) {
            Some(known) if Arc::ptr_eq(known, mount) => {}
            // Another thread was faster.
            _ => return Err(Errno::EINVAL.into()),
        }
        // The table's and the caller's. What is mounted on it, open in it or a root or current
        // directory in it has one more, and no thread can take a first one while the table is
        // locked.
        if Arc::strong_count(mount) > 2 {
            return Err(Errno::EBUSY.into());
        }
        // Events that have not been read keep it too. An operation queues its event before it puts its own reference:
        // the fence makes the event visible to a thread that sees the reference gone. The other way, from an event to a
        // reference, takes the table's lock.
        fence(Ordering::Acquire);
        if mount.marks().is_pinned() {
            return Err(Errno::EBUSY.into());
        }
        self.mounts.remove(&key);
        if let Some(count) = self.covered.get_mut(&key.1) {
            *count -= 1;
            if *count == 0 {
                self.covered.remove(&key.1);
                on.dentry.get().page.set_mounted_on(key.1, false);
            }
        }
        Ok(mount.mounted_fs().count_mount(false) == 0)
    }

    /// Checks that the table agrees with the dentries' flags.
    pub(crate) fn verify(&self) -> std::result::Result<(), String> {
        for (key, mount) in &self.mounts {
            let Some(on) = mount.on() else { return Err(format!("{mount:?} is on nothing")) };
            let dentry = on.dentry.get();
            if (on.mount.id(), dentry.index) != *key {
                return Err(format!("{mount:?} is filed under {key:?}"));
            }
            if !dentry.page.is_mounted_on(dentry.index) || !dentry.is_hashed() {
                return Err(format!("what {mount:?} is on does not know it, or has no name"));
            }
        }
        if self.covered.values().sum::<usize>() != self.mounts.len() {
            return Err(format!("{} mounts, {:?} counted", self.mounts.len(), self.covered));
        }
        Ok(())
    }
}

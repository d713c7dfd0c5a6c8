//! The table of mounts.

use std::collections::BTreeMap;

use crate::base::error::{ErrorKind, Result};
use crate::base::sync::Arc;
use crate::vfs::instance::Instance;
use crate::vfs::location::{DentryUse, Location};
use crate::vfs::mount::{Mount, MountOptions};

/// All mounts of a VFS, by what they are on.
#[derive(Debug)]
pub(crate) struct MountTable {
    /// The first mount; it stays.
    first: Arc<Mount>,
    /// The others, by the mount and the dentry they are on.
    mounts: BTreeMap<(u64, u32), Arc<Mount>>,
    /// On how many mounts something is mounted on a dentry; where it is one or more, the
    /// dentry's own flag is set.
    covered: BTreeMap<u32, usize>,
    next_id: u64,
}

impl MountTable {
    /// A table with a first mount.
    pub(crate) fn new(root: DentryUse, instance: Arc<Instance>, options: MountOptions) -> Self {
        instance.count_mount(true);
        Self {
            first: Mount::new(1, None, root, instance, options),
            mounts: BTreeMap::new(),
            covered: BTreeMap::new(),
            next_id: 2,
        }
    }

    pub(crate) fn first(&self) -> &Arc<Mount> {
        &self.first
    }

    /// What is mounted on a dentry of a mount.
    pub(crate) fn mounted_on(&self, mount: &Mount, dentry: u32) -> Option<Arc<Mount>> {
        self.mounts.get(&(mount.id(), dentry)).cloned()
    }

    /// What is mounted on a place on top of all; the place itself if nothing is.
    pub(crate) fn topmost(&self, mut place: Location) -> Location {
        while let Some(above) = self.mounted_on(&place.mount, place.dentry.get().index) {
            place = above.root_location();
        }
        place
    }

    /// Every mount, each after the one it is on.
    pub(crate) fn all(&self) -> Vec<Arc<Mount>> {
        let mut all = vec![self.first.clone()];
        all.extend(self.mounts.values().cloned());
        // A mount is younger than the one it is on.
        all.sort_by_key(|mount| mount.id());
        all
    }

    /// Adds a mount on a place where nothing is mounted. The lock of the directory that holds
    /// the place is held.
    pub(crate) fn attach(
        &mut self,
        on: Location,
        root: DentryUse,
        instance: Arc<Instance>,
        options: MountOptions,
    ) {
        let id = self.next_id;
        self.next_id += 1;
        instance.count_mount(true);
        let dentry = on.dentry.get();
        dentry.page.set_mounted_on(dentry.index, true);
        let key = (on.mount.id(), dentry.index);
        *self.covered.entry(key.1).or_default() += 1;
        self.mounts.insert(key, Mount::new(id, Some(on), root, instance, options));
    }

    /// Takes a mount away that nobody uses but the caller, by one reference; true if it was the
    /// last of its file system.
    pub(crate) fn detach(&mut self, mount: &Arc<Mount>) -> Result<bool> {
        let on = mount.on().ok_or(ErrorKind::Busy)?;
        let key = (on.mount.id(), on.dentry.get().index);
        match self.mounts.get(&key) {
            Some(known) if Arc::ptr_eq(known, mount) => {}
            // Somebody else was faster.
            _ => return Err(ErrorKind::Invalid.into()),
        }
        // The table's and the caller's. What is mounted on it, open in it or a root or current
        // directory in it has one more, and nobody can take a first one while the table is
        // locked.
        if Arc::strong_count(mount) > 2 {
            return Err(ErrorKind::Busy.into());
        }
        self.mounts.remove(&key);
        if let Some(count) = self.covered.get_mut(&key.1) {
            *count -= 1;
            if *count == 0 {
                self.covered.remove(&key.1);
                on.dentry.get().page.set_mounted_on(key.1, false);
            }
        }
        Ok(mount.instance().count_mount(false) == 0)
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

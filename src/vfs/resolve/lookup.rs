//! One name in one directory: the cache first, then the file system.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::path_limits::NAME_MAX;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::fs::Request;
use crate::notify::DentryRef;
use crate::notify::ancestor_query::{AncestorQuery, ClimbBudget};
use crate::notify::held_dentry::HeldDentry;
use crate::tree::directory::DirSlot;
use crate::tree::{DcacheLookup, Dentry, RawDentryRef};
use crate::vfs::Vfs;
use crate::vfs::current_operations;
use crate::vfs::directory_locks::DirLocks;
use crate::vfs::link_count::recheck_link_count;
use crate::vfs::mounts::deferred_work::ForgottenDirectory;
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::mounts::mounted_fs::MountedFs;
use crate::vfs::resolve::location::Location;

/// How often an operation begins again because a name changed before it was locked. Beyond it the file system
/// contradicts itself, and the operation fails with `ESTALE`.
pub(crate) const MAX_RETRIES: usize = 100;

/// How many names in a forgotten directory one step takes away.
const NAMES_PER_STEP: usize = 256;

/// The cached answer for a name.
enum Cached<'a> {
    Known(Option<HeldDentry<'a>>),
    /// The cached dentry, which the file system has to confirm.
    Unconfirmed(HeldDentry<'a>),
    Unknown,
}

/// The result of a look-up under the directory's lock.
pub(crate) enum Outcome<'a> {
    /// The name stands for this, or for nothing.
    Is(Option<HeldDentry<'a>>),
    /// The file system says that the name stands for a directory which is known by another one:
    /// it was moved without the VFS, and must be moved here first.
    Elsewhere(DentryRef),
}

impl Vfs {
    /// The location of a name in a directory, seen through the mounts that are on it; `None` is
    /// remembered.
    ///
    /// # Errors
    /// `ENOTDIR`, `ENAMETOOLONG`, what the file system says.
    pub(crate) fn lookup_in(
        &self,
        request: &Request,
        dir: &Location,
        name: &[u8],
    ) -> Result<Option<Location>> {
        let found =
            self.file_systems().find(request, dir.mount.mounted_fs(), dir.dentry.get(), name)?;
        Ok(found.map(|found| self.cross(Location::reached(found, dir.mount.clone()))))
    }

    /// The topmost root of what is mounted on a place, or the place itself.
    pub(crate) fn cross(&self, mut at: Location) -> Location {
        while at.dentry.get().page.is_mounted_on(at.dentry.get().index) {
            let above = self.mount_table().read().mounted_on(&at.mount, at.dentry.get().index);
            match above {
                Some(above) => at = Location::root_of(above),
                None => break,
            }
        }
        at
    }
}

impl FileSystems {
    /// The dentry of a name in a directory, mounts apart. No directory lock is held.
    pub(crate) fn find(
        &self,
        request: &Request,
        mounted_fs: &Arc<MountedFs>,
        dir: Dentry<'_>,
        name: &[u8],
    ) -> Result<Option<HeldDentry<'_>>> {
        let slot = dir.inode().dir().ok_or(Errno::ENOTDIR)?;
        if name.len() <= NAME_MAX
            && let Cached::Known(known) = self.find_cached(request, mounted_fs, dir, slot, name)
        {
            return Ok(known);
        }
        // Also where the path only leads through it: what is looked up takes other names' places.
        current_operations::acts_on(mounted_fs.id());
        self.with_room(|| self.find_uncached(request, mounted_fs, dir, slot, name))
    }

    /// [`Vfs::find`] under the directory's lock.
    fn find_uncached(
        &self,
        request: &Request,
        mounted_fs: &Arc<MountedFs>,
        dir: Dentry<'_>,
        slot: Ix<DirSlot>,
        name: &[u8],
    ) -> Result<Option<HeldDentry<'_>>> {
        for _ in 0..MAX_RETRIES {
            let lock = self.tree().dir_lock(slot).read_keyed(u64::from(slot));
            if lock.dead {
                return Ok(None);
            }
            match self.find_locked(request, mounted_fs, dir, name)? {
                Outcome::Is(found) => return Ok(found),
                Outcome::Elsewhere(alias) => {
                    drop(lock);
                    self.adopt(dir, slot, name, &alias)?;
                }
            }
        }
        Err(Errno::ESTALE.into())
    }

    /// The dentry of a name in a directory whose lock is held, for reading or writing.
    pub(crate) fn find_locked(
        &self,
        request: &Request,
        mounted_fs: &Arc<MountedFs>,
        dir: Dentry<'_>,
        name: &[u8],
    ) -> Result<Outcome<'_>> {
        let slot = dir.inode().dir().ok_or(Errno::ENOTDIR)?;
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG.into());
        }
        for _ in 0..MAX_RETRIES {
            let unconfirmed = match self.find_cached(request, mounted_fs, dir, slot, name) {
                Cached::Known(known) => return Ok(Outcome::Is(known)),
                Cached::Unconfirmed(held) => Some(held),
                Cached::Unknown => None,
            };
            let changes = dir.inode().superblock.link_changes();
            let node = match mounted_fs.fs().lookup(request, dir.inode().ino(), name) {
                Ok(node) => node,
                Err(error) if error.errno() == Errno::ENOENT => {
                    if let Some(unconfirmed) = unconfirmed {
                        self.forget_name(unconfirmed);
                    }
                    self.tree().d_negative(slot, name);
                    return Ok(Outcome::Is(None));
                }
                Err(error) => return Err(error),
            };
            let inode = mounted_fs.make_inode(&node.attr)?;
            let told = node.attr.nlink;
            recheck_link_count(request, &**mounted_fs.fs(), inode.get(), told, changes);
            if let Some(unconfirmed) = unconfirmed {
                if unconfirmed.get().inode().index == inode.get().index {
                    return Ok(Outcome::Is(Some(unconfirmed)));
                }
                self.forget_name(unconfirmed);
            }
            let own = inode.get().dir();
            let found = (node.attr.ino, inode.get().superblock());
            match self.tree().d_instantiate(slot, name, inode) {
                Ok(dentry) => {
                    return Ok(Outcome::Is(Some(HeldDentry::new(self.notifier(), dentry))));
                }
                Err(error) if error.errno() != Errno::EEXIST => return Err(error),
                Err(_) => {}
            }
            // Either another look-up was faster, or it is a directory that has a dentry already.
            if !self.is_known(slot, name)
                && let Some(alias) = own.and_then(|own| self.dentry_of(own))
                && (alias.get().inode().ino(), alias.get().superblock()) == found
            {
                return Ok(Outcome::Elsewhere(alias));
            }
        }
        Err(Errno::ESTALE.into())
    }

    /// Looks a name up before the directory is locked for a change of it. Under the lock the
    /// answer is then in the cache; and should the file system have moved a directory here, its
    /// dentry can follow only now.
    pub(crate) fn prime_dcache(
        &self,
        request: &Request,
        dir: &Location,
        name: &[u8],
    ) -> Result<()> {
        self.find(request, dir.mount.mounted_fs(), dir.dentry.get(), name).map(drop)
    }

    /// [`Vfs::find_locked`] for an operation that cannot go on if a directory has to be moved.
    pub(crate) fn find_for_change(
        &self,
        request: &Request,
        dir: &Location,
        name: &[u8],
    ) -> Result<Option<HeldDentry<'_>>> {
        match self.find_locked(request, dir.mount.mounted_fs(), dir.dentry.get(), name)? {
            Outcome::Is(found) => Ok(found),
            Outcome::Elsewhere(_) => Err(Errno::ESTALE.into()),
        }
    }

    fn find_cached(
        &self,
        request: &Request,
        mounted_fs: &MountedFs,
        dir: Dentry<'_>,
        slot: Ix<DirSlot>,
        name: &[u8],
    ) -> Cached<'_> {
        let is_current = |ino| {
            mounted_fs.caching().entries
                || mounted_fs.fs().revalidate(request, dir.inode().ino(), name, ino)
        };
        match self.tree().d_lookup(slot, name) {
            DcacheLookup::Positive(dentry) => {
                let found = HeldDentry::new(self.notifier(), dentry);
                let ino = found.get().inode().ino();
                // A mount point keeps its name, whatever the file system says.
                if is_current(Some(ino)) || found.get().page.is_mounted_on(found.index()) {
                    return Cached::Known(Some(found));
                }
                return Cached::Unconfirmed(found);
            }
            DcacheLookup::Negative => {
                if is_current(None) {
                    return Cached::Known(None);
                }
                self.tree().d_forget_negative(slot, name);
            }
            DcacheLookup::Unknown => {}
        }
        Cached::Unknown
    }

    /// Whether the cache has something of this name.
    fn is_known(&self, slot: Ix<DirSlot>, name: &[u8]) -> bool {
        match self.tree().d_lookup(slot, name) {
            DcacheLookup::Positive(dentry) => {
                self.notifier().put(dentry);
                true
            }
            _ => false,
        }
    }

    /// The dentry of the directory that a slot serves now.
    fn dentry_of(&self, slot: Ix<DirSlot>) -> Option<DentryRef> {
        let dentry = self.tree().dir_at(slot).dentry()?;
        let alive = self.tree().dentry_page(dentry).hot().refs(dentry).try_get(None);
        alive.then(|| DentryRef::new(self.notifier(), RawDentryRef::counted(dentry)))
    }

    /// Takes a dentry's name away because the file system no longer stands by it. The names below it
    /// go at the end of the operation: no look-up would find them again, and they keep it alive.
    pub(crate) fn forget_name(&self, gone: HeldDentry<'_>) {
        let entry = self.tree().d_unhash(gone.index(), false);
        self.end_of_directory(gone);
        if let Some(entry) = entry {
            self.notifier().put(entry);
        }
    }

    /// Takes names in a directory away that is removed or forgotten, or below one that is; true while
    /// there are more. One that has been found again, under another name, keeps them. Directories that
    /// have names in them in their turn are deferred. No lock is held; at most 256 names a call, one at
    /// a time under the directory's lock.
    pub(crate) fn forget_below(
        &self,
        mounted_fs: &MountedFs,
        directory: &mut ForgottenDirectory,
    ) -> bool {
        let (tree, root) = (self.tree(), directory.dentry.get());
        let Some(slot) = root.inode().dir() else { return false };
        if root.page.is_hashed(root.index) {
            return false;
        }
        let end = || tree.dir_at(slot).children.read().positives();
        let mut place = directory.place.unwrap_or_else(end);
        for _ in 0..NAMES_PER_STEP {
            // The child that takes the place of a removed one comes from behind it, and has been visited.
            let Some(before) = place.checked_sub(1) else { return false };
            place = before;
            directory.place = Some(place);
            // Nothing can be mounted on it meanwhile.
            let lock = tree.dir_at(slot).lock.read_keyed(u64::from(slot));
            let child = {
                let children = tree.dir_at(slot).children.read();
                let child = (place < children.positives()).then(|| children.dentry_at(place));
                child.filter(|child| tree.dentry_page(*child).hot().refs(*child).try_get(None))
            };
            let child = child.map(RawDentryRef::counted);
            let Some(child) = child.map(|child| HeldDentry::new(self.notifier(), child)) else {
                continue;
            };
            let is_mounted_on = child.get().page.is_mounted_on(child.index());
            let name = if is_mounted_on { None } else { tree.d_unhash(child.index(), false) };
            drop(lock);
            let Some(name) = name else { continue };
            let name = DentryRef::new(self.notifier(), name);
            if tree.has_children(child.get()) {
                mounted_fs.defer_directory(name);
            }
        }
        true
    }

    /// Moves the dentry of a directory that was moved without the VFS. No event is reported.
    ///
    /// # Errors
    /// `ELOOP` if it would come to be inside itself, as Linux has it.
    fn adopt(
        &self,
        dir: Dentry<'_>,
        slot: Ix<DirSlot>,
        name: &[u8],
        alias: &DentryRef,
    ) -> Result<()> {
        let superblock = alias.get().inode().superblock;
        let query = AncestorQuery { above: alias.get().id(), below: dir.id() };
        let is_inside =
            self.notifier().prove(query, &mut ClimbBudget::default()).ok_or(Errno::EBUSY)?;
        let _rename = superblock.lock_rename();
        if !is_inside.is_current(superblock) {
            // The caller looks the name up again.
            return Ok(());
        }
        let Some(old) = alias.get().link().dir() else {
            return Err(Errno::ELOOP.into());
        };
        if is_inside.is_above() {
            return Err(Errno::ELOOP.into());
        }
        let locks = DirLocks::new(self.tree(), &[Some(old), Some(slot)]);
        // The old directory may have been removed meanwhile, since the file system took it for empty.
        if locks.is_dead(slot) || self.is_known(slot, name) {
            // The caller looks the name up again.
            return Ok(());
        }
        let replaced = self.tree().d_move(alias.get().index, slot, name)?;
        drop(locks);
        if let Some(replaced) = replaced {
            self.notifier().put(replaced);
        }
        Ok(())
    }
}

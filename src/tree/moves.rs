//! Moving and exchanging names.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::name::Name;
use crate::base::slot_index::Ix;
use crate::tree::children::{Children, Entry};
use crate::tree::dentry::RawDentryRef;
use crate::tree::directory::DirSlot;
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::store::Tree;

impl Tree {
    /// Moves a dentry to another name, in one step for every observer. A dentry that had that name is
    /// unhashed, and the reference that its index entry held is returned.
    ///
    /// The caller holds the directory locks, and the rename lock if the directories differ. It has made
    /// sure that a directory does not become its own ancestor.
    pub(crate) fn d_move(
        &self,
        dentry: Ix<DentrySlot>,
        new_dir: Ix<DirSlot>,
        new_name: &[u8],
    ) -> Result<Option<RawDentryRef>> {
        let hash = self.hash_name(new_name);
        loop {
            let Some(old_dir) = self.dentry_page(dentry).hot().link(dentry).dir() else {
                return Err(Errno::EBUSY.into());
            };
            if let Some(result) = self.move_from(dentry, old_dir, new_dir, new_name, hash) {
                return result;
            }
        }
    }

    /// [`Tree::d_move`] out of a directory; `None` if the dentry has moved to another directory
    /// meanwhile.
    fn move_from(
        &self,
        dentry: Ix<DentrySlot>,
        old_dir: Ix<DirSlot>,
        new_dir: Ix<DirSlot>,
        new_name: &[u8],
        hash: u32,
    ) -> Option<Result<Option<RawDentryRef>>> {
        let page = self.dentry_page(dentry).hot();
        let is_there = || page.link(dentry).dir() == Some(old_dir);
        // Within one directory the place stays, and so do the link and the flag.
        if old_dir == new_dir {
            let slot = self.dir_at(new_dir);
            let mut children = slot.children.write_keyed(u64::from(new_dir));
            if !is_there() {
                return None;
            }
            let place = page.link(dentry).place();
            if children.find(new_name, hash) == Some(Entry::Positive(place)) {
                // It has this name already.
                return Some(Ok(None));
            }
            let replaced = self.clear_name(slot, &mut children, new_name, hash);
            let place = page.link(dentry).place();
            if page.is_hashed(dentry) {
                children.rename(place, Name::from(new_name), hash);
            } else {
                children.rehash(place, Name::from(new_name), hash);
                page.refs(dentry).get();
                page.set_hashed(dentry, true);
            }
            return Some(Ok(replaced));
        }
        // Between two directories: both locks, then the refusals.
        let (old_slot, new_slot) = (self.dir_at(old_dir), self.dir_at(new_dir));
        let (mut old, mut new) = self.lock_two(old_dir, new_dir);
        if !is_there() {
            return None;
        }
        if new.positives() >= self.max_children {
            return Some(Err(Error::from(Errno::ENOSPC).with_limit(Limit::Children)));
        }
        // Out of the old directory.
        let replaced = self.clear_name(new_slot, &mut new, new_name, hash);
        let was_hashed = page.is_hashed(dentry);
        let place = page.link(dentry).place();
        if was_hashed {
            old.unhash(place);
        } else {
            page.refs(dentry).get();
            page.set_hashed(dentry, true);
        }
        self.unlink_child(&mut old, place);
        // Into the new one, which its first child references.
        if new.positives() == 0 {
            self.get_parent(new_slot);
        }
        let place = new.push(dentry, Name::from(new_name), hash, true);
        self.link_child(new_slot, &mut new, new_dir, dentry, place);
        self.count_move(dentry);
        // The old directory's reference for its children is put after both locks are released.
        let released = if old.positives() == 0 { old_slot.dentry() } else { None };
        drop((old, new));
        self.put_parent(released);
        Some(Ok(replaced))
    }

    /// Exchanges the names of two dentries; `ENOENT` if one has none, `EBUSY` for a root.
    ///
    /// As for [`Tree::d_move`].
    pub(crate) fn d_exchange(&self, one: Ix<DentrySlot>, two: Ix<DentrySlot>) -> Result<()> {
        let (one_page, two_page) = (self.dentry_page(one).hot(), self.dentry_page(two).hot());
        loop {
            let (Some(one_dir), Some(two_dir)) =
                (one_page.link(one).dir(), two_page.link(two).dir())
            else {
                return Err(Errno::EBUSY.into());
            };
            if let Some(result) = self.exchange_in((one, one_dir), (two, two_dir)) {
                return result;
            }
        }
    }

    /// [`Tree::d_exchange`] of dentries in these directories; `None` if one has moved to another
    /// meanwhile.
    pub(super) fn exchange_in(
        &self,
        (one, one_dir): (Ix<DentrySlot>, Ix<DirSlot>),
        (two, two_dir): (Ix<DentrySlot>, Ix<DirSlot>),
    ) -> Option<Result<()>> {
        let (one_page, two_page) = (self.dentry_page(one).hot(), self.dentry_page(two).hot());
        // The helpers below are called with the locks of both directories held.
        let are_there = || {
            one_page.link(one).dir() == Some(one_dir) && two_page.link(two).dir() == Some(two_dir)
        };
        let are_hashed = || one_page.is_hashed(one) && two_page.is_hashed(two);
        let swap = |children: &mut Children, other: Option<&mut Children>| {
            let (one_place, two_place) = (one_page.link(one).place(), two_page.link(two).place());
            children.set_dentry_at(one_place, two);
            other.unwrap_or(children).set_dentry_at(two_place, one);
            (one_place, two_place)
        };
        // In one directory the dentries swap places; between two each also takes the flag of the other.
        if one_dir == two_dir {
            let slot = self.dir_at(one_dir);
            let mut children = slot.children.write_keyed(u64::from(one_dir));
            if !are_there() {
                return None;
            }
            if !are_hashed() {
                return Some(Err(Errno::ENOENT.into()));
            }
            let (one_place, two_place) = swap(&mut children, None);
            self.link_child(slot, &mut children, one_dir, one, two_place);
            self.link_child(slot, &mut children, one_dir, two, one_place);
        } else {
            let (mut old, mut new) = self.lock_two(one_dir, two_dir);
            if !are_there() {
                return None;
            }
            if !are_hashed() {
                return Some(Err(Errno::ENOENT.into()));
            }
            let (one_place, two_place) = swap(&mut old, Some(&mut new));
            self.link_child(self.dir_at(two_dir), &mut new, two_dir, one, two_place);
            self.link_child(self.dir_at(one_dir), &mut old, one_dir, two, one_place);
            self.count_move(one);
            self.count_move(two);
        }
        Some(Ok(()))
    }

    /// Counted for climbs that release the lock on the way: the directory has another parent now.
    fn count_move(&self, dentry: Ix<DentrySlot>) {
        let inode = self.inode_at(self.dentry_page(dentry).hot().inode(dentry));
        if inode.dir().is_some() {
            inode.superblock.count_directory_move();
        }
    }
}

//! The dentry cache: names are looked up, hashed, unhashed and freed.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::name::Name;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::tree::child_watch::ChildrenGuard;
use crate::tree::children::{Children, Entry};
use crate::tree::dentry::{Dentry, RawDentryRef};
use crate::tree::directory::{DirSlot, Link};
use crate::tree::inode::InodeRef;
use crate::tree::reserved_slots::Reserved;
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::store::Tree;

/// The result of looking a name up in the cache.
#[derive(Debug)]
pub(crate) enum DcacheLookup {
    /// A positive dentry.
    Positive(RawDentryRef),
    /// Known not to exist.
    Negative,
    /// Not cached: ask the file system.
    Unknown,
}

impl Tree {
    /// Makes a dentry without a parent, with one reference; takes over the caller's reference to the inode.
    pub(super) fn new_dentry(
        &self,
        inode: InodeRef,
        slots: &mut Reserved<'_>,
    ) -> Result<Ix<DentrySlot>> {
        let dentry = slots.take_dentry(self)?;
        let inode = inode.into_counted();
        self.dentry_page(dentry).hot().begin(dentry, inode);
        self.count_dentry(self.inode_at(inode).superblock, true);
        Ok(dentry)
    }

    /// Looks a name up in a directory.
    ///
    /// Takes `children` for reading.
    pub(crate) fn d_lookup(&self, dir: Ix<DirSlot>, name: &[u8]) -> DcacheLookup {
        let hash = self.hash_name(name);
        let children = self.dir_at(dir).children.read();
        match children.find(name, hash) {
            Some(Entry::Positive(place)) => {
                let dentry = children.dentry_at(place);
                let page = self.dentry_page(dentry).hot();
                // The entry in the index is a reference of its own, so the dentry is alive.
                page.refs(dentry).get();
                page.set_referenced(dentry);
                DcacheLookup::Positive(RawDentryRef::counted(dentry))
            }
            Some(Entry::Negative(_)) => DcacheLookup::Negative,
            None => DcacheLookup::Unknown,
        }
    }

    /// Gives an inode a name in a directory. A negative entry of that name turns positive.
    ///
    /// The index entry holds a reference of its own besides the one that is returned.
    pub(crate) fn d_instantiate(
        self: &Arc<Self>,
        dir: Ix<DirSlot>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<RawDentryRef> {
        self.d_add(dir, name, inode, true, &mut Reserved::default())
    }

    #[cfg(feature = "vfs")]
    /// [`Tree::d_instantiate`] with slots that were taken before.
    pub(crate) fn d_instantiate_in(
        self: &Arc<Self>,
        dir: Ix<DirSlot>,
        name: &[u8],
        inode: InodeRef,
        slots: &mut Reserved<'_>,
    ) -> Result<RawDentryRef> {
        self.d_add(dir, name, inode, true, slots)
    }

    /// Gives an inode a dentry with a name for events only (`O_TMPFILE`), in slots that were taken before.
    pub(crate) fn d_tmpfile(
        self: &Arc<Self>,
        dir: Ix<DirSlot>,
        name: &[u8],
        inode: InodeRef,
        slots: &mut Reserved<'_>,
    ) -> Result<RawDentryRef> {
        self.d_add(dir, name, inode, false, slots)
    }

    /// Gives an inode a new dentry in a directory, hashed or not, and returns a reference to it.
    pub(super) fn d_add(
        self: &Arc<Self>,
        dir: Ix<DirSlot>,
        name: &[u8],
        inode: InodeRef,
        hashed: bool,
        slots: &mut Reserved<'_>,
    ) -> Result<RawDentryRef> {
        self.shrink_dentries();
        let hash = self.hash_name(name);
        let own = inode.get().dir().map(|own| self.dir_at(own));
        let dentry = self.new_dentry(inode, slots)?;
        let page = self.dentry_page(dentry).hot();
        let slot = self.dir_at(dir);
        let mut children = slot.children.write();
        // Refusals: a full directory, a taken name, a second name of a directory.
        let there = children.find(name, hash).filter(|_| hashed);
        let refused = if children.positives() >= self.max_children {
            Some(Error::from(Errno::ENOSPC).with_limit(Limit::Children))
        } else {
            matches!(there, Some(Entry::Positive(_))).then_some(Errno::EEXIST.into())
        };
        // A directory has one name. A dentry that is dead and not yet freed gives way to the new one.
        let refused = refused.or_else(|| {
            let is_alive = |other: Ix<DentrySlot>, generation: u32| {
                self.dentry_page(other).hot().refs(other).is_alive(generation)
            };
            let own = own?;
            // Once it is claimed, this dentry can be found by its inode, and its link is read. The slot still
            // has the link of the dentry that it served before, so the new one is set first. Readers of the
            // new link then wait for `children`.
            page.set_link(dentry, page.link(dentry).moved_to(dir, children.positives()));
            let generation = page.refs(dentry).generation();
            let claimed = own.claim_dentry(dentry, generation, is_alive);
            (!claimed).then_some(Errno::EEXIST.into())
        });
        if let Some(error) = refused {
            drop(children);
            page.refs(dentry).put();
            self.free_dentry(dentry);
            return Err(error);
        }
        // From here on nothing fails. A negative entry of the name gives way.
        if let Some(Entry::Negative(negative)) = there {
            let before = children.negatives();
            children.remove_negative(negative, hash, |name| self.hash_name(name));
            self.release_negatives(slot, before, &children);
        }
        // Not earlier: a refused dentry would count as a name of a dying inode, whose death would then go
        // unreported.
        self.inode_at(page.inode(dentry)).count_alias(true);
        if hashed {
            // The reference that the index entry holds.
            page.refs(dentry).get();
            page.set_hashed(dentry, true);
        }
        if children.positives() == 0 {
            self.get_parent(slot);
        }
        let place = children.push(dentry, Name::from(name), hash, hashed);
        self.link_child(slot, &mut children, dir, dentry, place);
        Ok(RawDentryRef::counted(dentry))
    }

    /// The children of a directory hold one reference to it together.
    pub(super) fn get_parent(&self, slot: &DirSlot) {
        if let Some(dentry) = slot.dentry() {
            self.dentry_page(dentry).hot().refs(dentry).get();
        }
    }

    pub(super) fn put_parent(&self, dentry: Option<Ix<DentrySlot>>) {
        if let Some(dentry) = dentry
            && self.dentry_page(dentry).hot().refs(dentry).put()
        {
            self.defer_dentry(dentry);
        }
    }

    /// Unhashes a dentry, and returns the reference that its index entry held; `None` if it had no name.
    ///
    /// With `remember`, the cache knows from then on that the name does not exist.
    pub(crate) fn d_unhash(&self, dentry: Ix<DentrySlot>, remember: bool) -> Option<RawDentryRef> {
        let page = self.dentry_page(dentry).hot();
        let (slot, mut children, link) = self.lock_parent(dentry)?;
        if !page.is_hashed(dentry) {
            return None;
        }
        let place = link.place();
        children.unhash(place);
        page.set_hashed(dentry, false);
        if remember {
            let name = children.name_at(place).clone();
            let hash = self.hash_name(&name);
            self.push_negative(slot, &mut children, name, hash);
        }
        Some(RawDentryRef::counted(dentry))
    }

    /// Locks the children of a dentry's parent for writing; `None` for a root.
    pub(crate) fn lock_parent(
        &self,
        dentry: Ix<DentrySlot>,
    ) -> Option<(&DirSlot, ChildrenGuard<'_>, Link)> {
        let page = self.dentry_page(dentry).hot();
        loop {
            let link = page.link(dentry);
            let dir = link.dir()?;
            let slot = self.dir_at(dir);
            let children = slot.children.write_keyed(u64::from(dir));
            if page.link(dentry) == link {
                return Some((slot, children, link));
            }
        }
    }

    /// Locks the children of two directories for writing, the lower index first.
    pub(super) fn lock_two(
        &self,
        one: Ix<DirSlot>,
        two: Ix<DirSlot>,
    ) -> (ChildrenGuard<'_>, ChildrenGuard<'_>) {
        let lock = |dir: Ix<DirSlot>| self.dir_at(dir).children.write_keyed(u64::from(dir));
        if one < two {
            let first = lock(one);
            (first, lock(two))
        } else {
            let first = lock(two);
            (lock(one), first)
        }
    }

    /// Unhashes the entry of this name, and returns the reference that a positive entry held.
    pub(super) fn clear_name(
        &self,
        slot: &DirSlot,
        children: &mut Children,
        name: &[u8],
        hash: u32,
    ) -> Option<RawDentryRef> {
        match children.find(name, hash)? {
            Entry::Positive(place) => {
                let dentry = children.dentry_at(place);
                children.unhash(place);
                self.dentry_page(dentry).hot().set_hashed(dentry, false);
                Some(RawDentryRef::counted(dentry))
            }
            Entry::Negative(negative) => {
                let before = children.negatives();
                children.remove_negative(negative, hash, |name| self.hash_name(name));
                self.release_negatives(slot, before, children);
                None
            }
        }
    }

    /// No longer counts a dead dentry among the names that keep marks on its inode possible. Called before
    /// its death is reported.
    pub(crate) fn end_alias(&self, dentry: Ix<DentrySlot>) {
        self.inode_at(self.dentry_page(dentry).hot().inode(dentry)).count_alias(false);
    }

    /// Frees a dentry without references: takes it out of its parent's array, and puts its reference to the
    /// inode. Returns the parent if that loses its last reference too.
    pub(crate) fn free_dead_dentry(&self, dentry: Ix<DentrySlot>) -> Option<Ix<DentrySlot>> {
        let mut released = None;
        if let Some((slot, mut children, link)) = self.lock_parent(dentry) {
            self.unlink_child(&mut children, link.place());
            if children.positives() == 0 {
                released = slot.dentry();
            }
        }
        self.free_dentry(dentry);
        let parent = released?;
        self.dentry_page(parent).hot().refs(parent).put().then_some(parent)
    }

    pub(super) fn free_dentry(&self, dentry: Ix<DentrySlot>) {
        let page = self.dentry_page(dentry).hot();
        let inode = page.inode(dentry);
        if let Some(own) = self.inode_at(inode).dir() {
            self.dir_at(own).release_dentry(dentry, page.refs(dentry).generation());
        }
        self.count_dentry(self.inode_at(inode).superblock, false);
        if page.refs(dentry).end() {
            self.dentries.remove(dentry);
        }
        self.iput(inode);
    }

    /// Whether a directory has dentries, hashed or not; false for anything else.
    pub(crate) fn has_children(&self, dentry: Dentry<'_>) -> bool {
        let dir = dentry.inode().dir();
        dir.is_some_and(|dir| self.dir_at(dir).children.read().positives() > 0)
    }

    /// Whether a directory has hashed children; false for anything else.
    pub(crate) fn has_names(&self, dentry: Dentry<'_>) -> bool {
        let dir = dentry.inode().dir();
        dir.is_some_and(|dir| self.dir_at(dir).children.read().hashed() > 0)
    }

    /// Calls `look` with a dentry's directory, the children of that, and the dentry's place among them, under
    /// their lock; `None` for a root.
    #[inline]
    pub(super) fn with_place<R>(
        &self,
        dentry: Ix<DentrySlot>,
        look: impl FnOnce(&DirSlot, &Children, usize) -> R,
    ) -> Option<R> {
        let page = self.dentry_page(dentry).hot();
        loop {
            let link = page.link(dentry);
            let slot = self.dir_at(link.dir()?);
            let children = slot.children.read();
            if page.link(dentry) == link {
                return Some(look(slot, &children, link.place()));
            }
        }
    }

    /// The dentry of a dentry's parent directory; `None` for a root.
    pub(crate) fn parent_of(&self, dentry: Ix<DentrySlot>) -> Option<RawDentryRef> {
        self.with_place(dentry, |slot, _, _| {
            let parent = slot.dentry()?;
            self.dentry_page(parent).hot().refs(parent).get();
            Some(RawDentryRef::counted(parent))
        })?
    }

    /// The last name of a dentry; empty for a root.
    pub(crate) fn name_of(&self, dentry: Ix<DentrySlot>) -> Name {
        let name = self.with_place(dentry, |_, children, place| children.name_at(place).clone());
        name.unwrap_or(Name::EMPTY)
    }
}

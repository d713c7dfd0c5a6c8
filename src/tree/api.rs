//! Operations on names, with their arguments checked: the tree's side of the notifier's operations.
//!
//! They return counted references that the caller puts: a put may be the end of a dentry, which is an
//! event.

use std::cell::Cell;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::path_limits::NAME_MAX;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::tree::cycle_prevention::DirectoryMove;
use crate::tree::dcache::DcacheLookup;
use crate::tree::dentry::{Dentry, RawDentryRef};
use crate::tree::directory::DirSlot;
use crate::tree::inode::{Inode, InodeRef};
use crate::tree::reserved_slots::Reserved;
use crate::tree::store::Tree;

impl Tree {
    fn directory(self: &Arc<Self>, dir: Dentry<'_>) -> Result<Ix<DirSlot>> {
        self.same_tree(dir)?;
        dir.inode.dir().ok_or_else(|| Errno::ENOTDIR.into())
    }

    fn checked_name(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<Ix<DirSlot>> {
        match name {
            _ if name.len() > NAME_MAX => return Err(Errno::ENAMETOOLONG.into()),
            b"" | b"." | b".." => return Err(Errno::EINVAL.into()),
            _ if name.iter().any(|byte| matches!(byte, 0 | b'/')) => {
                return Err(Errno::EINVAL.into());
            }
            _ => {}
        }
        self.directory(dir)
    }

    /// Looks a name up in a directory.
    pub(crate) fn find_name(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
    ) -> Result<DcacheLookup> {
        Ok(self.d_lookup(self.directory(dir)?, name))
    }

    /// Gives an inode a name in a directory.
    pub(crate) fn add_name(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<RawDentryRef> {
        let slot = self.checked_name(dir, name)?;
        self.same_superblock(dir, &inode)?;
        self.d_instantiate(slot, name, inode)
    }

    /// Gives an inode a dentry that cannot be found by name.
    pub(crate) fn add_unnamed(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<RawDentryRef> {
        let slot = self.checked_name(dir, name)?;
        self.same_superblock(dir, &inode)?;
        self.d_tmpfile(slot, name, inode, &mut Reserved::default())
    }

    /// Remembers that a name does not exist.
    pub(crate) fn add_missing(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        self.d_negative(self.checked_name(dir, name)?, name);
        Ok(())
    }

    /// Forgets that a name does not exist.
    pub(crate) fn remove_missing(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        self.d_forget_negative(self.checked_name(dir, name)?, name);
        Ok(())
    }

    /// A reference to the dentry of a directory, if it has a live one.
    pub(crate) fn get_directory_dentry(self: &Arc<Self>, inode: &InodeRef) -> Option<RawDentryRef> {
        if !Arc::ptr_eq(self, inode.tree()) {
            return None;
        }
        let (dentry, generation) = self.dir_at(inode.get().dir()?).dentry_and_generation()?;
        let refs = self.dentry_page(dentry).hot().refs(dentry);
        refs.try_get(Some(generation)).then(|| RawDentryRef::counted(dentry))
    }

    /// Unhashes a dentry, and returns the reference that its index entry held.
    pub(crate) fn remove_name(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        remember: bool,
    ) -> Result<Option<RawDentryRef>> {
        self.same_tree(dentry)?;
        Ok(self.d_unhash(dentry.index, remember))
    }

    /// Moves a dentry to another name. Returns the reference that the entry of a replaced dentry held.
    pub(crate) fn move_name(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        new_dir: Dentry<'_>,
        new_name: &[u8],
    ) -> Result<Option<RawDentryRef>> {
        self.same_tree(dentry)?;
        let slot = self.checked_name(new_dir, new_name)?;
        one_superblock(dentry.inode(), new_dir.inode())?;
        match dentry.is_dir() && !dentry.is_root() {
            false => self.d_move(dentry.index, slot, new_name),
            true => self.move_directories(
                dentry.inode.superblock,
                || Ok([self.new_parent(dentry, slot), None]),
                || Some(self.d_move(dentry.index, slot, new_name)),
            ),
        }
    }

    /// The directory in which a dentry has a name, and the name, as one snapshot.
    ///
    /// # Errors
    /// `ENOENT` if it has no name, `EBUSY` for a root, `EINVAL` for a dentry of another tree.
    pub(crate) fn place_of(self: &Arc<Self>, dentry: Dentry<'_>) -> Result<(RawDentryRef, Name)> {
        self.same_tree(dentry)?;
        let place = self.with_place(dentry.index, |slot, children, place| {
            let dir = slot.dentry().filter(|_| dentry.page.is_hashed(dentry.index))?;
            self.dentry_page(dir).hot().refs(dir).get();
            Some((RawDentryRef::counted(dir), children.name_at(place).clone()))
        });
        Ok(place.ok_or(Errno::EBUSY)?.ok_or(Errno::ENOENT)?)
    }

    /// Exchanges the names of two dentries.
    pub(crate) fn exchange_names(self: &Arc<Self>, one: Dentry<'_>, two: Dentry<'_>) -> Result<()> {
        self.same_tree(one)?;
        self.same_tree(two)?;
        one_superblock(one.inode(), two.inode())?;
        if !one.is_dir() && !two.is_dir() {
            return self.d_exchange(one.index, two.index);
        }
        let dirs = Cell::new(None);
        let moves = || {
            let (Some(one_dir), Some(two_dir)) = (one.link().dir(), two.link().dir()) else {
                return Err(Errno::EBUSY.into());
            };
            dirs.set(Some((one_dir, two_dir)));
            Ok([self.new_parent(one, two_dir), self.new_parent(two, one_dir)])
        };
        self.move_directories(one.inode.superblock, moves, || {
            // A dentry that is not a directory may have moved since.
            let (one_dir, two_dir) = dirs.get()?;
            self.exchange_in((one.index, one_dir), (two.index, two_dir))
        })
    }

    /// The move of a directory to a slot; `None` if the dentry is not a directory, or is there already.
    fn new_parent(&self, dentry: Dentry<'_>, into: Ix<DirSlot>) -> Option<DirectoryMove> {
        let moves = dentry.is_dir() && dentry.link().dir() != Some(into);
        moves.then_some(DirectoryMove { dentry: dentry.index, into })
    }

    fn same_superblock(self: &Arc<Self>, dir: Dentry<'_>, inode: &InodeRef) -> Result<()> {
        if !Arc::ptr_eq(self, inode.tree()) {
            return Err(Errno::EINVAL.into());
        }
        one_superblock(dir.inode(), inode.get())
    }

    pub(crate) fn same_tree(self: &Arc<Self>, dentry: Dentry<'_>) -> Result<()> {
        if Arc::ptr_eq(self, dentry.tree) { Ok(()) } else { Err(Errno::EINVAL.into()) }
    }
}

/// A hook first reads whether any object of the superblock is watched. So a child must be of its
/// directory's superblock.
fn one_superblock(one: Inode<'_>, two: Inode<'_>) -> Result<()> {
    if one.superblock() == two.superblock() { Ok(()) } else { Err(Errno::EXDEV.into()) }
}

impl Dentry<'_> {
    /// Its last name; empty for a root. Takes `children` of the parent for reading.
    #[must_use]
    pub fn name(&self) -> Name {
        self.tree.name_of(self.index)
    }
}

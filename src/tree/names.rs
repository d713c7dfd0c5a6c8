//! The public operations on names, for a program with a VFS of its own.

use std::cell::Cell;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::index::Ix;
use crate::base::name::{NAME_MAX, Name};
use crate::base::sync::Arc;
use crate::tree::ancestry::DirectoryMove;
use crate::tree::dcache::{Found, Tree};
use crate::tree::dentry::{Dentry, DentryRef};
use crate::tree::directory::DirSlot;
use crate::tree::inode::{Inode, InodeRef};
use crate::tree::reserve::Reserved;

/// What a name stands for; see [`Tree::lookup`].
#[derive(Debug)]
pub enum Lookup {
    /// This dentry.
    Positive(DentryRef),
    /// It is known not to exist.
    Negative,
    /// It is not known: ask the file system.
    Unknown,
}

impl Tree {
    fn directory(self: &Arc<Self>, dir: Dentry<'_>) -> Result<Ix<DirSlot>> {
        if !Arc::ptr_eq(self, dir.tree) {
            return Err(Errno::EINVAL.into());
        }
        dir.inode.dir().ok_or_else(|| Errno::ENOTDIR.into())
    }

    fn named(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<Ix<DirSlot>> {
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

    /// Looks a name up. Takes `children` of the directory for reading; O(1).
    ///
    /// # Errors
    /// `ENOTDIR`; `EINVAL` for a dentry of another tree.
    ///
    /// ```
    /// # use vfsnotify::{InodeKind, InodeSpec, Lookup, Tree};
    /// let tree = Tree::new(Default::default());
    /// let (superblock, root) = tree.add_superblock(1)?;
    /// assert!(matches!(tree.lookup(root.get(), b"file")?, Lookup::Unknown));
    /// let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let inode = tree.make_inode(&superblock, spec)?;
    /// tree.instantiate(root.get(), b"file", inode)?;
    /// assert!(matches!(tree.lookup(root.get(), b"file")?, Lookup::Positive(_)));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn lookup(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<Lookup> {
        Ok(match self.d_lookup(self.directory(dir)?, name) {
            Found::Positive(dentry) => Lookup::Positive(DentryRef::from_use(self, dentry)),
            Found::Negative => Lookup::Negative,
            Found::Unknown => Lookup::Unknown,
        })
    }

    /// Gives an inode a name in a directory; a name that was known not to exist turns positive.
    /// The new dentry takes its flag from the directory in the same step. Takes `children` for
    /// writing; O(1).
    ///
    /// # Errors
    /// `EEXIST` if the name is taken, or for a directory that has a dentry in use, with a name or
    /// without (rename what [`Tree::directory_dentry`] finds); `ENOSPC` in a
    /// full directory (see [`TreeLimits`](crate::TreeLimits)), `ENOMEM`, `ENOTDIR`, `ENAMETOOLONG`,
    /// `EXDEV` for an inode of another superblock than the directory's, `EINVAL`.
    pub fn instantiate(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<DentryRef> {
        let slot = self.named(dir, name)?;
        self.same_superblock(dir, &inode)?;
        let dentry = self.d_instantiate(slot, name, inode)?;
        Ok(DentryRef::from_use(self, dentry))
    }

    /// Gives an inode a dentry that cannot be found by name: a temporary file, whose events go to
    /// the directory under `name`.
    ///
    /// # Errors
    /// As [`Tree::instantiate`], without `EEXIST`.
    pub fn instantiate_unnamed(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<DentryRef> {
        let slot = self.named(dir, name)?;
        self.same_superblock(dir, &inode)?;
        let dentry = self.d_tmpfile(slot, name, inode, &mut Reserved::default())?;
        Ok(DentryRef::from_use(self, dentry))
    }

    /// Remembers that a name does not exist, within the budget for such names: a negative dentry.
    /// Takes `children` for writing; O(1).
    ///
    /// # Errors
    /// `ENOTDIR`, `ENAMETOOLONG`, `EINVAL`.
    ///
    /// ```
    /// # use vfsnotify::{Lookup, Tree};
    /// # let tree = Tree::new(Default::default());
    /// # let (_superblock, root) = tree.add_superblock(1)?;
    /// tree.remember_missing(root.get(), b"no")?;
    /// assert!(matches!(tree.lookup(root.get(), b"no")?, Lookup::Negative));
    /// assert_eq!(tree.negatives(), 1);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn remember_missing(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        self.d_negative(self.named(dir, name)?, name);
        Ok(())
    }

    /// Forgets that a name does not exist, if that is remembered: somebody else has made it, or may
    /// have. Takes `children` for writing; O(1).
    ///
    /// # Errors
    /// As [`Tree::remember_missing`].
    ///
    /// ```
    /// # use vfsnotify::{Lookup, Tree};
    /// # let tree = Tree::new(Default::default());
    /// # let (_superblock, root) = tree.add_superblock(1)?;
    /// tree.remember_missing(root.get(), b"soon")?;
    /// tree.forget_missing(root.get(), b"soon")?;
    /// assert!(matches!(tree.lookup(root.get(), b"soon")?, Lookup::Unknown));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn forget_missing(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        self.d_forget_negative(self.named(dir, name)?, name);
        Ok(())
    }

    /// The dentry of a directory, with a name or without; `None` if it has none in use, or is no
    /// directory, or of another tree. A directory that turns up under another name than the tree knew
    /// is moved there with [`Tree::rename`]. Takes no lock; O(1).
    ///
    /// ```
    /// # use vfsnotify::{InodeKind, InodeSpec, Tree};
    /// # let tree = Tree::new(Default::default());
    /// # let (superblock, root) = tree.add_superblock(1)?;
    /// let spec = InodeSpec::new(2, InodeKind::Directory, 2);
    /// let dir = tree.instantiate(root.get(), b"old", tree.make_inode(&superblock, spec)?)?;
    /// // A server says that number 2 is at another name now.
    /// let known = tree.directory_dentry(&tree.make_inode(&superblock, spec)?).expect("in use");
    /// tree.rename(known.get(), root.get(), b"new")?;
    /// assert_eq!(dir.get().name(), "new");
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn directory_dentry(self: &Arc<Self>, inode: &InodeRef) -> Option<DentryRef> {
        if !Arc::ptr_eq(self, inode.tree()) {
            return None;
        }
        let (dentry, generation) = self.dir_at(inode.get().dir()?).dentry_and_generation()?;
        let life = self.dentry_page(dentry).hot().life(dentry);
        life.try_get(Some(generation)).then(|| DentryRef::from_use(self, dentry))
    }

    /// Takes a dentry's name away and returns the use that the name was, to be given back with
    /// [`Notifier::dput`](crate::notify::Notifier::dput); `None` if it had no name. With
    /// `remember`, the name is known not to exist from then on, within the budget for such names.
    ///
    /// The dentry goes on reporting to its directory under its last name while it is in use.
    ///
    /// # Errors
    /// `EINVAL` for a dentry of another tree.
    pub fn unhash(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        remember: bool,
    ) -> Result<Option<DentryRef>> {
        self.same_tree(dentry)?;
        let had_name = self.d_unhash(dentry.index, remember);
        Ok(had_name.then(|| DentryRef::from_use(self, dentry.index)))
    }

    /// Moves a dentry to another name, in one step for anyone who looks; its flag is that of the
    /// new directory. What had the new name loses it, and its use is returned as by
    /// [`Tree::unhash`]; if that is the dentry itself, nothing happens.
    ///
    /// A directory does not become its own ancestor, whatever other renames and exchanges run at the same time.
    /// Takes `children` of both directories for writing; O(1). For a directory the rename lock of the superblock
    /// is taken before; if its parent changes, that is O(depth of the new directory), 512 levels in one hold.
    ///
    /// # Errors
    /// `EINVAL` (`EINVAL`, as rename(2)) for a directory that is `new_dir` or above it; `EBUSY` for a root, and if
    /// other directories moved during each of 65 attempts to check that; as [`Tree::instantiate`].
    ///
    /// ```
    /// # use vfsnotify::{Errno, InodeKind, InodeSpec, Tree};
    /// # let tree = Tree::new(Default::default());
    /// # let (superblock, root) = tree.add_superblock(1)?;
    /// # let make = |dir: vfsnotify::Dentry<'_>, ino| {
    /// #     let spec = InodeSpec::new(ino, InodeKind::Directory, 2);
    /// #     tree.instantiate(dir, b"dir", tree.make_inode(&superblock, spec)?)
    /// # };
    /// let outer = make(root.get(), 2)?;
    /// let inner = make(outer.get(), 3)?;
    /// let error = tree.rename(outer.get(), inner.get(), b"loop").unwrap_err();
    /// assert_eq!(error.errno(), Errno::EINVAL);
    /// tree.rename(inner.get(), root.get(), b"out")?;
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn rename(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        new_dir: Dentry<'_>,
        new_name: &[u8],
    ) -> Result<Option<DentryRef>> {
        self.same_tree(dentry)?;
        let slot = self.named(new_dir, new_name)?;
        one_superblock(dentry.inode(), new_dir.inode())?;
        let replaced = match dentry.is_dir() && !dentry.is_root() {
            false => self.d_move(dentry.index, slot, new_name)?,
            true => self.move_directories(
                dentry.inode.superblock,
                || Ok([self.new_parent(dentry, slot), None]),
                || Some(self.d_move(dentry.index, slot, new_name)),
            )?,
        };
        Ok(replaced.map(|dentry| DentryRef::from_use(self, dentry)))
    }

    /// Exchanges the names of two dentries; see [`Tree::rename`].
    ///
    /// # Errors
    /// `ENOENT` if one of them has no name; `EBUSY` for a root, and as [`Tree::rename`]; `EXDEV` for dentries
    /// of two superblocks; `EINVAL` if one of them is a directory above the other, or is of another tree.
    pub fn exchange(self: &Arc<Self>, one: Dentry<'_>, two: Dentry<'_>) -> Result<()> {
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
            // One that is no directory may have moved since.
            let (one_dir, two_dir) = dirs.get()?;
            self.exchange_in((one.index, one_dir), (two.index, two_dir))
        })
    }

    /// The move of a directory to a slot; `None` if it is none, or is there already.
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

    fn same_tree(self: &Arc<Self>, dentry: Dentry<'_>) -> Result<()> {
        if Arc::ptr_eq(self, dentry.tree) { Ok(()) } else { Err(Errno::EINVAL.into()) }
    }
}

/// What a hook asks first is whether anything of the object's file system is watched: what is in a directory
/// must be of the directory's.
fn one_superblock(one: Inode<'_>, two: Inode<'_>) -> Result<()> {
    if one.superblock() == two.superblock() { Ok(()) } else { Err(Errno::EXDEV.into()) }
}

impl Dentry<'_> {
    /// Its last name; empty for a root. Takes `children` of the parent for reading.
    #[must_use]
    pub fn name(&self) -> Name {
        self.tree.name_of(self.index)
    }

    /// The dentry of its parent directory; `None` for a root. Takes `children` of the parent for
    /// reading.
    #[must_use]
    pub fn parent(&self) -> Option<DentryRef> {
        self.tree.parent_of(self.index).map(|parent| DentryRef::from_use(self.tree, parent))
    }
}

//! The names of a tree, for a program with a VFS of its own: looked up, added, removed and moved, without an
//! event.

use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::notify::lifetime::dentry_ref::DentryRef;
use crate::notify::notifier::Notifier;
use crate::tree::{DcacheLookup, Dentry, DentryId, InodeRef, RawDentryRef, SuperblockRef};

/// The result of [`Notifier::lookup`].
#[derive(Debug)]
pub enum Lookup {
    /// The name has this dentry.
    Positive(DentryRef),
    /// The name is known not to exist.
    Negative,
    /// The cache does not have the name: ask the file system.
    Unknown,
}

/// # Names
///
/// Lookups in the dentry cache, and changes of it alone. No event is reported, except the death of an object
/// that loses its last reference. For a change that guests must see, call one of the recipes
/// ([`create`](crate::notify::Hooks::create) and those after it), or one of these methods and the matching
/// hooks.
///
/// Every method may be called from any thread, with any lock of the caller's held, and holds no lock when it
/// returns.
impl Notifier {
    /// Adds a superblock with a root directory of inode number `ino`.
    ///
    /// # Errors
    /// `ENOMEM` if every slot is taken.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (_, notifier, _, _) = new_tree()?;
    /// let (superblock, root) = notifier.add_superblock(1)?;
    /// assert!(root.get().is_root());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add_superblock(self: &Arc<Self>, ino: u64) -> Result<(SuperblockRef, DentryRef)> {
        let (superblock, root) = self.tree().new_superblock(ino, false)?;
        Ok((superblock, DentryRef::new(self, root)))
    }

    /// [`Notifier::add_superblock`] for a file system that can look a name up again. Its unreferenced dentries
    /// may be reclaimed, without any event, when [`TreeConfig::dentries`](crate::TreeConfig::dentries) are
    /// cached. A name that was known before is [`Lookup::Unknown`] then. A `Vfs` does so for the file systems
    /// that are mounted in it.
    ///
    /// A dentry that is referenced stays, and so do the directories above it. A watched inode stays, with
    /// its watches, when its dentry goes.
    ///
    /// # Errors
    /// As [`Notifier::add_superblock`].
    ///
    /// ```
    /// # use vfsnotify::notify::{Lookup, Notifier};
    /// # use vfsnotify::tree::InodeSpec;
    /// # use vfsnotify::{InodeKind, Tree, TreeConfig};
    /// let tree = Tree::new(TreeConfig::default().with_dentries(100));
    /// let notifier = Notifier::new(&tree, Default::default())?;
    /// let (superblock, root) = notifier.add_reclaimable_superblock(1)?;
    /// for ino in 2..1000 {
    ///     let spec = InodeSpec::new(ino, InodeKind::Regular, 1);
    ///     let inode = tree.make_inode(&superblock, spec)?;
    ///     notifier.instantiate(root.get(), ino.to_string().as_bytes(), inode)?;
    /// }
    /// assert!(tree.live_dentries() < 120);
    /// assert!(matches!(notifier.lookup(root.get(), b"2")?, Lookup::Unknown));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn add_reclaimable_superblock(
        self: &Arc<Self>,
        ino: u64,
    ) -> Result<(SuperblockRef, DentryRef)> {
        let (superblock, root) = self.tree().new_superblock(ino, true)?;
        Ok((superblock, DentryRef::new(self, root)))
    }

    /// Looks a name up. Takes `children` of the directory for reading; O(1).
    ///
    /// # Errors
    /// `ENOTDIR`; `EINVAL` for a dentry of another tree.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, _, _) = new_tree()?;
    /// let (superblock, root) = notifier.add_superblock(1)?;
    /// assert!(matches!(notifier.lookup(root.get(), b"file")?, Lookup::Unknown));
    /// let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let inode = tree.make_inode(&superblock, spec)?;
    /// notifier.instantiate(root.get(), b"file", inode)?;
    /// assert!(matches!(notifier.lookup(root.get(), b"file")?, Lookup::Positive(_)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lookup(self: &Arc<Self>, dir: Dentry<'_>, name: &[u8]) -> Result<Lookup> {
        Ok(match self.tree().find_name(dir, name)? {
            DcacheLookup::Positive(dentry) => Lookup::Positive(DentryRef::new(self, dentry)),
            DcacheLookup::Negative => Lookup::Negative,
            DcacheLookup::Unknown => Lookup::Unknown,
        })
    }

    /// Gives an inode a name in a directory; a negative dentry turns positive. The new dentry gets its flag
    /// from the directory in the same step. Takes `children` for writing; O(1).
    ///
    /// # Errors
    /// `EEXIST` if the name is taken, or for a directory that has a dentry in use, with a name or without (move
    /// the dentry that [`Notifier::directory_dentry`] finds); `ENOSPC` in a full directory (see
    /// [`TreeLimits`](crate::TreeLimits)); `ENOMEM`; `ENOTDIR`; `ENAMETOOLONG`; `EXDEV` for an inode of another
    /// superblock than the directory's; `EINVAL`.
    pub fn instantiate(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<DentryRef> {
        Ok(DentryRef::new(self, self.tree().add_name(dir, name, inode)?))
    }

    /// Gives an inode a dentry that cannot be found by name: a temporary file, whose events go to
    /// the directory under `name`.
    ///
    /// # Errors
    /// As [`Notifier::instantiate`], without `EEXIST`.
    pub fn instantiate_unnamed(
        self: &Arc<Self>,
        dir: Dentry<'_>,
        name: &[u8],
        inode: InodeRef,
    ) -> Result<DentryRef> {
        Ok(DentryRef::new(self, self.tree().add_unnamed(dir, name, inode)?))
    }

    /// Remembers that a name does not exist, within the budget for such names: a negative dentry.
    /// Takes `children` for writing; O(1).
    ///
    /// # Errors
    /// `ENOTDIR`, `ENAMETOOLONG`, `EINVAL`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, _, root) = new_tree()?;
    /// notifier.remember_missing(root.get(), b"no")?;
    /// assert!(matches!(notifier.lookup(root.get(), b"no")?, Lookup::Negative));
    /// assert_eq!(tree.negatives(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn remember_missing(&self, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        self.tree().add_missing(dir, name)
    }

    /// Removes the negative dentry of a name, if there is one: another program has made the name, or may have.
    /// Takes `children` for writing; O(1).
    ///
    /// # Errors
    /// As [`Notifier::remember_missing`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (_, notifier, _, root) = new_tree()?;
    /// notifier.remember_missing(root.get(), b"soon")?;
    /// notifier.forget_missing(root.get(), b"soon")?;
    /// assert!(matches!(notifier.lookup(root.get(), b"soon")?, Lookup::Unknown));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn forget_missing(&self, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        self.tree().remove_missing(dir, name)
    }

    /// The dentry with this id. Takes no lock; O(1).
    ///
    /// # Errors
    /// `ESTALE` if it is gone; `EINVAL` for an id of another tree.
    pub fn dentry(self: &Arc<Self>, id: DentryId) -> Result<DentryRef> {
        Ok(DentryRef::new(self, self.tree().get_dentry(id)?))
    }

    /// One more reference to a dentry. Takes no lock; O(1).
    ///
    /// # Errors
    /// `EINVAL` for a dentry of another tree.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/", vfsnotify::OpenFlags::READ, 0)?;
    /// let dentry = vfs.notifier().reference(file.dentry())?;
    /// file.close();
    /// assert!(dentry.get().is_root());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reference(self: &Arc<Self>, dentry: Dentry<'_>) -> Result<DentryRef> {
        self.tree().same_tree(dentry)?;
        Ok(DentryRef::new(self, dentry.reference()))
    }

    /// The dentry of a directory, with a name or without. `None` if the directory has none in use, or for
    /// another kind of inode, or for an inode of another tree. If a directory is found under another name than
    /// the tree has, move it there with [`Notifier::move_dentry`]. Takes no lock; O(1).
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// let spec = InodeSpec::new(2, InodeKind::Directory, 2);
    /// let dir = notifier.instantiate(root.get(), b"old", tree.make_inode(&superblock, spec)?)?;
    /// // A server says that number 2 is at another name now.
    /// let known = notifier.directory_dentry(&tree.make_inode(&superblock, spec)?).expect("in use");
    /// notifier.move_dentry(known.get(), root.get(), b"new")?;
    /// assert_eq!(dir.get().name(), "new");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn directory_dentry(self: &Arc<Self>, inode: &InodeRef) -> Option<DentryRef> {
        let dentry = self.tree().get_directory_dentry(inode)?;
        Some(DentryRef::new(self, dentry))
    }

    /// Unhashes a dentry, so that lookups no longer find it, and returns the reference that the name held;
    /// `None` if it had no name. With `remember`, a negative dentry remembers the name, within the budget for
    /// such names.
    ///
    /// While the dentry is referenced, its events still go to its directory under its last name. To report the
    /// removal too, call [`Hooks::remove`](crate::notify::Hooks::remove).
    ///
    /// # Errors
    /// `EINVAL` for a dentry of another tree.
    pub fn unhash(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        remember: bool,
    ) -> Result<Option<DentryRef>> {
        let name = self.tree().remove_name(dentry, remember)?;
        Ok(self.own(name))
    }

    /// Moves a dentry to another name, in one step for concurrent lookups. The dentry gets the flag of the new
    /// directory. A dentry that had the new name is unhashed, and the reference that its name held is returned,
    /// as by [`Notifier::unhash`]. If that is the dentry itself, nothing happens. To report the move too, call
    /// [`Hooks::rename`](crate::notify::Hooks::rename).
    ///
    /// A directory does not become its own ancestor, whatever moves and exchanges run at the same time. Takes
    /// `children` of both directories for writing; O(1). For a directory, the rename lock of the superblock is
    /// taken first. If its parent changes, the check takes O(depth of the new directory), 512 levels in one
    /// hold.
    ///
    /// # Errors
    /// `EINVAL` for a directory that is `new_dir` or above it, as rename(2); `EBUSY` for a root, and if other
    /// directories moved during each of 65 attempts to check that; others as [`Notifier::instantiate`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// # let make = |dir: vfsnotify::tree::Dentry<'_>, ino| {
    /// #     let spec = InodeSpec::new(ino, InodeKind::Directory, 2);
    /// #     notifier.instantiate(dir, b"dir", tree.make_inode(&superblock, spec)?)
    /// # };
    /// let outer = make(root.get(), 2)?;
    /// let inner = make(outer.get(), 3)?;
    /// let error = notifier.move_dentry(outer.get(), inner.get(), b"loop").unwrap_err();
    /// assert_eq!(error.errno(), Errno::EINVAL);
    /// notifier.move_dentry(inner.get(), root.get(), b"out")?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn move_dentry(
        self: &Arc<Self>,
        dentry: Dentry<'_>,
        new_dir: Dentry<'_>,
        new_name: &[u8],
    ) -> Result<Option<DentryRef>> {
        let replaced = self.tree().move_name(dentry, new_dir, new_name)?;
        Ok(self.own(replaced))
    }

    /// Exchanges the names of two dentries; see [`Notifier::move_dentry`]. To report the exchange too, call
    /// [`Hooks::exchange`](crate::notify::Hooks::exchange).
    ///
    /// # Errors
    /// `ENOENT` if one of them has no name; `EBUSY` for a root, and as [`Notifier::move_dentry`]; `EXDEV` for
    /// dentries of two superblocks; `EINVAL` if one of them is a directory above the other, or is of another
    /// tree.
    pub fn exchange_dentries(&self, one: Dentry<'_>, two: Dentry<'_>) -> Result<()> {
        self.tree().exchange_names(one, two)
    }

    fn own(self: &Arc<Self>, dentry: Option<RawDentryRef>) -> Option<DentryRef> {
        dentry.map(|dentry| DentryRef::new(self, dentry))
    }
}

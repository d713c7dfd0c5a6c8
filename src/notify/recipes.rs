//! Recipes, which are whole changes of names: the tree, the link count, and the hooks in Linux's order.
//!
//! The `report_` functions have the order of the events of a change, for a program with a VFS of its own and
//! for `Vfs`.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::notify::hooks::Hooks;
use crate::notify::lifetime::dentry_ref::DentryRef;
use crate::notify::occurrence::Child;
use crate::tree::{DcacheLookup, Dentry, Inode, InodeRef, RawDentryRef};

/// # Changes that are reported
///
/// Each recipe changes the tree and the link count, and calls the hooks that Linux calls, in its order. Call it
/// after the file system has made the change, with the locks held that keep other threads from changing the
/// same names. Any locks of the caller's may be held. Time and locks are those of the change and of its hooks.
impl Hooks<'_> {
    /// A file or directory was made: gives its inode the name. CREATE is delivered to the directory.
    ///
    /// # Errors
    /// `ENOENT` if the directory was removed; others as
    /// [`Notifier::instantiate`](crate::notify::Notifier::instantiate). Nothing is reported then.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// # let inotify = Inotify::new(&notifier, 0)?;
    /// inotify.add_watch(&root.inode_ref(), WatchMask::ALL_EVENTS)?;
    /// let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let file = notifier.hooks().create(root.get(), b"file", tree.make_inode(&superblock, spec)?)?;
    /// assert_eq!(file.get().name(), "file");
    /// assert_eq!(inotify.drain()[0].fs_event().unwrap().mask, EventMask::CREATE);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn create(self, dir: Dentry<'_>, name: &[u8], inode: InodeRef) -> Result<DentryRef> {
        refuse_removed(dir)?;
        let dentry = self.notifier.instantiate(dir, name, inode)?;
        self.on_create(dir, name, dentry.get().inode());
        Ok(dentry)
    }

    /// A file got a further name: the link count rises by one. ATTRIB is delivered to the inode, CREATE to the
    /// directory.
    ///
    /// # Errors
    /// `ENOENT` if the directory of the new name was removed; `EPERM` for a directory; others as
    /// [`Notifier::instantiate`](crate::notify::Notifier::instantiate). Nothing is reported then.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// # let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let one = notifier.hooks().create(root.get(), b"one", tree.make_inode(&superblock, spec)?)?;
    /// let two = notifier.hooks().link(root.get(), b"two", one.inode_ref())?;
    /// assert_eq!(two.get().inode().nlink(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn link(self, dir: Dentry<'_>, name: &[u8], inode: InodeRef) -> Result<DentryRef> {
        refuse_removed(dir)?;
        if inode.get().kind().is_dir() {
            return Err(Errno::EPERM.into());
        }
        // Before the name is linked: if the name goes at once, the inode must not count as one without links.
        inode.get().raise_nlink();
        let linked = self.notifier.instantiate(dir, name, inode.clone());
        let dentry = linked.inspect_err(|_| inode.get().lower_nlink())?;
        self.on_link(inode.get(), dir, name);
        Ok(dentry)
    }

    /// A name was removed (unlink(2), rmdir(2)): the dentry is unhashed, and the link count falls by one, or to
    /// 0 for a directory. ATTRIB is delivered to the inode, unless it is a directory. Then the given reference
    /// and that of the name are put. If they were the last, and no name is left, DELETE_SELF and IGNORED are
    /// delivered to the inode. At last DELETE is delivered to the directory. A negative dentry remembers the
    /// name, within the budget for such names.
    ///
    /// # Errors
    /// `ENOENT` if it has no name; `EBUSY` for a root; `ENOTEMPTY` for a directory with names in it; `EINVAL`
    /// for a dentry of another notifier. Nothing is reported then, and the given reference is put.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// # let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let file = notifier.hooks().create(root.get(), b"file", tree.make_inode(&superblock, spec)?)?;
    /// let inotify = Inotify::new(&notifier, 0)?;
    /// inotify.add_watch(&file.inode_ref(), WatchMask::ALL_EVENTS)?;
    /// inotify.add_watch(&root.inode_ref(), WatchMask::ALL_EVENTS)?;
    /// notifier.hooks().remove(file)?;
    /// let masks: Vec<_> = inotify.drain().iter().filter_map(|e| Some(e.fs_event()?.mask)).collect();
    /// assert_eq!(masks, [
    ///     EventMask::ATTRIB,
    ///     EventMask::DELETE_SELF,
    ///     EventMask::IGNORED,
    ///     EventMask::DELETE,
    /// ]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn remove(self, dentry: DentryRef) -> Result<()> {
        let (dir, name) = self.place_of(dentry.get())?;
        self.refuse_full_directory(dentry.get())?;
        let entry = self.notifier.tree().d_unhash(dentry.get().index, true).ok_or(Errno::ENOENT)?;
        let inode = dentry.inode_ref();
        inode.get().lower_nlink();
        self.report_removal(dir.get(), &name, inode.get(), || {
            drop(dentry);
            Some(entry)
        });
        Ok(())
    }

    /// A name was moved (rename(2)). An inode that had the new name before loses it, and its link count falls
    /// by one, or to 0 for a directory. MOVED_FROM is delivered to the old directory and MOVED_TO to the new
    /// one, with one cookie. Then ATTRIB is delivered to the replaced inode and MOVE_SELF to the moved one. If
    /// nothing else refers to the replaced inode, DELETE_SELF and IGNORED are delivered to it. If both names
    /// are of one inode, nothing happens.
    ///
    /// # Errors
    /// In this order, which is Linux's: `ENOENT` if it has no name or the new directory was removed; `EXDEV` if the
    /// new directory is of another superblock; `EINVAL` if a directory would come to be below itself; `ENOTEMPTY` if
    /// the new name is that of a directory above the old one; `ENOTDIR` if a directory would replace something else;
    /// `EISDIR` if something else would replace a directory; `ENOTEMPTY` if the replaced directory has names in it;
    /// others as [`Notifier::move_dentry`](crate::notify::Notifier::move_dentry). Nothing is reported then. The tree
    /// knows only the names that it has: look the new name up first, and check what it has not.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// # let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    /// let file = notifier.hooks().create(root.get(), b"old", tree.make_inode(&superblock, spec)?)?;
    /// let inotify = Inotify::new(&notifier, 0)?;
    /// inotify.add_watch(&root.inode_ref(), WatchMask::MOVE)?;
    /// notifier.hooks().rename(file.get(), root.get(), b"new")?;
    /// let names: Vec<_> = inotify.drain().iter().filter_map(|e| Some(e.fs_event()?.name.clone())).collect();
    /// assert!(names[0] == "old" && names[1] == "new");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn rename(self, dentry: Dentry<'_>, new_dir: Dentry<'_>, new_name: &[u8]) -> Result<()> {
        let (old_dir, old_name) = self.place_of(dentry)?;
        refuse_removed(new_dir)?;
        let is_same_superblock =
            std::ptr::eq(dentry.inode().superblock, new_dir.inode().superblock);
        if let DcacheLookup::Positive(there) = self.notifier.tree().find_name(new_dir, new_name)? {
            let there = DentryRef::new(self.notifier, there);
            if there.get().inode().key() == dentry.inode().key() {
                return Ok(());
            }
            if !is_same_superblock {
                return Err(Errno::EXDEV.into());
            }
            self.check_replaced(dentry, new_dir, there.get())?;
        }
        let name = self.notifier.move_dentry(dentry, new_dir, new_name)?;
        let replaced = name.as_ref().map(DentryRef::inode_ref);
        if let Some(replaced) = &replaced {
            replaced.get().lower_nlink();
        }
        let (from, to) = ((old_dir.get(), &*old_name), (new_dir, new_name));
        self.report_move(from, to, dentry.inode(), replaced.as_ref().map(InodeRef::get), || {
            drop(name);
            None
        });
        Ok(())
    }

    /// Whether a name may be moved over another one.
    ///
    /// # Errors
    /// In Linux's order: `EINVAL` for a directory that would come to be below itself, `ENOTEMPTY` if what would be replaced is
    /// above the old name, `ENOTDIR` or `EISDIR` if one of both is a directory, `ENOTEMPTY` if both are.
    fn check_replaced(
        self,
        moved: Dentry<'_>,
        new_dir: Dentry<'_>,
        replaced: Dentry<'_>,
    ) -> Result<()> {
        let tree = self.notifier.tree();
        let has_names = replaced.is_dir() && tree.has_names(replaced);
        let errno = match (moved.is_dir(), replaced.is_dir()) {
            (true, false) => Errno::ENOTDIR,
            (false, true) => Errno::EISDIR,
            _ if has_names => Errno::ENOTEMPTY,
            _ => return Ok(()),
        };
        // The move fails. Which of Linux's checks comes first takes a climb.
        if moved.is_dir() && tree.is_at_or_above(moved, new_dir.inode().dir())? {
            return Err(Errno::EINVAL.into());
        }
        if has_names && tree.is_at_or_above(replaced, moved.link().dir())? {
            return Err(Errno::ENOTEMPTY.into());
        }
        Err(errno.into())
    }

    /// Two names were exchanged (`RENAME_EXCHANGE`): two moves, each with a cookie of its own, that replace
    /// nothing. If both names are of one inode, nothing happens.
    ///
    /// # Errors
    /// `ENOENT` if either has no name; others as
    /// [`Notifier::exchange_dentries`](crate::notify::Notifier::exchange_dentries). Nothing is reported then.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// # let make = |ino, name: &[u8]| {
    /// #     let spec = InodeSpec::new(ino, InodeKind::Regular, 1);
    /// #     notifier.hooks().create(root.get(), name, tree.make_inode(&superblock, spec)?)
    /// # };
    /// let (one, two) = (make(2, b"one")?, make(3, b"two")?);
    /// notifier.hooks().exchange(one.get(), two.get())?;
    /// assert_eq!(one.get().name(), "two");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn exchange(self, one: Dentry<'_>, two: Dentry<'_>) -> Result<()> {
        let (one_dir, one_name) = self.place_of(one)?;
        let (two_dir, two_name) = self.place_of(two)?;
        if one.inode().key() == two.inode().key() {
            return Ok(());
        }
        self.notifier.exchange_dentries(one, two)?;
        let one_place = (one_dir.get(), &*one_name);
        let two_place = (two_dir.get(), &*two_name);
        self.report_exchange(one_place, two_place, one.inode(), two.inode());
        Ok(())
    }

    /// Reports that a name was removed from a directory. The link count no longer includes the name. `release`
    /// unhashes the dentry, puts the caller's references, and returns the reference of the name, if that is
    /// left: it is put before the directory's event. RULE self-before-parent.
    pub(crate) fn report_removal(
        self,
        dir: Dentry<'_>,
        name: &[u8],
        inode: Inode<'_>,
        release: impl FnOnce() -> Option<RawDentryRef>,
    ) {
        // The inode may be dead when DELETE is delivered.
        let child = Child::from(inode);
        if !child.kind.is_dir() {
            self.on_link_count(inode);
        }
        if let Some(entry) = release() {
            self.notifier.put(entry);
        }
        self.on_delete(dir, name, child);
    }

    /// Reports that a name was moved. `release` puts the caller's references to the replaced dentry, and
    /// returns the reference of its name, if that is left: it is put last. RULE rename-over.
    pub(crate) fn report_move(
        self,
        (old_dir, old_name): (Dentry<'_>, &[u8]),
        (new_dir, new_name): (Dentry<'_>, &[u8]),
        moved: Inode<'_>,
        replaced: Option<Inode<'_>>,
        release: impl FnOnce() -> Option<RawDentryRef>,
    ) {
        self.on_rename(old_dir, old_name, new_dir, new_name, moved, replaced);
        if let Some(entry) = release() {
            self.notifier.put(entry);
        }
    }

    /// Reports that two names were exchanged: first the object of the first place, then that of the second.
    /// RULE rename-exchange.
    pub(crate) fn report_exchange(
        self,
        (one_dir, one_name): (Dentry<'_>, &[u8]),
        (two_dir, two_name): (Dentry<'_>, &[u8]),
        one: Inode<'_>,
        two: Inode<'_>,
    ) {
        self.on_rename(one_dir, one_name, two_dir, two_name, one, None);
        self.on_rename(two_dir, two_name, one_dir, one_name, two, None);
    }

    /// The directory and the name of a dentry.
    fn place_of(self, dentry: Dentry<'_>) -> Result<(DentryRef, Name)> {
        let (dir, name) = self.notifier.tree().place_of(dentry)?;
        Ok((DentryRef::new(self.notifier, dir), name))
    }

    fn refuse_full_directory(self, dentry: Dentry<'_>) -> Result<()> {
        if self.notifier.tree().has_names(dentry) { Err(Errno::ENOTEMPTY.into()) } else { Ok(()) }
    }
}

/// # Errors
/// `ENOENT` for a directory that was removed: no name can be made in it, though it is still in use.
fn refuse_removed(dir: Dentry<'_>) -> Result<()> {
    let is_removed = dir.is_dir() && dir.inode().nlink() == 0;
    if is_removed { Err(Errno::ENOENT.into()) } else { Ok(()) }
}

//! Where something is: a dentry as seen through a mount.

use std::fmt;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::fs::{Attr, FileSystem, Request};
use crate::notify::held_dentry::HeldDentry;
use crate::notify::{DentryRef, EventPath};
use crate::tree::RawDentryRef;
use crate::tree::dentry::DentrySlot;
use crate::tree::directory::DirSlot;
use crate::vfs::mounts::mount::{Mount, Mountpoint};

/// A dentry in a mount, with a reference to both.
///
/// While it exists the mount is busy. Dropping it gives the dentry back and may send its death;
/// that takes no directory lock, so it may be done under one.
#[derive(Clone)]
pub(crate) struct Location {
    // In this order: the dentry goes before the mount.
    pub(crate) dentry: DentryRef,
    pub(crate) mount: Arc<Mount>,
}

impl Location {
    /// Where a dentry is, seen through `mount`.
    pub(crate) fn new(mount: Arc<Mount>, dentry: RawDentryRef) -> Self {
        let dentry = DentryRef::new(mount.notifier(), dentry);
        Self { dentry, mount }
    }

    /// Where a dentry is that a walk has come to through `mount`.
    pub(crate) fn reached(held: HeldDentry<'_>, mount: Arc<Mount>) -> Self {
        Self { dentry: held.into_ref(), mount }
    }

    /// The root of what a mount shows.
    pub(crate) fn root_of(mount: Arc<Mount>) -> Self {
        Self { dentry: mount.root().clone(), mount }
    }

    /// The file system it is on.
    pub(crate) fn fs(&self) -> &dyn FileSystem {
        self.mount.fs()
    }

    /// Its inode's number.
    pub(crate) fn ino(&self) -> u64 {
        self.dentry.get().inode().ino()
    }

    pub(crate) fn kind(&self) -> InodeKind {
        self.dentry.get().inode().kind()
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.kind().is_dir()
    }

    /// Its attributes, from the file system.
    pub(crate) fn attr(&self, request: &Request) -> Result<Attr> {
        self.fs().getattr(request, self.ino(), None)
    }

    /// Its directory slot.
    ///
    /// # Errors
    /// `ENOTDIR` if it is none.
    pub(crate) fn dir_slot(&self) -> Result<Ix<DirSlot>> {
        Ok(self.dentry.get().inode().dir().ok_or(Errno::ENOTDIR)?)
    }

    /// Whether the mount, and its superblock, let themselves be changed.
    ///
    /// # Errors
    /// `EROFS`.
    pub(crate) fn want_write(&self) -> Result<()> {
        if self.mount.is_read_only() {
            return Err(Errno::EROFS.into());
        }
        Ok(())
    }

    /// The path of an event.
    pub(crate) fn event_path(&self) -> EventPath<'_> {
        EventPath::through(self.dentry.get(), self.mount.marks())
    }

    /// Whether it is this dentry in this mount.
    pub(crate) fn is_at(&self, mount: &Arc<Mount>, dentry: Ix<DentrySlot>) -> bool {
        Arc::ptr_eq(&self.mount, mount) && self.dentry.get().index == dentry
    }

    /// Puts both references, where that should be visible.
    pub(crate) fn release(self) {}
}

impl From<Mountpoint> for Location {
    fn from(on: Mountpoint) -> Self {
        let Mountpoint { dentry, mount } = on;
        Self { dentry, mount }
    }
}

impl From<Location> for Mountpoint {
    fn from(at: Location) -> Self {
        let Location { dentry, mount } = at;
        Self { dentry, mount }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location")
            .field("mount", &self.mount.id())
            .field("dentry", &self.dentry)
            .finish()
    }
}

//! An update of the dentry cache: a name that a file system is about to change.
//!
//! A failed operation has changed nothing: so the contract of [`FileSystem`] says. File systems
//! fail in the middle all the same, or panic. Then the operation has failed, nothing is reported, and
//! the cache must not keep an entry that is out of date.
//!
//! [`FileSystem`]: crate::FileSystem

use crate::base::errno::Errno;
use crate::base::slot_index::Ix;
use crate::fs::Request;
use crate::notify::held_dentry::HeldDentry;
use crate::tree::DcacheLookup;
use crate::tree::directory::DirSlot;
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::resolve::location::Location;

/// A name that a file system is about to change. The caller holds its directory's lock for writing.
///
/// Unless the update is committed, its drop makes the cache forget the name. An open file keeps its dentry.
pub(crate) struct DcacheUpdate<'a> {
    file_systems: &'a FileSystems,
    request: &'a Request,
    dir: &'a Location,
    slot: Ix<DirSlot>,
    name: &'a [u8],
    is_done: bool,
}

impl<'a> DcacheUpdate<'a> {
    pub(crate) fn new(
        file_systems: &'a FileSystems,
        request: &'a Request,
        dir: &'a Location,
        slot: Ix<DirSlot>,
        name: &'a [u8],
    ) -> Self {
        Self { file_systems, request, dir, slot, name, is_done: false }
    }

    /// After an error of the file system: looks the name up there again, and forgets the cached entry if the two
    /// differ.
    pub(crate) fn revalidate(&mut self) {
        let now = match self.dir.fs().lookup(self.request, self.dir.ino(), self.name) {
            Ok(node) => {
                let mounted_fs = self.dir.mount.mounted_fs();
                // The file system counted a look-up. It is given back when the inode is unreferenced.
                drop(mounted_fs.make_inode(&node.attr));
                Some(node.attr.ino)
            }
            Err(error) if error.errno() == Errno::ENOENT => None,
            // The file system cannot tell.
            Err(_) => return self.forget(),
        };
        let known = match self.file_systems.tree().d_lookup(self.slot, self.name) {
            DcacheLookup::Positive(dentry) => {
                let ino = self.file_systems.tree().dentry_at(dentry.index()).inode().ino();
                self.file_systems.notifier().put(dentry);
                Some(ino)
            }
            DcacheLookup::Negative | DcacheLookup::Unknown => None,
        };
        if known == now { self.commit() } else { self.forget() }
    }

    /// Notes that the cache agrees with the file system.
    pub(crate) fn commit(&mut self) {
        self.is_done = true;
    }

    fn forget(&mut self) {
        self.is_done = true;
        let tree = self.file_systems.tree();
        match tree.d_lookup(self.slot, self.name) {
            DcacheLookup::Positive(dentry) => {
                let known = HeldDentry::new(self.file_systems.notifier(), dentry);
                // A mount point keeps its name, whatever the file system says.
                if !known.get().page.is_mounted_on(known.index()) {
                    self.file_systems.forget_name(known);
                }
            }
            DcacheLookup::Negative => tree.d_forget_negative(self.slot, self.name),
            DcacheLookup::Unknown => {}
        }
    }
}

impl Drop for DcacheUpdate<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.forget();
        }
    }
}

//! What the cache says of a name while the file system changes it.
//!
//! A failed operation has changed nothing: so the contract of [`FileSystem`] says. File systems
//! fail in the middle all the same, or panic. Then the operation has failed, nothing is reported, and
//! the cache must not go on saying of the name what is true no more.
//!
//! [`FileSystem`]: crate::FileSystem

use crate::base::errno::Errno;
use crate::base::index::Ix;
use crate::fs::Request;
use crate::notify::held::HeldDentry;
use crate::tree::Found;
use crate::tree::directory::DirSlot;
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::resolve::location::Location;

/// A name that a file system is about to change; its directory's lock is held for writing.
///
/// Unless it is trusted in the end, the cache forgets the name. Whoever has it open keeps it.
pub(crate) struct DcacheUpdate<'a> {
    file_systems: &'a FileSystems,
    request: &'a Request,
    dir: &'a Location,
    slot: Ix<DirSlot>,
    name: &'a [u8],
    settled: bool,
}

impl<'a> DcacheUpdate<'a> {
    pub(crate) fn new(
        file_systems: &'a FileSystems,
        request: &'a Request,
        dir: &'a Location,
        slot: Ix<DirSlot>,
        name: &'a [u8],
    ) -> Self {
        Self { file_systems, request, dir, slot, name, settled: false }
    }

    /// After an error of the file system's: asks it what the name stands for now, and forgets what
    /// is not so.
    pub(crate) fn revalidate(&mut self) {
        let now = match self.dir.fs().lookup(self.request, self.dir.ino(), self.name) {
            Ok(node) => {
                let mounted_fs = self.dir.mount.mounted_fs();
                // Its look-up is counted, and given back when nobody uses the inode.
                drop(mounted_fs.make_inode(&node.attr));
                Some(node.attr.ino)
            }
            Err(error) if error.errno() == Errno::ENOENT => None,
            // It does not know either.
            Err(_) => return self.forget(),
        };
        let known = match self.file_systems.tree().d_lookup(self.slot, self.name) {
            Found::Positive(dentry) => {
                let ino = self.file_systems.tree().dentry_at(dentry.index()).inode().ino();
                self.file_systems.notifier().put(dentry);
                Some(ino)
            }
            Found::Negative | Found::Unknown => None,
        };
        if known == now { self.commit() } else { self.forget() }
    }

    /// The cache is right.
    pub(crate) fn commit(&mut self) {
        self.settled = true;
    }

    fn forget(&mut self) {
        self.settled = true;
        let tree = self.file_systems.tree();
        match tree.d_lookup(self.slot, self.name) {
            Found::Positive(dentry) => {
                let known = HeldDentry::new(self.file_systems.notifier(), dentry);
                // What something is mounted on stays, whatever the file system says.
                if !known.get().page.is_mounted_on(known.index()) {
                    self.file_systems.forget_name(known);
                }
            }
            Found::Negative => tree.d_forget_negative(self.slot, self.name),
            Found::Unknown => {}
        }
    }
}

impl Drop for DcacheUpdate<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.forget();
        }
    }
}

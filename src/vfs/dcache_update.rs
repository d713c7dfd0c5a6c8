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
use crate::tree::Found;
use crate::tree::directory::DirSlot;
use crate::vfs::Vfs;
use crate::vfs::resolve::location::{Held, Location};

/// A name that a file system is about to change; its directory's lock is held for writing.
///
/// Unless it is trusted in the end, the cache forgets the name. Whoever has it open keeps it.
pub(crate) struct Doubt<'a> {
    vfs: &'a Vfs,
    request: &'a Request,
    dir: &'a Location,
    slot: Ix<DirSlot>,
    name: &'a [u8],
    settled: bool,
}

impl<'a> Doubt<'a> {
    pub(crate) fn about(
        vfs: &'a Vfs,
        request: &'a Request,
        dir: &'a Location,
        slot: Ix<DirSlot>,
        name: &'a [u8],
    ) -> Self {
        Self { vfs, request, dir, slot, name, settled: false }
    }

    /// After an error of the file system's: asks it what the name stands for now, and forgets what
    /// is not so.
    pub(crate) fn look_again(&mut self) {
        let now = match self.dir.fs().lookup(self.request, self.dir.ino(), self.name) {
            Ok(node) => {
                let instance = self.dir.mount.instance();
                // Its look-up is counted, and given back when nobody uses the inode.
                drop(self.vfs.instances().make_inode(instance, &node.attr));
                Some(node.attr.ino)
            }
            Err(error) if error.errno() == Errno::ENOENT => None,
            // It does not know either.
            Err(_) => return self.forget(),
        };
        let known = match self.vfs.tree().d_lookup(self.slot, self.name) {
            Found::Positive(dentry) => {
                let ino = self.vfs.tree().dentry_at(dentry.index()).inode().ino();
                self.vfs.notifier().put(dentry);
                Some(ino)
            }
            Found::Negative | Found::Unknown => None,
        };
        if known == now { self.trust() } else { self.forget() }
    }

    /// The cache is right.
    pub(crate) fn trust(&mut self) {
        self.settled = true;
    }

    fn forget(&mut self) {
        self.settled = true;
        let tree = self.vfs.tree();
        match tree.d_lookup(self.slot, self.name) {
            Found::Positive(dentry) => {
                let known = Held::new(self.vfs.notifier(), dentry);
                // What something is mounted on stays, whatever the file system says.
                if !known.get().page.is_mounted_on(known.index()) {
                    self.vfs.forget_name(known);
                }
            }
            Found::Negative => tree.d_forget_negative(self.slot, self.name),
            Found::Unknown => {}
        }
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.forget();
        }
    }
}

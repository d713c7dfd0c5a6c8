//! How many slots of each kind an operation of the VFS reserves before it asks a file system for a new name.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::kind::InodeKind;
use crate::base::slot_index::Ix;
use crate::tree::directory::DirSlot;
use crate::tree::reserved_slots::Reserved;
use crate::tree::store::Tree;

impl Tree {
    /// Takes the slots that a new name in a directory needs: room there, a dentry, and with a kind an
    /// inode of that kind. The room stays while the caller holds the directory's lock for writing,
    /// since every thread that makes names there holds it too.
    ///
    /// # Errors
    /// `ENOSPC` in a full directory, `ENOMEM`.
    pub(crate) fn reserve(
        &self,
        dir: Ix<DirSlot>,
        kind: Option<InodeKind>,
    ) -> Result<Reserved<'_>> {
        self.check_room(dir)?;
        let mut slots = Reserved { tree: Some(self), ..Reserved::default() };
        slots.dentry = Some(slots.take_dentry(self)?);
        if let Some(kind) = kind {
            if kind.is_dir() {
                slots.dir = Some(slots.take_dir(self)?);
            }
            slots.inode = Some(slots.take_inode(self)?);
        }
        Ok(slots)
    }

    /// Whether a directory has room for one more child.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(crate) fn check_room(&self, dir: Ix<DirSlot>) -> Result<()> {
        if self.dir_at(dir).children.read().positives() >= self.max_children {
            return Err(Error::from(Errno::ENOSPC).with_limit(Limit::Children));
        }
        Ok(())
    }
}

//! References to superblocks.

use std::fmt;

use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockId, SuperblockPin, SuperblockSlot};

/// A counted reference to a superblock.
///
/// Made by [`Notifier::add_superblock`](crate::notify::Notifier::add_superblock). The superblock's slot
/// is freed when the last reference is put: all of these, and those of its inodes.
pub struct SuperblockRef {
    tree: Arc<Tree>,
    pin: SuperblockPin,
}

impl SuperblockRef {
    pub(crate) fn counted(tree: &Arc<Tree>, index: Ix<SuperblockSlot>) -> Self {
        Self { tree: tree.clone(), pin: tree.superblock_pin(index) }
    }

    /// Names it.
    #[must_use]
    pub fn id(&self) -> SuperblockId {
        self.slot().id()
    }

    pub(crate) fn slot(&self) -> &SuperblockSlot {
        self.pin.slot()
    }

    /// The tree it belongs to.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }
}

impl Clone for SuperblockRef {
    fn clone(&self) -> Self {
        self.slot().refs().get();
        Self { tree: self.tree.clone(), pin: self.pin.clone() }
    }
}

impl Drop for SuperblockRef {
    fn drop(&mut self) {
        self.tree.put_superblock(self.pin.index);
    }
}

impl fmt::Debug for SuperblockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

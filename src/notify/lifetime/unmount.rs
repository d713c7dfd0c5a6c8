//! The end of a file system, and of the notifier itself.

use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, count_items};
use crate::notify::hooks::isdir;
use crate::notify::notifier::Notifier;
use crate::notify::watched::{Named, Watched};
use crate::tree::notify_slot::Connector;
use crate::tree::{InodeRef, SuperblockRef};

impl Notifier {
    /// A file system is going: every watched inode of it hears UNMOUNT and IGNORED, and from now
    /// on no mark can be put on any (`ENOENT`). Bounded work under each lock. Nothing happens for a
    /// superblock of another tree.
    pub fn on_unmount(&self, superblock: &SuperblockRef) {
        if !Arc::ptr_eq(superblock.tree(), self.tree()) {
            return;
        }
        // What has died before is not told that it was unmounted.
        self.report_deaths(superblock.id().index);
        superblock.slot().set_unmounting();
        // What is hung on an inode after the flag was set finds it under its connector's lock and
        // goes again by itself; what was before has its connector below the end.
        for connector in self.connectors().all().rev() {
            if superblock.slot().gate().load_at_unmount().is_shut() {
                break;
            }
            count_items(1);
            let Some(inode) = self.inode_of_connector(connector, superblock) else { continue };
            let inode = inode.get();
            let end = EventMask::UNMOUNT | isdir(inode.kind());
            self.destroy_marks_on(Watched::Inode(inode), Some(end));
        }
        // Marks on the superblock go after those of its inodes, and are told nothing.
        self.destroy_marks_on(Watched::Superblock(superblock.slot()), None);
    }

    /// The inode that a connector is for, with a use, if it is of this superblock.
    fn inode_of_connector(
        &self,
        connector: Ix<Connector>,
        superblock: &SuperblockRef,
    ) -> Option<InodeRef> {
        let connected = self.connector(connector).lock();
        let Named::Inode(id) = connected.object()?.named() else { return None };
        let inode = self.tree().inode_at(id.index);
        if inode.superblock() != superblock.id() {
            return None;
        }
        // A connector is a use of its inode, so it is alive.
        inode.life().get();
        Some(InodeRef::from_use(self.tree(), id.index))
    }
}

//! The notifications of an unmount.

use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, count_items};
use crate::notify::hooks::isdir;
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::{Named, Watched};
use crate::tree::notify_slot::Connector;
use crate::tree::{InodeRef, SuperblockRef};

impl Notifier {
    /// A file system is being unmounted: UNMOUNT and IGNORED are delivered to each of its watched inodes, and
    /// from now on no mark can be attached to any (`ENOENT`). The work under each lock is bounded. Does nothing
    /// for a superblock of another tree.
    pub fn on_unmount(&self, superblock: &SuperblockRef) {
        if !Arc::ptr_eq(superblock.tree(), self.tree()) {
            return;
        }
        // An inode that died before reports its death, not UNMOUNT.
        self.report_deaths(superblock.id().index);
        superblock.slot().set_unmounting();
        // An adder that comes after the flag reads it under its connector's lock, is refused, and takes its
        // connector off again. The connector of an earlier adder is in the range that is visited here.
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
        // Marks on the superblock end after those of its inodes, without an event.
        self.destroy_marks_on(Watched::Superblock(superblock.slot()), None);
    }

    /// The inode of a connector, with a reference, if it is of this superblock.
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
        // A connector holds a reference to its inode, so the inode is alive.
        inode.refs().get();
        Some(InodeRef::counted(self.tree(), id.index))
    }
}

//! The link count of an inode, as the tree knows it.

use crate::base::sync::{MutexGuard, rank};
use crate::fs::{FileSystem, Request, Unlinked};
use crate::tree::Inode;
use crate::vfs::resolve::location::Location;

/// The link locks' keys come after every directory's.
const AFTER_DIRECTORIES: u64 = 1 << 32;

/// Holds the lock of an inode's link count.
pub(crate) type LinkGuard<'a> = MutexGuard<'a, (), { rank::DIRECTORY }>;

/// Locks an inode's link count. Directories are locked before; a thread locks one link count at most.
#[track_caller]
pub(crate) fn lock_links(inode: Inode<'_>) -> LinkGuard<'_> {
    inode.links().lock_keyed(AFTER_DIRECTORIES)
}

/// Learns the link count of an inode that has lost a name; its link lock is held. The file system is asked
/// only if it has not said.
pub(crate) fn refresh_link_count(
    request: &Request,
    dir: &Location,
    inode: Inode<'_>,
    unlinked: Unlinked,
) {
    let count = unlinked.nlink.unwrap_or_else(|| {
        match dir.fs().getattr(request, inode.ino(), None) {
            Ok(attr) => attr.nlink,
            // It had at least this name.
            Err(_) => inode.nlink().saturating_sub(1),
        }
    });
    change_link_count(inode, count);
}

/// Stores a link count that a change has left; the link lock is held. An inode without a name is not
/// counted: no look-up that is going on can find it.
pub(crate) fn change_link_count(inode: Inode<'_>, count: u32) {
    inode.set_nlink(count);
    if count > 0 {
        inode.superblock.count_link_change();
    }
}

/// Asks for the link count of an inode anew where a look-up has said another than the tree has: the
/// answer may be from before a link that is known by now, or be about one that was made without the
/// VFS. The lock of the looked-up name's directory is held, and no link lock.
///
/// `changes` is the superblock's count of link changes from before the look-up. If the inode was in the
/// tree then and has left it since, it was made anew with the count of the answer, and both are old. That
/// needs a second name, so files with one name, and directories, are not asked for again.
pub(crate) fn recheck_link_count(
    request: &Request,
    fs: &dyn FileSystem,
    inode: Inode<'_>,
    told: u32,
    changes: u64,
) {
    let may_be_old =
        || told > 1 && !inode.kind().is_dir() && inode.superblock.link_changes() != changes;
    if inode.nlink() == told && !may_be_old() {
        return;
    }
    let _count = lock_links(inode);
    match fs.getattr(request, inode.ino(), None) {
        Ok(attr) => inode.set_nlink(attr.nlink),
        // It has at least the name that was found.
        Err(_) if inode.nlink() == 0 => inode.set_nlink(told),
        Err(_) => {}
    }
}

//! The list of an instance's watches, as `/proc/PID/fdinfo` has it.

use std::fmt;

use crate::backend::inotify::instance::Inotify;
use crate::backend::inotify::{WatchDescriptor, WatchMask};
use crate::base::chain_index::{Chained, NONE};
use crate::notify::connector::Object;
use crate::notify::group::MarkChains;
use crate::tree::{InodeId, SuperblockId};

/// One watch of an instance.
///
/// `Display` writes the line that fdinfo would have, without the file handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchInfo {
    /// The watch.
    pub wd: WatchDescriptor,
    /// The inode.
    pub inode: InodeId,
    /// Its number in its file system.
    pub ino: u64,
    /// Its file system.
    pub superblock: SuperblockId,
    /// The events, and ONESHOT and EXCL_UNLINK if they are set.
    pub mask: WatchMask,
}

impl fmt::Display for WatchInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wd, ino, superblock, mask, .. } = self;
        write!(
            f,
            "inotify wd:{:x} ino:{ino:x} sdev:{:x} mask:{:x} ignored_mask:0",
            wd.as_raw(),
            superblock.0,
            mask.bits()
        )
    }
}

/// How many chains of the table one hold of the lock goes through.
const CHAINS_PER_HOLD: usize = 128;

impl Inotify {
    /// The watches there are now, by descriptor. Watches that come and go meanwhile may or may
    /// not be among them.
    ///
    /// Takes the lock of the instance's watches for a bounded time, again and again.
    ///
    /// ```
    /// # use vfsnotify::{MemFs, Vfs, inotify::WatchMask};
    /// # let vfs = Vfs::new(MemFs::new())?;
    /// # let cx = vfs.context();
    /// let inotify = vfs.inotify(&cx)?;
    /// vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
    /// assert!(inotify.watches()[0].to_string().starts_with("inotify wd:1 ino:"));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn watches(&self) -> Vec<WatchInfo> {
        let mut watches = Vec::new();
        let Some(notifier) = self.group().notifier() else { return watches };
        let mut bucket = 0;
        loop {
            let marks = self.group().slot().marks.lock();
            let end = marks.by_tag.buckets().min(bucket + CHAINS_PER_HOLD);
            while bucket < end {
                let mut mark = marks.by_tag.chain(bucket);
                while mark != NONE {
                    watches.extend(info(&notifier, mark));
                    mark = MarkChains(&notifier).next(mark);
                }
                bucket += 1;
            }
            if bucket >= marks.by_tag.buckets() {
                break;
            }
        }
        watches.sort_by_key(|watch| watch.wd);
        watches.dedup_by_key(|watch| watch.wd);
        watches
    }
}

fn info(notifier: &crate::notify::Notifier, mark: u32) -> Option<WatchInfo> {
    let slot = notifier.mark(mark);
    let word = slot.word();
    let connector = notifier.marks().with_cold(mark, |place| place.connector)?;
    let Some(Object::Inode(inode)) = notifier.connector(connector).connected.lock().object else {
        return None;
    };
    let object = notifier.tree().inode_at(inode.index);
    word.is_alive().then(|| WatchInfo {
        wd: WatchDescriptor(slot.tag()),
        inode,
        ino: object.ino(),
        superblock: object.superblock(),
        mask: WatchMask::of_interest(word.interest()),
    })
}

//! The list of an instance's watches, in the form of `/proc/PID/fdinfo`.

use std::fmt;

use smallvec::SmallVec;

use crate::backend::inotify::instance::Inotify;
use crate::backend::inotify::{WatchDescriptor, WatchMask};
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::notify::mark::MarkSlot;
use crate::notify::watched_object::Named;
use crate::tree::{InodeId, SuperblockId};

/// One watch of an instance.
///
/// `Display` writes the line of fdinfo, without the file handle; its `sdev` is the `Metadata::device`
/// of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
            superblock.device(),
            mask.bits()
        )
    }
}

/// How many watches one hold of the lock reads. Few, since a guest can arrange that each is at the end
/// of a chain of a hundred (see `Notifier::hash_tag`).
const WATCHES_PER_HOLD: usize = 16;

impl Inotify {
    /// The present watches, in the order of their descriptors. A watch that is added or removed
    /// meanwhile may or may not be among them.
    ///
    /// Takes the lock of the instance's watches for a bounded time, again and again.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let inotify = vfs.inotify(&cx)?;
    /// vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
    /// assert!(inotify.watches()[0].to_string().starts_with("inotify wd:1 ino:"));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn watches(&self) -> Vec<WatchInfo> {
        let mut watches = Vec::new();
        let Some(notifier) = self.group().notifier() else { return watches };
        let mut from = 1;
        loop {
            let mut some = SmallVec::<[WatchInfo; WATCHES_PER_HOLD]>::new();
            let marks = self.group().slot().marks.lock();
            for _ in 0..WATCHES_PER_HOLD {
                count_items(1);
                let Some(tag) = marks.tags.used_from(from) else {
                    drop(marks);
                    watches.extend(some);
                    return watches;
                };
                let mark = notifier.find_tag(&marks, tag);
                some.extend(mark.and_then(|mark| info(&notifier, mark)));
                match tag.checked_add(1) {
                    Some(next) => from = next,
                    // The last possible descriptor.
                    None => {
                        drop(marks);
                        watches.extend(some);
                        return watches;
                    }
                }
            }
            drop(marks);
            watches.extend(some);
        }
    }
}

fn info(notifier: &crate::notify::Notifier, mark: Ix<MarkSlot>) -> Option<WatchInfo> {
    let slot = notifier.mark(mark);
    let word = slot.word();
    let watched = notifier.connector(slot.connector()).lock().object()?;
    let Named::Inode(inode) = watched.named() else { return None };
    let object = notifier.tree().inode_at(inode.index);
    word.is_alive().then(|| WatchInfo {
        wd: WatchDescriptor(slot.tag()),
        inode: object.id(),
        ino: object.ino(),
        superblock: object.superblock(),
        mask: WatchMask::of_interest(word.interest()),
    })
}

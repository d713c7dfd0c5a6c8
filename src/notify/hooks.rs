//! The hooks: what an embedder calls when something has happened.

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, count_items};
use crate::notify::dispatch::{Part, Victim};
use crate::notify::notifier::Notifier;
use crate::notify::parent::parent_may_match;
use crate::tree::{Dentry, Inode, SuperblockRef};

pub(super) const fn isdir(kind: InodeKind) -> EventMask {
    if kind.is_dir() { EventMask::ISDIR } else { EventMask::empty() }
}

/// # Hooks
///
/// Call each *after* the operation has succeeded, exactly once; a failed operation calls none.
/// Every hook may be called with any lock of the caller's held, the directory's own included: it
/// takes no directory lock, calls nothing of the embedder's, frees nothing, and waits only for
/// locks that are held for a bounded time. When nobody listens it takes no lock and allocates
/// nothing. What a hook leaves to be done (freeing) is done by [`Notifier::reap`]. Names are at most
/// 255 bytes long and have neither a zero byte nor a slash: they are passed on as they are, and a
/// guest's C library takes such a zero for their end; what is of another tree is nobody's here, and
/// nothing happens.
///
/// The hooks for names (from `on_create` to `on_rename`) are called by [`create`](Notifier::create),
/// [`link`](Notifier::link), [`remove`](Notifier::remove), [`rename`](Notifier::rename) and
/// [`exchange`](Notifier::exchange), which change the tree too: a program calls these or those.
///
/// | hook | when | SEMANTICS 2.4 |
/// |---|---|---|
/// | [`on_open`](Notifier::on_open) | a file was opened, after the locks | open |
/// | [`on_close`](Notifier::on_close) | the last handle on an open file goes, before its dentry | close |
/// | [`on_access`](Notifier::on_access) | data or entries were read | read, getdents |
/// | [`on_modify`](Notifier::on_modify) | data was written | write, fallocate |
/// | [`on_attrib`](Notifier::on_attrib) | attributes (or the size) were set | chmod, utimens, truncate |
/// | [`on_create`](Notifier::on_create) | a name was made; under the directory's lock | mkdir, mknod, creat |
/// | [`on_link`](Notifier::on_link) | a further name was made; under the directory's lock | link |
/// | [`on_link_count`](Notifier::on_link_count) | a name is going away, before it goes | unlink |
/// | [`on_delete`](Notifier::on_delete) | a name has gone, after the references to its dentry ended | unlink, rmdir |
/// | [`on_rename`](Notifier::on_rename) | a name was moved; under both directories' locks | rename |
/// | [`on_unmount`](Notifier::on_unmount) | the last mount of a file system has gone; [`Pruning`](crate::notify::Pruning) frees its names then | umount |
/// | the drop of a [`DentryRef`](crate::notify::DentryRef) | a reference to a dentry ends | DELETE_SELF |
impl Notifier {
    /// A file or directory was opened.
    #[inline(always)]
    pub fn on_open<'a>(&self, victim: impl Into<Victim<'a>>) {
        self.path_event(victim.into(), EventMask::OPEN);
    }

    /// The last handle on an open file goes; `wrote` if it was opened for writing.
    #[inline(always)]
    pub fn on_close<'a>(&self, victim: impl Into<Victim<'a>>, wrote: bool) {
        let what = if wrote { EventMask::CLOSE_WRITE } else { EventMask::CLOSE_NOWRITE };
        self.path_event(victim.into(), what);
    }

    /// Data of a file, or entries of a directory, were read.
    #[inline(always)]
    pub fn on_access<'a>(&self, victim: impl Into<Victim<'a>>) {
        self.path_event(victim.into(), EventMask::ACCESS);
    }

    /// Data was written.
    #[inline(always)]
    pub fn on_modify<'a>(&self, victim: impl Into<Victim<'a>>) {
        self.path_event(victim.into(), EventMask::MODIFY);
    }

    /// Attributes were set. `what` is ATTRIB, or MODIFY or ACCESS where a timestamp or the size
    /// stands for it, or a union that is one event (a truncation that strips set-id bits).
    #[inline(always)]
    pub fn on_attrib(&self, dentry: Dentry<'_>, what: EventMask) {
        self.dentry_event(dentry.into(), what, false);
    }

    #[inline(always)]
    fn path_event(&self, victim: Victim<'_>, what: EventMask) {
        self.dentry_event(victim, what, true);
    }

    /// The fast half: the gate, the flag, the masks.
    #[inline(always)]
    fn dentry_event(&self, victim: Victim<'_>, what: EventMask, path: bool) {
        let inode = victim.dentry.inode;
        if !inode.superblock.is_watched() {
            return;
        }
        let mount = victim.mount.map_or(0, |mount| mount.notify().interest());
        let own = inode.notify().interest() | inode.superblock.notify().interest() | mount;
        if own & what.bits() != 0
            || (victim.dentry.is_parent_watched() && parent_may_match(&victim.dentry, what))
        {
            // A copy that only this branch needs: the victim itself stays in registers.
            let Victim { dentry, mount } = victim;
            self.deliver_to_dentry(&Victim { dentry, mount }, what, path);
        }
    }

    /// A name was made in a directory, for an inode of this kind.
    #[inline(always)]
    pub fn on_create(&self, dir: Dentry<'_>, name: &[u8], kind: InodeKind) {
        self.entry_event(dir, name, EventMask::CREATE | isdir(kind));
    }

    /// A name has gone from a directory. Call it after the caller's references to the dentry were dropped, the one
    /// that the name was included, so that the object's own death is heard first.
    #[inline(always)]
    pub fn on_delete(&self, dir: Dentry<'_>, name: &[u8], kind: InodeKind) {
        self.entry_event(dir, name, EventMask::DELETE | isdir(kind));
    }

    /// A further name was made for an inode: its link count changed, and the directory.
    #[inline]
    pub fn on_link(&self, inode: Inode<'_>, dir: Dentry<'_>, name: &[u8]) {
        self.on_link_count(inode);
        self.entry_event(dir, name, EventMask::CREATE);
    }

    /// The link count of an inode changed; told to the inode only.
    #[inline(always)]
    pub fn on_link_count(&self, inode: Inode<'_>) {
        self.inode_event(inode, EventMask::ATTRIB, isdir(inode.kind()));
    }

    /// A name was moved. `replaced` is what the new name stood for before.
    ///
    /// Every call uses up a cookie, whether anybody listens or not (SEMANTICS 8.42). An exchange
    /// is two calls.
    pub fn on_rename(
        &self,
        old_dir: Dentry<'_>,
        old_name: &[u8],
        new_dir: Dentry<'_>,
        new_name: &[u8],
        moved: Inode<'_>,
        replaced: Option<Inode<'_>>,
    ) {
        let cookie = self.next_cookie();
        if moved.superblock.is_watched() {
            let flag = isdir(moved.kind());
            let from = self.half(old_dir, EventMask::MOVED_FROM, flag);
            let to = self.half(new_dir, EventMask::MOVED_TO, flag);
            let from = from.map(|part| part.named(old_name).with_cookie(cookie));
            let to = to.map(|part| part.named(new_name).with_cookie(cookie));
            match (from, to) {
                (Some(from), Some(to)) => self.deliver(&[from, to]),
                (Some(one), None) | (None, Some(one)) => self.deliver(&[one]),
                (None, None) => {}
            }
        }
        if let Some(replaced) = replaced {
            self.on_link_count(replaced);
        }
        self.inode_event(moved, EventMask::MOVE_SELF, isdir(moved.kind()));
    }

    /// A directory's share of a rename, if it wants it.
    fn half<'a>(&self, dir: Dentry<'a>, what: EventMask, flag: EventMask) -> Option<Part<'a>> {
        if dir.inode.notify().interest() & what.bits() == 0 {
            return None;
        }
        self.part_of(dir.inode, what | flag)
    }

    #[inline(always)]
    fn entry_event(&self, dir: Dentry<'_>, name: &[u8], happened: EventMask) {
        if !dir.inode.superblock.is_watched() {
            return;
        }
        if dir.inode.notify().interest() & happened.intersection(EventMask::DIRENT).bits() != 0
            && let Some(part) = self.part_of(dir.inode, happened)
        {
            self.deliver(&[part.named(name)]);
        }
    }

    #[inline(always)]
    fn inode_event(&self, inode: Inode<'_>, what: EventMask, flags: EventMask) {
        if !inode.superblock.is_watched() {
            return;
        }
        if inode.notify().interest() & what.bits() != 0
            && let Some(part) = self.part_of(inode, what | flags)
        {
            self.deliver(&[part]);
        }
    }

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
            if !superblock.slot().is_watched_at_unmount() {
                break;
            }
            count_items(1);
            let Some(inode) = self.inode_of_connector(connector, superblock) else { continue };
            let inode = inode.get();
            self.destroy_marks_on(inode, EventMask::UNMOUNT | isdir(inode.kind()));
        }
    }
}

#[cfg(all(test, any(debug_assertions, lockdep), not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::base::sync::taken_locks;
    use crate::inotify::{Inotify, WatchMask};
    use crate::notify::DentryRef;
    use crate::notify::NotifyConfig;
    use crate::tree::{InodeSpec, Tree};

    /// G12: what a hook costs where nobody listens. A watched directory is `wanted`'s, and the
    /// events are those of a child of it.
    fn locks_of_all_hooks(watch_elsewhere: bool, wanted: WatchMask) -> u64 {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let make = |dir: &DentryRef, ino, name: &[u8], kind| {
            let inode = tree.make_inode(&superblock, InodeSpec { ino, kind, nlink: 1 }).unwrap();
            notifier.instantiate(dir.get(), name, inode).unwrap()
        };
        let dir = make(&root, 2, b"d", InodeKind::Directory);
        let child = make(&dir, 3, b"c", InodeKind::Regular);
        let other = make(&root, 4, b"o", InodeKind::Regular);
        let inotify = Inotify::new(&notifier, 0).unwrap();
        if watch_elsewhere {
            inotify.add_watch_on(&other.inode_ref(), WatchMask::ALL_EVENTS).unwrap();
        }
        if !wanted.is_empty() {
            inotify.add_watch_on(&dir.inode_ref(), wanted).unwrap();
            assert_eq!(child.get().is_parent_watched(), wanted.intersects(WatchMask::OPEN));
        }
        let before = taken_locks();
        let (dir, child) = (dir.get(), child.get());
        notifier.on_access(child);
        notifier.on_modify(child);
        notifier.on_close(child, true);
        notifier.on_attrib(child, EventMask::ATTRIB);
        notifier.on_link_count(child.inode());
        notifier.on_create(dir, b"n", InodeKind::Regular);
        notifier.on_delete(dir, b"n", InodeKind::Regular);
        notifier.on_rename(dir, b"a", dir, b"b", child.inode(), None);
        let locks = taken_locks() - before;
        assert!(inotify.is_empty());
        locks
    }

    #[test]
    fn a_hook_that_nobody_hears_takes_no_lock() {
        assert_eq!(locks_of_all_hooks(false, WatchMask::empty()), 0, "nothing watched");
        assert_eq!(locks_of_all_hooks(true, WatchMask::empty()), 0, "a watch elsewhere");
        assert_eq!(locks_of_all_hooks(true, WatchMask::OPEN), 0, "the parent, for another event");
    }
}

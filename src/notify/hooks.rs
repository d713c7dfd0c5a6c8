//! The hooks, which an embedder calls after each operation.

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::notify::mount_marks::MountMarks;
use crate::notify::notifier::Notifier;
use crate::notify::occurrence::{Actor, Child, Data};
use crate::notify::parent::parent_may_match;
use crate::tree::{Dentry, Inode};

pub(super) const fn isdir(kind: InodeKind) -> EventMask {
    if kind.is_dir() { EventMask::ISDIR } else { EventMask::empty() }
}

/// The path data of an event: a dentry, and the mount through which it was reached.
///
/// ```
/// use vfsnotify::notify::EventPath;
/// fn of(dentry: vfsnotify::tree::Dentry<'_>) -> EventPath<'_> {
///     EventPath::from(dentry)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventPath<'a> {
    /// The dentry.
    pub dentry: Dentry<'a>,
    /// The marks on the mount, where the embedder has mounts.
    pub mount: Option<&'a MountMarks>,
}

impl<'a> EventPath<'a> {
    /// A dentry that was reached through a mount with these marks, of the same notifier and superblock. Marks
    /// of another notifier's mount are left out.
    #[must_use]
    pub const fn through(dentry: Dentry<'a>, mount: &'a MountMarks) -> Self {
        Self { dentry, mount: Some(mount) }
    }
}

impl<'a> From<Dentry<'a>> for EventPath<'a> {
    fn from(dentry: Dentry<'a>) -> Self {
        Self { dentry, mount: None }
    }
}

impl Notifier {
    /// The hooks and the recipes, for operations of `actor`. The result is `Copy`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (tree, notifier, superblock, root) = new_tree()?;
    /// let inode = tree.make_inode(&superblock, InodeSpec::new(2, InodeKind::Regular, 1))?;
    /// let file = notifier.by(Actor::new(7, 7)).create(root.get(), b"file", inode)?;
    /// notifier.by(Actor::new(8, 9)).on_open(file.get());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    #[inline(always)]
    pub fn by(self: &Arc<Self>, actor: Actor) -> Hooks<'_> {
        Hooks { notifier: self, actor }
    }

    /// [`Notifier::by`] with an unknown actor.
    #[must_use]
    #[inline(always)]
    pub fn hooks(self: &Arc<Self>) -> Hooks<'_> {
        self.by(Actor::default())
    }
}

/// The hooks, and the recipes that call them: [`Notifier::by`].
///
/// Call each *after* the operation has succeeded, exactly once; a failed operation calls none. A hook may be
/// called with any lock of the caller's held, the directory's own included. It takes no directory lock, calls
/// nothing of the embedder's, frees nothing, and waits only for locks that are held for a bounded time. Where
/// nothing is watched it takes no lock and allocates nothing. [`Notifier::reap`] frees the objects that a hook
/// leaves. Names are at most 255 bytes long and have neither a zero byte nor a slash: the hook passes them on
/// as they are, and a guest's C library takes a zero for the end. With objects of another tree a hook does
/// nothing.
///
/// [`create`](Hooks::create), [`link`](Hooks::link), [`remove`](Hooks::remove), [`rename`](Hooks::rename) and
/// [`exchange`](Hooks::exchange) change the tree and call the hooks for names (`on_create` to `on_rename`). A
/// program calls these recipes or those hooks, not both.
///
/// | hook | when | `docs/rules.md` |
/// |---|---|---|
/// | [`on_open`](Hooks::on_open) | a file was opened, after the locks | RULE open |
/// | [`on_close`](Hooks::on_close) | the last handle on an open file goes, before its dentry | RULE close |
/// | [`on_access`](Hooks::on_access) | data or entries were read | RULE read, RULE list |
/// | [`on_modify`](Hooks::on_modify) | data was written | RULE write, RULE fallocate |
/// | [`on_attrib`](Hooks::on_attrib) | attributes (or the size) were set | RULE set-attributes, RULE set-times, RULE truncate |
/// | [`on_create`](Hooks::on_create) | a name was made; under the directory's lock | RULE make, RULE open-creates |
/// | [`on_link`](Hooks::on_link) | a further name was made; under the directory's lock | RULE hard-link |
/// | [`on_link_count`](Hooks::on_link_count) | a name is going away, before it goes | RULE link-count-attrib |
/// | [`on_delete`](Hooks::on_delete) | a name has gone, after the references to its dentry ended | RULE unlink-last, RULE rmdir |
/// | [`on_rename`](Hooks::on_rename) | a name was moved; under both directories' locks | RULE rename |
/// | [`on_unmount`](Notifier::on_unmount) | the last mount of a file system has gone; [`Pruning`](crate::notify::Pruning) frees its names then | RULE unmount |
/// | the drop of a [`DentryRef`](crate::notify::DentryRef) | a reference to a dentry ends | RULE death-at-last-reference |
#[derive(Clone, Copy, Debug)]
pub struct Hooks<'a> {
    pub(super) notifier: &'a Arc<Notifier>,
    actor: Actor,
}

impl Hooks<'_> {
    /// A file or directory was opened.
    #[inline(always)]
    pub fn on_open<'a>(self, path: impl Into<EventPath<'a>>) {
        self.path_event(path.into(), EventMask::OPEN);
    }

    /// The last handle on an open file goes; `wrote` if it was opened for writing.
    #[inline(always)]
    pub fn on_close<'a>(self, path: impl Into<EventPath<'a>>, wrote: bool) {
        let what = if wrote { EventMask::CLOSE_WRITE } else { EventMask::CLOSE_NOWRITE };
        self.path_event(path.into(), what);
    }

    /// Data of a file, or entries of a directory, were read.
    #[inline(always)]
    pub fn on_access<'a>(self, path: impl Into<EventPath<'a>>) {
        self.path_event(path.into(), EventMask::ACCESS);
    }

    /// Data was written.
    #[inline(always)]
    pub fn on_modify<'a>(self, path: impl Into<EventPath<'a>>) {
        self.path_event(path.into(), EventMask::MODIFY);
    }

    /// Attributes were set. `what` is ATTRIB, or MODIFY or ACCESS where a timestamp or the size
    /// stands for it, or a union that is one event (a truncation that strips set-id bits).
    #[inline(always)]
    pub fn on_attrib(self, dentry: Dentry<'_>, what: EventMask) {
        self.dentry_event(dentry.into(), what, false);
    }

    #[inline(always)]
    fn path_event(self, path: EventPath<'_>, what: EventMask) {
        self.dentry_event(path, what, true);
    }

    /// The fast path: gate, own interest, flag. Three loads where nothing matches, and one more where a mount
    /// of the superblock has marks.
    #[inline(always)]
    fn dentry_event(self, path: EventPath<'_>, what: EventMask, is_path: bool) {
        let inode = path.dentry.inode;
        let gate = inode.superblock.gate().load();
        if gate.is_shut() {
            return;
        }
        let mut interest = gate.interest() | inode.notify().interest();
        if gate.has_marked_mounts() {
            interest |= path.mount.map_or(0, |mount| mount.slot().notify().interest());
        }
        if interest & what.bits() != 0
            || (path.dentry.is_parent_watched() && parent_may_match(&path.dentry, what))
        {
            // Only this branch needs the copy: the path itself stays in registers.
            let EventPath { dentry, mount } = path;
            let mount = mount.filter(|mount| mount.belongs_to(self.notifier));
            let mount = mount.map(MountMarks::slot);
            self.notifier.deliver_to_dentry(self.actor, gate, &{ dentry }, mount, what, is_path);
        }
    }

    /// A name was made in a directory, for the inode `child`.
    #[inline(always)]
    pub fn on_create(self, dir: Dentry<'_>, name: &[u8], child: Inode<'_>) {
        self.entry_event(dir, name, EventMask::CREATE, child);
    }

    /// The name of the inode `child` was removed from a directory. Call it after the caller's references to the
    /// dentry were dropped, the one of the name included, so that the object's own death is reported first. The
    /// inode may have died with them: then `child` is a [`Child`] that was made before.
    #[inline(always)]
    pub fn on_delete<C: Into<Child>>(self, dir: Dentry<'_>, name: &[u8], child: C) {
        self.entry_event(dir, name, EventMask::DELETE, child);
    }

    /// A further name was made for an inode: reports the link count to the inode, and CREATE to the directory.
    #[inline]
    pub fn on_link(self, inode: Inode<'_>, dir: Dentry<'_>, name: &[u8]) {
        self.on_link_count(inode);
        self.on_create(dir, name, inode);
    }

    /// The link count of an inode changed; reported to the inode only.
    #[inline(always)]
    pub fn on_link_count(self, inode: Inode<'_>) {
        self.inode_event(inode, EventMask::ATTRIB);
    }

    /// A name was moved. `replaced` is the inode that had the new name before.
    ///
    /// Every call uses up a cookie, whether a mark matches or not (RULE cookie-per-rename). An exchange is two
    /// calls.
    pub fn on_rename(
        self,
        old_dir: Dentry<'_>,
        old_name: &[u8],
        new_dir: Dentry<'_>,
        new_name: &[u8],
        moved: Inode<'_>,
        replaced: Option<Inode<'_>>,
    ) {
        let cookie = self.notifier.next_cookie();
        let gate = moved.superblock.gate().load();
        if !gate.is_shut() {
            let (old, new) = (old_dir.inode, new_dir.inode);
            let (from, to) = (EventMask::MOVED_FROM.bits(), EventMask::MOVED_TO.bits());
            let matches = gate.interest() & (from | to) != 0
                || old.notify().interest() & from != 0
                || new.notify().interest() & to != 0;
            if matches {
                let (old, new) = ((old, old_name), (new, new_name));
                self.notifier.deliver_rename(self.actor, cookie, old, new, moved);
            }
        }
        if let Some(replaced) = replaced {
            self.on_link_count(replaced);
        }
        self.inode_event(moved, EventMask::MOVE_SELF);
    }

    #[inline(always)]
    fn entry_event<C: Into<Child>>(self, dir: Dentry<'_>, name: &[u8], what: EventMask, child: C) {
        let gate = dir.inode.superblock.gate().load();
        if gate.is_shut() {
            return;
        }
        if (gate.interest() | dir.inode.notify().interest()) & what.bits() != 0 {
            let child = child.into();
            let flag = isdir(child.kind);
            let data = Data::Entry(child);
            self.notifier.deliver_to_inode(self.actor, data, dir.inode, what | flag, name);
        }
    }

    #[inline(always)]
    fn inode_event(self, inode: Inode<'_>, what: EventMask) {
        let gate = inode.superblock.gate().load();
        if gate.is_shut() {
            return;
        }
        if (gate.interest() | inode.notify().interest()) & what.bits() != 0 {
            let happened = what | isdir(inode.kind());
            self.notifier.deliver_to_inode(self.actor, Data::Inode(inode), inode, happened, b"");
        }
    }
}

#[cfg(all(test, any(debug_assertions, lockdep), not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::base::sync::{loads, taken_locks};
    use crate::inotify::{Inotify, WatchMask};
    use crate::notify::DentryRef;
    use crate::notify::NotifyConfig;
    use crate::tree::{InodeSpec, Tree};

    /// G12: the locks that all hooks take where no mark matches. The directory is watched for `wanted`, and the
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
            inotify.add_watch(&other.inode_ref(), WatchMask::ALL_EVENTS).unwrap();
        }
        if !wanted.is_empty() {
            inotify.add_watch(&dir.inode_ref(), wanted).unwrap();
            assert_eq!(child.get().is_parent_watched(), wanted.intersects(WatchMask::OPEN));
        }
        let before = taken_locks();
        let (dir, child) = (dir.get(), child.get());
        notifier.hooks().on_access(child);
        notifier.hooks().on_modify(child);
        notifier.hooks().on_close(child, true);
        notifier.hooks().on_attrib(child, EventMask::ATTRIB);
        notifier.hooks().on_link_count(child.inode());
        notifier.hooks().on_create(dir, b"n", child.inode());
        notifier.hooks().on_delete(dir, b"n", child.inode());
        notifier.hooks().on_rename(dir, b"a", dir, b"b", child.inode(), None);
        let locks = taken_locks() - before;
        assert!(inotify.is_empty());
        locks
    }

    /// Gate, own interest, flag. If the flag is set also: the link, the interest in children, and the link
    /// again.
    #[test]
    fn a_hook_that_matches_no_mark_makes_three_loads() {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let spec = InodeSpec::new(2, InodeKind::Regular, 1);
        let file = tree.make_inode(&superblock, spec).unwrap();
        let file = notifier.instantiate(root.get(), b"f", file).unwrap();
        let mount = notifier.add_mount(&superblock).unwrap();
        let loads = || {
            let path = EventPath::through(file.get(), &mount);
            let hooks = notifier.hooks();
            let before = loads();
            hooks.on_modify(path);
            loads() - before
        };
        assert_eq!(loads(), 1, "the gate is shut");
        let spec = InodeSpec::new(3, InodeKind::Regular, 1);
        let other = tree.make_inode(&superblock, spec).unwrap();
        let inotify = Inotify::new(&notifier, 0).unwrap();
        inotify.add_watch(&other, WatchMask::ALL_EVENTS).unwrap();
        assert_eq!(loads(), 3, "another object is watched");
        inotify.add_watch(&file.inode_ref(), WatchMask::ATTRIB).unwrap();
        assert_eq!(loads(), 3, "the file is watched, for another event");
        superblock.slot().gate().count_marked_mount(true);
        assert_eq!(loads(), 4, "some mount has marks");
        superblock.slot().gate().count_marked_mount(false);
        inotify.add_watch(&root.inode_ref(), WatchMask::OPEN).unwrap();
        assert!(loads() <= 7, "its directory is watched, for another event: {}", loads());
        assert!(inotify.is_empty());
    }

    #[test]
    fn a_hook_that_matches_no_mark_takes_no_lock() {
        assert_eq!(locks_of_all_hooks(false, WatchMask::empty()), 0, "nothing watched");
        assert_eq!(locks_of_all_hooks(true, WatchMask::empty()), 0, "a watch elsewhere");
        assert_eq!(locks_of_all_hooks(true, WatchMask::OPEN), 0, "the parent, for another event");
    }
}

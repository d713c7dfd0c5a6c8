//! Occurrences: an event, the objects it concerns, and its actor.
//!
//! An [`Occurrence`] is made only after the gate and the masks have matched. It lives on the hook's stack.

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::name::NameRef;
use crate::notify::mount_slot::MountSlot;
use crate::notify::parent::ParentMatch;
use crate::notify::watched_object::{Watched, WatchedKey};
use crate::tree::inode::InodePage;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::ref_state::RefState;
use crate::tree::{Dentry, Inode, InodeKey};

/// The process and the thread that caused an event; 0 where unknown.
///
/// ```
/// use vfsnotify::notify::Actor;
/// assert_eq!(Actor::new(7, 9).pid, 7);
/// assert_eq!(Actor::default(), Actor::new(0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Actor {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
}

impl Actor {
    /// A thread of a process.
    #[must_use]
    pub const fn new(pid: u32, tid: u32) -> Self {
        Self { pid, tid }
    }
}

/// The inode of a directory entry, as it was when the event happened. The inode may be dead by now: an embedder
/// that cannot keep it until [`on_delete`](crate::notify::Hooks::on_delete) keeps this.
///
/// ```
/// use vfsnotify::InodeKind;
/// use vfsnotify::notify::Child;
/// let child = Child::new(12, InodeKind::Directory);
/// assert_eq!(child.ino, 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Child {
    /// The number of the inode.
    pub ino: u64,
    /// The kind of the inode.
    pub kind: InodeKind,
}

impl Child {
    /// An inode of a number and a kind.
    #[must_use]
    pub const fn new(ino: u64, kind: InodeKind) -> Self {
        Self { ino, kind }
    }
}

impl From<Inode<'_>> for Child {
    fn from(inode: Inode<'_>) -> Self {
        Self::new(inode.ino(), inode.kind())
    }
}

/// The data of an event besides its mask.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "inotify's records have no object"))]
pub(crate) enum Data<'a> {
    /// Open, close, read, write: with the mount, if there is one, a listener can open the file again.
    Path(&'a Dentry<'a>, Option<&'a MountSlot>),
    /// Attributes: a dentry without a mount.
    Dentry(&'a Dentry<'a>),
    /// Link counts, moves and the end of an inode.
    Inode(Inode<'a>),
    /// An entry of a directory was made or removed; the target has the name.
    Entry(Child),
    /// An entry was moved; the targets have the names.
    Rename(Inode<'a>),
}

/// The role of an object in an occurrence. The order of the variants is the order of an event's records within
/// a group (RULE parent-before-child).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The directory of the object; a mark on it counts only with ON_CHILD.
    Parent,
    /// The object itself, or the directory whose entries changed; of a rename, the old directory.
    Inode,
    /// The new directory of a rename.
    NewDirectory,
    /// The mount through which the object was reached.
    Mount,
    /// Its superblock.
    Superblock,
}

/// An object of an occurrence, and its part of the event. The object is as it was when the event happened; its
/// slot may have been reused since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) role: Role,
    pub(crate) key: WatchedKey,
    pub(crate) refs: &'a RefState,
    pub(crate) notify: &'a NotifySlot,
    /// The events and flags.
    pub(crate) happened: EventMask,
    pub(crate) name: NameRef<'a>,
}

impl<'a> Target<'a> {
    /// An inode by its key; the slot may have been reused since.
    #[inline]
    pub(crate) fn at(page: &'a InodePage, key: InodeKey, role: Role, happened: EventMask) -> Self {
        let (refs, notify) = (page.refs_of(key.index), page.notify_of(key.index));
        let (key, name) = (WatchedKey::inode(key), NameRef::Bytes(b""));
        Self { role, key, refs, notify, happened, name }
    }

    #[inline]
    pub(crate) fn of(inode: Inode<'a>, role: Role, happened: EventMask) -> Self {
        Self::at(inode.page, inode.key(), role, happened)
    }

    /// A mount or a superblock.
    pub(crate) fn beyond(object: Watched<'a>, role: Role, happened: EventMask) -> Self {
        let name = NameRef::Bytes(b"");
        let (key, refs, notify) = (object.key(), object.refs(), object.notify());
        Self { role, key, refs, notify, happened, name }
    }

    #[inline]
    pub(crate) fn named(self, name: NameRef<'a>) -> Self {
        Self { name, ..self }
    }
}

/// One event, with all objects whose marks may want it.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "inotify's records name neither actor nor object")
)]
pub(crate) struct Occurrence<'a> {
    pub(crate) actor: Actor,
    pub(crate) data: Data<'a>,
    /// The object's directory and name, if the directory wants the event, or a mark that asks for the name.
    pub(crate) parent: Option<&'a ParentMatch<'a>>,
    /// Connects the two records of a rename; else 0.
    pub(crate) cookie: u32,
    /// The event has path data of a dentry without a name: it is not delivered to marks that exclude unlinked
    /// children.
    pub(crate) unlinked: bool,
    /// The object has died: not delivered here to marks that get the event when they end.
    pub(crate) is_death: bool,
}

impl<'a> Occurrence<'a> {
    #[inline]
    pub(crate) fn new(actor: Actor, data: Data<'a>) -> Self {
        Self { actor, data, parent: None, cookie: 0, unlinked: false, is_death: false }
    }
}

//! The records of a listener that combines its marks, ignores events and keeps paths. For tests of the core
//! beyond inotify.

use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::base::sync::count_items;
use crate::notify::ignore::IgnoreWord;
use crate::notify::matched_marks::{Fired, Matched};
use crate::notify::mount_slot::MountSlot;
use crate::notify::occurrence::{Actor, Data, Occurrence, Role, Target};
use crate::notify::path_pin::EventPin;
use crate::notify::queue::{Charged, Chunks, Queue};
use crate::notify::record::{QueueRecord, inotify};
use crate::tree::Dentry;

/// The charge of a kept path, in bytes.
const PIN_BYTES: usize = 256;

/// A queued event.
#[derive(Debug)]
pub(crate) struct FanotifyLikeRecord {
    pub(crate) mask: EventMask,
    pub(crate) actor: Actor,
    pub(crate) ino: u64,
    /// The name of the object, where a mark asks for it.
    pub(crate) name: Option<Name>,
    /// Keeps the path. The thread that pops the record releases it, with no lock held.
    pub(crate) pin: Option<EventPin>,
    pub(crate) lost: u32,
}

/// An event before it is queued.
#[derive(Clone, Copy)]
pub(crate) struct Draft<'a> {
    mask: EventMask,
    actor: Actor,
    ino: u64,
    name: Option<&'a Name>,
    path: Option<(Dentry<'a>, Option<&'a MountSlot>)>,
}

impl Charged for FanotifyLikeRecord {
    fn extra_bytes(&self) -> usize {
        extra_bytes(self.pin.is_some(), self.name.as_ref().map_or(0, |name| name.as_bytes().len()))
    }
}

impl QueueRecord for FanotifyLikeRecord {
    type Draft<'a> = Draft<'a>;
    type MergeIndex = ();

    /// The comparison comes before any reference is taken.
    fn merge(queued: &mut Chunks<Self>, (): &mut (), new: &Draft<'_>) -> bool {
        let Some(last) = queued.newest_mut() else { return false };
        let is_same = last.ino == new.ino && last.actor == new.actor && !last.is_overflow();
        if is_same {
            last.mask |= new.mask;
        }
        is_same
    }

    fn keep(new: Draft<'_>, (): &mut ()) -> Self {
        let Draft { mask, actor, ino, name, path } = new;
        let pin = path.map(|(dentry, mount)| EventPin::of(dentry, mount));
        Self { mask, actor, ino, name: name.cloned(), pin, lost: 0 }
    }

    fn overflow() -> Self {
        let (mask, actor) = (EventMask::Q_OVERFLOW, Actor::default());
        Self { mask, actor, ino: 0, name: None, pin: None, lost: 0 }
    }

    fn is_overflow(&self) -> bool {
        self.mask.contains(EventMask::Q_OVERFLOW)
    }

    fn set_lost(&mut self, lost: u32) {
        self.lost = lost;
    }

    fn draft_extra_bytes(new: &Draft<'_>) -> usize {
        extra_bytes(new.path.is_some(), new.name.map_or(0, |name| name.as_bytes().len()))
    }

    fn draft_wire_bytes(_new: &Draft<'_>) -> usize {
        24
    }

    fn wire_bytes(&self) -> usize {
        24
    }
}

/// The bytes that a record takes besides its own size: a path that it keeps, and a name that is not inline.
fn extra_bytes(keeps_path: bool, name_len: usize) -> usize {
    let path = if keeps_path { PIN_BYTES } else { 0 };
    path + inotify::heap_bytes(name_len)
}

/// Queues one record of the events that any mark of the group wants and none ignores.
pub(crate) fn deliver(
    queue: &mut Queue<FanotifyLikeRecord>,
    on: &Occurrence<'_>,
    targets: &[Target<'_>],
    marks: &[Matched<'_>],
    ended: &mut Fired,
) {
    let happened = targets.iter().fold(EventMask::empty(), |all, target| all | target.happened);
    // RULE modify-clears-ignores: the clear comes before the marks are combined, and is of this group's marks
    // only.
    if happened.contains(EventMask::MODIFY) {
        for matched in marks {
            count_items(1);
            let Some(word) = matched.word_now() else { continue };
            let ignore = matched.page.ignore(matched.mark, word);
            let watches_children = (word.mask() | ignore.mask()).contains(EventMask::ON_CHILD);
            if targets[usize::from(matched.target)].role != Role::Parent || watches_children {
                matched.page.clear_ignore(matched.mark, word);
            }
        }
    }
    // Combine the marks.
    let (mut wanted, mut ignored) = (EventMask::empty(), EventMask::empty());
    for matched in marks {
        count_items(1);
        let target = &targets[usize::from(matched.target)];
        let word = if on.is_death && target.role == Role::Inode {
            // RULE death-once: another dentry of the inode may die at the same time. The thread that claims the
            // mark delivers the death.
            let claimed = matched.slot().claim_any(matched.word.generation());
            ended.extend(claimed.map(|_| matched.key()));
            claimed
        } else {
            matched.word_now()
        };
        let Some(word) = word else { continue };
        let ignore: IgnoreWord = matched.page.ignore(matched.mark, word);
        let counts =
            |mask: EventMask| target.role != Role::Parent || mask.contains(EventMask::ON_CHILD);
        if counts(ignore.mask()) {
            ignored |= ignore.mask();
        }
        if counts(word.mask()) {
            wanted |= word.mask() & target.happened;
        }
    }
    let mask = (wanted - ignored) & EventMask::ALL_EVENTS;
    if mask.is_empty() {
        return;
    }
    let (ino, path) = match on.data {
        Data::Path(dentry, mount) => (dentry.inode.ino(), Some((*dentry, mount))),
        Data::Dentry(dentry) => (dentry.inode.ino(), None),
        Data::Inode(inode) | Data::Rename(inode) => (inode.ino(), None),
        Data::Entry(child) => (child.ino, None),
    };
    let name = on.parent.map(|parent| &parent.name);
    queue.push(Draft { mask, actor: on.actor, ino, name, path });
}

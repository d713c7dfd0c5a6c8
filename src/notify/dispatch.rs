//! From an event to the queues of those who want it.

use smallvec::SmallVec;

use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::name::NameRef;
use crate::base::sync::{Arc, count_items};
use crate::notify::connector::{MountMarks, Object};
use crate::notify::group::DeliveryOrder;
use crate::notify::mark::{MarkKey, MarkSlot, MarkWord};
use crate::notify::notifier::Notifier;
use crate::notify::parent::match_parent;
use crate::notify::queue::Pusher;
use crate::tree::inode::{InodePage, InodeSlot};
use crate::tree::life::Life;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::{Dentry, Inode, InodeKey};

/// What an event with path data happened to: a dentry, and the mount through which it was reached.
///
/// ```
/// use vfsnotify::notify::Victim;
/// fn of(dentry: vfsnotify::Dentry<'_>) -> Victim<'_> {
///     Victim::from(dentry)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Victim<'a> {
    /// The dentry that was opened.
    pub dentry: Dentry<'a>,
    /// The marks on the mount, where the embedder has mounts.
    pub mount: Option<&'a MountMarks>,
}

impl<'a> Victim<'a> {
    /// The dentry, as reached through a mount with these marks.
    #[must_use]
    pub const fn through(dentry: Dentry<'a>, mount: &'a MountMarks) -> Self {
        Self { dentry, mount: Some(mount) }
    }
}

impl<'a> From<Dentry<'a>> for Victim<'a> {
    fn from(dentry: Dentry<'a>) -> Self {
        Self { dentry, mount: None }
    }
}

/// The object of a part: an inode, as it was when the event happened. It may be gone by now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) id: InodeKey,
    life: &'a Life,
    notify: &'a NotifySlot,
}

impl<'a> Target<'a> {
    /// The inode in a slot, as it is now.
    #[inline]
    pub(crate) fn at(page: &'a InodePage, index: Ix<InodeSlot>) -> Self {
        let life = page.life_of(index);
        let id = InodeKey { index, generation: life.generation() };
        Self { id, life, notify: page.notify_of(index) }
    }
}

/// One object's share of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    target: Target<'a>,
    /// What happened, flags included.
    happened: EventMask,
    cookie: u32,
    name: NameRef<'a>,
    /// The event carries path data of a dentry that has no name any more: marks that exclude
    /// unlinked children do not hear of it.
    unlinked: bool,
}

impl<'a> Part<'a> {
    fn new(target: Target<'a>, happened: EventMask) -> Self {
        Self { target, happened, cookie: 0, name: NameRef::Bytes(b""), unlinked: false }
    }

    pub(crate) fn named(self, name: &'a [u8]) -> Self {
        Self { name: NameRef::Bytes(name), ..self }
    }

    pub(crate) fn with_cookie(self, cookie: u32) -> Self {
        Self { cookie, ..self }
    }

    /// Queues it for the mark with this tag.
    #[inline]
    pub(crate) fn push(&self, pusher: &mut Pusher<'_>, tag: i32) {
        pusher.push(tag, self.happened, self.cookie, self.name);
    }

    #[inline]
    pub(crate) fn is_wanted_by(&self, word: MarkWord) -> bool {
        let wanted = word.mask();
        let through_parent = self.happened.contains(EventMask::ON_CHILD);
        word.is_alive()
            && wanted.intersects(self.happened.intersection(EventMask::ALL_EVENTS))
            && (!through_parent || wanted.contains(EventMask::ON_CHILD))
            && !(self.unlinked && word.excludes_unlinked())
    }
}

/// A mark that wanted an event when its connector was looked at.
#[derive(Clone, Copy, Debug)]
struct Matched<'a> {
    slot: &'a MarkSlot,
    word: MarkWord,
    /// Its group, as it was when the mark was matched, in its place among others.
    order: DeliveryOrder,
    mark: Ix<MarkSlot>,
    part: u8,
}

type Snapshot<'a> = SmallVec<[Matched<'a>; 8]>;
/// One-shot marks that fired.
type Fired = SmallVec<[MarkKey; 2]>;

impl Notifier {
    /// An inode's own share of an event; `None` if it is of another tree.
    pub(crate) fn part_of<'a>(&self, inode: Inode<'a>, happened: EventMask) -> Option<Part<'a>> {
        let target = Target::at(inode.page, inode.index);
        self.tree().owns(inode).then(|| Part::new(target, happened))
    }

    /// Delivers the parts of one event: groups by priority, each once, its parts in the order
    /// given and under one hold of its queue (G10). No lock of a connector is held meanwhile.
    pub(crate) fn deliver(&self, parts: &[Part<'_>]) {
        if let [part] = parts
            && let Some(sole) = self.sole_mark(part)
        {
            if part.is_wanted_by(sole.word) {
                let mut fired = Fired::new();
                self.send_to_group(parts, &[sole], &mut fired);
                self.detach_all(&fired, std::iter::empty());
            }
            return;
        }
        let mut snapshot = Snapshot::new();
        for (number, part) in parts.iter().enumerate() {
            self.collect(number as u8, part, parts.len() > 1, &mut snapshot);
        }
        if parts.len() > 1 {
            // Each part is sorted; a stable sort keeps a group's parts in order.
            snapshot.sort_by_key(|matched| (matched.order, matched.part));
        }
        let mut fired = Fired::new();
        for run in snapshot.chunk_by(|one, two| one.order == two.order) {
            self.send_to_group(parts, run, &mut fired);
        }
        self.detach_all(&fired, parts.iter().map(|part| part.target.id));
    }

    /// The mark on an object that has exactly one, found without the connector's lock; `None` if
    /// there are more or fewer, or if something changes at this moment.
    ///
    /// Every word that is read may belong to another life of its slot. The answer is right all the
    /// same. Whoever attaches a mark writes its word after everything that the slot's last life
    /// left behind was undone, so what is read after the word is not older than the mark. If the
    /// mark is alive in this generation later on, under its group's queue, then it was attached all
    /// the time in between, to one object, with one connector; and that connector was this inode's,
    /// and the inode still the one that was meant, when they were read for the second time. The group
    /// is read last, and so that a later one tells that the mark has ended.
    #[inline]
    fn sole_mark(&self, part: &Part<'_>) -> Option<Matched<'_>> {
        let Target { id, life, notify } = part.target;
        let connector = notify.connector()?;
        let at = self.connector(connector);
        let mark = at.sole()?;
        let slot = self.mark(mark);
        let word = slot.word();
        let is_same = at.sole() == Some(mark)
            && notify.connector() == Some(connector)
            && life.generation() == id.generation;
        let order = DeliveryOrder::of_one(slot.group());
        is_same.then_some(Matched { slot, word, order, mark, part: 0 })
    }

    /// Takes a snapshot of the marks that want a part. The order of groups is found only for an
    /// event with several parts: one object's marks are sorted.
    fn collect<'a>(
        &'a self,
        number: u8,
        part: &Part<'_>,
        several: bool,
        snapshot: &mut Snapshot<'a>,
    ) {
        let Some(connector) = part.target.notify.connector() else { return };
        let connected = self.connector(connector).lock();
        if connected.object() != Some(Object::Inode(part.target.id)) {
            return;
        }
        count_items(connected.marks().len());
        snapshot.reserve(connected.marks().len());
        for &mark in connected.marks() {
            let slot = self.mark(mark);
            let word = slot.word();
            if part.is_wanted_by(word) {
                let group = slot.group();
                let order =
                    if several { self.order_of(group) } else { DeliveryOrder::of_one(group) };
                snapshot.push(Matched { slot, word, order, mark, part: number });
            }
        }
    }

    /// Queues what a group's marks want. One-shot marks that fired are for the caller to detach.
    fn send_to_group(&self, parts: &[Part<'_>], run: &[Matched<'_>], fired: &mut Fired) {
        let Some(first) = run.first() else { return };
        // As it was when the mark was matched: its slot may have changed hands since.
        let group = first.order.group;
        let ring = self.group(group).queue.lock().fill(|pusher| {
            for matched in run {
                count_items(1);
                let part = &parts[usize::from(matched.part)];
                // Under the queue's lock, a mark that is alive in the generation it was seen in is
                // this group's: a group gives its slot up only after all its marks have ended.
                let Some(word) = still_wanted(part, matched) else { continue };
                let tag = matched.slot.tag();
                part.push(pusher, tag);
                if word.is_oneshot() {
                    pusher.push_ignored(tag);
                    let (mark, generation) = (matched.mark, word.generation());
                    fired.push(MarkKey { group, mark, generation });
                }
            }
        });
        ring.ring();
    }

    /// The slow half of a hook for an event on a dentry: somebody may want it.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_to_dentry(&self, victim: &Victim<'_>, what: EventMask, path: bool) {
        let dentry = &victim.dentry;
        let inode = &dentry.inode;
        if !Arc::ptr_eq(dentry.tree, self.tree()) {
            return;
        }
        let kind = inode.kind();
        let mut happened = what;
        if kind.is_dir() {
            happened |= EventMask::ISDIR;
        }
        // A watched parent does not hear that a fifo, device or socket was read or written.
        let quiet =
            path && kind.is_special() && what.intersects(EventMask::ACCESS | EventMask::MODIFY);
        let hit =
            if !quiet && dentry.is_parent_watched() { match_parent(dentry, what) } else { None };
        let unlinked = path && !dentry.is_hashed();
        let parent = hit.as_ref().map(|hit| Part {
            name: NameRef::Name(&hit.name),
            unlinked,
            ..Part::new(hit.target, happened | EventMask::ON_CHILD)
        });
        let own = (inode.notify().interest() & what.bits() != 0)
            .then(|| Part { unlinked, ..Part::new(Target::at(inode.page, inode.index), happened) });
        match (parent, own) {
            (Some(parent), Some(own)) => self.deliver(&[parent, own]),
            (Some(part), None) | (None, Some(part)) => self.deliver(&[part]),
            (None, None) => {}
        }
    }
}

/// Looks at a mark again under its group's queue. A one-shot is claimed, with the very word
/// that passed the filters; if it changed meanwhile, it is matched again.
#[inline]
fn still_wanted(part: &Part<'_>, matched: &Matched<'_>) -> Option<MarkWord> {
    let mut word = matched.slot.word();
    loop {
        if word.generation() != matched.word.generation() || !part.is_wanted_by(word) {
            return None;
        }
        if !word.is_oneshot() {
            return Some(word);
        }
        match matched.slot.claim(word) {
            Ok(_) => return Some(word),
            Err(now) => word = now,
        }
    }
}

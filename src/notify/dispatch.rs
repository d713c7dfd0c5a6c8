//! From an event to the queues of those who want it.

use smallvec::SmallVec;

use crate::base::mask::EventMask;
use crate::notify::connector::{MountMarks, Object};
use crate::notify::mark::MarkWord;
use crate::notify::notifier::Notifier;
use crate::notify::parent_watch;
use crate::notify::queue::Ring;
use crate::tree::{Dentry, Inode};

/// What an event with path data happened to: a dentry, and the mount through which it was reached.
///
/// ```
/// use vfsnotify::notify::Victim;
/// fn of(dentry: vfsnotify::Dentry<'_>) -> Victim<'_> {
///     Victim::from(dentry)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Victim<'a> {
    /// The dentry that was opened.
    pub dentry: Dentry<'a>,
    /// The marks on the mount, where the embedder has mounts.
    pub mount: Option<&'a MountMarks>,
}

impl<'a> From<Dentry<'a>> for Victim<'a> {
    fn from(dentry: Dentry<'a>) -> Self {
        Self { dentry, mount: None }
    }
}

/// One object's share of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) object: Object,
    pub(crate) connector: u32,
    /// What happened, flags included.
    pub(crate) happened: EventMask,
    pub(crate) cookie: u32,
    pub(crate) name: &'a [u8],
    /// The event carries path data of a dentry that has no name any more: marks that exclude
    /// unlinked children do not hear of it.
    pub(crate) unlinked: bool,
}

impl<'a> Part<'a> {
    fn of_inode(inode: Inode<'_>, happened: EventMask) -> Option<Self> {
        Some(Self {
            object: Object::Inode(inode.id()),
            connector: inode.notify().connector()?,
            happened,
            cookie: 0,
            name: b"",
            unlinked: false,
        })
    }

    pub(crate) fn named(self, name: &'a [u8]) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn with_cookie(self, cookie: u32) -> Self {
        Self { cookie, ..self }
    }

    fn is_wanted_by(&self, word: MarkWord) -> bool {
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
struct Matched {
    order: u64,
    mark: u32,
    part: u8,
    word: MarkWord,
}

type Snapshot = SmallVec<[Matched; 8]>;
/// One-shot marks that fired: group, mark, generation.
type Fired = SmallVec<[(u32, u32, u64); 2]>;

impl Notifier {
    /// An inode's own share of an event; `None` if it has no connector, or is of another tree.
    pub(crate) fn part_of<'a>(&self, inode: Inode<'_>, happened: EventMask) -> Option<Part<'a>> {
        if self.tree().owns(inode) { Part::of_inode(inode, happened) } else { None }
    }

    /// Delivers the parts of one event: groups by priority, each once, its parts in the order
    /// given and under one hold of its queue (G10). No lock of a connector is held meanwhile.
    pub(crate) fn deliver(&self, parts: &[Part<'_>]) {
        let mut snapshot = Snapshot::new();
        for (number, part) in parts.iter().enumerate() {
            self.collect(number as u8, part, &mut snapshot);
        }
        if parts.len() > 1 {
            // Each part is sorted; a stable sort keeps a group's parts in order.
            snapshot.sort_by_key(|matched| (matched.order, matched.part));
        }
        for run in snapshot.chunk_by(|one, two| one.order == two.order) {
            self.send_to_group(parts, run);
        }
    }

    /// Takes a snapshot of the marks that want a part.
    fn collect(&self, number: u8, part: &Part<'_>, snapshot: &mut Snapshot) {
        let connected = self.connector(part.connector).connected.lock();
        if connected.object != Some(part.object) {
            return;
        }
        for &mark in &connected.marks {
            let word = self.mark(mark).word();
            if part.is_wanted_by(word) {
                let order = self.order_of_mark(mark);
                snapshot.push(Matched { order, mark, part: number, word });
            }
        }
    }

    fn send_to_group(&self, parts: &[Part<'_>], run: &[Matched]) {
        let Some(first) = run.first() else { return };
        // As it was under the connector's lock: the mark's slot may have changed hands since.
        let group = first.order as u32;
        let mut fired = Fired::new();
        let mut ring = Ring::default();
        {
            let mut queue = self.group(group).queue.lock();
            for matched in run {
                let part = &parts[usize::from(matched.part)];
                // Under the queue's lock, a mark that is alive in the generation it was seen in is
                // this group's: a group gives its slot up only after all its marks have ended.
                let Some(word) = self.still_wanted(part, matched) else { continue };
                let tag = self.mark(matched.mark).tag();
                ring.merge(queue.push(tag, part.happened, part.cookie, part.name));
                if word.is_oneshot() {
                    ring.merge(queue.push_ignored(tag));
                    fired.push((group, matched.mark, word.generation()));
                }
            }
        }
        ring.ring();
        for (group, mark, generation) in fired {
            self.detach(group, mark, generation);
        }
    }

    /// Looks at a mark again under its group's queue. A one-shot is claimed, with the very word
    /// that passed the filters; if it changed meanwhile, it is matched again.
    fn still_wanted(&self, part: &Part<'_>, matched: &Matched) -> Option<MarkWord> {
        let slot = self.mark(matched.mark);
        let mut word = slot.word();
        loop {
            if word.generation() != matched.word.generation() || !part.is_wanted_by(word) {
                return None;
            }
            if !word.is_oneshot() {
                return Some(word);
            }
            match slot.claim(word) {
                Ok(_) => return Some(word),
                Err(now) => word = now,
            }
        }
    }

    /// The slow half of a hook for an event on a dentry: somebody may want it.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_to_dentry(&self, victim: &Victim<'_>, what: EventMask, path: bool) {
        let dentry = victim.dentry;
        let inode = dentry.inode;
        if !self.tree().owns(inode) {
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
        let parent = if !quiet && dentry.is_parent_watched() {
            parent_watch::look(dentry, what)
        } else {
            None
        };
        let unlinked = path && !dentry.is_hashed();
        let mut parts = SmallVec::<[Part<'_>; 4]>::new();
        if let Some(hit) = &parent {
            parts.push(Part {
                object: hit.object,
                connector: hit.connector,
                happened: happened | EventMask::ON_CHILD,
                cookie: 0,
                name: &hit.name,
                unlinked,
            });
        }
        if inode.notify().interest() & what.bits() != 0
            && let Some(own) = Part::of_inode(inode, happened)
        {
            parts.push(Part { unlinked, ..own });
        }
        if !parts.is_empty() {
            self.deliver(&parts);
        }
    }
}

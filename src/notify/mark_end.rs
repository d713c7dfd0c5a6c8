//! The ends of marks: removed, withdrawn, fired, with their object, with their group.
//!
//! Locks: the group's marks, then the connector, then what `publish` takes. It is safe from inside a
//! hook, under any lock an embedder or the VFS holds there: it takes these two and nothing above them,
//! and walks nothing.

use smallvec::SmallVec;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::sync::count_items;
use crate::notify::connector::{ConnectorGuard, Object};
use crate::notify::dispatch::Part;
use crate::notify::group::{GroupSlot, MarkChains, close_queue};
use crate::notify::limits::User;
use crate::notify::mark::{MarkKey, MarkSlot, MarkWord};
use crate::notify::notifier::Notifier;
use crate::tree::inode::InodeSlot;
use crate::tree::notify_slot::Connector;
use crate::tree::{Inode, InodeKey};

impl Notifier {
    /// Removes the mark with this tag, and says so in the queue.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub(crate) fn remove_mark(&self, group: Ix<GroupSlot>, tag: i32) -> Result<()> {
        let key = {
            let marks = self.group(group).marks.lock();
            let mark = self.find_tag(&marks, tag).ok_or(Errno::EINVAL)?;
            MarkKey { group, mark, generation: self.mark(mark).word().generation() }
        };
        if !self.end_mark(key, None) {
            // Its last event has come, or its object is gone: it is as good as removed.
            return Err(Errno::EINVAL.into());
        }
        self.detach(key);
        Ok(())
    }

    /// Claims the end of a mark and queues IGNORED under one hold of the queue, so that no event
    /// of the mark comes after it, and none goes to a group that took over the slot. Before IGNORED
    /// comes what ended the mark, if it wants to hear that: nothing comes between the two, and who
    /// ends an object beside another does not say so twice.
    fn end_mark(&self, key: MarkKey, end: Option<&Part<'_>>) -> bool {
        let MarkKey { group, mark, generation } = key;
        let slot = self.mark(mark);
        let mut queue = self.group(group).queue.lock();
        let claimed = if slot.group() == group { slot.claim_any(generation) } else { None };
        let Some(word) = claimed else { return false };
        let ring = queue.fill(|pusher| {
            if let Some(end) = end.filter(|end| end.is_wanted_by(word)) {
                end.push(pusher, slot.tag());
            }
            pusher.push_ignored(slot.tag());
        });
        drop(queue);
        ring.ring();
        true
    }

    /// Removes a mark for which nobody ever got the tag, if it still is as it was made: silently.
    pub(crate) fn withdraw_mark(&self, group: Ix<GroupSlot>, mark: Ix<MarkSlot>, made: MarkWord) {
        // Under the queue's lock, as every claim: a push that saw the mark alive there is not
        // overtaken by the next life of its slot.
        let queue = self.group(group).queue.lock();
        let claimed = self.mark(mark).claim(made).is_ok();
        drop(queue);
        if claimed {
            self.detach(MarkKey { group, mark, generation: made.generation() });
        }
    }

    /// Takes a mark that has ended out of its group and off its object. Whoever comes first does
    /// it; for the others there is nothing left.
    pub(crate) fn detach(&self, ended: MarkKey) {
        self.detach_and(ended, Narrow::Now);
    }

    /// Takes marks off that have ended at once. Where many groups
    /// watch one object, what hooks look at is computed once for all of them, not once for each; until
    /// then hooks look at too much, which costs them a look.
    pub(crate) fn detach_all(&self, ended: &[MarkKey], objects: impl Iterator<Item = InodeKey>) {
        if let [ended] = ended {
            return self.detach(*ended);
        }
        for ended in ended {
            self.detach_and(*ended, Narrow::WithTheLast);
        }
        if ended.is_empty() {
            return;
        }
        for id in objects {
            let inode = self.tree().inode_at(id.index);
            let Some(connector) = inode.notify().connector() else { continue };
            let connected = self.connector(connector).lock();
            if connected.object() == Some(Object::Inode(id)) {
                self.narrow(inode, &connected);
            }
        }
    }

    fn detach_and(&self, ended: MarkKey, narrow: Narrow) {
        let MarkKey { group, mark, generation } = ended;
        let mut marks = self.group(group).marks.lock();
        let slot = self.mark(mark);
        let is_there = slot.word().generation() == generation
            && marks
                .by_tag
                .find(&MarkChains(self), self.hash_tag(slot.tag()), |found| found == mark)
                .is_some();
        if !is_there {
            return;
        }
        marks.by_tag.remove(&mut MarkChains(self), mark);
        let freed = self.take_off(mark, narrow);
        marks.count -= 1;
        marks.tags.release(slot.tag());
        if let Some(user) = &marks.user {
            user.release_watches(1);
        }
        let is_free = slot.end();
        drop(marks);
        if is_free {
            self.marks().remove(mark);
        }
        if let Some((connector, inode)) = freed {
            self.free_connector(connector, Some(inode));
        }
    }

    /// Takes a mark that is out of its group's table off its object. The lock of the group's marks
    /// is held. Returns the connector and the inode if they are to be let go.
    fn take_off(
        &self,
        mark: Ix<MarkSlot>,
        narrow: Narrow,
    ) -> Option<(Ix<Connector>, Ix<InodeSlot>)> {
        let connector = self.mark(mark).connector();
        let mut connected = self.connector(connector).lock();
        let Some(Object::Inode(id)) = connected.object() else { return None };
        let inode = self.tree().inode_at(id.index);
        let at = match connected.marks() {
            [only] if *only == mark => Some(0),
            marks => {
                let key = self.order_of_mark(mark);
                let first = marks.partition_point(|other| self.order_of_mark(*other) < key);
                let at = marks[first..].iter().position(|other| {
                    count_items(1);
                    *other == mark
                });
                at.map(|at| first + at)
            }
        };
        if let Some(at) = at {
            connected.remove(at);
        }
        if narrow == Narrow::Now || connected.marks().is_empty() {
            self.narrow(inode, &connected);
        }
        release_if_empty(&mut connected, inode).then_some((connector, id.index))
    }

    /// [`Notifier::recalc`] after a mark was taken away. If one that is left wants all that hooks
    /// look at, nothing has changed: with many marks of one interest, the first says so.
    fn narrow(&self, inode: Inode<'_>, connected: &ConnectorGuard<'_>) {
        let before = EventMask::from_bits_retain(inode.notify().interest());
        let wants_all = |mark: &Ix<MarkSlot>| {
            count_items(1);
            let word = self.mark(*mark).word();
            word.is_alive() && word.mask() == before
        };
        if !connected.marks().iter().any(wants_all) {
            self.recalc(inode, connected);
        }
    }

    pub(super) fn free_connector(&self, index: Ix<Connector>, inode: Option<Ix<InodeSlot>>) {
        self.connectors().remove(index);
        if let Some(inode) = inode {
            self.tree().iput(inode);
        }
    }

    /// Takes a connector off its object with all its marks, when the notifier itself goes.
    pub(crate) fn disconnect(&self, index: Ix<Connector>) {
        let mut connected = self.connector(index).lock();
        let Some(Object::Inode(id)) = connected.object() else { return };
        connected.clear();
        let inode = self.tree().inode_at(id.index);
        self.recalc(inode, &connected);
        release_if_empty(&mut connected, inode);
        drop(connected);
        self.tree().iput(id.index);
    }

    /// Removes every mark on an inode, with what ended it and IGNORED to each group: it is dead.
    pub(crate) fn destroy_marks_on(&self, inode: Inode<'_>, end: EventMask) {
        let end = self.part_of(inode, end);
        while let Some(index) = inode.notify().connector_at_death() {
            count_items(1);
            let object = Some(Object::Inode(inode.key()));
            let last = {
                let connected = self.connector(index).lock();
                if connected.object() != object {
                    continue;
                }
                // The last one: taking it out moves no others.
                let Some(mark) = connected.marks().last().copied() else { continue };
                let slot = self.mark(mark);
                MarkKey { group: slot.group(), mark, generation: slot.word().generation() }
            };
            self.end_mark(last, end.as_ref());
            // All of them go: what hooks look at is computed when the last has gone.
            self.detach_and(last, Narrow::WithTheLast);
        }
    }

    /// Ends a group: first its queue, then its marks, a batch of them under each hold of its lock.
    pub(crate) fn close_group(&self, group: Ix<GroupSlot>) {
        let slot = self.group(group);
        let user = {
            let mut marks = slot.marks.lock();
            marks.open = false;
            marks.user.clone()
        };
        close_queue(slot);
        let mut bucket = 0;
        loop {
            let mut marks = slot.marks.lock();
            if marks.count == 0 {
                // What the table had grown to is freed here, after the lock.
                let rest = std::mem::take(&mut *marks);
                drop(marks);
                drop(rest);
                break;
            }
            let mut batch = Batch::default();
            let mut popped: SmallVec<[Ix<MarkSlot>; BATCH]> = (0..BATCH)
                .map_while(|_| {
                    marks.by_tag.pop_any(&mut MarkChains(self), &mut bucket, BUCKETS_PER_MARK)
                })
                .collect();
            fetch(
                popped.iter().map(|mark| {
                    Ix::word_or_zero(self.connector(self.mark(*mark).connector()).sole())
                }),
            );
            // Taking a mark off an object that has many looks at all of those. One such mark for each hold.
            let mut shared = 0;
            let at_second = popped.iter().position(|mark| {
                let is_sole = self.connector(self.mark(*mark).connector()).sole().is_some();
                shared += usize::from(!is_sole);
                shared > 1
            });
            for mark in popped.drain(at_second.unwrap_or(popped.len())..) {
                marks.by_tag.insert(&mut MarkChains(self), mark);
            }
            for mark in popped {
                count_items(1);
                let slot = self.mark(mark);
                // A one-shot that is firing now has claimed it already; either way it is over.
                slot.claim_any(slot.word().generation());
                batch.connectors.extend(self.take_off(mark, Narrow::Now));
                marks.count -= 1;
                batch.ended += 1;
                if slot.end() {
                    batch.marks.push(mark);
                }
            }
            // A hook whose one-shot fires may wait for this lock.
            marks.unlock_fair();
            self.free_batch(&batch, user.as_deref());
        }
        if let Some(user) = user {
            self.users().release_instance(&user);
        }
    }

    fn free_batch(&self, batch: &Batch, user: Option<&User>) {
        if let Some(user) = user {
            user.release_watches(batch.ended);
        }
        self.marks().remove_all(&batch.marks);
        let connectors: SmallVec<[Ix<Connector>; BATCH]> =
            batch.connectors.iter().map(|(connector, _)| *connector).collect();
        self.connectors().remove_all(&connectors);
        fetch(
            batch
                .connectors
                .iter()
                .map(|(_, inode)| self.tree().inode_page(*inode).hot().life_of(*inode).uses()),
        );
        for (_, inode) in &batch.connectors {
            self.tree().iput(*inode);
        }
    }
}

/// Reads words of several objects that are changed next. Changing them one after the other would wait
/// for each cache line before it asks for the next; reading them asks for all at once.
fn fetch(words: impl Iterator<Item = u32>) {
    std::hint::black_box(words.fold(0, |all, word| all ^ word));
}

/// Takes a connector without marks off its object, with the connector locked; true if it did, and
/// the caller is to free it.
pub(super) fn release_if_empty(connected: &mut ConnectorGuard<'_>, inode: Inode<'_>) -> bool {
    if !connected.marks().is_empty() {
        return false;
    }
    connected.set_object(None);
    inode.notify().remove();
    inode.superblock.count_watched(false);
    true
}

/// When what hooks look at is computed anew, after a mark was taken off its object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Narrow {
    /// At once.
    Now,
    /// When no mark is left on it. Whoever says so takes the others off too, or computes it then.
    WithTheLast,
}

/// How many marks of a group that is closed end under one hold of its lock, and how many empty chains
/// are passed over for each.
const BATCH: usize = 8;
const BUCKETS_PER_MARK: usize = 8;

/// What a batch of marks leaves to be freed with no lock held.
#[derive(Debug, Default)]
struct Batch {
    ended: u32,
    marks: SmallVec<[Ix<MarkSlot>; BATCH]>,
    /// Connectors with their inodes.
    connectors: SmallVec<[(Ix<Connector>, Ix<InodeSlot>); BATCH]>,
}

//! The ends of marks: removed, withdrawn, fired, with their object, with their group.
//!
//! Locks: the group's marks, then the connector, then what `publish` takes. It is safe from inside a
//! hook, under any lock an embedder or the VFS holds there: it takes these two and nothing above them,
//! and walks nothing.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::sync::count_items;
use crate::notify::delivery_order::Group;
use crate::notify::group::GroupKind;
use crate::notify::mark::{MarkKey, MarkSlot, MarkWord};
use crate::notify::mark_table::MarkChains;
use crate::notify::marks::interest::release_if_empty;
use crate::notify::matched::wants;
use crate::notify::notifier::Notifier;
use crate::notify::occurrence::{Actor, Data, Occurrence, Role, Target};
use crate::notify::queue::DueWakeup;
use crate::notify::record::inotify;
use crate::notify::watched::{Kept, Watched, WatchedKey};
use crate::tree::notify_slot::Connector;

impl Notifier {
    /// Removes the mark with this tag, and says so in the queue.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub(crate) fn remove_mark(&self, group: Ix<Group>, tag: i32) -> Result<()> {
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
    fn end_mark(&self, key: MarkKey, end: Option<(&Occurrence<'_>, &Target<'_>)>) -> bool {
        let MarkKey { group, mark, generation } = key;
        let slot = self.mark(mark);
        let mut kind = self.group(group).queue.lock();
        let claimed = if slot.group() == group { slot.claim_any(generation) } else { None };
        let Some(word) = claimed else { return false };
        let wakeup = match &mut *kind {
            GroupKind::None => DueWakeup::default(),
            GroupKind::Inotify(queue) => queue.fill(|queue| {
                let end = end.filter(|(on, target)| wants(word, on, target));
                inotify::deliver_end(queue, slot.tag(), end.map(|(_, target)| target));
            }),
            // The event that ended the object was delivered to it with all its marks before.
            #[cfg(test)]
            GroupKind::Uniting(_) => DueWakeup::default(),
        };
        drop(kind);
        wakeup.wake();
        true
    }

    /// Removes a mark for which nobody ever got the tag, if it still is as it was made: silently.
    pub(crate) fn withdraw_mark(&self, group: Ix<Group>, mark: Ix<MarkSlot>, made: MarkWord) {
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
        self.detach_with(ended, Recalc::Now);
    }

    /// Takes marks off that have ended at once. Where many groups
    /// watch one object, what hooks look at is computed once for all of them, not once for each; until
    /// then hooks look at too much, which costs them a look.
    pub(crate) fn detach_all(&self, ended: &[MarkKey], objects: impl Iterator<Item = WatchedKey>) {
        if let [ended] = ended {
            return self.detach(*ended);
        }
        for ended in ended {
            self.detach_with(*ended, Recalc::OnLastMark);
        }
        if ended.is_empty() {
            return;
        }
        for key in objects {
            let watched = self.watched_at(key);
            let Some(connector) = watched.notify().connector() else { continue };
            let connected = self.connector(connector).lock();
            if connected.object() == Some(key) {
                self.recalc_if_needed(watched, &connected);
            }
        }
    }

    fn detach_with(&self, ended: MarkKey, recalc: Recalc) {
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
        let freed = self.detach_from_object(mark, recalc);
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
        if let Some((connector, kept)) = freed {
            self.free_connector(connector, kept);
        }
    }

    /// Takes a mark that is out of its group's table off its object. The lock of the group's marks
    /// is held. Returns the connector, and what it kept, if they are to be let go.
    pub(super) fn detach_from_object(
        &self,
        mark: Ix<MarkSlot>,
        recalc: Recalc,
    ) -> Option<FreedConnector> {
        let connector = self.mark(mark).connector();
        let mut connected = self.connector(connector).lock();
        let watched = self.watched_at(connected.object()?);
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
        if recalc == Recalc::Now || connected.marks().is_empty() {
            self.recalc_if_needed(watched, &connected);
        }
        release_if_empty(&mut connected, watched).then_some((connector, watched.kept()))
    }

    pub(super) fn free_connector(&self, index: Ix<Connector>, kept: Option<Kept>) {
        self.connectors().remove(index);
        self.put_kept(kept);
    }

    /// Gives back the reference of a connector that was taken off its object. The caller holds no lock.
    pub(super) fn put_kept(&self, kept: Option<Kept>) {
        match kept {
            None => {}
            Some(Kept::Inode(inode)) => self.tree().iput(inode),
            Some(Kept::Superblock(superblock)) => self.tree().put_superblock(superblock),
        }
    }

    /// Takes a connector off its object with all its marks, when the notifier itself goes.
    pub(crate) fn disconnect(&self, index: Ix<Connector>) {
        let mut connected = self.connector(index).lock();
        let Some(key) = connected.object() else { return };
        connected.clear();
        let watched = self.watched_at(key);
        self.recalc(watched, &connected);
        release_if_empty(&mut connected, watched);
        drop(connected);
        self.put_kept(watched.kept());
    }

    /// Removes every mark on an object that ends, with what ended it and IGNORED to each group.
    pub(crate) fn destroy_marks_on(&self, watched: Watched<'_>, end: Option<EventMask>) {
        let (on, target);
        let end = match (end, watched) {
            (Some(end), Watched::Inode(inode)) if self.tree().owns(inode) => {
                on = Occurrence::new(Actor::default(), Data::Inode(inode));
                target = Target::of(inode, Role::Inode, end);
                Some((&on, &target))
            }
            _ => None,
        };
        let key = watched.key();
        while let Some(index) = watched.notify().connector_at_death() {
            count_items(1);
            let last = {
                let connected = self.connector(index).lock();
                if connected.object() != Some(key) {
                    continue;
                }
                // The last one: taking it out moves no others.
                let Some(mark) = connected.marks().last().copied() else { continue };
                let slot = self.mark(mark);
                MarkKey { group: slot.group(), mark, generation: slot.word().generation() }
            };
            self.end_mark(last, end);
            // All of them go: what hooks look at is computed when the last has gone.
            self.detach_with(last, Recalc::OnLastMark);
        }
    }
}

/// A connector that was taken off its object, and what it kept.
pub(super) type FreedConnector = (Ix<Connector>, Option<Kept>);

/// When what hooks look at is computed anew, after a mark was taken off its object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recalc {
    /// At once.
    Now,
    /// When no mark is left on it. Whoever says so takes the others off too, or computes it then.
    OnLastMark,
}

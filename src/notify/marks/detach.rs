//! The end of marks: by removal, withdrawal, a one-shot's event, the death of the object, the close of the
//! group.
//!
//! Lock order: the group's marks, then the connector, then the locks that `publish` takes. The functions are
//! safe inside a hook, under any lock that an embedder or the VFS holds there: they take only these locks and
//! none above them, and walk no children.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::notify::delivery_order::Group;
use crate::notify::group::GroupKind;
use crate::notify::mark::{MarkKey, MarkSlot, MarkWord};
use crate::notify::mark_table::MarkChains;
use crate::notify::marks::interest::release_if_empty;
use crate::notify::matched_marks::wants;
use crate::notify::notifier::Notifier;
use crate::notify::occurrence::{Actor, Data, Occurrence, Role, Target};
use crate::notify::queue::DueWakeup;
use crate::notify::record::inotify;
use crate::notify::watched_object::{Kept, Watched, WatchedKey};
use crate::tree::notify_slot::Connector;

impl Notifier {
    /// Removes the mark with this tag, and queues IGNORED.
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
            // Its last event or the end of its object came first: it counts as removed.
            return Err(Errno::EINVAL.into());
        }
        self.detach(key);
        Ok(())
    }

    /// Claims the end of a mark and queues IGNORED, under one hold of the queue. So no event of the mark comes
    /// after IGNORED, and no record goes to a group that took over the slot. The event that ended the mark is
    /// queued just before IGNORED, if the mark wants it: no record comes between the two, and two threads that
    /// end one object do not queue it twice.
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
            // `deliver_death` has delivered this event already, to all marks of the group together.
            #[cfg(test)]
            GroupKind::FanotifyLike(_) => DueWakeup::default(),
        };
        drop(kind);
        wakeup.wake();
        true
    }

    /// Removes a mark silently, if its word still is the one it was made with: no caller ever got its tag.
    pub(crate) fn withdraw_mark(&self, group: Ix<Group>, mark: Ix<MarkSlot>, made: MarkWord) {
        // Under the queue's lock, as every claim: a pusher that saw the mark alive there finishes before the
        // slot can begin its next life.
        let queue = self.group(group).queue.lock();
        let claimed = self.mark(mark).claim(made).is_ok();
        drop(queue);
        if claimed {
            self.detach(MarkKey { group, mark, generation: made.generation() });
        }
    }

    /// Detaches a mark that has ended from its group and its object. Idempotent: later callers find nothing to
    /// do.
    pub(crate) fn detach(&self, ended: MarkKey) {
        self.detach_with(ended, Recalc::Now);
    }

    /// Detaches several marks that one event ended. Where many groups watch one object, its interest is
    /// recalculated once for all of them. Until then the interest is too wide, which costs a hook one check.
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
        // Unlink the mark from the group and the object, then free its slot with no lock held.
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

    /// Detaches a mark, which is no longer in its group's table, from its object. The caller holds the group's
    /// marks. Returns the connector and the object that it kept, if both are to be freed.
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

    /// Puts the reference of a connector that was taken off its object. The caller holds no lock.
    pub(super) fn put_kept(&self, kept: Option<Kept>) {
        match kept {
            None => {}
            Some(Kept::Inode(inode)) => self.tree().iput(inode),
            Some(Kept::Superblock(superblock)) => self.tree().put_superblock(superblock),
        }
    }

    /// Takes a connector with all its marks off its object, at the end of the notifier.
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

    /// Removes every mark on an object that ends. Each group gets the event in `end`, if the mark wants it, and
    /// IGNORED.
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
                // The last mark: its removal moves no others.
                let Some(mark) = connected.marks().last().copied() else { continue };
                let slot = self.mark(mark);
                MarkKey { group: slot.group(), mark, generation: slot.word().generation() }
            };
            self.end_mark(last, end);
            // All marks of the object go: the interest is recalculated when the last one has gone.
            self.detach_with(last, Recalc::OnLastMark);
        }
    }
}

/// A connector that was taken off its object, and the object that it kept.
pub(super) type FreedConnector = (Ix<Connector>, Option<Kept>);

/// When the interest is recalculated after a mark was detached from its object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recalc {
    /// At once.
    Now,
    /// When no mark is left on the object. The caller detaches the other marks too, or recalculates the
    /// interest afterwards.
    OnLastMark,
}

//! Adding and changing marks.
//!
//! Lock order: the group's marks, then the connector, then the locks that `publish` takes.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit, Result};
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::notify::connector::ConnectorGuard;
use crate::notify::delivery_order::{DeliveryOrder, Group};
use crate::notify::flag_walk::FlagWalk;
use crate::notify::group::GroupMarks;
use crate::notify::mark::{Interest, MarkSlot, MarkWord};
use crate::notify::mark_table::MarkChains;
use crate::notify::marks::interest::release_if_empty;
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::Watched;
use crate::tree::InodeRef;
use crate::tree::notify_slot::Connector;

/// How to treat a mark that the group already has on the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Replace the old interest by the new one.
    Replace,
    /// Add the new interest to the old.
    Extend,
    /// Fail.
    Refuse,
}

/// A new mark, and its word.
pub(crate) type NewMark = (Ix<MarkSlot>, MarkWord);

/// A mark that was added or changed.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) tag: i32,
    /// The mark, if it is new.
    pub(crate) inserted: Option<NewMark>,
    /// The walk that must finish before all events of children match.
    pub(crate) walk: Option<FlagWalk>,
}

impl Notifier {
    /// Finds or makes the group's mark on an inode in one step, and returns its tag. The caller runs the walk
    /// that may be left, with no lock held.
    ///
    /// # Errors
    /// `ESHUTDOWN` if the group is closed; `EEXIST` as `existing` asks; `ENOSPC` at the limit of the user's
    /// watches (a tag is used up, as in Linux); `ENOENT` if the file system is being unmounted.
    pub(crate) fn add_mark(
        &self,
        group: Ix<Group>,
        inode: &InodeRef,
        interest: Interest,
        existing: Existing,
    ) -> Result<Added> {
        let watched = Watched::Inode(inode.get());
        let (tag, inserted) = self.attach_mark(group, watched, interest, existing)?;
        Ok(Added { tag, inserted, walk: FlagWalk::needed(inode, self.pace()) })
    }

    /// Finds or makes the group's mark on an object in one step. For a directory, the caller sets the flags of
    /// its children.
    ///
    /// # Errors
    /// See [`Notifier::add_mark`].
    pub(crate) fn attach_mark(
        &self,
        group: Ix<Group>,
        target: Watched<'_>,
        interest: Interest,
        existing: Existing,
    ) -> Result<(i32, Option<NewMark>)> {
        let mut marks = self.group(group).marks.lock();
        if !marks.open {
            return Err(Errno::ESHUTDOWN.into());
        }
        // Change the mark that the group has on the object.
        let (index, mut connected) = self.connect(target)?;
        if let Some(mark) = self.find_on(&connected, group) {
            let updated = self.update_mark(mark, interest, existing);
            if let Some(result) = updated {
                self.recalc(target, &connected);
                return result.map(|tag| (tag, None));
            }
        }
        // Make a new one. If it is refused, a connector that was made for it goes again.
        let result = self.insert_mark(&mut marks, &mut connected, index, group, target, interest);
        let released = release_if_empty(&mut connected, target);
        drop(connected);
        drop(marks);
        if released {
            self.free_connector(index, target.kept());
        }
        result.map(|(tag, mark, word)| (tag, Some((mark, word))))
    }

    /// Changes a mark. `None` if it has ended meanwhile; the caller makes a new one then.
    fn update_mark(
        &self,
        mark: Ix<MarkSlot>,
        new: Interest,
        existing: Existing,
    ) -> Option<Result<i32>> {
        let slot = self.mark(mark);
        let mut word = slot.word();
        loop {
            if !word.is_alive() {
                return None;
            }
            let interest = match existing {
                Existing::Refuse => return Some(Err(Errno::EEXIST.into())),
                Existing::Replace => new,
                Existing::Extend => word.interest().or(new),
            };
            match slot.update(word, interest) {
                Ok(_) => return Some(Ok(slot.tag())),
                Err(now) => word = now,
            }
        }
    }

    fn insert_mark(
        &self,
        marks: &mut GroupMarks,
        connected: &mut ConnectorGuard<'_>,
        connector: Ix<Connector>,
        group: Ix<Group>,
        target: Watched<'_>,
        interest: Interest,
    ) -> Result<(i32, Ix<MarkSlot>, MarkWord)> {
        // The tag is used up even if the mark is refused.
        let tag = marks.tags.next().ok_or(Errno::ENOSPC)?;
        if target.is_ending() {
            return Err(Errno::ENOENT.into());
        }
        if connected.marks().len() >= self.limits().max_object_marks {
            return Err(Error::from(Errno::ENOSPC).with_limit(Limit::Marks));
        }
        // Charge the user, then take a slot.
        let user = marks.user.clone().ok_or(Errno::ESHUTDOWN)?;
        user.charge_watch(&self.limits())?;
        let Some((mark, page)) = self.marks().insert(()) else {
            user.release_watches(1);
            return Err(Error::from(Errno::ENOMEM).with_limit(Limit::Marks));
        };
        // Fill the slot before any thread can find it, then publish the mark.
        let combines_marks = self.group(group).combines_marks();
        let slot = page.hot().slot(mark);
        let word = slot.begin(group, tag, connector, interest, combines_marks);
        let key = self.order_of(group);
        let at = connected.marks().partition_point(|other| self.order_of_mark(*other) <= key);
        connected.insert(at, mark);
        marks.by_tag.insert(&mut MarkChains(self), mark);
        marks.tags.take(tag);
        marks.count += 1;
        self.widen(target, word.bits());
        Ok((tag, mark, word))
    }

    /// Sets the next tag to this one, or the next free one after it.
    ///
    /// # Errors
    /// `EINVAL` unless it is positive, `ESHUTDOWN` if the group is closed.
    pub(crate) fn set_next_tag(&self, group: Ix<Group>, tag: i32) -> Result<()> {
        if tag < 1 {
            return Err(Errno::EINVAL.into());
        }
        let mut marks = self.group(group).marks.lock();
        if !marks.open {
            return Err(Errno::ESHUTDOWN.into());
        }
        marks.tags.set_next(tag);
        Ok(())
    }

    pub(crate) fn find_tag(&self, marks: &GroupMarks, tag: i32) -> Option<Ix<MarkSlot>> {
        let chains = MarkChains(self);
        marks.by_tag.find(&chains, self.hash_tag(tag), |mark| self.mark(mark).tag() == tag)
    }

    /// The place of a group's marks in the order of delivery.
    pub(crate) fn order_of(&self, group: Ix<Group>) -> DeliveryOrder {
        DeliveryOrder::new(self.group(group).priority(), group)
    }

    pub(crate) fn order_of_mark(&self, mark: Ix<MarkSlot>) -> DeliveryOrder {
        self.order_of(self.mark(mark).group())
    }

    /// The group's live mark on the object of a connector.
    fn find_on(&self, connected: &ConnectorGuard<'_>, group: Ix<Group>) -> Option<Ix<MarkSlot>> {
        let key = self.order_of(group);
        let first = connected.marks().partition_point(|mark| self.order_of_mark(*mark) < key);
        connected.marks()[first..]
            .iter()
            .copied()
            .take_while(|mark| {
                count_items(1);
                self.mark(*mark).group() == group
            })
            .find(|mark| self.mark(*mark).word().is_alive())
    }

    /// Finds or makes the object's connector, and returns it locked.
    fn connect(&self, target: Watched<'_>) -> Result<(Ix<Connector>, ConnectorGuard<'_>)> {
        let key = target.key();
        loop {
            if let Some(index) = target.notify().connector() {
                let connected = self.connector(index).lock();
                if connected.object() == Some(key) {
                    return Ok((index, connected));
                }
                continue;
            }
            let (index, _) = self
                .connectors()
                .insert(())
                .ok_or_else(|| Error::from(Errno::ENOMEM).with_limit(Limit::Marks))?;
            let mut connected = self.connector(index).lock();
            connected.set_object(Some(key));
            if target.notify().install(index) {
                target.connected();
                return Ok((index, connected));
            }
            connected.set_object(None);
            drop(connected);
            self.connectors().remove(index);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use crate::base::errno::Errno;
    use crate::base::sync::Arc;
    use crate::inotify::{Inotify, WatchMask};
    use crate::notify::{DentryRef, Notifier};
    use crate::tree::{SuperblockRef, Tree};

    const GROUPS: usize = 2;

    /// A notifier whose slots run out, and two directories.
    fn small(marks: usize, connectors: usize) -> (Arc<Notifier>, [(SuperblockRef, DentryRef); 2]) {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::with_room(&tree, GROUPS, marks, connectors);
        let dirs = [1, 2].map(|ino| notifier.add_superblock(ino).unwrap());
        (notifier, dirs)
    }

    /// The mark found no slot after its connector was made: the connector must go again.
    #[test]
    fn a_mark_without_a_slot_leaves_no_connector_and_no_charge() {
        for (marks, connectors) in [(1, 9), (9, 1)] {
            let (notifier, [(_, one), (_, two)]) = small(marks, connectors);
            let inotify = Inotify::new(&notifier, 7).unwrap();
            let add = |dir: &DentryRef| {
                let added = inotify.add_watch(&dir.inode_ref(), WatchMask::ALL_EVENTS);
                added.map_err(|error| error.errno())
            };
            let wd = add(&one).unwrap();
            for _ in 0..3 {
                assert_eq!(add(&two), Err(Errno::ENOMEM));
                notifier.verify().unwrap();
                assert_eq!((notifier.usage(7), inotify.watch_count()), ((1, 1), 1));
                assert!(
                    two.get().inode().superblock.gate().load().is_shut(),
                    "the gate is shut again"
                );
            }
            add(&one).expect("what is there can be changed");
            inotify.rm_watch(wd).unwrap();
            add(&two).expect("there is room again");
            notifier.verify().unwrap();
        }
    }

    #[test]
    fn a_group_without_a_slot_leaves_no_charge() {
        let (notifier, _dirs) = small(9, 9);
        let groups = [0; GROUPS].map(|_| Inotify::new(&notifier, 7).unwrap());
        for _ in 0..3 {
            let error = Inotify::new(&notifier, 7).unwrap_err();
            assert_eq!((error.errno(), notifier.usage(7)), (Errno::ENOMEM, (2, 0)));
        }
        drop(groups);
        assert_eq!(notifier.usage(7), (0, 0));
        Inotify::new(&notifier, 7).expect("there is room again");
    }
}

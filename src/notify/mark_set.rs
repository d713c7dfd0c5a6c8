//! Adding, changing and removing marks.
//!
//! Locks: the group's marks, then the connector, then what `publish` takes. Removing is safe from
//! inside a hook, under any lock an embedder or the VFS holds there: it takes these two and
//! nothing above them, and walks nothing.

use smallvec::SmallVec;

use crate::base::error::{ErrorKind, Result};
use crate::base::mask::EventMask;
use crate::base::sync::count_items;
use crate::notify::connector::{ConnectorGuard, Object};
use crate::notify::dispatch::Part;
use crate::notify::group::{GroupMarks, MarkChains, close_queue};
use crate::notify::limits::User;
use crate::notify::mark::{Interest, MarkWord};
use crate::notify::notifier::Notifier;
use crate::notify::parent_watch::{Walk, publish};
use crate::tree::{Inode, InodeKey, InodeRef};

/// What to do with a mark that the group has on the object already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Let the new interest take the place of the old.
    Replace,
    /// Add the new interest to the old.
    Extend,
    /// Fail.
    Refuse,
}

/// A mark that was added or changed.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) tag: i32,
    /// The mark and its word, if it is new.
    pub(crate) inserted: Option<(u32, MarkWord)>,
    /// What is to be done before every event of a child is heard.
    pub(crate) walk: Option<Walk>,
}

impl Notifier {
    /// Finds the group's mark on an inode, or makes it, in one step, and returns its tag. The
    /// walk that may be left to do is the caller's, with no lock held.
    ///
    /// # Errors
    /// `Shutdown` if the group is closed, `Exists` as `existing` asks, `NoSpace` at the limit of
    /// the user's watches (a tag is used up, as in Linux), `NotFound` if the file system is being
    /// unmounted.
    pub(crate) fn add_mark(
        &self,
        group: u32,
        inode: &InodeRef,
        interest: Interest,
        existing: Existing,
    ) -> Result<Added> {
        let (tag, inserted) = self.find_or_insert(group, inode, interest, existing)?;
        Ok(Added { tag, inserted, walk: Walk::needed(inode, self.pace()) })
    }

    fn find_or_insert(
        &self,
        group: u32,
        inode: &InodeRef,
        interest: Interest,
        existing: Existing,
    ) -> Result<(i32, Option<(u32, MarkWord)>)> {
        let mut marks = self.group(group).marks.lock();
        if !marks.open {
            return Err(ErrorKind::Shutdown.into());
        }
        let target = inode.get();
        let (index, mut connected) = self.connect(target)?;
        if let Some(mark) = self.find_on(&connected, group) {
            let updated = self.update_mark(mark, interest, existing);
            if let Some(result) = updated {
                self.recalc(target, &connected);
                return result.map(|tag| (tag, None));
            }
        }
        let result = self.insert_mark(&mut marks, &mut connected, index, group, target, interest);
        let released = release_if_empty(&mut connected, target);
        drop(connected);
        drop(marks);
        if released {
            self.free_connector(index, Some(target.index));
        }
        result.map(|(tag, mark, word)| (tag, Some((mark, word))))
    }

    /// Changes a mark; `None` if it has ended meanwhile, and the caller makes a new one.
    fn update_mark(&self, mark: u32, new: Interest, existing: Existing) -> Option<Result<i32>> {
        let slot = self.mark(mark);
        let mut word = slot.word();
        loop {
            if !word.is_alive() {
                return None;
            }
            let interest = match existing {
                Existing::Refuse => return Some(Err(ErrorKind::Exists.into())),
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
        connector: u32,
        group: u32,
        inode: Inode<'_>,
        interest: Interest,
    ) -> Result<(i32, u32, MarkWord)> {
        // Burned even if the mark is refused.
        let tag = marks.tags.next().ok_or(ErrorKind::NoSpace)?;
        if inode.superblock.is_unmounting() || inode.is_dead() {
            return Err(ErrorKind::NotFound.into());
        }
        if connected.marks().len() >= self.limits().max_object_marks {
            return Err(ErrorKind::NoSpace.into());
        }
        let user = marks.user.clone().ok_or(ErrorKind::Shutdown)?;
        user.charge_watch(&self.limits())?;
        let Some((mark, page)) = self.marks().insert(()) else {
            user.release_watches(1);
            return Err(ErrorKind::NoMemory.into());
        };
        let word = page.hot().slot(mark).begin(group, tag, connector, interest);
        let key = self.order_of(group);
        let at = connected.marks().partition_point(|other| self.order_of_mark(*other) <= key);
        connected.insert(at, mark);
        marks.by_tag.insert(&mut MarkChains(self), mark);
        marks.tags.take(tag);
        marks.count += 1;
        self.widen(inode, interest.mask);
        Ok((tag, mark, word))
    }

    /// Lets the next tag be this one, or the next free one after it.
    ///
    /// # Errors
    /// `Invalid` unless it is positive.
    pub(crate) fn set_next_tag(&self, group: u32, tag: i32) -> Result<()> {
        if tag < 1 {
            return Err(ErrorKind::Invalid.into());
        }
        self.group(group).marks.lock().tags.set_next(tag);
        Ok(())
    }

    pub(crate) fn find_tag(&self, marks: &GroupMarks, tag: i32) -> Option<u32> {
        let chains = MarkChains(self);
        marks.by_tag.find(&chains, self.hash_tag(tag), |mark| self.mark(mark).tag() == tag)
    }

    /// The place of a group's marks among others: priority first.
    pub(crate) fn order_of(&self, group: u32) -> u64 {
        u64::from(u8::MAX - self.group(group).priority()) << 32 | u64::from(group)
    }

    pub(crate) fn order_of_mark(&self, mark: u32) -> u64 {
        self.order_of(self.mark(mark).group())
    }

    /// The group's live mark on the object of a connector.
    fn find_on(&self, connected: &ConnectorGuard<'_>, group: u32) -> Option<u32> {
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

    /// The inode's connector, locked; made if there is none.
    fn connect(&self, inode: Inode<'_>) -> Result<(u32, ConnectorGuard<'_>)> {
        let object = Object::Inode(inode.key());
        loop {
            if let Some(index) = inode.notify().connector() {
                let connected = self.connector(index).lock();
                if connected.object() == Some(object) {
                    return Ok((index, connected));
                }
                continue;
            }
            let (index, _) = self.connectors().insert(()).ok_or(ErrorKind::NoMemory)?;
            let mut connected = self.connector(index).lock();
            connected.set_object(Some(object));
            if inode.notify().install(index).is_ok() {
                inode.life().get();
                inode.superblock.count_watched(true);
                return Ok((index, connected));
            }
            connected.set_object(None);
            drop(connected);
            self.connectors().remove(index);
        }
    }

    /// Adds to what hooks look at what a new mark wants. The connector is locked.
    fn widen(&self, inode: Inode<'_>, mask: EventMask) {
        // Children first: whoever sees the directory's own interest finds the flags' epoch begun.
        if let Some(dir) = inode.dir() {
            let wanted = EventMask::from_bits_retain(self.tree().dir_at(dir).child_interest());
            publish(self.tree(), dir, wanted | mask.child_interest());
        }
        inode.notify().set_interest(inode.notify().interest() | mask.bits());
    }

    /// Rebuilds what hooks look at from the live marks of an inode.
    fn recalc(&self, inode: Inode<'_>, connected: &ConnectorGuard<'_>) {
        let (mut all, mut child) = (EventMask::empty(), EventMask::empty());
        count_items(connected.marks().len());
        for mark in connected.marks() {
            let word = self.mark(*mark).word();
            if word.is_alive() {
                all |= word.mask();
                child |= word.mask().child_interest();
            }
        }
        if let Some(dir) = inode.dir() {
            publish(self.tree(), dir, child);
        }
        inode.notify().set_interest(all.bits());
    }

    /// [`Notifier::recalc`] after a mark was taken away. If one that is left wants all that hooks
    /// look at, nothing has changed: with many marks of one interest, the first says so.
    fn narrow(&self, inode: Inode<'_>, connected: &ConnectorGuard<'_>) {
        let before = EventMask::from_bits_retain(inode.notify().interest());
        let wants_all = |mark: &u32| {
            count_items(1);
            let word = self.mark(*mark).word();
            word.is_alive() && word.mask() == before
        };
        if !connected.marks().iter().any(wants_all) {
            self.recalc(inode, connected);
        }
    }

    /// Takes a connector off its object with all its marks, when the notifier itself goes.
    pub(crate) fn disconnect(&self, index: u32) {
        let mut connected = self.connector(index).lock();
        let Some(Object::Inode(id)) = connected.object() else { return };
        connected.clear();
        let inode = self.tree().inode_at(id.index);
        self.recalc(inode, &connected);
        release_if_empty(&mut connected, inode);
        drop(connected);
        self.tree().iput(id.index);
    }

    fn free_connector(&self, index: u32, inode: Option<u32>) {
        self.connectors().remove(index);
        if let Some(inode) = inode {
            self.tree().iput(inode);
        }
    }

    /// Removes the mark with this tag, and says so in the queue.
    ///
    /// # Errors
    /// `Invalid` if there is none.
    pub(crate) fn remove_mark(&self, group: u32, tag: i32) -> Result<()> {
        let (mark, generation) = {
            let marks = self.group(group).marks.lock();
            let mark = self.find_tag(&marks, tag).ok_or(ErrorKind::Invalid)?;
            (mark, self.mark(mark).word().generation())
        };
        if !self.end_mark(group, mark, generation, None) {
            // Its last event has come, or its object is gone: it is as good as removed.
            return Err(ErrorKind::Invalid.into());
        }
        self.detach(group, mark, generation);
        Ok(())
    }

    /// Claims the end of a mark and queues IGNORED under one hold of the queue, so that no event
    /// of the mark comes after it, and none goes to a group that took over the slot. Before IGNORED
    /// comes what ended the mark, if it wants to hear that: nothing comes between the two, and who
    /// ends an object beside another does not say so twice.
    fn end_mark(&self, group: u32, mark: u32, generation: u64, end: Option<&Part<'_>>) -> bool {
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
    pub(crate) fn withdraw_mark(&self, group: u32, mark: u32, made: MarkWord) {
        // Under the queue's lock, as every claim: a push that saw the mark alive there is not
        // overtaken by the next life of its slot.
        let queue = self.group(group).queue.lock();
        let claimed = self.mark(mark).claim(made).is_ok();
        drop(queue);
        if claimed {
            self.detach(group, mark, made.generation());
        }
    }

    /// Takes a mark that has ended out of its group and off its object. Whoever comes first does
    /// it; for the others there is nothing left.
    pub(crate) fn detach(&self, group: u32, mark: u32, generation: u64) {
        self.detach_and(group, mark, generation, Narrow::Now);
    }

    /// Takes marks off that have ended at once: group, mark and generation of each. Where many groups
    /// watch one object, what hooks look at is computed once for all of them, not once for each; until
    /// then hooks look at too much, which costs them a look.
    pub(crate) fn detach_all(
        &self,
        ended: &[(u32, u32, u64)],
        objects: impl Iterator<Item = InodeKey>,
    ) {
        if let [(group, mark, generation)] = *ended {
            return self.detach(group, mark, generation);
        }
        for (group, mark, generation) in ended {
            self.detach_and(*group, *mark, *generation, Narrow::WithTheLast);
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

    fn detach_and(&self, group: u32, mark: u32, generation: u64, narrow: Narrow) {
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
    fn take_off(&self, mark: u32, narrow: Narrow) -> Option<(u32, u32)> {
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

    /// Removes every mark on an inode, with what ended it and IGNORED to each group: it is dead.
    pub(crate) fn destroy_marks_on(&self, inode: Inode<'_>, end: EventMask) {
        let end = self.part_of(inode, end);
        while let Some(index) = inode.notify().connector_at_death() {
            count_items(1);
            let object = Some(Object::Inode(inode.key()));
            let first = {
                let connected = self.connector(index).lock();
                if connected.object() != object {
                    continue;
                }
                // The last one: taking it out moves no others.
                let Some(mark) = connected.marks().last().copied() else { continue };
                let slot = self.mark(mark);
                (slot.group(), mark, slot.word().generation())
            };
            let (group, mark, generation) = first;
            self.end_mark(group, mark, generation, end.as_ref());
            // All of them go: what hooks look at is computed when the last has gone.
            self.detach_and(group, mark, generation, Narrow::WithTheLast);
        }
    }

    /// Ends a group: first its queue, then its marks, a batch of them under each hold of its lock.
    pub(crate) fn close_group(&self, group: u32) {
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
            let mut popped: SmallVec<[u32; BATCH]> = (0..BATCH)
                .map_while(|_| {
                    marks.by_tag.pop_any(&mut MarkChains(self), &mut bucket, BUCKETS_PER_MARK)
                })
                .collect();
            fetch(popped.iter().map(|mark| {
                self.connector(self.mark(*mark).connector()).sole().unwrap_or_default()
            }));
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
        let connectors: SmallVec<[u32; BATCH]> =
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
fn release_if_empty(connected: &mut ConnectorGuard<'_>, inode: Inode<'_>) -> bool {
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
    marks: SmallVec<[u32; BATCH]>,
    /// Connectors with their inodes.
    connectors: SmallVec<[(u32, u32); BATCH]>,
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use crate::base::error::ErrorKind;
    use crate::base::sync::Arc;
    use crate::inotify::{Inotify, WatchMask};
    use crate::notify::Notifier;
    use crate::tree::{DentryRef, SuperblockRef, Tree};

    const GROUPS: usize = 2;

    /// A notifier whose slots run out, and two directories.
    fn small(marks: usize, connectors: usize) -> (Arc<Notifier>, [(SuperblockRef, DentryRef); 2]) {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::with_room(&tree, GROUPS, marks, connectors);
        let dirs = [1, 2].map(|ino| tree.add_superblock(ino).unwrap());
        (notifier, dirs)
    }

    /// The connector was there when the mark found no slot.
    #[test]
    fn a_mark_without_a_slot_leaves_no_connector_and_charges_nobody() {
        for (marks, connectors) in [(1, 9), (9, 1)] {
            let (notifier, [(_, one), (_, two)]) = small(marks, connectors);
            let inotify = Inotify::new(&notifier, 7).unwrap();
            let add = |dir: &DentryRef| {
                let added = inotify.add_watch_on(&dir.inode_ref(), WatchMask::ALL_EVENTS);
                added.map_err(|error| error.kind())
            };
            let wd = add(&one).unwrap();
            for _ in 0..3 {
                assert_eq!(add(&two), Err(ErrorKind::NoMemory));
                notifier.verify().unwrap();
                assert_eq!((notifier.usage(7), inotify.watch_count()), ((1, 1), 1));
                assert!(!two.get().inode().superblock.is_watched(), "the gate is shut again");
            }
            add(&one).expect("what is there can be changed");
            inotify.rm_watch(wd).unwrap();
            add(&two).expect("there is room again");
            notifier.verify().unwrap();
        }
    }

    #[test]
    fn a_group_without_a_slot_charges_nobody() {
        let (notifier, _dirs) = small(9, 9);
        let groups = [0; GROUPS].map(|_| Inotify::new(&notifier, 7).unwrap());
        for _ in 0..3 {
            let error = Inotify::new(&notifier, 7).unwrap_err();
            assert_eq!((error.kind(), notifier.usage(7)), (ErrorKind::NoMemory, (2, 0)));
        }
        drop(groups);
        assert_eq!(notifier.usage(7), (0, 0));
        Inotify::new(&notifier, 7).expect("there is room again");
    }
}

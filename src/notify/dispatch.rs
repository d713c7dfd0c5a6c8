//! Delivery of an event to the queues of the groups that want it.

use smallvec::SmallVec;

use crate::base::mask::EventMask;
use crate::base::name::NameRef;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, count_items};
use crate::notify::delivery_order::DeliveryOrder;
use crate::notify::group::GroupKind;
use crate::notify::mark::{COMBINES, MarkPage, MarkSlot};
use crate::notify::matched_marks::{Fired, Matched, Snapshot, is_candidate};
use crate::notify::mount_slot::MountSlot;
use crate::notify::notifier::Notifier;
use crate::notify::occurrence::{Actor, Data, Occurrence, Role, Target};
use crate::notify::parent::{ParentMatch, match_parent, parent_and_name};
use crate::notify::record::inotify;
use crate::notify::watched_object::{Watched, is_same_generation};
use crate::tree::hook_gate::GateWord;
use crate::tree::{Dentry, Inode};

/// The targets of an event that has more of them than the object and its parent.
type Targets<'a> = SmallVec<[Target<'a>; 4]>;

impl Notifier {
    /// Delivers one event, to each matching group once, in the order of priority. All records of a group are
    /// queued under one hold of its queue, in the order of the targets (G10). No connector is locked meanwhile.
    /// The targets are in the order of their roles.
    pub(crate) fn deliver(&self, on: &Occurrence<'_>, targets: &[Target<'_>]) {
        if let [target] = targets {
            self.deliver_to_one(on, target);
        } else {
            self.deliver_to_many(on, targets);
        }
    }

    /// [`Notifier::deliver`] for one target.
    #[inline(always)]
    fn deliver_to_one(&self, on: &Occurrence<'_>, target: &Target<'_>) {
        let targets = std::slice::from_ref(target);
        let Some(sole) = self.sole_mark(target) else { return self.deliver_to_many(on, targets) };
        if is_candidate(sole.word, on, target) {
            let mut fired = Fired::new();
            self.send_to_group(on, targets, &[sole], &mut fired);
            self.detach_all(&fired, std::iter::empty());
        }
    }

    /// [`Notifier::deliver`] for several targets, or for one with several marks.
    #[inline(never)]
    fn deliver_to_many(&self, on: &Occurrence<'_>, targets: &[Target<'_>]) {
        // Collect the matching marks of all targets.
        let mut snapshot = Snapshot::new();
        let several = targets.len() > 1;
        for (number, target) in targets.iter().enumerate() {
            let number = number as u8;
            // The caller has tried a lone target without the lock.
            match several.then(|| self.sole_mark(target)).flatten() {
                Some(sole) if is_candidate(sole.word, on, target) => {
                    let order = self.order_of(sole.order.group);
                    snapshot.push(Matched { order, target: number, ..sole });
                }
                Some(_) => {}
                None => self.collect(number, on, target, several, &mut snapshot),
            }
        }
        if several {
            // The marks of each target are sorted. The stable sort keeps the targets of a group in order.
            snapshot.sort_by_key(|matched| (matched.order, matched.target));
        }
        let mut fired = Fired::new();
        // Deliver to each group with all its marks.
        for run in snapshot.chunk_by(|one, two| one.order == two.order) {
            self.send_to_group(on, targets, run, &mut fired);
        }
        self.detach_all(&fired, targets.iter().map(|target| target.key));
    }

    /// The mark on an object that has exactly one, found without the connector's lock. `None` if there are more
    /// or fewer, or if a thread changes the connector at this moment.
    ///
    /// Every loaded word may belong to another life of its slot. The result is right all the same. A thread
    /// that attaches a mark writes its word after it has undone all state of the slot's last life, so the
    /// values that are loaded after the word are not older than the mark. Suppose the mark is alive in this
    /// generation later, under its group's queue. Then it was attached the whole time, to one object, with one
    /// connector. The second loads show that this connector still was this object's, and that the object's slot
    /// was not reused. The group is loaded last: if it is a later one, the mark has ended.
    #[inline(always)]
    fn sole_mark(&self, target: &Target<'_>) -> Option<Matched<'_>> {
        let connector = target.notify.connector()?;
        let at = self.connector(connector);
        let mark = at.sole()?;
        let page = self.mark_page(mark);
        let slot = page.slot(mark);
        let word = slot.word();
        let is_same = at.sole() == Some(mark)
            && target.notify.connector() == Some(connector)
            && is_same_generation(target.refs, target.key);
        let order = DeliveryOrder::of_one(slot.group());
        is_same.then_some(Matched { page, word, order, mark, target: 0 })
    }

    /// Takes a snapshot of the marks that match a target. The marks of one object are sorted already, so the
    /// order of groups is looked up only for an event with several targets.
    fn collect<'a>(
        &'a self,
        number: u8,
        on: &Occurrence<'_>,
        target: &Target<'_>,
        several: bool,
        snapshot: &mut Snapshot<'a>,
    ) {
        let Some(connector) = target.notify.connector() else { return };
        let connected = self.connector(connector).lock();
        if connected.object() != Some(target.key) {
            return;
        }
        count_items(connected.marks().len());
        snapshot.reserve(connected.marks().len());
        for &mark in connected.marks() {
            let page = self.mark_page(mark);
            let slot = page.slot(mark);
            let word = slot.word();
            if is_candidate(word, on, target) {
                let group = slot.group();
                let order =
                    if several { self.order_of(group) } else { DeliveryOrder::of_one(group) };
                snapshot.push(Matched { page, word, order, mark, target: number });
            }
        }
    }

    /// Queues an event for one group, for the marks in `run`. The caller detaches the one-shot marks in
    /// `fired`.
    fn send_to_group(
        &self,
        on: &Occurrence<'_>,
        targets: &[Target<'_>],
        run: &[Matched<'_>],
        fired: &mut Fired,
    ) {
        let Some(first) = run.first() else { return };
        // The group as it was when the mark matched: the mark's slot may be another group's by now.
        let mut kind = self.group(first.order.group).queue.lock();
        let wakeup = match &mut *kind {
            GroupKind::None => return,
            GroupKind::Inotify(queue) => {
                queue.fill(|queue| inotify::deliver(queue, on, targets, run, fired))
            }
            #[cfg(test)]
            GroupKind::FanotifyLike(queue) => queue.fill(|queue| {
                crate::notify::record::fanotify_like::deliver(queue, on, targets, run, fired);
            }),
        };
        drop(kind);
        wakeup.wake();
    }

    #[inline]
    fn mark_page(&self, mark: Ix<MarkSlot>) -> &MarkPage {
        self.marks().page(mark).expect("an index that was given out has a page").hot()
    }

    /// The slow path of a hook for an event on a dentry: by the gate that the hook loaded, some mark may match.
    /// `mount` belongs to path data, and is of this notifier.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_to_dentry(
        &self,
        actor: Actor,
        gate: GateWord,
        dentry: &Dentry<'_>,
        mount: Option<&MountSlot>,
        what: EventMask,
        is_path: bool,
    ) {
        let inode = &dentry.inode;
        if !Arc::ptr_eq(dentry.tree, self.tree()) {
            return;
        }
        let kind = inode.kind();
        let mut happened = what;
        if kind.is_dir() {
            happened |= EventMask::ISDIR;
        }
        // RULE special-file: a watched parent gets no read or write of a fifo, device or socket.
        let quiet =
            is_path && kind.is_special() && what.intersects(EventMask::ACCESS | EventMask::MODIFY);
        let hit =
            if !quiet && dentry.is_parent_watched() { match_parent(dentry, what) } else { None };
        let own = inode.notify().interest();
        let data = if is_path { Data::Path(dentry, mount) } else { Data::Dentry(dentry) };
        let unlinked = is_path && !dentry.is_hashed();
        let on = Occurrence { parent: hit.as_ref(), unlinked, ..Occurrence::new(actor, data) };
        let may_ask_name = own & EventMask::ON_CHILD.bits() != 0 && !kind.is_dir();
        // A mount, the superblock, or a mark that asks for the name needs more targets.
        if gate.reaches_beyond(what.bits()) || may_ask_name {
            return self.deliver_beyond(&on, hit.as_ref(), dentry, mount, happened);
        }
        // The targets are built in place: each is as large as a cache line.
        let to_object = || Target::of(*inode, Role::Inode, happened);
        let wants_own = own & what.bits() != 0;
        match (&hit, wants_own) {
            (Some(hit), false) => self.deliver_to_one(&on, &parent_target(hit, happened)),
            (None, true) => self.deliver_to_one(&on, &to_object()),
            (Some(hit), true) => self.deliver(&on, &[parent_target(hit, happened), to_object()]),
            (None, false) => {}
        }
    }

    /// [`Notifier::deliver_to_dentry`] where marks on the mount or the superblock may match, or where a mark
    /// asks for the name: all marks of a group must be combined for an event.
    #[cold]
    #[inline(never)]
    fn deliver_beyond(
        &self,
        on: &Occurrence<'_>,
        hit: Option<&ParentMatch<'_>>,
        dentry: &Dentry<'_>,
        mount: Option<&MountSlot>,
        happened: EventMask,
    ) {
        let inode = dentry.inode;
        let superblock = inode.superblock;
        let own = inode.notify().interest();
        let gate = superblock.gate().load();
        let of_mount = mount.map_or(0, |mount| mount.notify().interest());
        // RULE parent-for-the-name. The events of a directory, and so of a root, never need the name.
        let asks_name = |interest: u32| {
            let asks = interest & EventMask::ON_CHILD.bits() != 0;
            asks && interest & happened.intersection(EventMask::ALL_EVENTS).bits() != 0
        };
        let asked = [own, gate.interest(), of_mount].into_iter().any(asks_name);
        let named = match hit {
            None if asked && !inode.kind().is_dir() => parent_and_name(dentry),
            _ => None,
        };
        // Collect the targets in the order of their roles.
        let on = Occurrence { parent: hit.or(named.as_ref()), ..*on };
        let mut targets = Targets::new();
        targets.extend(hit.map(|hit| parent_target(hit, happened)));
        let events = happened.intersection(EventMask::ALL_EVENTS).bits();
        if own & events != 0 {
            targets.push(Target::of(inode, Role::Inode, happened));
        }
        if let Some(slot) = mount.filter(|slot| slot.notify().interest() & events != 0) {
            let index = slot.index();
            let mount = Watched::Mount { slot, index, superblock };
            targets.push(Target::beyond(mount, Role::Mount, happened));
        }
        if gate.interest() & events != 0 {
            let watched = Watched::Superblock(superblock);
            targets.push(Target::beyond(watched, Role::Superblock, happened));
        }
        self.deliver(&on, &targets);
    }

    /// Delivers an event of an inode, or of a directory's entries, to it and to its superblock.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_to_inode(
        &self,
        actor: Actor,
        data: Data<'_>,
        inode: Inode<'_>,
        happened: EventMask,
        name: &[u8],
    ) {
        if !self.tree().owns(inode) {
            return;
        }
        let on = Occurrence::new(actor, data);
        let own = Target::of(inode, Role::Inode, happened).named(NameRef::Bytes(name));
        let wanted =
            |interest: u32| interest & happened.intersection(EventMask::ALL_EVENTS).bits() != 0;
        if !wanted(inode.superblock.gate().load().interest()) {
            return self.deliver(&on, &[own]);
        }
        let watched = Watched::Superblock(inode.superblock);
        let beyond = Target::beyond(watched, Role::Superblock, happened);
        let beyond = beyond.named(NameRef::Bytes(name));
        if wanted(inode.notify().interest()) {
            self.deliver(&on, &[own, beyond]);
        } else {
            self.deliver(&on, &[beyond]);
        }
    }

    /// Delivers the death of an inode to the groups that combine their marks, on the inode and on its superblock.
    /// Other groups get the event when their mark on the inode ends. Called once for each dentry of the inode
    /// that dies.
    pub(crate) fn deliver_death(&self, inode: Inode<'_>, happened: EventMask) {
        let beyond = inode.superblock.gate().load();
        if (beyond.interest() | inode.notify().interest()) & COMBINES == 0
            || !self.tree().owns(inode)
        {
            return;
        }
        let data = Data::Inode(inode);
        let on = Occurrence { is_death: true, ..Occurrence::new(Actor::default(), data) };
        let own = Target::of(inode, Role::Inode, happened);
        let superblock = Watched::Superblock(inode.superblock);
        self.deliver(&on, &[own, Target::beyond(superblock, Role::Superblock, happened)]);
    }

    /// Delivers a rename as one event to the old directory, the new one and the superblock. A target that does
    /// not want its part is included too, since a group may need both names.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_rename(
        &self,
        actor: Actor,
        cookie: u32,
        (old_dir, old_name): (Inode<'_>, &[u8]),
        (new_dir, new_name): (Inode<'_>, &[u8]),
        moved: Inode<'_>,
    ) {
        let flag = if moved.kind().is_dir() { EventMask::ISDIR } else { EventMask::empty() };
        let on = Occurrence { cookie, ..Occurrence::new(actor, Data::Rename(moved)) };
        let (from, to) = (EventMask::MOVED_FROM, EventMask::MOVED_TO);
        let is_marked = |inode: Inode<'_>, what: EventMask| {
            inode.notify().interest() & (what.bits() | COMBINES) != 0 && self.tree().owns(inode)
        };
        let old = Target::of(old_dir, Role::Inode, from | flag).named(NameRef::Bytes(old_name));
        let new =
            Target::of(new_dir, Role::NewDirectory, to | flag).named(NameRef::Bytes(new_name));
        let mut targets = Targets::new();
        targets.extend(Some(old).filter(|_| is_marked(old_dir, from)));
        targets.extend(Some(new).filter(|_| is_marked(new_dir, to)));
        // The superblock gets one target for both names.
        let superblock = moved.superblock;
        let wanted = superblock.gate().load().interest() & (from | to).bits() != 0;
        if wanted && self.tree().owns(moved) {
            let watched = Watched::Superblock(superblock);
            targets.push(Target::beyond(watched, Role::Superblock, from | to | flag));
        }
        self.deliver(&on, &targets);
    }
}

/// The target of a directory for an event of its child.
#[inline(always)]
pub(super) fn parent_target<'a>(hit: &'a ParentMatch<'a>, happened: EventMask) -> Target<'a> {
    let at = Target::at(hit.page, hit.key, Role::Parent, happened | EventMask::ON_CHILD);
    at.named(NameRef::Name(&hit.name))
}

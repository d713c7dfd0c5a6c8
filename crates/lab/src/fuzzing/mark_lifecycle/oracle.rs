//! The watches and events of every group, by the rules of inotify(7) and of this crate, in plain maps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vfsnotify::inotify::{Event, QueueStats};
use vfsnotify::notify::Limits;
use vfsnotify::{Errno, EventMask};

pub(crate) const USERS: [u32; 2] = [0, 7];
const EVENTS: u32 = 0xfff;
const EXCL_UNLINK: u32 = 0x0400_0000;
const MASK_CREATE: u32 = 0x1000_0000;
const MASK_ADD: u32 = 0x2000_0000;
const ONESHOT: u32 = 0x8000_0000;
const LASTING: u32 = EVENTS | EXCL_UNLINK | ONESHOT;

/// One watch of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) object: usize,
    /// Events and the two flags that last.
    pub(crate) bits: u32,
    /// Which watch it is, of all there ever were.
    pub(crate) serial: u64,
    /// It was changed since it was made.
    is_changed: bool,
}

impl Watch {
    /// The events it wants; that its file system goes is always among them.
    fn wants(&self) -> EventMask {
        EventMask::from_bits_retain(self.bits & EVENTS) | EventMask::UNMOUNT
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Queued {
    wd: i32,
    /// With ON_CHILD, which no reader sees and which events are told apart by.
    mask: EventMask,
    cookie: u32,
    name: Vec<u8>,
}

/// A group: its watches by descriptor, and its queue.
#[derive(Debug)]
pub(crate) struct Group {
    user: u32,
    pub(crate) closed: bool,
    pub(crate) watches: BTreeMap<i32, Watch>,
    last_wd: i32,
    queue: VecDeque<Queued>,
    limit: usize,
    lost: u32,
    overflowed: bool,
    stats: QueueStats,
}

impl Group {
    fn push(&mut self, new: Queued) {
        if self.closed {
            return;
        }
        if self.queue.len() >= self.limit {
            self.lost += 1;
            self.stats.lost += 1;
            if !self.overflowed {
                self.overflowed = true;
                let mask = EventMask::Q_OVERFLOW;
                self.queue.push_back(Queued { wd: -1, mask, cookie: 0, name: Vec::new() });
            }
            return;
        }
        let merges = self.queue.back().is_some_and(|tail| {
            let same = (tail.wd, tail.mask, &tail.name) == (new.wd, new.mask, &new.name);
            same && !tail.mask.contains(EventMask::IGNORED)
        });
        if merges {
            self.stats.merged += 1;
        } else {
            self.stats.queued += 1;
            self.queue.push_back(new);
        }
    }

    fn ignore(&mut self, wd: i32) {
        self.push(Queued { wd, mask: EventMask::IGNORED, cookie: 0, name: Vec::new() });
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The counts of the events so far.
    pub(crate) fn stats(&self) -> QueueStats {
        self.stats
    }

    /// Brings the events of each watch together, in their order.
    pub(crate) fn sort(&mut self) {
        self.queue.make_contiguous().sort_by_key(|event| event.wd);
    }

    /// Takes the oldest event and sees that it is this one.
    pub(crate) fn expect(&mut self, event: &Event) {
        let wanted = self.queue.pop_front().expect("an event that must not be there");
        match event {
            Event::Overflow { lost } => {
                assert_eq!((wanted.wd, *lost), (-1, std::mem::take(&mut self.lost)));
                self.overflowed = false;
            }
            Event::Fs(event) => {
                let mask = wanted.mask.difference(EventMask::ON_CHILD);
                assert_eq!(
                    (event.wd.as_raw(), event.mask, event.cookie, event.name.as_bytes()),
                    (wanted.wd, mask, wanted.cookie, &wanted.name[..])
                );
            }
        }
    }

    /// The next free descriptor, going round from 1.
    fn next_wd(&mut self) -> i32 {
        let used: BTreeSet<i32> = self.watches.keys().copied().collect();
        let mut wd = self.last_wd.checked_add(1).unwrap_or(1);
        while used.contains(&wd) {
            wd = wd.checked_add(1).unwrap_or(1);
        }
        self.last_wd = wd;
        wd
    }

    pub(crate) fn set_next_wd(&mut self, wd: i32) {
        self.last_wd = wd - 1;
    }

    pub(crate) fn find(&self, object: usize) -> Option<i32> {
        let mut found = self.watches.iter().filter(|(_, watch)| watch.object == object);
        found.next().map(|(wd, _)| *wd)
    }
}

/// One object's share of an event.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) object: usize,
    pub(crate) mask: EventMask,
    pub(crate) name: Vec<u8>,
    pub(crate) cookie: u32,
    /// Reached through an open file whose name has gone.
    pub(crate) unlinked: bool,
}

impl Part {
    pub(crate) fn of(object: usize, mask: EventMask) -> Self {
        Self { object, mask, name: Vec::new(), cookie: 0, unlinked: false }
    }

    pub(crate) fn named(self, name: &[u8]) -> Self {
        Self { name: name.to_vec(), ..self }
    }
}

/// The result of an add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) wd: i32,
    pub(crate) serial: u64,
    pub(crate) inserted: bool,
}

pub(crate) struct Oracle {
    pub(crate) groups: Vec<Option<Group>>,
    limits: Limits,
    serial: u64,
}

impl Oracle {
    pub(crate) fn new(groups: usize, limits: Limits) -> Self {
        Self { groups: (0..groups).map(|_| None).collect(), limits, serial: 0 }
    }

    pub(crate) fn group(&mut self, at: usize) -> Option<&mut Group> {
        self.groups[at].as_mut()
    }

    fn open_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().flatten().filter(|group| !group.closed)
    }

    /// Groups and watches of a user.
    pub(crate) fn usage(&self, user: u32) -> (u32, u32) {
        let own = self.open_groups().filter(|group| group.user == user);
        own.fold((0, 0), |(groups, watches), group| {
            (groups + 1, watches + u32::try_from(group.watches.len()).expect("a few"))
        })
    }

    pub(crate) fn open(&mut self, at: usize, user: u32) -> Result<(), Errno> {
        if self.usage(user).0 >= self.limits.max_user_instances {
            return Err(Errno::EMFILE);
        }
        self.groups[at] = Some(Group {
            user,
            closed: false,
            watches: BTreeMap::new(),
            last_wd: 0,
            queue: VecDeque::new(),
            limit: self.limits.max_queued_events,
            lost: 0,
            overflowed: false,
            stats: QueueStats::default(),
        });
        Ok(())
    }

    pub(crate) fn close(&mut self, at: usize) {
        if let Some(group) = self.groups[at].as_mut().filter(|group| !group.closed) {
            group.closed = true;
            group.watches.clear();
            group.queue.clear();
            group.last_wd = 0;
        }
    }

    /// How many watches there are on an object.
    fn marks(&self, object: usize) -> usize {
        self.open_groups().filter(|group| group.find(object).is_some()).count()
    }

    /// Which events of children some mark wants of a directory.
    pub(crate) fn child_interest(&self, object: usize) -> EventMask {
        let on = self.open_groups().flat_map(|group| group.watches.values());
        let on = on.filter(|watch| watch.object == object);
        let all = on.fold(EventMask::empty(), |all, watch| all | watch.wants());
        all & EventMask::CHILD_POSSIBLE
    }

    /// Adds a watch on an object with a mask that is a good one, or changes the one there is.
    pub(crate) fn add(
        &mut self,
        at: usize,
        object: usize,
        bits: u32,
        gone: bool,
    ) -> Result<Added, Errno> {
        let marks = self.marks(object);
        let limits = self.limits;
        let group = self.groups[at].as_ref().expect("a group");
        if group.closed {
            return Err(Errno::ESHUTDOWN);
        }
        let (_, watches) = self.usage(group.user);
        let group = self.groups[at].as_mut().expect("a group");
        if let Some(wd) = group.find(object) {
            if bits & MASK_CREATE != 0 {
                return Err(Errno::EEXIST);
            }
            let watch = group.watches.get_mut(&wd).expect("it was found");
            let kept = if bits & MASK_ADD != 0 { watch.bits } else { 0 };
            (watch.bits, watch.is_changed) = (kept | bits & LASTING, true);
            return Ok(Added { wd, serial: watch.serial, inserted: false });
        }
        // It is used up whatever comes of it.
        let wd = group.next_wd();
        if gone {
            return Err(Errno::ENOENT);
        }
        if marks >= limits.max_object_marks || watches >= limits.max_user_watches {
            return Err(Errno::ENOSPC);
        }
        self.serial += 1;
        let serial = self.serial;
        let watch = Watch { object, bits: bits & LASTING, serial, is_changed: false };
        group.watches.insert(wd, watch);
        Ok(Added { wd, serial, inserted: true })
    }

    pub(crate) fn remove(&mut self, at: usize, wd: i32) -> Result<(), Errno> {
        let group = self.groups[at].as_mut().expect("a group");
        group.watches.remove(&wd).ok_or(Errno::EINVAL)?;
        group.ignore(wd);
        Ok(())
    }

    /// A pending watch is dropped before its caller had the descriptor.
    pub(crate) fn withdraw(&mut self, at: usize, added: Added) {
        let Some(group) = self.groups[at].as_mut() else { return };
        let same = |watch: &Watch| watch.serial == added.serial && !watch.is_changed;
        if added.inserted && group.watches.get(&added.wd).is_some_and(same) {
            group.watches.remove(&added.wd);
        }
    }

    /// Something happened to these objects at once.
    pub(crate) fn happen(&mut self, parts: &[Part]) {
        for group in self.groups.iter_mut().flatten() {
            for part in parts {
                let Some(wd) = group.find(part.object) else { continue };
                let watch = group.watches[&wd];
                let silent = part.unlinked && watch.bits & EXCL_UNLINK != 0;
                if silent || !watch.wants().intersects(part.mask) {
                    continue;
                }
                let mut mask = part.mask;
                if mask.intersects(EventMask::MOVE_SELF | EventMask::DELETE_SELF) {
                    mask.remove(EventMask::ISDIR);
                }
                group.push(Queued { wd, mask, cookie: part.cookie, name: part.name.clone() });
                if watch.bits & ONESHOT != 0 {
                    group.ignore(wd);
                    group.watches.remove(&wd);
                }
            }
        }
    }

    /// An object is gone, and every watch on it.
    pub(crate) fn mark_dead(&mut self, object: usize) {
        for group in self.groups.iter_mut().flatten() {
            if let Some(wd) = group.find(object) {
                group.ignore(wd);
                group.watches.remove(&wd);
            }
        }
    }
}

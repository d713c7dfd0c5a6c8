//! The model of an inotify instance: its watches and its queue (`docs/rules.md`, inotify).

use std::collections::{BTreeMap, VecDeque};

use vfsnotify::inotify::WatchMask;
use vfsnotify::{Errno, EventMask};

use crate::outcome::Event as Delivered;

/// A watch. There is one for each instance and inode, whatever the path was.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) inode: u32,
    /// The twelve events it is for.
    pub(crate) events: u32,
    pub(crate) oneshot: bool,
    pub(crate) excl_unlink: bool,
    /// Which of all that had its descriptor.
    pub(crate) serial: u32,
    /// How often it was added again.
    pub(crate) changes: u32,
}

/// Something that happened to an inode, or to a child of it.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) inode: u32,
    pub(crate) mask: EventMask,
    pub(crate) cookie: u32,
    pub(crate) name: &'a str,
    /// It came through the parent. A reader does not see it, but it keeps events apart.
    pub(crate) of_child: bool,
    /// It has path data, and the dentry has no name any more.
    pub(crate) unlinked: bool,
}

#[derive(Clone, Debug)]
struct Queued {
    delivered: Delivered,
    of_child: bool,
    /// Of which unmount it is.
    unmount: Option<u32>,
}

/// The counts of the events: queued, merged, lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals(pub(crate) u64, pub(crate) u64, pub(crate) u64);

/// An instance.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: u32,
    pub(crate) user: u32,
    pub(crate) open: bool,
    pub(crate) watches: BTreeMap<i32, Watch>,
    pub(crate) totals: Totals,
    last_wd: i32,
    queue: VecDeque<Queued>,
    limit: usize,
    /// Lost since the overflow that is queued.
    lost: u32,
    /// How many watches there have been.
    serial: u32,
    /// The watches that each unmount took away and whose UNMOUNT is not read yet, and
    /// whether they were of directories.
    unmounts: BTreeMap<u32, Vec<(i32, bool)>>,
}

impl Group {
    /// RULE limits-when-checked: the limit of the queue is taken here.
    pub(crate) fn new(id: u32, user: u32, limit: usize) -> Self {
        Self {
            id,
            user,
            open: true,
            watches: BTreeMap::new(),
            totals: Totals::default(),
            last_wd: 0,
            queue: VecDeque::new(),
            limit,
            lost: 0,
            serial: 0,
            unmounts: BTreeMap::new(),
        }
    }

    /// Watches go without IGNORED, events are dropped (3, IGNORED).
    pub(crate) fn close(&mut self) {
        self.open = false;
        self.watches.clear();
        self.queue.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// FIONREAD: the exact bytes of all that is queued.
    pub(crate) fn bytes(&self) -> usize {
        self.queue.iter().map(|queued| bytes_of(&queued.delivered)).sum()
    }

    fn watch_on(&self, inode: u32) -> Option<i32> {
        self.watches.iter().find(|(_, watch)| watch.inode == inode).map(|(wd, _)| *wd)
    }

    pub(crate) fn watches_inode(&self, inode: u32) -> bool {
        self.watch_on(inode).is_some()
    }

    /// add_watch once the object is found. `may_charge`: whether there may be one more.
    pub(crate) fn add(
        &mut self,
        inode: u32,
        mask: WatchMask,
        may_charge: bool,
    ) -> Result<i32, Errno> {
        if !self.open {
            return Err(Errno::ESHUTDOWN);
        }
        let new = Watch {
            inode,
            events: mask.bits() & 0xfff,
            oneshot: mask.contains(WatchMask::ONESHOT),
            excl_unlink: mask.contains(WatchMask::EXCL_UNLINK),
            serial: self.serial,
            changes: 0,
        };
        if let Some(wd) = self.watch_on(inode) {
            let old = self.watches[&wd].clone();
            if mask.contains(WatchMask::MASK_CREATE) {
                return Err(Errno::EEXIST);
            }
            // RULE mask-add adds flags too; RULE re-add-replaces replaces them too.
            let mut watch = if mask.contains(WatchMask::MASK_ADD) {
                Watch {
                    events: old.events | new.events,
                    oneshot: old.oneshot || new.oneshot,
                    excl_unlink: old.excl_unlink || new.excl_unlink,
                    ..new
                }
            } else {
                new
            };
            (watch.serial, watch.changes) = (old.serial, old.changes + 1);
            self.watches.insert(wd, watch);
            return Ok(wd);
        }
        // RULE descriptor-order; an add that fails at the limit uses a number up (RULE burned-descriptor).
        loop {
            self.last_wd = self.last_wd.checked_add(1).unwrap_or(1);
            if !self.watches.contains_key(&self.last_wd) {
                break;
            }
        }
        if !may_charge {
            return Err(Errno::ENOSPC);
        }
        self.serial += 1;
        self.watches.insert(self.last_wd, new);
        Ok(self.last_wd)
    }

    /// rm_watch: IGNORED, and what is queued stays.
    pub(crate) fn remove(&mut self, wd: i32) -> Result<(), Errno> {
        self.watches.remove(&wd).ok_or(Errno::EINVAL)?;
        self.push_ignored(wd);
        Ok(())
    }

    pub(crate) fn set_next_wd(&mut self, wd: i32) -> Result<(), Errno> {
        if wd < 1 {
            return Err(Errno::EINVAL);
        }
        if !self.open {
            return Err(Errno::ESHUTDOWN);
        }
        self.last_wd = wd - 1;
        Ok(())
    }

    /// Delivery to this instance: its own mask must match (RULE own-mask), and an event that matches
    /// is reported with all its bits (RULE whole-event). A one-shot goes with it, whatever becomes of
    /// the event.
    pub(crate) fn deliver(&mut self, event: &Event<'_>) {
        let Some(wd) = self.watch_on(event.inode) else { return };
        let watch = &self.watches[&wd];
        if watch.events & event.mask.bits() == 0 || (watch.excl_unlink && event.unlinked) {
            return;
        }
        let oneshot = watch.oneshot;
        let mut mask = event.mask;
        if mask.intersects(EventMask::MOVE_SELF | EventMask::DELETE_SELF) {
            mask.remove(EventMask::ISDIR);
        }
        let delivered = Delivered {
            wd,
            mask: mask.bits(),
            cookie: event.cookie,
            name: event.name.as_bytes().to_vec(),
            lost: 0,
        };
        self.push(Queued { delivered, of_child: event.of_child, unmount: None });
        if oneshot {
            self.watches.remove(&wd);
            self.push_ignored(wd);
        }
    }

    /// The object is dead: its watch goes, and says so.
    pub(crate) fn object_died(&mut self, inode: u32) {
        if let Some(wd) = self.watch_on(inode) {
            self.watches.remove(&wd);
            self.push_ignored(wd);
        }
    }

    /// The file system of some watches is gone. `is_here` says of an inode whether it was there,
    /// and if so whether it was a directory.
    pub(crate) fn unmounted(&mut self, is_here: impl Fn(u32) -> Option<bool>) {
        let gone = self.watches.iter().filter_map(|(wd, watch)| Some((*wd, is_here(watch.inode)?)));
        let gone: Vec<(i32, bool)> = gone.collect();
        self.serial += 1;
        for (wd, is_dir) in &gone {
            self.watches.remove(wd);
            let masks = [unmount_mask(*is_dir), EventMask::IGNORED.bits()];
            for mask in masks {
                let delivered = Delivered { wd: *wd, mask, cookie: 0, name: Vec::new(), lost: 0 };
                self.push(Queued { delivered, of_child: false, unmount: Some(self.serial) });
            }
        }
        self.unmounts.insert(self.serial, gone);
    }

    /// Lets the watches that an unmount took away have gone in the order in which they were read
    /// to go, as far as it took them away.
    pub(crate) fn reorder(&mut self, read: &[i32]) {
        let is_unmount = |queued: &Queued| queued.delivered.mask & EventMask::UNMOUNT.bits() != 0;
        for (nth, wd) in read.iter().enumerate() {
            let all = self.queue.iter().filter(|queued| is_unmount(queued));
            let Some(Queued { delivered, unmount: Some(unmount), .. }) = all.clone().nth(nth)
            else {
                return;
            };
            let (other, unmount) = (delivered.wd, *unmount);
            let gone = &self.unmounts[&unmount];
            let of = |wd: i32| gone.iter().find(|(gone, _)| *gone == wd).map(|(_, dir)| *dir);
            let (Some(is_dir), Some(other_dir)) = (of(*wd), of(other)) else { return };
            for queued in self.queue.iter_mut().filter(|queued| queued.unmount == Some(unmount)) {
                let (new, new_dir) = match queued.delivered.wd {
                    old if old == *wd => (other, other_dir),
                    old if old == other => (*wd, is_dir),
                    _ => continue,
                };
                queued.delivered.wd = new;
                if is_unmount(queued) {
                    queued.delivered.mask = unmount_mask(new_dir);
                }
            }
        }
    }

    fn push_ignored(&mut self, wd: i32) {
        let mask = EventMask::IGNORED.bits();
        let delivered = Delivered { wd, mask, cookie: 0, name: Vec::new(), lost: 0 };
        self.push(Queued { delivered, of_child: false, unmount: None });
    }

    /// RULE overflow: the limit comes before merging. RULE inotify-merge: only the last event is looked
    /// at, and not its cookie.
    fn push(&mut self, new: Queued) {
        if self.queue.len() >= self.limit {
            self.lost += 1;
            self.totals.2 += 1;
            if !self.queue.iter().any(|queued| queued.delivered.wd == -1) {
                let mask = EventMask::Q_OVERFLOW.bits();
                let delivered = Delivered { wd: -1, mask, cookie: 0, name: Vec::new(), lost: 0 };
                self.queue.push_back(Queued { delivered, of_child: false, unmount: None });
            }
            return;
        }
        if let Some(Queued { delivered: tail, of_child, .. }) = self.queue.back()
            && tail.mask & EventMask::IGNORED.bits() == 0
            && (tail.wd, tail.mask, &tail.name, *of_child)
                == (new.delivered.wd, new.delivered.mask, &new.delivered.name, new.of_child)
        {
            self.totals.1 += 1;
            return;
        }
        self.totals.0 += 1;
        self.queue.push_back(new);
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&mut self) -> Option<Delivered> {
        let Queued { mut delivered, unmount, .. } = self.queue.pop_front()?;
        if let Some(gone) = unmount.and_then(|unmount| self.unmounts.get_mut(&unmount))
            && delivered.mask & EventMask::UNMOUNT.bits() != 0
        {
            gone.retain(|(wd, _)| *wd != delivered.wd);
        }
        if delivered.wd == -1 {
            delivered.lost = std::mem::take(&mut self.lost);
        }
        Some(delivered)
    }

    /// read(2), RULE read-whole-events: whole events while they fit; the first must.
    pub(crate) fn read(&mut self, size: usize) -> Result<Vec<Delivered>, Errno> {
        let mut room = size;
        let mut all = Vec::new();
        while let Some(front) = self.queue.front() {
            let len = bytes_of(&front.delivered);
            if len > room {
                break;
            }
            room -= len;
            // The bytes do not say how many were lost.
            all.extend(self.pop().map(|delivered| Delivered { lost: 0, ..delivered }));
        }
        match (all.is_empty(), self.queue.is_empty(), self.open) {
            (false, _, _) => Ok(all),
            (true, false, _) => Err(Errno::EINVAL),
            (true, true, true) => Err(Errno::EAGAIN),
            (true, true, false) => Err(Errno::ESHUTDOWN),
        }
    }
}

fn unmount_mask(is_dir: bool) -> u32 {
    let isdir = if is_dir { EventMask::ISDIR } else { EventMask::empty() };
    (EventMask::UNMOUNT | isdir).bits()
}

/// The size as `struct inotify_event`: a name has a NUL and is padded to 16.
fn bytes_of(delivered: &Delivered) -> usize {
    let name = delivered.name.len();
    16 + if name == 0 { 0 } else { (name + 1).next_multiple_of(16) }
}

//! The acts, on a world and on the oracle, and the comparison after each act.

mod endings;
mod watches;

use arbitrary::Arbitrary;
use vfsnotify::EventMask;
use vfsnotify::inotify::{Event, Inotify, PendingWatch, WatchDescriptor};

use super::objects::Objects;
use super::oracle::{Added, Oracle, USERS};
use super::scenes;
use super::world::{Limited, Path, World};

const GROUPS: usize = 6;
const SLOTS: usize = 3;
const PENDING: usize = 4;
/// The root, the other root; two directories, the first of which is large; files in all.
pub(crate) const BIG: usize = 2;
/// The value picked most of the time.
const NAMED: usize = 12;

/// The name that an object is made with.
fn name_of(object: usize) -> Vec<u8> {
    format!("o{object}").into_bytes()
}

/// The events of a rename.
fn new_name(name: u8) -> Vec<u8> {
    vec![b'r', b'0' + name % 8]
}

/// All names that this many objects may have.
pub(crate) fn names(objects: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..objects).map(name_of).chain((0..8).map(new_name))
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Act {
    Group { at: u8, user: bool },
    CloseGroup(u8),
    DropGroup(u8),
    Add { group: u8, object: u8, bits: u32, how: How },
    Step(u8),
    Wait(u8),
    DropPending(u8),
    RemoveWatch { group: u8, watch: u8 },
    NextWd { group: u8, wd: i32 },
    Next(u8),
    Drain(u8),
    Make { dir: u8, is_dir: bool },
    Remove(u8),
    Rename { object: u8, dir: u8, name: u8 },
    Touch(u8),
    Open { slot: u8, object: u8 },
    Modify(u8),
    Close(u8),
    Unmount,
}

/// How an add is done.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum How {
    /// And waited for.
    Now,
    /// And kept, to be stepped.
    Pending(u8),
}

/// In which order everything ends.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct End {
    order: Vec<u8>,
    notifier_first: bool,
}

struct Pending {
    watch: PendingWatch,
    group: usize,
    object: usize,
    added: Added,
    epoch: u64,
}

/// The state of a directory's walk: which session of watching it is, and whether a caller has
/// been told that it is ready.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    epoch: u64,
    ready: bool,
}

pub(crate) struct Run<W> {
    world: W,
    oracle: Oracle,
    objects: Objects,
    groups: Vec<Option<Inotify>>,
    pending: Vec<Option<Pending>>,
    slots: [Option<usize>; SLOTS],
    sessions: Vec<Session>,
    unmounted: bool,
}

impl<W: World> Run<W> {
    pub(crate) fn new(world: W, limited: Limited) -> Self {
        let oracle = Oracle::new(GROUPS, limited.limits());
        let mut run = Self {
            world,
            oracle,
            objects: Objects::default(),
            groups: (0..GROUPS).map(|_| None).collect(),
            pending: (0..PENDING).map(|_| None).collect(),
            slots: [None; SLOTS],
            sessions: Vec::new(),
            unmounted: false,
        };
        run.objects.root(false);
        run.objects.root(true);
        run.sessions.resize(2, Session::default());
        for (dir, is_dir) in [(0, true), (0, true), (1, false), (1, true), (2, false), (2, false)] {
            run.make(dir, is_dir);
        }
        for (dir, is_dir) in [(3, false), (3, true), (2, true), (0, false)] {
            run.make(dir, is_dir);
        }
        for _ in 0..limited.crowd() {
            run.make(BIG, false);
        }
        run
    }

    fn make(&mut self, dir: usize, is_dir: bool) {
        let object = self.objects.all.len();
        let name = name_of(object);
        let Some(mut path) = self.objects.path(dir) else { return };
        if !self.objects.all[dir].is_dir || self.objects.child_of(dir, &name).is_some() {
            return;
        }
        path.push(name.clone());
        self.world.make(object, &path, is_dir);
        self.objects.made(&mut self.oracle, dir, &name, is_dir);
        self.sessions.push(Session::default());
    }

    /// Most picks are of the few that have a part in everything.
    fn pick(&self, byte: u8) -> usize {
        let many = self.objects.all.len();
        let byte = usize::from(byte);
        if byte < 200 { byte % NAMED.min(many) } else { many - 1 - (byte - 200) % many }
    }

    pub(crate) fn all(mut self, acts: &[Act], end: &End) {
        for act in acts {
            self.act(*act);
            self.follow_sessions();
            self.check();
        }
        self.end(end);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Group { at, user } => {
                self.group(usize::from(at) % GROUPS, USERS[usize::from(user)])
            }
            Act::CloseGroup(at) => {
                let at = usize::from(at) % GROUPS;
                if let Some(group) = &self.groups[at] {
                    group.close();
                    self.oracle.close(at);
                }
            }
            Act::DropGroup(at) => self.drop_group(usize::from(at) % GROUPS),
            Act::Add { group, object, bits, how } => {
                self.add(usize::from(group) % GROUPS, self.pick(object), bits, how);
            }
            Act::Step(at) => self.step(usize::from(at) % PENDING),
            Act::Wait(at) => self.wait(usize::from(at) % PENDING),
            Act::DropPending(at) => self.drop_pending(usize::from(at) % PENDING),
            Act::RemoveWatch { group, watch } => {
                self.remove_watch(usize::from(group) % GROUPS, usize::from(watch));
            }
            Act::NextWd { group, wd } => {
                let at = usize::from(group) % GROUPS;
                let Some(inotify) = &self.groups[at] else { return };
                let set = inotify.set_next_wd(WatchDescriptor::from_raw(wd));
                let Some(group) = self.oracle.group(at) else { return };
                assert_eq!(set.is_ok(), wd > 0 && !group.closed);
                if set.is_ok() {
                    group.set_next_wd(wd);
                }
            }
            Act::Next(at) => self.read(usize::from(at) % GROUPS, 1),
            Act::Drain(at) => {
                self.scene(at);
                self.read(usize::from(at) % GROUPS, usize::MAX);
            }
            Act::Make { dir, is_dir } => self.make(self.pick(dir), is_dir),
            Act::Remove(object) => self.remove(self.pick(object)),
            Act::Rename { object, dir, name } => {
                self.rename(self.pick(object), self.pick(dir), name);
            }
            Act::Touch(object) => {
                let object = self.pick(object);
                let Some(path) = self.objects.path(object) else { return };
                let flagged = self.is_flagged(object, &path);
                self.world.touch(&path);
                let event = (flagged, false);
                self.objects.child_event(&mut self.oracle, object, EventMask::ATTRIB, event);
            }
            Act::Open { slot, object } => self.open(usize::from(slot) % SLOTS, self.pick(object)),
            Act::Modify(slot) => {
                let slot = usize::from(slot) % SLOTS;
                let Some(object) = self.slots[slot] else { return };
                if !self.objects.all[object].is_dir {
                    let flagged = self.is_slot_flagged(slot, object);
                    self.world.modify(slot);
                    let event = (flagged, true);
                    self.objects.child_event(&mut self.oracle, object, EventMask::MODIFY, event);
                }
            }
            Act::Close(slot) => self.close(usize::from(slot) % SLOTS),
            Act::Unmount => self.unmount(),
        }
    }

    /// Plays a scene, if this is the number of one.
    fn scene(&mut self, number: u8) {
        for act in scenes::scene(number) {
            self.act(act);
            self.follow_sessions();
            self.check();
        }
    }

    /// The flag, which decides what a directory is told; after a caller was told that a watch is
    /// ready it is certain.
    fn expect_flag(&self, object: usize, flagged: bool) -> bool {
        if let Some((dir, _)) = &self.objects.all[object].place {
            assert!(flagged || !self.sessions[*dir].ready, "{object} in {dir} lacks the flag");
        }
        flagged
    }

    fn is_flagged(&self, object: usize, path: &Path) -> bool {
        self.expect_flag(object, self.world.is_flagged(path))
    }

    fn is_slot_flagged(&self, slot: usize, object: usize) -> bool {
        self.expect_flag(object, self.world.is_slot_flagged(slot))
    }

    fn remove(&mut self, object: usize) {
        let of = &self.objects.all[object];
        let Some(path) = self.objects.path(object) else { return };
        if of.place.is_some() && self.objects.is_empty(object) {
            self.world.remove(&path, of.is_dir);
            self.objects.removed(&mut self.oracle, object);
        }
    }

    fn rename(&mut self, object: usize, dir: usize, name: u8) {
        let of = &self.objects.all[object];
        let to = &self.objects.all[dir];
        let name = match name % 4 {
            0 => name_of(object),
            _ => new_name(name),
        };
        let (Some(from), Some(mut path)) = (self.objects.path(object), self.objects.path(dir))
        else {
            return;
        };
        let can = of.place.is_some()
            && to.is_dir
            && of.second == to.second
            && !self.objects.is_above(object, dir)
            && self.objects.child_of(dir, &name).is_none();
        if can {
            path.push(name.clone());
            self.world.rename(&from, &path);
            self.objects.renamed(&mut self.oracle, object, dir, &name);
        }
    }

    fn open(&mut self, slot: usize, object: usize) {
        let Some(path) = self.objects.path(object) else { return };
        self.close(slot);
        // Closing may have been the end of it.
        if self.objects.path(object).is_none() {
            return;
        }
        let flagged = self.is_flagged(object, &path);
        self.world.open(slot, &path);
        self.objects.all[object].open += 1;
        self.slots[slot] = Some(object);
        let event = (flagged, true);
        self.objects.child_event(&mut self.oracle, object, EventMask::OPEN, event);
    }

    fn close(&mut self, slot: usize) {
        let Some(object) = self.slots[slot].take() else { return };
        let is_dir = self.objects.all[object].is_dir;
        let what = if is_dir { EventMask::CLOSE_NOWRITE } else { EventMask::CLOSE_WRITE };
        let flagged = self.is_slot_flagged(slot, object);
        self.world.close(slot);
        self.objects.child_event(&mut self.oracle, object, what, (flagged, true));
        self.objects.all[object].open -= 1;
        self.objects.may_die(&mut self.oracle, object);
    }

    fn unmount(&mut self) {
        let busy = |object: &usize| self.objects.all[*object].second;
        if self.unmounted || self.slots.iter().flatten().any(busy) {
            return;
        }
        // No rule says which inode is told first: with room for all the order does not
        // matter but for that of each watch.
        for at in 0..GROUPS {
            self.read(at, usize::MAX);
        }
        self.unmounted = true;
        self.world.unmount();
        self.objects.unmounted(&mut self.oracle);
        for (inotify, group) in self.groups.iter().zip(&mut self.oracle.groups) {
            let (Some(inotify), Some(group)) = (inotify, group) else { continue };
            let mut events = inotify.drain();
            assert_eq!(events.len(), group.len());
            let wd = |event: &Event| event.fs_event().expect("there was room").wd;
            // Stable: the events of one watch keep their order.
            events.sort_by_key(wd);
            group.sort();
            events.iter().for_each(|event| group.expect(event));
        }
    }

    /// The queries that are right at any time.
    fn check(&self) {
        self.world.verify();
        for user in USERS {
            assert_eq!(self.world.notifier().usage(user), self.oracle.usage(user), "user {user}");
        }
        for (inotify, group) in self.groups.iter().zip(&self.oracle.groups) {
            let (Some(inotify), Some(group)) = (inotify, group) else { continue };
            assert_eq!(inotify.len(), group.len());
            assert_eq!(inotify.watch_count(), group.watches.len());
            assert_eq!(inotify.stats(), group.stats());
            let listed = inotify.watches();
            let listed = listed.iter().map(|info| (info.wd.as_raw(), info.mask.bits()));
            let known = group.watches.iter().map(|(wd, watch)| (*wd, watch.bits));
            assert!(listed.eq(known), "{:?} are listed", inotify.watches());
        }
    }
}

//! The acts on groups and watches.

use vfsnotify::Errno;
use vfsnotify::inotify::{WatchDescriptor, WatchMask};

use super::super::world::{Target, World};
use super::{How, NAMED, PENDING, Pending, Run, Session};

impl<W: World> Run<W> {
    pub(super) fn group(&mut self, at: usize, user: u32) {
        if self.groups[at].is_some() {
            return;
        }
        let made = self.world.group(user);
        let wanted = self.oracle.open(at, user);
        assert_eq!(made.as_ref().map(drop).map_err(|kind| *kind), wanted);
        self.groups[at] = made.ok();
    }

    pub(super) fn drop_group(&mut self, at: usize) {
        // A pending watch is a handle on its group: while there is one the group lives on.
        let waits = |pending: &Pending| pending.group == at;
        if self.pending.iter().flatten().any(waits) {
            return;
        }
        self.groups[at] = None;
        self.oracle.groups[at] = None;
    }

    pub(super) fn add(&mut self, at: usize, object: usize, bits: u32, how: How) {
        let Some(inotify) = &self.groups[at] else { return };
        // Few events and few flags, so that what is wanted varies; one in eight as it comes.
        let bits = if bits & 7 == 7 { bits } else { bits & 0xbd00_0fff };
        let mask = WatchMask::from_bits_retain(bits);
        let of = &self.objects.all[object];
        let (is_dir, gone) = (of.is_dir, of.dead);
        let slot = self.slots.iter().position(|held| *held == Some(object));
        let target = match (self.objects.path(object), slot) {
            (Some(path), _) => Target::Path(path),
            (None, Some(slot)) => Target::Slot(slot),
            (None, None) if gone => Target::Dead,
            // Kept alive by what was below it.
            (None, None) => return,
        };
        let Some(started) = self.world.start(inotify, object, &target, mask) else { return };
        let by_path = matches!(target, Target::Path(_));
        let wanted = if mask.check().is_err() {
            Err(Errno::EINVAL)
        } else if bits & 0x0100_0000 != 0 && !is_dir {
            // By a path this is found before the group is looked at, and so it is here.
            Err(Errno::ENOTDIR)
        } else {
            self.oracle.add(at, object, bits, gone)
        };
        let started = started.map_err(|kind| (kind, by_path));
        let (watch, added) = match (started, wanted) {
            (Ok(watch), Ok(added)) => (watch, added),
            (started, wanted) => {
                let started = started.map(drop).map_err(|(kind, _)| kind);
                assert_eq!(started, wanted.map(drop));
                return;
            }
        };
        self.follow_sessions();
        let epoch = self.sessions[object].epoch;
        let pending = Pending { watch, group: at, object, added, epoch };
        match how {
            How::Now => self.wait_for(pending),
            How::Pending(place) => {
                let place = usize::from(place) % PENDING;
                self.drop_pending(place);
                self.pending[place] = Some(pending);
            }
        }
    }

    /// A directory begins to watch its children anew, or stops.
    pub(super) fn follow_sessions(&mut self) {
        for (object, session) in self.sessions.iter_mut().enumerate().take(NAMED) {
            let watches = !self.oracle.child_interest(object).is_empty();
            let is_open = session.epoch % 2 == 1;
            if watches != is_open {
                *session = Session { epoch: session.epoch + 1, ready: false };
            }
        }
    }

    fn is_ready(&mut self, object: usize, epoch: u64) {
        let session = &mut self.sessions[object];
        if session.epoch == epoch && epoch % 2 == 1 {
            session.ready = true;
        }
    }

    pub(super) fn step(&mut self, at: usize) {
        let Some(pending) = &mut self.pending[at] else { return };
        let ready = pending.watch.step();
        assert_eq!(ready, pending.watch.is_ready());
        let (object, epoch) = (pending.object, pending.epoch);
        if ready {
            self.is_ready(object, epoch);
        }
    }

    pub(super) fn wait(&mut self, at: usize) {
        if let Some(pending) = self.pending[at].take() {
            self.wait_for(pending);
        }
    }

    fn wait_for(&mut self, pending: Pending) {
        let group = self.oracle.groups[pending.group].as_ref();
        let is_closed = group.is_none_or(|group| group.closed);
        match pending.watch.wait().map_err(|error| error.errno()) {
            Ok(wd) => assert_eq!((wd.as_raw(), is_closed), (pending.added.wd, false)),
            Err(kind) => assert_eq!((kind, is_closed), (Errno::ESHUTDOWN, true)),
        }
        self.is_ready(pending.object, pending.epoch);
    }

    pub(super) fn drop_pending(&mut self, at: usize) {
        let Some(Pending { watch, group, added, object, epoch }) = self.pending[at].take() else {
            return;
        };
        let inserted = added.inserted;
        drop(watch);
        if !inserted {
            // A watch that was there before is changed, and ready.
            self.is_ready(object, epoch);
        }
        self.oracle.withdraw(group, added);
    }

    pub(super) fn remove_watch(&mut self, at: usize, watch: usize) {
        let (Some(inotify), Some(group)) = (&self.groups[at], self.oracle.group(at)) else {
            return;
        };
        let known = group.watches.keys().nth(watch % 5).copied();
        let wd = known.unwrap_or(i32::try_from(watch).expect("a byte"));
        let removed = inotify.rm_watch(WatchDescriptor::from_raw(wd));
        let removed = removed.map_err(|error| error.errno());
        assert_eq!(removed, self.oracle.remove(at, wd));
    }

    pub(super) fn read(&mut self, at: usize, most: usize) {
        let (Some(inotify), Some(group)) = (&self.groups[at], self.oracle.group(at)) else {
            return;
        };
        if most == 1 {
            match inotify.next().map_err(|error| error.errno()) {
                Ok(Some(event)) => group.expect(&event),
                Ok(None) => assert!(!group.closed && group.len() == 0),
                Err(kind) => assert_eq!((kind, group.closed), (Errno::ESHUTDOWN, true)),
            }
            return;
        }
        let events = inotify.drain();
        assert_eq!(events.len(), group.len());
        events.iter().for_each(|event| group.expect(event));
    }
}

//! A thread's own file on the server, and an instance that gets exactly its events.

use fastrand::Rng;
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::{EventMask, InodeKind, Result};

use crate::expected::{Expected, Watch};
use crate::names::own_file;
use crate::server::Server;
use crate::world::own_user;

/// The file, in the thread's own directory or one that all change.
pub(crate) struct OwnFile<'a> {
    server: &'a Server,
    thread: usize,
    inotify: Inotify,
    /// The tops it may be in, the thread's own first; and the watches on them.
    places: Vec<(usize, Watch)>,
    /// Which of them it is in.
    at: Option<(usize, DentryRef)>,
    expected: Expected,
}

impl<'a> OwnFile<'a> {
    pub(crate) fn new(server: &'a Server, thread: usize, private: usize, shared: usize) -> Self {
        let inotify = Inotify::new(&server.notifier, own_user(thread)).expect("its first instance");
        let places = std::iter::once(private).chain(0..shared).map(|top| (top, None)).collect();
        Self { server, thread, inotify, places, at: None, expected: Expected::default() }
    }

    fn name_in(&self, place: usize) -> String {
        own_file(self.thread, self.server.tops[self.places[place].0].letter)
    }

    fn want(&mut self, place: usize, what: EventMask) {
        let name = self.name_in(place);
        self.expected.want(&mut self.places[place].1, what, &name);
    }

    /// Does something, and compares the events with what was done.
    pub(crate) fn step(&mut self, rng: &mut Rng) -> Result<()> {
        let place = rng.usize(0..self.places.len());
        let done = match rng.u8(0..8) {
            0 | 1 => self.watch(rng, place),
            2 => self.unwatch(place),
            3 => self.remove(),
            4 | 5 => self.rename(place),
            _ => self.touch(rng, place),
        };
        let names: Vec<_> = (0..self.places.len()).map(|place| self.name_in(place)).collect();
        let is_own = |name: &[u8]| names.iter().any(|own| own.as_bytes() == name);
        self.expected.compare(&self.inotify, self.thread, self.places[0].1, is_own);
        done
    }

    fn watch(&mut self, rng: &mut Rng, place: usize) -> Result<()> {
        let masks = [
            WatchMask::ALL_EVENTS,
            WatchMask::MODIFY,
            WatchMask::OPEN | WatchMask::ATTRIB,
            WatchMask::CREATE | WatchMask::MOVE,
        ];
        let mut mask = masks[rng.usize(0..masks.len())];
        // The one event may be another's, elsewhere, or if it is of an attribute.
        let may_be_last = place == 0 && !mask.contains(WatchMask::ATTRIB);
        mask.set(WatchMask::ONESHOT, may_be_last && rng.bool());
        let server = self.server;
        let top = self.places[place].0;
        let inode = server.tops[top].dentry.inode_ref();
        // Begun, and even waited for, under a lock that others call hooks with.
        let locked = rng.bool().then(|| server.lock(top, top));
        let mut pending = self.inotify.start_watch(&inode, mask)?;
        let _locked = locked.filter(|_| rng.bool());
        if self.places[place].1.is_none() && rng.u8(0..8) == 0 {
            pending.step();
            return Ok(());
        }
        let wd = pending.wait()?;
        let before = self.places[place].1.replace((wd, mask));
        assert!(before.is_none_or(|(old, _)| old == wd), "one watch for one directory");
        Ok(())
    }

    fn unwatch(&mut self, place: usize) -> Result<()> {
        if let Some((wd, _)) = self.places[place].1 {
            self.inotify.rm_watch(wd).expect("a watch of its own");
            self.expected.want_ignored(&mut self.places[place].1);
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<()> {
        let Some((place, file)) = self.at.take() else { return Ok(()) };
        let top = self.places[place].0;
        let name = self.name_in(place);
        let _locked = self.server.lock(top, top);
        self.server.remove(self.server.tops[top].dentry.get(), name.as_bytes(), file, false);
        self.want(place, EventMask::DELETE);
        Ok(())
    }

    fn rename(&mut self, to: usize) -> Result<()> {
        let server = self.server;
        let Some((place, file)) = &self.at else { return self.create(to) };
        let (place, file) = (*place, file.clone());
        if place == to {
            return Ok(());
        }
        let (old_top, new_top) = (self.places[place].0, self.places[to].0);
        let (old_name, new_name) = (self.name_in(place), self.name_in(to));
        let _locked = server.lock(old_top, new_top);
        debug_assert_eq!(file.get().name(), old_name.as_str());
        server.rename((server.tops[new_top].dentry.get(), new_name.as_bytes()), file)?;
        self.expected.rename();
        self.want(place, EventMask::MOVED_FROM);
        self.want(to, EventMask::MOVED_TO);
        self.at = self.at.take().map(|(_, file)| (to, file));
        Ok(())
    }

    fn create(&mut self, place: usize) -> Result<()> {
        let top = self.places[place].0;
        let name = self.name_in(place);
        let _locked = self.server.lock(top, top);
        let dir = self.server.tops[top].dentry.get();
        let file = self.server.make(dir, name.as_bytes(), InodeKind::Regular)?;
        self.at = Some((place, file));
        self.want(place, EventMask::CREATE);
        Ok(())
    }

    fn touch(&mut self, rng: &mut Rng, place: usize) -> Result<()> {
        let Some((place, file)) = &self.at else { return self.create(place) };
        let (place, file, server) = (*place, file.clone(), self.server);
        let top = self.places[place].0;
        let _locked = rng.bool().then(|| server.lock(top, top));
        server.notifier.hooks().on_open(file.get());
        server.notifier.hooks().on_modify(file.get());
        server.notifier.hooks().on_close(file.get(), true);
        let all = [EventMask::OPEN, EventMask::MODIFY, EventMask::CLOSE_WRITE];
        all.into_iter().for_each(|what| self.want(place, what));
        drop(file);
        Ok(())
    }

    /// Removes the file and the watches; how many events came as they must.
    pub(crate) fn end(mut self) -> u64 {
        self.remove().expect("its own file");
        (0..self.places.len()).for_each(|place| self.unwatch(place).expect("its own watch"));
        let usage = self.server.notifier.usage(own_user(self.thread));
        assert_eq!(usage, (1, 0), "instances and watches of thread {}", self.thread);
        self.expected.delivered
    }
}

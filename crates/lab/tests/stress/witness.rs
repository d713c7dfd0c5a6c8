//! A thread's own files, and an instance that must be told of them exactly what the thread does.
//!
//! The others may do in these directories what makes no event: watch and stop watching, look up what
//! is not there, fail. They change the attributes of the file, and nothing else of it. They do anything they like with the other names of `/a`, `/b` and `/g`. So a
//! flag lost to another thread's lazy clear, or a walk taken for finished too early, is an event that is
//! missing here; and an event of what was not done is foreign.

use fastrand::Rng;
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::{Context, Errno, EventMask, OpenFlags, RenameFlags, Result, Vfs};

use crate::expected::{Expected, Watch};
use crate::names::{FIXED, own_dir, own_file};
use crate::world::{context, own_user};

/// Which of a thread's places is its alone: no other event ever comes from there.
const PRIVATE: usize = 0;

#[derive(Debug)]
struct Place {
    dir: String,
    letter: u8,
    watch: Watch,
}

/// A thread's own files and instance.
#[derive(Debug)]
pub(crate) struct Witness {
    thread: usize,
    vfs: Vfs,
    cx: Context,
    pub(crate) inotify: Inotify,
    places: Vec<Place>,
    /// Where the file is now; `None` if it is not there.
    at: Option<usize>,
    pub(crate) expected: Expected,
    /// Watches that were put on a directory that had to be walked or was being walked.
    pub(crate) watches: u64,
}

impl Witness {
    pub(crate) fn new(vfs: &Vfs, thread: usize) -> Self {
        let cx = context(vfs, 0).with_user(own_user(thread));
        let inotify = vfs.inotify(&cx).expect("the first instance of its user");
        let place = |dir: &str, letter| Place { dir: dir.to_owned(), letter, watch: None };
        let mut places = vec![place(&own_dir(thread), b'w')];
        places.extend(FIXED.map(|(dir, letter)| place(dir, letter)));
        Self {
            thread,
            vfs: vfs.clone(),
            cx,
            inotify,
            places,
            at: None,
            expected: Expected::default(),
            watches: 0,
        }
    }

    fn name_in(&self, place: usize) -> String {
        own_file(self.thread, self.places[place].letter)
    }

    fn path_in(&self, place: usize) -> String {
        format!("{}/{}", self.places[place].dir, self.name_in(place))
    }

    /// Does something, and compares the events with what was done.
    pub(crate) fn step(&mut self, rng: &mut Rng) -> Result<()> {
        let done = match (rng.u8(0..10), self.at) {
            (0..=2, _) => self.watch(rng),
            (3, _) => self.unwatch(rng.usize(0..self.places.len())),
            (4, _) => self.subdirectory(rng.usize(0..self.places.len())),
            (5, Some(at)) => self.unlink(at),
            (_, None) => self.create(rng.usize(0..self.places.len())),
            (6 | 7, Some(at)) => self.rename(at, rng.usize(0..self.places.len())),
            (_, Some(at)) => self.touch(rng, at),
        };
        self.compare();
        if let Err(error) = &done {
            // Others have as many marks on a directory as there may be; nothing else is theirs.
            assert_eq!(error.errno(), Errno::ENOSPC, "an operation on its own file");
        }
        done
    }

    /// Stops watching: then its user has this instance and no watch.
    pub(crate) fn stop(&mut self) {
        for place in 0..self.places.len() {
            self.unwatch(place).expect("its own watch");
        }
        self.compare();
        let usage = self.vfs.notifier().usage(own_user(self.thread));
        assert_eq!(usage, (1, 0), "instances and watches of thread {}", self.thread);
    }

    fn want(&mut self, place: usize, what: EventMask, name: &str) {
        self.expected.want(&mut self.places[place].watch, what, name);
    }

    fn watch(&mut self, rng: &mut Rng) -> Result<()> {
        let place = rng.usize(0..self.places.len());
        let mut mask = match rng.u8(0..4) {
            0 => WatchMask::ALL_EVENTS,
            1 => WatchMask::MODIFY | WatchMask::ATTRIB,
            2 => WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVE,
            _ => WatchMask::OPEN | WatchMask::CLOSE | WatchMask::MOVE,
        };
        // The one event may be another's, elsewhere, or if it is of an attribute.
        let may_be_last = place == PRIVATE && !mask.contains(WatchMask::ATTRIB);
        mask.set(WatchMask::ONESHOT, may_be_last && rng.u8(0..3) == 0);
        let dir = self.places[place].dir.clone();
        let started = self.vfs.start_watch(&self.cx, &self.inotify, &dir, mask);
        let mut pending = match started {
            // Others have as many marks on it as there may be.
            Err(error) if error.errno() == Errno::ENOSPC => return Err(error),
            started => started.expect("a directory of root's"),
        };
        for _ in 0..rng.u8(0..4) {
            pending.step();
        }
        let was_new = self.places[place].watch.is_none();
        if was_new && rng.u8(0..8) == 0 {
            // No caller has the descriptor: it is as if it had never been.
            drop(pending);
            return Ok(());
        }
        let wd = pending.wait().expect("a watch");
        let before = self.places[place].watch.replace((wd, mask));
        assert!(before.is_none_or(|(old, _)| old == wd), "one watch for one directory");
        self.watches += 1;
        Ok(())
    }

    fn unwatch(&mut self, place: usize) -> Result<()> {
        if let Some((wd, _)) = self.places[place].watch {
            self.inotify.rm_watch(wd).expect("a watch of its own");
            self.expected.want_ignored(&mut self.places[place].watch);
        }
        Ok(())
    }

    fn create(&mut self, place: usize) -> Result<()> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
        let file = self.vfs.open(&self.cx, self.path_in(place), flags, 0o644)?;
        file.close();
        self.at = Some(place);
        let name = self.name_in(place);
        for what in [EventMask::CREATE, EventMask::OPEN, EventMask::CLOSE_WRITE] {
            self.want(place, what, &name);
        }
        Ok(())
    }

    fn unlink(&mut self, at: usize) -> Result<()> {
        self.vfs.unlink(&self.cx, self.path_in(at))?;
        self.at = None;
        self.want(at, EventMask::DELETE, &self.name_in(at));
        Ok(())
    }

    /// Makes a directory and removes it, with two names of the longest kind.
    fn subdirectory(&mut self, place: usize) -> Result<()> {
        let name = format!("{:d<255}", format!("{}-", self.name_in(place)));
        let path = format!("{}/{name}", self.places[place].dir);
        self.vfs.mkdir(&self.cx, &path, 0o700)?;
        self.want(place, EventMask::CREATE | EventMask::ISDIR, &name);
        self.vfs.list(&self.cx, &path)?;
        for what in [EventMask::OPEN, EventMask::ACCESS, EventMask::CLOSE_NOWRITE] {
            self.want(place, what | EventMask::ISDIR, &name);
        }
        self.vfs.rmdir(&self.cx, &path)?;
        self.want(place, EventMask::DELETE | EventMask::ISDIR, &name);
        Ok(())
    }

    fn rename(&mut self, at: usize, to: usize) -> Result<()> {
        let (old, new) = (self.path_in(at), self.path_in(to));
        self.vfs.rename(&self.cx, old, new, RenameFlags::NOREPLACE).or_else(|error| {
            let is_there = at == to && error.errno() == Errno::EEXIST;
            if is_there { Ok(()) } else { Err(error) }
        })?;
        if at != to {
            self.expected.rename();
            self.want(at, EventMask::MOVED_FROM, &self.name_in(at));
            self.want(to, EventMask::MOVED_TO, &self.name_in(to));
            self.at = Some(to);
        }
        Ok(())
    }

    fn touch(&mut self, rng: &mut Rng, at: usize) -> Result<()> {
        let (path, name) = (self.path_in(at), self.name_in(at));
        match rng.u8(0..2) {
            0 => {
                let file =
                    self.vfs.open(&self.cx, &path, OpenFlags::WRITE | OpenFlags::APPEND, 0)?;
                self.want(at, EventMask::OPEN, &name);
                file.write(b"more")?;
                self.want(at, EventMask::MODIFY, &name);
                drop(file);
                self.want(at, EventMask::CLOSE_WRITE, &name);
            }
            _ => {
                // An open file follows a rename.
                let to = rng.usize(0..self.places.len());
                let file = self.vfs.open(&self.cx, &path, OpenFlags::READ_WRITE, 0)?;
                self.want(at, EventMask::OPEN, &name);
                self.rename(at, to)?;
                let name = self.name_in(to);
                file.pwrite(b"there", 0)?;
                self.want(to, EventMask::MODIFY, &name);
                assert_eq!(file.pread(&mut [0; 5], 0)?, 5);
                self.want(to, EventMask::ACCESS, &name);
                drop(file);
                self.want(to, EventMask::CLOSE_WRITE, &name);
            }
        }
        Ok(())
    }

    fn compare(&mut self) {
        let names: Vec<_> = (0..self.places.len()).map(|place| self.name_in(place)).collect();
        let is_own = |name: &[u8]| {
            // Its file, or a directory whose long name begins so.
            let rest = names.iter().find_map(|own| name.strip_prefix(own.as_bytes()));
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'-')
        };
        let private = self.places[PRIVATE].watch;
        self.expected.compare(&self.inotify, self.thread, private, is_own);
    }
}

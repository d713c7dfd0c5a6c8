//! The other way in: threads that call the hooks themselves, under the locks of a server of theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use vfsnotify::inotify::Inotify;
use vfsnotify::notify::DentryRef;
use vfsnotify::notify::Limits;
use vfsnotify::{Errno, EventMask, InodeKind, Result};

use crate::embedder_file::OwnFile;
use crate::figures::Figures;
use crate::listeners::Listeners;
use crate::names::own_file;
use crate::server::Server;
use crate::settings::Settings;
use crate::stream::Moment;
use crate::watchdog::{Progress, Watchdog};
use crate::world::{NEGATIVES, limits_at_random, own_user};

/// The letters of the directories that all change.
const SHARED: [u8; 3] = [b'a', b'b', b'c'];
/// How many names each has.
const NAMES: u32 = 5;

const DOING: [&str; 13] = [
    "its own file",
    "create",
    "remove",
    "rename",
    "exchange",
    "link",
    "touch",
    "watch",
    "stop watching",
    "read",
    "reap and look up",
    "let go",
    "pester",
];

/// One thread.
struct Client<'a> {
    server: &'a Server,
    listeners: &'a Listeners,
    rng: Rng,
    own: OwnFile<'a>,
    /// Dentries that are in use, as those of open files.
    open: Vec<DentryRef>,
}

/// Does this for so long, and counts the events.
pub(crate) fn run(settings: &Settings, round: usize, time: Duration, figures: &mut Figures) -> u64 {
    let threads = settings.threads;
    let mut letters = SHARED.to_vec();
    letters.extend((0..threads).map(|_| b'w'));
    let server = Server::new(&letters).expect("a server");
    let notifier = server.notifier.clone();
    let mut listeners = Listeners::new(|user| Inotify::new(&notifier, user));
    let progress: Vec<_> = (0..threads)
        .map(|thread| Arc::new(Progress::new(format!("client {thread}"), &DOING)))
        .collect();
    let watchdog = Watchdog::new(progress.clone(), settings.timeout);
    let clients: Vec<_> = (0..threads)
        .map(|thread| Client {
            server: &server,
            listeners: &listeners,
            rng: settings.rng(round, 1000 + thread),
            own: OwnFile::new(&server, thread, SHARED.len() + thread, SHARED.len()),
            open: Vec::new(),
        })
        .collect();
    notifier.set_limits(limits_at_random(&mut settings.rng(round, 999)));
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    thread::scope(|scope| {
        let works: Vec<_> = clients
            .into_iter()
            .zip(&progress)
            .map(|(client, progress)| scope.spawn(|| client.work(&stop, progress)))
            .collect();
        while start.elapsed() < time && !works.iter().any(|work| work.is_finished()) {
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        for work in works {
            figures.witnessed += work.join().expect("a client failed");
        }
    });
    server.notifier.verify().expect("every invariant holds after the work");
    notifier.set_limits(Limits::default());
    listeners.end_all(|user| Inotify::new(&notifier, user), |user| notifier.usage(user));
    figures.delivered.add(listeners.delivered());
    let negatives = server.tree.negatives();
    assert!(negatives <= NEGATIVES + threads, "{negatives} negatives");
    drop(notifier);
    nothing_is_left(server, threads);
    drop(watchdog);
    progress.iter().map(|thread| thread.steps()).sum()
}

/// Removes everything, and the server with it.
fn nothing_is_left(server: Server, threads: usize) {
    for top in &server.tops {
        for entry in names(top.letter) {
            remove_with_children(&server, &top.dentry, &entry);
        }
    }
    server.notifier.reap(|_, _, _| {});
    server.notifier.verify().expect("every invariant holds when all is removed");
    for user in (0..threads).map(own_user) {
        assert_eq!(server.notifier.usage(user), (0, 0), "instances and watches of user {user}");
    }
    // The root and the tops.
    assert_eq!(server.tree.live_dentries(), 1 + server.tops.len(), "dentries");
    assert_eq!(server.tree.live_inodes(), 1 + server.tops.len(), "inodes");
    let (tree, notifier) = server.end();
    let (weak_tree, weak_notifier) = (Arc::downgrade(&tree), Arc::downgrade(&notifier));
    drop((notifier, tree));
    assert!(weak_notifier.upgrade().is_none(), "something keeps the notifier");
    assert!(weak_tree.upgrade().is_none(), "something keeps the tree");
}

fn names(letter: u8) -> Vec<String> {
    (0..NAMES).map(|nth| format!("{}.{nth}", char::from(letter))).collect()
}

fn remove_with_children(server: &Server, dir: &DentryRef, name: &str) {
    let Some(dentry) = server.find(dir.get(), name.as_bytes()) else { return };
    if dentry.get().is_dir() {
        names(b'm').iter().for_each(|name| remove_with_children(server, &dentry, name));
    }
    server.remove(dir.get(), name.as_bytes(), dentry, false);
}

impl Client<'_> {
    /// Works until it is told to stop; how many events of its own file came as they must.
    fn work(mut self, stop: &AtomicBool, progress: &Progress) -> u64 {
        while !stop.load(Ordering::Relaxed) {
            let doing = match self.rng.usize(0..22) {
                0..=5 => 0,
                6 | 7 => 6,
                8 | 9 => 7,
                10 | 11 => 2,
                12 => 8,
                13 => 9,
                14 => 11,
                nth @ ..20 => [1, 3, 4, 5, 10][nth - 15],
                _ => 12,
            };
            progress.step(doing);
            let done = match doing {
                0 => self.own.step(&mut self.rng),
                1 => self.create(),
                2 => self.remove(),
                3 => self.rename(),
                4 => self.exchange(),
                5 => self.link(),
                6 => self.touch(),
                7 => self.watch(),
                8 => self.unwatch(),
                9 => self.read(),
                10 => self.tidy(),
                11 => self.let_go(),
                _ => self.pester(),
            };
            if let Err(error) = done {
                let expected = [
                    Errno::EEXIST,
                    Errno::ENOENT,
                    Errno::ENOSPC,
                    Errno::EINVAL,
                    Errno::EAGAIN,
                    Errno::EMFILE,
                    Errno::ENOTDIR,
                ];
                assert!(expected.contains(&error.errno()), "{}: {error}", DOING[doing]);
            }
        }
        progress.rest();
        self.open.clear();
        self.own.end()
    }

    fn shared(&mut self) -> usize {
        self.rng.usize(0..SHARED.len())
    }

    fn name(&mut self, letter: u8) -> Vec<u8> {
        format!("{}.{}", char::from(letter), self.rng.u32(0..NAMES)).into_bytes()
    }

    /// A directory whose lock is held: the top, or one below it.
    fn dir_in(&mut self, top: usize) -> (DentryRef, u8) {
        let Self { server, rng, .. } = self;
        let (top, dice) = (&server.tops[top], rng.u32(0..2 * NAMES));
        let name = format!("{}.{dice}", char::from(top.letter));
        let below = server.find(top.dentry.get(), name.as_bytes());
        match below.filter(|below| below.get().is_dir()) {
            Some(below) => (below, b'm'),
            None => (top.dentry.clone(), top.letter),
        }
    }

    fn create(&mut self) -> Result<()> {
        let top = self.shared();
        let server = self.server;
        let _locked = server.lock(top, top);
        let (dir, letter) = self.dir_in(top);
        let name = self.name(letter);
        if self.rng.u8(0..5) == 0 {
            let unnamed = server.make_unnamed(dir.get())?;
            server.notifier.hooks().on_open(unnamed.get());
            self.open.push(unnamed);
        } else if server.find(dir.get(), &name).is_none() {
            // Directories in the tops only: what is below has no lock of its own.
            let is_dir = letter != b'm' && self.rng.u8(0..3) == 0;
            let kind = if is_dir { InodeKind::Directory } else { InodeKind::Regular };
            server.make(dir.get(), &name, kind)?;
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<()> {
        let top = self.shared();
        let server = self.server;
        let _locked = server.lock(top, top);
        let (dir, letter) = self.dir_in(top);
        let name = self.name(letter);
        if let Some(there) = server.find(dir.get(), &name) {
            let has_children = there.get().is_dir()
                && names(b'm')
                    .iter()
                    .any(|name| server.find(there.get(), name.as_bytes()).is_some());
            if !has_children {
                let by_hand = self.rng.u8(0..5) == 0;
                server.remove(dir.get(), &name, there, by_hand);
            }
        }
        Ok(())
    }

    /// Two names of two directories, with their files, under the locks of both.
    fn with_two(
        &mut self,
        change: impl FnOnce(&mut Self, (&DentryRef, &[u8]), (&DentryRef, &[u8])) -> Result<()>,
    ) -> Result<()> {
        let (from, to) = (self.shared(), self.shared());
        let _locked = self.server.lock(from, to);
        let (old_dir, old_letter) = self.dir_in(from);
        let (new_dir, new_letter) = self.dir_in(to);
        let (old_name, new_name) = (self.name(old_letter), self.name(new_letter));
        change(self, (&old_dir, &old_name), (&new_dir, &new_name))
    }

    fn file(&mut self, dir: &DentryRef, name: &[u8]) -> Option<DentryRef> {
        self.server.find(dir.get(), name).filter(|found| !found.get().is_dir())
    }

    fn rename(&mut self) -> Result<()> {
        self.with_two(|client, (old_dir, old_name), (new_dir, new_name)| {
            let Some(moved) = client.file(old_dir, old_name) else { return Ok(()) };
            let replaced = client.server.find(new_dir.get(), new_name);
            let keeps = replaced.as_ref().is_some_and(|replaced| {
                replaced.get().is_dir() || replaced.get().inode().id() == moved.get().inode().id()
            });
            if keeps {
                return Ok(());
            }
            drop(replaced);
            client.server.rename((new_dir.get(), new_name), moved)
        })
    }

    fn exchange(&mut self) -> Result<()> {
        self.with_two(|client, (old_dir, old_name), (new_dir, new_name)| {
            let (one, two) = (client.file(old_dir, old_name), client.file(new_dir, new_name));
            match (one, two) {
                (Some(one), Some(two)) if one.id() != two.id() => {
                    client.server.notifier.hooks().exchange(one.get(), two.get())
                }
                _ => Ok(()),
            }
        })
    }

    fn link(&mut self) -> Result<()> {
        self.with_two(|client, (old_dir, old_name), (new_dir, new_name)| {
            let Some(file) = client.file(old_dir, old_name) else { return Ok(()) };
            client.server.link(&file, new_dir.get(), new_name)
        })
    }

    /// Hooks for another thread's own file, wherever it is on its way.
    fn pester(&mut self) -> Result<()> {
        let nth = self.rng.usize(0..SHARED.len() + 1);
        let other = self.rng.usize(0..self.server.tops.len() - SHARED.len());
        let top = if nth == SHARED.len() { SHARED.len() + other } else { nth };
        let dir = &self.server.tops[top];
        let name = own_file(other, dir.letter);
        if let Some(file) = self.server.find(dir.dentry.get(), name.as_bytes()) {
            for _ in 0..20 {
                self.server.notifier.hooks().on_attrib(file.get(), EventMask::ATTRIB);
            }
        }
        Ok(())
    }

    /// The hooks of an open file, with the lock and without it.
    fn touch(&mut self) -> Result<()> {
        let top = self.shared();
        let server = self.server;
        let locked = server.lock(top, top);
        let (dir, letter) = self.dir_in(top);
        let name = self.name(letter);
        let Some(dentry) = server.find(dir.get(), &name) else { return Ok(()) };
        let mut locked = Some(locked);
        let notifier = &server.notifier;
        for _ in 0..self.rng.u8(1..5) {
            let dentry = dentry.get();
            match self.rng.u8(0..6) {
                0 => notifier.hooks().on_open(dentry),
                1 => notifier.hooks().on_access(dentry),
                2 => notifier.hooks().on_modify(dentry),
                3 => notifier.hooks().on_close(dentry, true),
                4 => notifier.hooks().on_attrib(dentry, EventMask::ATTRIB),
                _ => locked = None,
            }
        }
        if self.rng.bool() {
            self.open.push(dentry);
        } else {
            drop(dentry);
        }
        drop(locked);
        Ok(())
    }

    /// Watches something of the shared directory or of a thread's own, begun under the lock or not.
    fn watch(&mut self) -> Result<()> {
        let listener = self.listeners.any(&mut self.rng);
        let mask = listener.mask(&mut self.rng);
        let top = self.rng.usize(0..self.server.tops.len());
        let call = Moment::now();
        let (pending, letter) = {
            let locked = self.server.lock(top, top);
            let (dir, letter) = self.dir_in(top);
            let _locked = self.rng.bool().then_some(locked);
            let inode = dir.inode_ref();
            drop(dir);
            (listener.inotify.start_watch(&inode, mask), letter)
        };
        let mut pending = pending?;
        if self.rng.u8(0..4) == 0 {
            pending.step();
            return Ok(());
        }
        listener.gave(pending.wait()?, letter, call);
        Ok(())
    }

    fn unwatch(&mut self) -> Result<()> {
        let listener = self.listeners.any(&mut self.rng);
        let wd = listener.any_wd(&mut self.rng);
        listener.inotify.rm_watch(wd)
    }

    fn read(&mut self) -> Result<()> {
        let listener = self.listeners.any(&mut self.rng);
        listener.read(&mut self.rng, None)
    }

    /// Frees, looks up what is missing, changes limits, replaces instances.
    fn tidy(&mut self) -> Result<()> {
        let server = self.server;
        match self.rng.u8(0..4) {
            0 => server.notifier.reap(|_, _, _| {}),
            1 => server.notifier.set_limits(limits_at_random(&mut self.rng)),
            2 => {
                let top = &server.tops[self.shared()];
                for _ in 0..16 {
                    let name = format!("{}.missing-{}", char::from(top.letter), self.rng.u8(..));
                    server.notifier.remember_missing(top.dentry.get(), name.as_bytes())?;
                    assert!(server.find(top.dentry.get(), name.as_bytes()).is_none());
                }
            }
            _ => {
                self.listeners.end_one(&mut self.rng);
                let make = |user| Inotify::new(&server.notifier, user);
                return self.listeners.replace(&mut self.rng, make);
            }
        }
        Ok(())
    }

    /// Gives back what has been in use, under any lock or none.
    fn let_go(&mut self) -> Result<()> {
        let top = self.shared();
        let server = self.server;
        let _locked = self.rng.bool().then(|| server.lock(top, top));
        while self.open.len() > 4 {
            let at = self.rng.usize(0..self.open.len());
            let dentry = self.open.swap_remove(at);
            server.notifier.hooks().on_close(dentry.get(), false);
            drop(dentry);
        }
        Ok(())
    }
}

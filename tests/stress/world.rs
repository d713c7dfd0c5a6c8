//! The world that all threads share: a small tree, instances, and what they hand each other.

#![expect(clippy::disallowed_types, reason = "a program that uses the crate has locks of its own")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use fastrand::Rng;
use parking_lot::{Mutex, RwLock};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Clock, Context, Credentials, File, MemFs, OpenFlags, Pace, Timestamp, TreeConfig, Vfs, Yielder,
    lockdep,
};

use crate::listener::{Heard, Listener};
use crate::names::{FIXED, MOUNTPOINTS, own_dir};

/// How many instances are shared.
const LISTENERS: usize = 4;

/// How many files `/g` has from the beginning to the end: several chunks of a walk.
pub(crate) const FILL: usize = 600;

/// How many negative dentries there may be: fewer than there are missing names.
pub(crate) const NEGATIVES: usize = 64;

/// What an item takes by the clock that goes by work.
const NANOS_PER_ITEM: u64 = 50;

/// The users who have shared instances; their limits are the low ones.
pub(crate) const USERS: [u32; 3] = [0, 1000, 1001];

/// The user of a thread's own instance.
pub(crate) fn own_user(thread: usize) -> u32 {
    5000 + thread as u32
}

/// Goes on by what the loops under locks count: chunks of walks come out the same however busy the
/// machine is. The system's clock where nothing is counted.
#[derive(Debug, Default)]
pub(crate) struct WorkClock(vfsnotify::SystemClock);

impl Clock for WorkClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        if !lockdep::is_on() {
            return self.0.monotonic();
        }
        Duration::from_nanos(lockdep::work_done() * NANOS_PER_ITEM)
    }
}

/// An open file, and the letter of its children if it is a directory.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) file: File,
    pub(crate) letter: u8,
}

/// A channel to both ends of which everybody has access.
#[derive(Debug)]
pub(crate) struct Pool<T>(Sender<T>, Receiver<T>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self(sender, receiver)
    }
}

impl<T> Pool<T> {
    pub(crate) fn put(&self, value: T) {
        self.0.send(value).expect("the other end is here");
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.1.try_recv().ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.1.len()
    }
}

/// What all threads of a round share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) vfs: Vfs,
    pub(crate) root_fs: Arc<MemFs>,
    listeners: Vec<RwLock<Arc<Listener>>>,
    /// Listeners that have been replaced, and may still be in use.
    pub(crate) replaced: Pool<Arc<Listener>>,
    /// Files that one thread has opened and another will close.
    pub(crate) files: Pool<Held>,
    /// What cancels a wait that has no other end.
    pub(crate) cancels: Pool<Sender<()>>,
    /// The file systems that were mounted.
    pub(crate) mounted: Pool<Weak<MemFs>>,
    pub(crate) heard: Mutex<Heard>,
    /// Walks that yielded.
    pub(crate) yields: Arc<AtomicU64>,
}

impl World {
    /// A new world for this many threads.
    pub(crate) fn new(rng: &mut Rng, threads: usize) -> Self {
        let yields = Arc::new(AtomicU64::new(0));
        let count = yields.clone();
        let yielder = Yielder::Callback(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
        }));
        let pace = Pace::default().with_clock(Arc::new(WorkClock::default())).with_yielder(yielder);
        let limits = limits_at_random(rng);
        let root_fs = Arc::new(MemFs::builder().size_limit(64 << 20).build());
        let vfs = Vfs::builder()
            .tree(TreeConfig { negatives: NEGATIVES, negatives_per_directory: NEGATIVES / 2 })
            .notify(NotifyConfig { limits, pace })
            .build(root_fs.clone())
            .expect("a new VFS");
        let listeners = (0..LISTENERS)
            .map(|nth| {
                let cx = context(&vfs, USERS[nth % USERS.len()]);
                let inotify = vfs.inotify(&cx).expect("an instance");
                RwLock::new(Arc::new(Listener::new(inotify, nth == 0)))
            })
            .collect();
        let world = Self {
            vfs,
            root_fs,
            listeners,
            replaced: Pool::default(),
            files: Pool::default(),
            cancels: Pool::default(),
            mounted: Pool::default(),
            heard: Mutex::default(),
            yields,
        };
        world.furnish(threads);
        // For the threads' own instances, which come next: a queue as good as endless, so that what
        // they lack has been lost by the crate.
        let limits = Limits { max_queued_events: 1 << 20, ..Limits::default() };
        world.vfs.notifier().set_limits(limits);
        world
    }

    fn furnish(&self, threads: usize) {
        let cx = self.vfs.context().with_umask(0);
        let mkdir = |path: &str| self.vfs.mkdir(&cx, path, 0o777).expect("a new directory");
        FIXED.iter().for_each(|(path, _)| mkdir(path));
        mkdir("/w");
        (0..threads).for_each(|thread| mkdir(&own_dir(thread)));
        mkdir("/mnt");
        (0..MOUNTPOINTS).for_each(|nth| mkdir(&format!("/mnt/{nth}")));
        for nth in 0..FILL {
            let path = format!("/g/g.fill-{nth}");
            self.vfs.open(&cx, path, OpenFlags::WRITE | OpenFlags::CREATE, 0o644).expect("a file");
        }
    }

    /// One of the shared instances.
    pub(crate) fn listener(&self, rng: &mut Rng) -> Arc<Listener> {
        self.listeners[rng.usize(0..LISTENERS)].read().clone()
    }

    /// Puts a new instance in the place of a shared one.
    pub(crate) fn replace_listener(&self, rng: &mut Rng) -> vfsnotify::Result<()> {
        let nth = rng.usize(0..LISTENERS);
        let cx = context(&self.vfs, USERS[nth % USERS.len()]);
        let new = Arc::new(Listener::new(self.vfs.inotify(&cx)?, nth == 0));
        let old = std::mem::replace(&mut *self.listeners[nth].write(), new);
        self.replaced.put(old);
        Ok(())
    }

    /// Ends a replaced instance that nobody uses any more: read to its end, closed, or just dropped.
    pub(crate) fn end_a_listener(&self, rng: &mut Rng) {
        let Some(listener) = self.replaced.take() else { return };
        match Arc::try_unwrap(listener) {
            Ok(listener) => self.end(listener, rng.u8(0..4)),
            Err(in_use) => self.replaced.put(in_use),
        }
    }

    fn end(&self, listener: Listener, how: u8) {
        let heard = match how {
            0 => {
                listener.inotify.close();
                listener.vanish()
            }
            1 => listener.vanish(),
            _ => listener.finish(),
        };
        self.heard.lock().add(heard);
    }

    /// Ends all shared instances, when nobody works any more.
    pub(crate) fn end_all_listeners(&mut self) {
        let mut all: Vec<_> = self.listeners.drain(..).map(RwLock::into_inner).collect();
        all.extend(std::iter::from_fn(|| self.replaced.take()));
        for listener in all {
            let listener = Arc::try_unwrap(listener).expect("nobody works any more");
            self.end(listener, 2);
        }
    }

    /// Gives the shared instances out, to be dropped by whoever comes.
    pub(crate) fn take_listeners(&mut self) -> Vec<Arc<Listener>> {
        let mut all: Vec<_> = self.listeners.drain(..).map(RwLock::into_inner).collect();
        all.extend(std::iter::from_fn(|| self.replaced.take()));
        all
    }
}

/// A context of this user, who counts for itself.
pub(crate) fn context(vfs: &Vfs, uid: u32) -> Context {
    let cx = vfs.context().with_umask(0);
    if uid == 0 { cx } else { cx.with_credentials(Credentials::new(uid, uid)) }
}

/// Low limits, but never below what a thread's own instance needs.
pub(crate) fn limits_at_random(rng: &mut Rng) -> Limits {
    Limits {
        max_queued_events: rng.usize(4..200),
        max_user_instances: rng.u32(2..6),
        max_user_watches: rng.u32(8..40),
        max_object_marks: rng.usize(4..24),
    }
}

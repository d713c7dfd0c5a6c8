//! The world that all threads share: a small tree, instances, and what they hand each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use fastrand::Rng;
use vfsnotify::inotify::Canceller;
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Clock, Context, Credentials, File, MemFs, OpenFlags, Pace, Result, Timestamp, TreeConfig, Vfs,
    Yielder, lockdep,
};

use crate::listeners::Listeners;
use crate::names::{FIXED, MOUNTPOINTS, own_dir};
use crate::pool::Pool;

/// How many files `/g` has from the beginning to the end: several chunks of a walk.
pub(crate) const FILL: usize = 600;

/// How many negative dentries there may be: fewer than there are missing names.
pub(crate) const NEGATIVES: usize = 64;
/// The budget for positive dentries: small enough that they are reclaimed all the time.
const DENTRIES: usize = 100;

/// The time of an item by the clock that goes by work.
const NANOS_PER_ITEM: u64 = 50;

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

/// The state that all threads of a round share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) vfs: Vfs,
    pub(crate) root_fs: Arc<MemFs>,
    pub(crate) listeners: Listeners,
    /// Files that one thread has opened and another will close.
    pub(crate) files: Pool<Held>,
    /// The canceller of a wait that has no other end.
    pub(crate) cancels: Pool<Canceller>,
    /// The file systems that were mounted.
    pub(crate) mounted: Pool<Weak<MemFs>>,
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
            .tree(
                TreeConfig::default()
                    .with_negatives(NEGATIVES)
                    .with_negatives_per_directory(NEGATIVES / 2)
                    .with_dentries(DENTRIES),
            )
            .notify(NotifyConfig::default().with_limits(limits).with_pace(pace))
            .build(root_fs.clone())
            .expect("a new VFS");
        let listeners = Listeners::new(|user| vfs.inotify(&context(&vfs, user)));
        let world = Self {
            vfs,
            root_fs,
            listeners,
            files: Pool::default(),
            cancels: Pool::default(),
            mounted: Pool::default(),
            yields,
        };
        world.furnish(threads);
        // For the threads' own instances, which come next: a queue as good as endless, so that what
        // they lack has been lost by the crate.
        let limits = Limits::default().with_max_queued_events(1 << 20);
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

    /// Puts a new instance in the place of a shared one.
    pub(crate) fn replace_listener(&self, rng: &mut Rng) -> Result<()> {
        self.listeners.replace(rng, |user| self.vfs.inotify(&context(&self.vfs, user)))
    }
}

/// A context of this user, counted for itself.
pub(crate) fn context(vfs: &Vfs, uid: u32) -> Context {
    let cx = vfs.context().with_umask(0);
    if uid == 0 { cx } else { cx.with_credentials(Credentials::new(uid, uid)) }
}

/// Low limits, but never below what a thread's own instance needs.
pub(crate) fn limits_at_random(rng: &mut Rng) -> Limits {
    Limits::default()
        .with_max_queued_events(rng.usize(4..200))
        .with_max_user_instances(rng.u32(2..6))
        .with_max_user_watches(rng.u32(8..40))
        .with_max_object_marks(rng.usize(4..24))
}

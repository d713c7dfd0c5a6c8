//! The data shape of the kernel's algorithms, the locks that they have for it, and what they have
//! in common.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::strategy::{Child, Event, PROBED, Strategy};

/// Looks again and again until `is_so`.
///
/// A program's thread can lose its core while it holds a lock, which the kernel's cannot under a
/// spinlock. So that no thread spins in vain for a whole time slice then, a waiter gives its own
/// core up after a while.
pub(crate) fn spin_until(is_so: impl Fn() -> bool) {
    const SPINS: usize = 1000;
    let mut spins = 0;
    while !is_so() {
        spins += 1;
        if spins % SPINS == 0 {
            thread::yield_now();
        } else {
            hint::spin_loop();
        }
    }
}

/// A lock of one byte, for what hardly anyone waits for.
#[derive(Debug, Default)]
struct ByteLock(AtomicBool);

impl ByteLock {
    fn with<R>(&self, work: impl FnOnce() -> R) -> R {
        while self.0.swap(true, Ordering::Acquire) {
            spin_until(|| !self.0.load(Ordering::Relaxed));
        }
        let result = work();
        self.0.store(false, Ordering::Release);
        result
    }
}

/// A lock that goes to its waiters in the order in which they came, as the kernel's spinlocks do:
/// a thread that holds it for a walk cannot take it again at once for the next.
#[derive(Debug, Default)]
pub(crate) struct QueuedLock {
    next: AtomicU32,
    served: AtomicU32,
}

impl QueuedLock {
    pub(crate) fn lock(&self) -> QueuedGuard<'_> {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        spin_until(|| self.served.load(Ordering::Acquire) == ticket);
        QueuedGuard(self)
    }
}

/// The lock is held as long as this lives.
pub(crate) struct QueuedGuard<'a>(&'a QueuedLock);

impl Drop for QueuedGuard<'_> {
    fn drop(&mut self) {
        self.0.served.fetch_add(1, Ordering::Release);
    }
}

/// A child: its lock and its flags, on a cache line of its own, as in a dentry.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Slot {
    lock: ByteLock,
    flags: AtomicU32,
}

/// "My parent is watched."
const WATCHED: u32 = 1;

/// A directory and its children, in the order in which they are in memory.
#[derive(Debug)]
pub(crate) struct Directory {
    /// Held for a whole walk, and for a moment by every thread that needs a reference on the directory, or
    /// a new name in it.
    pub(crate) lock: QueuedLock,
    /// Guards changes of the interest.
    connector: ByteLock,
    slots: Vec<Slot>,
    /// How many watches there are; children are to have the flag while it is not 0.
    watches: AtomicUsize,
    walks: AtomicU64,
}

impl Directory {
    pub(crate) fn new(children: usize) -> Self {
        assert!(children >= PROBED, "too few children");
        Self {
            lock: QueuedLock::default(),
            connector: ByteLock::default(),
            slots: (0..children).map(|_| Slot::default()).collect(),
            watches: AtomicUsize::new(0),
            walks: AtomicU64::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watches.load(Ordering::Acquire) != 0
    }

    pub(crate) fn count_walk(&self) {
        self.walks.fetch_add(1, Ordering::Relaxed);
    }

    /// The place of a child among all.
    pub(crate) fn place(&self, child: Child) -> usize {
        match child {
            Child::Probed(number) => number * self.len() / PROBED,
            Child::Last => self.len() - 1,
        }
    }

    /// The step of every system call that names the directory: it takes a reference on it, and waits
    /// for the thread that holds the lock.
    pub(crate) fn reference(&self) {
        drop(self.lock.lock());
    }

    /// Sets or clears the flag of one child, under its lock.
    pub(crate) fn set_flag(&self, place: usize, watched: bool) {
        let Slot { lock, flags } = &self.slots[place];
        lock.with(|| {
            let others = flags.load(Ordering::Relaxed) & !WATCHED;
            flags.store(others | u32::from(watched), Ordering::Relaxed);
        });
    }

    fn is_flagged(&self, child: Child) -> bool {
        self.slots[self.place(child)].flags.load(Ordering::Relaxed) & WATCHED != 0
    }

    /// One watch more; true if it is the first.
    fn count_up(&self) -> bool {
        self.connector.with(|| self.watches.fetch_add(1, Ordering::AcqRel)) == 0
    }

    fn count_down(&self) {
        let before = self.connector.with(|| self.watches.fetch_sub(1, Ordering::AcqRel));
        assert!(before > 0, "a watch that is not there");
    }
}

/// The step of an add between the look-up of the directory and the moment its interest is known: it
/// takes the group's lock and allocates. About what the rest of the system call takes in Linux.
const PREPARATION: Duration = Duration::from_nanos(500);

/// One of the kernel's algorithms: where it walks.
pub(crate) trait Model: Sync {
    fn name(&self) -> &'static str;

    fn directory(&self) -> &Directory;

    /// A watch has been added and its interest is known.
    fn added(&self, is_first: bool);

    /// An event has found the flag of a child set although nothing is watched.
    fn found_stale(&self, child: Child);
}

impl<M: Model> Strategy for M {
    fn name(&self) -> &'static str {
        Model::name(self)
    }

    fn children(&self) -> usize {
        self.directory().len()
    }

    fn add(&self, _watcher: usize) {
        self.directory().reference();
        let begin = Instant::now();
        while begin.elapsed() < PREPARATION {
            hint::spin_loop();
        }
        let is_first = self.directory().count_up();
        self.added(is_first);
    }

    /// No algorithm looks at the children here.
    fn remove(&self, _watcher: usize) {
        self.directory().count_down();
    }

    fn touch(&self, child: Child, event: Event, _watcher: usize) -> bool {
        let directory = self.directory();
        if !directory.is_flagged(child) {
            return false;
        }
        directory.reference();
        if directory.is_watched() {
            return event == Event::Wanted;
        }
        self.found_stale(child);
        false
    }

    fn miss(&self) {
        self.directory().reference();
    }

    fn is_flagged(&self, child: Child) -> bool {
        self.directory().is_flagged(child)
    }

    /// Takes all flags away, unnoticed by all threads.
    fn forget(&self) {
        assert!(!self.directory().is_watched(), "a watched directory");
        for slot in &self.directory().slots {
            slot.flags.store(0, Ordering::Relaxed);
        }
    }

    /// They all walk in any case.
    fn lose(&self) {}

    fn walks(&self) -> u64 {
        self.directory().walks.load(Ordering::Relaxed)
    }
}

//! Deferred work: what operations on a file system leave to be done with no lock held.
//!
//! It belongs to the file system. An operation does a bounded part of that of the file systems it acts
//! on, an unmount does all of its own, and [`Vfs::reap`] does everybody's. No operation waits for, or
//! panics with, a file system that it does not act on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, Mutex, rank};
use crate::notify::{DentryRef, PruneWalk};
use crate::tree::{Candidates, Tree};
use crate::vfs::Vfs;
use crate::vfs::mounted_fs::{Instance, Instances};
use crate::vfs::operation::{self, Nested, is_in_one};

/// How much of what waits to be freed one operation frees at its end. An operation leaves few objects
/// behind, but for a directory with names that are known not to exist; a step frees 1024 of those.
pub(crate) const STEPS_PER_OPERATION: usize = 8;

/// How far the clock goes at once where the cache is full, and how often, until it has found something to take
/// away; how many dentries it takes away, and how many steps of freeing follow: a bounded time, of which a
/// creation that would fail makes the most.
const SLOTS_FOR_ROOM: usize = 16_384;
const SEARCHES_FOR_ROOM: usize = 64;
const DENTRIES_FOR_ROOM: usize = 64;
const STEPS_FOR_ROOM: usize = 2 * DENTRIES_FOR_ROOM;
/// How often room is made for one operation: others may take it, or what went may not be what is lacking.
const ROUNDS_FOR_ROOM: usize = 16;

/// A directory that was removed or forgotten while the cache had names in it.
#[derive(Debug)]
pub(crate) struct ForgottenDirectory {
    pub(crate) dentry: DentryRef,
    /// The names at this place and above it have been looked at; `None` before the first step.
    pub(crate) place: Option<usize>,
}

/// The deferred work of one file system; its superblock's slot says whether there may be any.
#[derive(Debug, Default)]
pub(crate) struct DeferredWork(Mutex<Lists, { rank::LEAF }>);

#[derive(Debug, Default)]
struct Lists {
    /// Look-ups to give back, by inode number, with their count: their inodes never got into the tree, or
    /// were freed by an operation on another file system.
    lookups: Vec<(u64, u64)>,
    directories: Vec<ForgottenDirectory>,
}

/// One piece of deferred work.
enum Work {
    Lookups(u64, u64),
    Directory(ForgottenDirectory),
}

impl Instance {
    /// Gives a look-up back to the file system when no lock is held any more.
    pub(crate) fn defer_forget(&self, ino: u64) {
        self.defer_forgets(ino, 1);
    }

    fn defer_forgets(&self, ino: u64, lookups: u64) {
        self.defer(|lists| lists.lookups.push((ino, lookups)));
    }

    /// Takes the names in a removed directory away when no lock is held any more.
    pub(crate) fn defer_directory(&self, dentry: DentryRef) {
        self.defer_rest(ForgottenDirectory { dentry, place: None });
    }

    fn defer_rest(&self, directory: ForgottenDirectory) {
        self.defer(|lists| lists.directories.push(directory));
    }

    fn defer(&self, push: impl FnOnce(&mut Lists)) {
        let mut lists = self.deferred_work().0.lock();
        push(&mut lists);
        self.superblock().slot().set_owner_work(true);
    }

    fn take_work(&self) -> Option<Work> {
        let mut lists = self.deferred_work().0.lock();
        let work = lists.lookups.pop().map(|(ino, lookups)| Work::Lookups(ino, lookups));
        let work = work.or_else(|| lists.directories.pop().map(Work::Directory));
        if work.is_none() {
            self.superblock().slot().set_owner_work(false);
        }
        work
    }

    /// Whether nothing is left to do for it.
    fn has_no_work(&self) -> bool {
        let lists = self.deferred_work().0.lock();
        lists.lookups.is_empty() && lists.directories.is_empty()
    }
}

/// A file system that no mount shows any more, until the last of its inodes is gone.
#[derive(Debug)]
pub(crate) struct Retired {
    instance: Arc<Instance>,
    /// The root, until everything below it has been taken away.
    root: Option<DentryRef>,
    pruning: PruneWalk,
}

impl Retired {
    pub(crate) fn new(instance: Arc<Instance>, root: Option<DentryRef>) -> Self {
        Self { instance, root, pruning: PruneWalk::default() }
    }

    /// Takes unused dentries away, in bounded steps; true if there were any.
    fn prune(&mut self) -> bool {
        let Some(root) = &self.root else { return false };
        let tree = root.notifier().tree();
        let before = self.pruning.pruned();
        while self.pruning.step(root.notifier(), root.get()) {}
        if !tree.has_children(root.get()) {
            self.pruning = PruneWalk::default();
            self.root = None;
            return true;
        }
        self.pruning.pruned() > before
    }

    pub(crate) fn belongs_to(&self, instance: &Arc<Instance>) -> bool {
        Arc::ptr_eq(&self.instance, instance)
    }

    fn has_dead(&self) -> bool {
        self.instance.superblock().slot().deferred().has_dead()
    }

    /// Whether nothing but the superblock itself is left.
    fn is_empty(&self) -> bool {
        self.root.is_none()
            && self.instance.superblock().slot().life().uses() == 1
            && self.instance.has_no_work()
    }
}

/// A retired file system that is being freed. If that panics, it is retired as before.
struct Releasing<'a> {
    vfs: &'a Vfs,
    retired: Option<Retired>,
}

impl Drop for Releasing<'_> {
    fn drop(&mut self) {
        if let Some(retired) = self.retired.take() {
            self.vfs.instances().keep_retired(retired);
        }
    }
}

/// The first panic of several file systems, each of which is kept from the others.
#[derive(Default)]
struct Panics(Option<Box<dyn Any + Send>>);

impl Panics {
    /// Calls `act`, and keeps its panic; whether there was one.
    fn contain(&mut self, act: impl FnOnce()) -> bool {
        match catch_unwind(AssertUnwindSafe(act)) {
            Ok(()) => false,
            Err(panic) => {
                self.0.get_or_insert(panic);
                true
            }
        }
    }

    /// Goes on with the first panic, if there was one.
    fn resume(self) {
        if let Some(panic) = self.0
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Vfs {
    /// Frees what operations have left behind, in bounded steps, and tells the file systems which
    /// inodes they may forget.
    ///
    /// Every operation does a part of this for its own file system at its end: more than it has left
    /// behind itself, so that nothing piles up, but never all of a large directory that another has
    /// removed. An unmount does all of its file system's. What is left is freed here, for all file
    /// systems of this `Vfs`: a file system that was in use when it was unmounted (a
    /// [`PendingWatch`](crate::inotify::PendingWatch), a [`DentryRef`](crate::notify::DentryRef)), and what the
    /// drop of a context or a handle left where no operation follows. Call it from time to time where
    /// such things happen, from a thread of the program's own if file systems may be slow.
    ///
    /// Calls file systems, and drops those of which nothing is left, with no lock held. A file system
    /// that panics keeps no other from being served. Inside a file system, called by this or another
    /// VFS, it does nothing. O(file systems), and what there is to do.
    ///
    /// # Panics
    /// With the first panic of a file system, when all are done.
    ///
    /// ```
    /// let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// vfs.reap();
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn reap(&self) {
        if is_in_one() {
            return;
        }
        let mut panics = Panics::default();
        let mut after = 0;
        while let Some((instance, next)) = self.instances().next_from(after) {
            after = next;
            // A panic costs the piece of work that it came from: the rest is done all the same.
            while panics.contain(|| self.reap_file_system(&instance, usize::MAX)) {}
            panics.contain(|| let_go(instance));
        }
        // Superblocks of the tree that are no file system's of this VFS.
        while self.notifier().reap_step(|superblock, ino, lookups| {
            if let Some(instance) = self.instances().get(superblock) {
                let _nested = Nested::enter();
                panics.contain(|| instance.fs().forget(ino, lookups));
            }
        }) {}
        for retired in self.instances().take_retired() {
            let mut retired = Some(retired);
            panics.contain(|| {
                self.release_or_keep(Releasing { vfs: self, retired: retired.take() });
            });
        }
        panics.resume();
    }

    /// Calls `act`, and again while the cache is full and something in it can be taken away: of any file
    /// system, but none is called. `act` changes nothing before it finds that there is no room. Where it is a
    /// file system that has no memory, that is the answer.
    ///
    /// # Errors
    /// Those of `act`.
    pub(crate) fn with_room<T>(&self, mut act: impl FnMut() -> Result<T>) -> Result<T> {
        for round in 0..ROUNDS_FOR_ROOM {
            let refusals = self.tree().refusals();
            match act() {
                Err(error)
                    if error.errno() == Errno::ENOMEM
                        && self.tree().refusals() != refusals
                        && self.make_room(round == 0) => {}
                other => return other,
            }
        }
        act()
    }

    /// Takes a bounded number of unreferenced dentries away, and frees what they kept; whether there was
    /// anything. What their file systems are to forget is told them later. No lock is held.
    ///
    /// Those that were looked up lately go where there are no others near. A file system that the operation
    /// acts on gives its own, though it has less than the average. What is freed without that counts the
    /// `first` time only: after that it is what the calls that failed have left.
    fn make_room(&self, first: bool) -> bool {
        let tree = self.tree();
        let candidates = Candidates {
            recent: false,
            for_directory: tree.is_full_of_directories(),
            may_give_all: &operation::is_acting_on,
        };
        // All slots, where they are not too many.
        let searches = 2 + tree.dentry_slots() / SLOTS_FOR_ROOM;
        let mut some = (0..searches.min(SEARCHES_FOR_ROOM)).any(|search| {
            let candidates = Candidates { recent: search > 0, ..candidates };
            tree.reclaim_dentries(SLOTS_FOR_ROOM, DENTRIES_FOR_ROOM, candidates) > 0
        });
        for _ in 0..STEPS_FOR_ROOM {
            let more = self.notifier().reap_step(|superblock, ino, lookups| {
                if let Some(instance) = self.instances().get(superblock) {
                    instance.defer_forgets(ino, lookups);
                }
            });
            some |= more && first;
            if !more {
                break;
            }
        }
        some
    }

    /// Does up to so many pieces of a file system's deferred work. Calls the file system; no lock is
    /// held, and the thread is in no operation.
    pub(crate) fn reap_file_system(&self, instance: &Instance, steps: usize) {
        // What a file system does when it is told counts as part of this.
        let _nested = Nested::enter();
        for _ in 0..steps {
            match instance.take_work() {
                Some(Work::Lookups(ino, lookups)) => {
                    instance.fs().forget(ino, lookups);
                    continue;
                }
                Some(Work::Directory(mut directory)) => {
                    if self.forget_below(instance, &mut directory) {
                        instance.defer_rest(directory);
                    }
                    continue;
                }
                None => {}
            }
            let forget = |ino, lookups| instance.fs().forget(ino, lookups);
            if !self.notifier().reap_step_of(instance.superblock(), forget) {
                return;
            }
        }
    }

    /// Frees all that an unmounted file system has here, and drops it, unless it is in use: then that is
    /// left to the operations on it that are under way, and to [`Vfs::reap`].
    ///
    /// Calls the file system; no lock is held.
    pub(crate) fn release_unmounted(&self, retired: Retired) {
        let releasing = Releasing { vfs: self, retired: Some(retired) };
        // Inside a file system the caller's locks are held.
        if is_in_one() {
            return;
        }
        self.release_or_keep(releasing);
    }

    /// Frees an unmounted file system, and again if an operation on it ended meanwhile: that one found nothing
    /// to release.
    fn release_or_keep(&self, releasing: Releasing<'_>) {
        if let Some(kept) = self.release(releasing) {
            if kept.take_may_be_unused() {
                self.release_unused(&kept);
            }
            let_go(kept);
        }
    }

    /// Frees an unmounted file system at the end of an operation that was under way on it, if nothing else
    /// uses it.
    ///
    /// Calls the file system; no lock is held, and the thread is in no operation.
    pub(crate) fn release_unused(&self, instance: &Arc<Instance>) {
        loop {
            instance.set_may_be_unused();
            // A thread that has it looks again when it has put it back.
            let Some(retired) = self.instances().take_retired_of(instance) else { return };
            instance.take_may_be_unused();
            let kept = self.release(Releasing { vfs: self, retired: Some(retired) });
            if kept.is_none() || !instance.take_may_be_unused() {
                return;
            }
        }
    }

    /// Frees what it can of an unmounted file system, and drops that; returned if it is in use and kept.
    fn release(&self, mut releasing: Releasing<'_>) -> Option<Arc<Instance>> {
        let retired = releasing.retired.as_mut()?;
        loop {
            self.reap_file_system(&retired.instance, usize::MAX);
            // What has been freed may have been in the way of the pruning, and what is pruned is freed.
            if !retired.prune() && !retired.has_dead() {
                break;
            }
        }
        if !retired.is_empty() {
            return Some(retired.instance.clone());
        }
        let _nested = Nested::enter();
        let slot = self.instances().remove(retired.instance.superblock().id());
        drop((releasing.retired.take(), slot));
        None
    }
}

/// Gives back what may be the last reference to a file system. What that does when it is dropped counts as
/// part of this.
pub(crate) fn let_go(instance: Arc<Instance>) {
    let _nested = Nested::enter();
    drop(instance);
}

/// Gives all look-ups back, before the file systems are dropped: they may be shared.
///
/// Calls file systems; one that panics keeps no other from being told.
pub(crate) fn forget_all(instances: &Instances, tree: &Tree) {
    let _nested = Nested::enter();
    let mut panics = Panics::default();
    let mut after = 0;
    while let Some((instance, next)) = instances.next_from(after) {
        after = next;
        while let Some(work) = instance.take_work() {
            if let Work::Lookups(ino, lookups) = work {
                panics.contain(|| instance.fs().forget(ino, lookups));
            }
        }
    }
    tree.take_lookups(|superblock, ino, lookups| {
        if let Some(instance) = instances.get(superblock) {
            panics.contain(|| instance.fs().forget(ino, lookups));
        }
    });
    panics.resume();
}

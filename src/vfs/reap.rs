//! Deferred work: what operations on a file system leave to be done with no lock held.
//!
//! It belongs to the file system. An operation does a bounded part of that of the file systems it acts
//! on, an unmount does all of its own, and [`Vfs::reap`] does that of all. No operation waits for, or
//! panics with, a file system that it does not act on.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::notify::DentryRef;
use crate::notify::held_dentry::HeldDentry;
use crate::tree::Candidates;
use crate::vfs::Vfs;
use crate::vfs::current_operations::{self, Nested, is_in_one};
use crate::vfs::mounts::deferred_work::Work;
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::mounts::fs_panics::Panics;
use crate::vfs::mounts::mounted_fs::MountedFs;
use crate::vfs::mounts::retired_fs::Retired;

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

/// A retired file system that is being freed. If that panics, it is retired as before.
struct Releasing<'a> {
    file_systems: &'a FileSystems,
    retired: Option<Retired>,
}

impl Drop for Releasing<'_> {
    fn drop(&mut self) {
        if let Some(retired) = self.retired.take() {
            self.file_systems.keep_retired(retired);
        }
    }
}

impl Vfs {
    /// Does the deferred work of all operations, in bounded steps, and tells the file systems which
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
        self.file_systems().reap();
    }
}

impl FileSystems {
    /// See [`Vfs::reap`].
    pub(crate) fn reap(&self) {
        if is_in_one() {
            return;
        }
        let mut panics = Panics::default();
        let mut after = 0;
        while let Some((mounted_fs, next)) = self.next_from(after) {
            after = next;
            // A panic costs the piece of work that it came from: the rest is done all the same.
            while panics.contain(|| self.reap_file_system(&mounted_fs, usize::MAX)) {}
            panics.contain(|| drop_file_system(mounted_fs));
        }
        // Superblocks of the tree that are no file system's of this VFS.
        while self.notifier().reap_step(|superblock, ino, lookups| {
            if let Some(mounted_fs) = self.get(superblock) {
                let _nested = Nested::enter();
                panics.contain(|| mounted_fs.fs().forget(ino, lookups));
            }
        }) {}
        for retired in self.take_retired() {
            let mut retired = Some(retired);
            panics.contain(|| {
                self.release_or_keep(Releasing { file_systems: self, retired: retired.take() });
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
            may_exceed_share: &current_operations::is_acting_on,
        };
        // All slots, where they are not too many.
        let searches = 2 + tree.dentry_slots() / SLOTS_FOR_ROOM;
        let mut some = (0..searches.min(SEARCHES_FOR_ROOM)).any(|search| {
            let candidates = Candidates { recent: search > 0, ..candidates };
            tree.reclaim_dentries(SLOTS_FOR_ROOM, DENTRIES_FOR_ROOM, candidates) > 0
        });
        for _ in 0..STEPS_FOR_ROOM {
            let more = self.notifier().reap_step(|superblock, ino, lookups| {
                if let Some(mounted_fs) = self.get(superblock) {
                    mounted_fs.defer_forgets(ino, lookups);
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
    pub(crate) fn reap_file_system(&self, mounted_fs: &MountedFs, steps: usize) {
        // Operations of the file system inside `forget` are nested: they reap nothing.
        let _nested = Nested::enter();
        for _ in 0..steps {
            match mounted_fs.take_work() {
                Some(Work::Lookups(ino, lookups)) => {
                    mounted_fs.fs().forget(ino, lookups);
                    continue;
                }
                Some(Work::Directory(mut directory)) => {
                    if self.forget_below(mounted_fs, &mut directory) {
                        mounted_fs.defer_rest(directory);
                    }
                    continue;
                }
                None => {}
            }
            let forget = |ino, lookups| mounted_fs.fs().forget(ino, lookups);
            if !self.notifier().reap_step_of(mounted_fs.superblock(), forget) {
                return;
            }
        }
    }

    /// Gives back what has been removed or forgotten. If the cache has names in it, which the file system
    /// knew to be gone, they go at the end of the operation, and with them what keeps it alive. No lock
    /// may be held for that long.
    pub(crate) fn end_of_directory(&self, removed: HeldDentry<'_>) {
        if self.tree().has_children(removed.get()) {
            self.defer_forgotten(DentryRef::new(self.notifier(), removed.get().reference()));
        }
    }

    /// Takes the names below a removed or forgotten directory away at the end of an operation on its
    /// file system.
    pub(crate) fn defer_forgotten(&self, directory: DentryRef) {
        let superblock = directory.get().superblock();
        if let Some(mounted_fs) = self.get(superblock) {
            mounted_fs.defer_directory(directory);
            current_operations::acts_on(superblock);
        }
    }

    /// Frees all that an unmounted file system has here, and drops it, unless it is in use: then that is
    /// left to the operations on it that are under way, and to [`Vfs::reap`].
    ///
    /// Calls the file system; no lock is held.
    pub(crate) fn release_unmounted(&self, retired: Retired) {
        let releasing = Releasing { file_systems: self, retired: Some(retired) };
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
            drop_file_system(kept);
        }
    }

    /// Frees an unmounted file system at the end of an operation that was under way on it, if nothing else
    /// uses it.
    ///
    /// Calls the file system; no lock is held, and the thread is in no operation.
    pub(crate) fn release_unused(&self, mounted_fs: &Arc<MountedFs>) {
        loop {
            mounted_fs.set_may_be_unused();
            // A thread that has it looks again when it has put it back.
            let Some(retired) = self.take_retired_of(mounted_fs) else { return };
            mounted_fs.take_may_be_unused();
            let kept = self.release(Releasing { file_systems: self, retired: Some(retired) });
            if kept.is_none() || !mounted_fs.take_may_be_unused() {
                return;
            }
        }
    }

    /// Frees what it can of an unmounted file system, and drops that; returned if it is in use and kept.
    fn release(&self, mut releasing: Releasing<'_>) -> Option<Arc<MountedFs>> {
        let retired = releasing.retired.as_mut()?;
        loop {
            self.reap_file_system(&retired.mounted_fs, usize::MAX);
            // Freed inodes may have stopped the pruning, and pruned dentries are freed in their turn.
            if !retired.prune() && !retired.has_dead() {
                break;
            }
        }
        if !retired.is_empty() {
            return Some(retired.mounted_fs.clone());
        }
        let _nested = Nested::enter();
        let slot = self.remove(retired.mounted_fs.superblock().id());
        drop((releasing.retired.take(), slot));
        None
    }
}

/// Gives back what may be the last reference to a file system. What that does when it is dropped counts as
/// part of this.
pub(crate) fn drop_file_system(mounted_fs: Arc<MountedFs>) {
    let _nested = Nested::enter();
    drop(mounted_fs);
}

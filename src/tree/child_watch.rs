//! The parent-watch protocol: which children carry the flag "my parent is watched".
//!
//! A hook reads the flag of a dentry before it looks at the parent at all. A set flag under a
//! directory that watches nothing costs one look at that directory; a missing flag under one that
//! watches would lose events. So there is one invariant:
//!
//! > `all_flagged` is true only while every positive child carries the flag.
//!
//! A directory *watches* while its `interest` is not 0, and it is *ready* when it also has `all_flagged`. One
//! type holds the state and each rule that changes it:
//!
//! | rule | method | hold of `children` | what it does |
//! |---|---|---|---|
//! | RULE begin | [`ChildWatch::publish`] | write | `interest` changes from 0: a new epoch; without `all_flagged` the cursor is set to the end |
//! | RULE claim | [`ChildWatch::claim`] | read | children just below the cursor are claimed *and* flagged under one hold |
//! | RULE finish | [`ChildWatch::finish`] | write | the cursor is at 0 and the directory watches: `all_flagged` |
//! | RULE link | [`ChildWatch::link`] | write | a linked child gets its flag; if it gets none, `all_flagged` is reset |
//! | RULE unlink | [`WatchState::unlink`] | write | the last child moves to the place of the unlinked one; the cursor stays in the array |
//! | RULE clear | [`ChildWatch::clear`] | read | a stale flag is cleared, and `all_flagged` is reset |
//!
//! `ARCHITECTURE.md`, "The parent-watch protocol", has the proof.

use std::ops::{Deref, DerefMut, Range};

use crate::base::name::Name;
use crate::base::slot_index::Ix;
use crate::base::sync::{
    AtomicBool, AtomicU32, Ordering, RwLock, RwLockWriteGuard, count_items, rank,
};
use crate::tree::children::Children;
use crate::tree::slot_kinds::DentrySlot;

/// The interest of a directory in its children, its `children` lock, and the state of the flags.
///
/// The order of the fields is that of memory: what hooks read comes first.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct ChildWatch {
    /// The events of children that marks on the directory want; 0 if it watches nothing. It changes from 0
    /// under `children` (write). It changes to 0, or from one value to another, under the lock of the
    /// directory's connector alone. Stored with `Release`, loaded with `Acquire` between two loads of a link.
    interest: AtomicU32,
    /// The names and the state. A reader sees the name, the parent and the flag of a child belong together.
    /// Under this lock the crate takes nothing but an arena page.
    children: RwLock<WatchState, { rank::CHILDREN }>,
}

/// The children of a directory and the state of their flags, behind the `children` lock.
///
/// The words of the walk come last, so that a claim does not write to the line of the lock and of the words
/// that hooks read.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct WatchState {
    list: Children,
    /// Counts how often the directory began to watch. A walk ends with the epoch it was made for, so that
    /// other callers' watches cannot keep its caller waiting.
    epoch: u64,
    /// The places at and above it are flagged, or claimed by a walker that holds the lock. Raised
    /// under the lock for writing; lowered under it (read) by the walkers. Relaxed: the lock
    /// orders it, and a claim needs atomicity only.
    cursor: AtomicU32,
    /// Every positive child carries the flag. Set under the lock for writing, reset under it in
    /// either way. Relaxed: the lock orders it.
    all_flagged: AtomicBool,
}

impl Default for WatchState {
    fn default() -> Self {
        Self {
            list: Children::default(),
            epoch: 0,
            cursor: AtomicU32::new(0),
            all_flagged: AtomicBool::new(true),
        }
    }
}

/// The time from one change of a directory's interest from 0 to the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Epoch(u64);

/// The result of one chunk of a walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FlagChunk {
    /// This many children were flagged.
    Flagged(u32),
    /// All children are claimed: [`ChildWatch::finish`] comes next.
    AtEnd,
    /// The directory is ready, or the epoch is over: nothing is left to wait for.
    Done,
}

impl FlagChunk {
    /// How many children were flagged.
    pub(crate) fn flagged(self) -> u32 {
        if let Self::Flagged(count) = self { count } else { 0 }
    }
}

/// The children of a directory, locked for writing.
pub(crate) type ChildrenGuard<'a> = RwLockWriteGuard<'a, WatchState, { rank::CHILDREN }>;

/// How many children a walker claims and flags before it checks whether another thread waits for the lock.
const SLICE: u32 = 64;

impl ChildWatch {
    /// The events of children that marks on the directory want; 0 if it watches nothing.
    #[inline(always)]
    pub(crate) fn interest(&self) -> u32 {
        self.interest.load(Ordering::Acquire)
    }

    /// Publishes a directory's interest in its children, and flags no child. `key` orders the lock of this
    /// directory among others. The caller holds the lock of the directory's connector.
    pub(crate) fn publish(&self, key: u64, interest: u32) {
        if interest == 0 || self.interest() != 0 {
            return self.interest.store(interest, Ordering::Release);
        }
        let mut children = self.children.write_keyed(key);
        children.epoch += 1;
        if !children.all_flagged.load(Ordering::Relaxed) {
            // A directory has at most 2^30 positive children.
            let end = children.positives() as u32;
            children.cursor.store(end, Ordering::Relaxed);
        }
        // Under the lock: a clear or a link comes before this epoch, or sees the interest.
        self.interest.store(interest, Ordering::Release);
    }

    /// The epoch in which a caller must walk before its watch on this directory is ready. `None` if the
    /// directory is ready now, or watches nothing.
    pub(crate) fn join(&self, key: u64) -> Option<Epoch> {
        let children = self.children.read_keyed(key);
        self.needs_walk(&children).then_some(Epoch(children.epoch))
    }

    fn needs_walk(&self, children: &WatchState) -> bool {
        self.interest() != 0 && !children.all_flagged.load(Ordering::Relaxed)
    }

    /// One chunk of the walk, of at most `most` children; `flag` sets the flags of the dentries it is given.
    ///
    /// All walkers of a directory share one cursor. A walker flags the children it claimed under the same
    /// hold of the lock, so a writer never sees a claim half done.
    pub(crate) fn claim(
        &self,
        key: u64,
        epoch: Epoch,
        most: u32,
        flag: impl Fn(&[Ix<DentrySlot>]),
    ) -> FlagChunk {
        let children = self.children.read_keyed(key);
        if children.epoch != epoch.0 || !self.needs_walk(&children) {
            return FlagChunk::Done;
        }
        let mut done = 0;
        while done < most {
            let places = children.lower_cursor(SLICE.min(most - done));
            if places.is_empty() {
                break;
            }
            done += places.len() as u32;
            count_items(places.len());
            children.dentries_descending(places).for_each(&flag);
            // A waiting writer gets the lock after each slice, before it parks.
            if self.children.is_wanted_for_writing() {
                break;
            }
        }
        if done == 0 { FlagChunk::AtEnd } else { FlagChunk::Flagged(done) }
    }

    /// Ends the walk, after [`FlagChunk::AtEnd`]. Afterwards the directory is ready, or the epoch is over.
    pub(crate) fn finish(&self, key: u64) {
        let children = self.children.write_keyed(key);
        // While this thread holds the lock for writing, no claim is half done. And while the directory
        // watches, no flag has been cleared since the cursor was set to the end.
        if children.cursor.load(Ordering::Relaxed) == 0 && self.interest() != 0 {
            children.all_flagged.store(true, Ordering::Relaxed);
        }
    }

    /// Gives a child that is being linked its flag; the caller holds the lock for writing.
    #[inline]
    pub(super) fn link(&self, children: &mut WatchState, set_flag: impl FnOnce(bool)) {
        let is_watched = self.interest() != 0;
        set_flag(is_watched);
        if !is_watched {
            children.set_unflagged();
        }
    }

    /// Clears the stale flag of a child if the directory watches nothing and, under its lock, `is_child`
    /// confirms that the child is still in it. Skipped while the lock is busy: a stale flag only costs the
    /// next event a second look at the parent.
    pub(super) fn clear(&self, is_child: impl FnOnce() -> bool, clear_flag: impl FnOnce()) {
        let Some(children) = self.children.try_read() else { return };
        if !is_child() || self.interest() != 0 {
            return;
        }
        clear_flag();
        children.set_unflagged();
    }

    /// Resets the state for the next directory that gets the slot. No mark watches this directory, and no
    /// walker is in it.
    pub(super) fn reset(&self) {
        *self.children.write() = WatchState::default();
        self.interest.store(0, Ordering::Release);
    }
}

/// The lock without the interest.
impl Deref for ChildWatch {
    type Target = RwLock<WatchState, { rank::CHILDREN }>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.children
    }
}

impl WatchState {
    /// Whether every positive child is known to carry the flag.
    pub(super) fn is_all_flagged(&self) -> bool {
        self.all_flagged.load(Ordering::Relaxed)
    }

    /// Notes that a child lacks its flag. It stores only the first time: threads that clear the flags of two children
    /// of one directory would else write one line in turn. The caller holds the lock, under which `finish` sets the word.
    fn set_unflagged(&self) {
        if self.all_flagged.load(Ordering::Relaxed) {
            self.all_flagged.store(false, Ordering::Relaxed);
        }
    }

    /// Takes an unhashed child out of the array. The last child moves to its place. Returns the name, and the
    /// dentry that moved, if one did.
    ///
    /// The walk descends, so the child that moved down was above `place`. If `place` is below the cursor, the
    /// walk still claims the child there. If not, the child was claimed before, or got its flag when it was
    /// linked.
    pub(super) fn unlink(
        &mut self,
        place: usize,
        is_last_hashed: bool,
    ) -> (Name, Option<Ix<DentrySlot>>) {
        let removed = self.list.swap_remove(place, is_last_hashed);
        let end = self.list.positives() as u32;
        if self.cursor.load(Ordering::Relaxed) > end {
            self.cursor.store(end, Ordering::Relaxed);
        }
        removed
    }

    /// Claims up to `most` places below the cursor; returns them, an empty range at the end.
    fn lower_cursor(&self, most: u32) -> Range<usize> {
        let mut cursor = self.cursor.load(Ordering::Relaxed);
        loop {
            let start = cursor.saturating_sub(most);
            match self.cursor.compare_exchange_weak(
                cursor,
                start,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return start as usize..cursor as usize,
                Err(now) => cursor = now,
            }
        }
    }
}

impl Deref for WatchState {
    type Target = Children;

    #[inline(always)]
    fn deref(&self) -> &Children {
        &self.list
    }
}

impl DerefMut for WatchState {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Children {
        &mut self.list
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// A directory with children that have no flags.
    fn watch(children: usize) -> ChildWatch {
        let watch = ChildWatch::default();
        let mut guard = watch.write();
        for number in 0..children {
            let dentry = Ix::from_word(number as u32 + 1).unwrap();
            guard.push(dentry, Name::from(b"n"), number as u32, false);
            watch.link(&mut guard, |flag| assert!(!flag));
        }
        drop(guard);
        watch
    }

    #[test]
    fn claims_descend_to_zero_and_stay_there() {
        let state = WatchState { cursor: AtomicU32::new(10), ..WatchState::default() };
        assert_eq!(state.lower_cursor(4), 6..10);
        assert_eq!(state.lower_cursor(100), 0..6);
        assert!(state.lower_cursor(1).is_empty());
    }

    #[test]
    fn a_walk_makes_a_directory_ready_until_a_flag_is_missing_again() {
        let watch = watch(3);
        assert_eq!(watch.join(1), None, "it watches nothing");
        watch.publish(1, 8);
        let epoch = watch.join(1).unwrap();
        assert_eq!(
            watch.claim(1, epoch, 2, |places| assert_eq!(places.len(), 2)),
            FlagChunk::Flagged(2)
        );
        watch.finish(1);
        assert_eq!(watch.join(1), Some(epoch), "one child is not claimed");
        assert_eq!(watch.claim(1, epoch, 2, |_| ()), FlagChunk::Flagged(1));
        assert_eq!(watch.claim(1, epoch, 2, |_| ()), FlagChunk::AtEnd);
        watch.finish(1);
        assert_eq!(watch.join(1), None);
        assert_eq!(watch.claim(1, epoch, 2, |_| ()), FlagChunk::Done);
        watch.publish(1, 0);
        watch.publish(1, 4);
        assert_eq!((watch.join(1), watch.interest()), (None, 4), "no flag was cleared");
        watch.publish(1, 0);
        watch.clear(|| true, || ());
        watch.publish(1, 4);
        assert!(watch.join(1).is_some());
    }

    /// So a caller whose watch was removed does not wait for the watches of others.
    #[test]
    fn a_walk_ends_with_the_epoch_it_was_made_for() {
        let watch = watch(1);
        watch.publish(1, 8);
        let first = watch.join(1).unwrap();
        watch.publish(1, 0);
        assert_eq!(watch.claim(1, first, 9, |_| panic!("a visit")), FlagChunk::Done);
        watch.publish(1, 8);
        assert_ne!(watch.join(1), Some(first));
        assert_eq!(watch.claim(1, first, 9, |_| panic!("a visit")), FlagChunk::Done);
    }
}

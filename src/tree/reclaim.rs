//! The budget for positive dentries, and the CLOCK hand that keeps it.
//!
//! A name that was found stays cached until it is removed, so a guest that looks through a large tree
//! would fill the cache. Beyond the budget unreferenced dentries are freed, those that were not looked
//! up lately first. Only superblocks with at least the average number of dentries lose any: a
//! superblock with fewer loses nothing to its neighbours.
//!
//! Reclaim reports no event. A marked inode outlives its dentry: its marks, its directory slot and the
//! state of the flag protocol stay. A child that is looked up again is linked with its flag.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit};
use crate::base::slot_index::Ix;
use crate::base::sync::{Ordering, count_items};
use crate::tree::dentry_page::Dentries;
use crate::tree::directory::Link;
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockId, SuperblockSlot};

/// How many slots of dentries a creation passes over when the budget is used up.
const SLOTS_PER_CREATION: usize = 256;
/// How many dentries a creation frees at most: more than it adds, so that the cache shrinks.
const DENTRIES_PER_CREATION: usize = 4;

/// The unreferenced dentries that may be freed.
#[derive(Clone, Copy)]
pub(crate) struct Candidates<'a> {
    /// Also those that were looked up since the CLOCK hand passed.
    pub(crate) recent: bool,
    /// Only directories, and the names in directories that nothing but names keeps.
    pub(crate) for_directory: bool,
    /// Those of this superblock go even if it has less than its share: it is the one that needs the
    /// room.
    pub(crate) may_exceed_share: &'a dyn Fn(SuperblockId) -> bool,
}

impl Candidates<'_> {
    /// The candidates of a creation beyond the budget.
    const BEYOND_BUDGET: Self =
        Self { recent: false, for_directory: false, may_exceed_share: &|_| false };
}

impl Tree {
    /// Counts a reclaimable superblock that is added (`more`) or freed.
    pub(super) fn count_reclaimable(&self, more: bool) {
        let superblocks = &self.reclaim.superblocks;
        if more {
            superblocks.fetch_add(1, Ordering::Relaxed);
        } else {
            superblocks.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts a dentry that is made (`more`) or freed.
    pub(super) fn count_dentry(&self, superblock: &SuperblockSlot, more: bool) {
        if !superblock.is_reclaimable() {
            return;
        }
        superblock.count_dentry(more);
        if more {
            self.reclaim.dentries.fetch_add(1, Ordering::Relaxed);
        } else {
            self.reclaim.dentries.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many dentries the reclaimable superblocks have.
    pub(super) fn reclaimable_dentries(&self) -> usize {
        self.reclaim.dentries.load(Ordering::Relaxed)
    }

    /// Counts that a limit of the tree was reached; returns the error.
    #[cold]
    pub(super) fn refuse(&self, limit: Limit) -> Error {
        self.reclaim.refusals.fetch_add(1, Ordering::Relaxed);
        Error::from(Errno::ENOMEM).with_limit(limit)
    }

    #[cfg(feature = "vfs")]
    /// How often any thread has reached a limit of the tree so far.
    pub(crate) fn refusals(&self) -> usize {
        self.reclaim.refusals.load(Ordering::Relaxed)
    }

    #[cfg(feature = "vfs")]
    /// Whether the tree has as many directories as its limit allows.
    pub(crate) fn is_full_of_directories(&self) -> bool {
        self.dirs.is_full()
    }

    #[cfg(feature = "vfs")]
    /// How many slots the CLOCK hand passes over in a round.
    pub(crate) fn dentry_slots(&self) -> usize {
        self.dentries.capacity() as usize
    }

    /// Makes room for one more dentry if the budget is used up. The caller holds no `children` lock.
    pub(super) fn shrink_dentries(&self) {
        if self.reclaimable_dentries() >= self.config().dentries {
            let candidates = Candidates::BEYOND_BUDGET;
            self.reclaim_dentries(SLOTS_PER_CREATION, DENTRIES_PER_CREATION, candidates);
        }
    }

    /// Frees up to `most` unreferenced dentries, passing over up to `slots` slots; returns how many.
    ///
    /// Takes `children` of one directory after the other for a bounded time; the caller holds no
    /// `children` lock. The objects that a freed dentry kept are deferred: its inode, and a directory
    /// that only it kept.
    pub(crate) fn reclaim_dentries(
        &self,
        slots: usize,
        most: usize,
        candidates: Candidates<'_>,
    ) -> usize {
        let slots_in_all = self.dentries.capacity();
        if slots_in_all == 0 || self.reclaimable_dentries() == 0 {
            return 0;
        }
        let start = self.reclaim.clock_cursor.load(Ordering::Relaxed);
        let (mut clock_cursor, mut freed) = (start, 0);
        for _ in 0..slots {
            if freed >= most {
                break;
            }
            count_items(1);
            let dentry = Dentries::nth(clock_cursor % slots_in_all);
            clock_cursor = clock_cursor.wrapping_add(1);
            freed += self.reclaim_dentry(dentry, candidates);
        }
        let order = Ordering::Relaxed;
        let _ = self.reclaim.clock_cursor.compare_exchange(start, clock_cursor, order, order);
        freed
    }

    /// Frees the dentry in a slot if it is a candidate; returns how many were freed. Where directories
    /// are scarce, a directory that loses its last child is freed with it: the CLOCK hand has passed it
    /// already.
    fn reclaim_dentry(&self, dentry: Ix<DentrySlot>, candidates: Candidates<'_>) -> usize {
        let Some(page) = self.dentries.page(dentry) else { return 0 };
        let page = page.hot();
        // A check without the lock, right most of the time; it is repeated under the lock.
        if page.refs(dentry).count() != 1 || !page.is_hashed(dentry) {
            return 0;
        }
        if page.take_referenced(dentry) && !candidates.recent {
            return 0;
        }
        let mut parent = None;
        let is_freed = self.prune_dentry(dentry, |link| {
            parent = link.dir();
            self.is_candidate(dentry, link, candidates)
        });
        if !is_freed {
            return 0;
        }
        let parent = parent.filter(|_| candidates.for_directory);
        let parent = parent.and_then(|parent| self.dir_at(parent).dentry());
        let is_parent_freed = parent.is_some_and(|parent| {
            self.prune_dentry(parent, |link| self.is_candidate(parent, link, candidates))
        });
        1 + usize::from(is_parent_freed)
    }

    /// Whether an unreferenced dentry may be freed; the caller holds `children` of its parent.
    fn is_candidate(&self, dentry: Ix<DentrySlot>, link: Link, candidates: Candidates<'_>) -> bool {
        let inode = self.inode_at(self.dentry_page(dentry).hot().inode(dentry));
        let superblock = inode.superblock;
        if !superblock.is_reclaimable() {
            return false;
        }
        if candidates.for_directory && inode.dir().is_none() && !self.is_kept_by_names(link) {
            return false;
        }
        self.has_average_share(superblock) || (candidates.may_exceed_share)(superblock.id())
    }

    /// Whether the only references to the directory that a link leads to are those of its name and of
    /// its children.
    fn is_kept_by_names(&self, link: Link) -> bool {
        let parent = link.dir().and_then(|dir| self.dir_at(dir).dentry());
        parent.is_some_and(|parent| {
            let page = self.dentry_page(parent).hot();
            page.is_hashed(parent) && page.refs(parent).count() <= 2
        })
    }

    /// Whether a superblock has at least the average number of dentries; one superblock always has.
    fn has_average_share(&self, superblock: &SuperblockSlot) -> bool {
        let superblocks = self.reclaim.superblocks.load(Ordering::Relaxed);
        superblock.dentries().saturating_mul(superblocks) >= self.reclaimable_dentries()
    }
}

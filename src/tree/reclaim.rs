//! The budget for positive dentries, and the clock that keeps it.
//!
//! A name that was found stays cached until it is removed, so that a guest which looks at a large tree
//! would fill the cache for everyone. Beyond the budget unreferenced dentries are taken away, those first
//! that were not looked up lately, and only of superblocks that have at least the average share: a
//! superblock with less loses nothing to its neighbours.
//!
//! Reclaim reports no event. A marked inode outlives its dentry: its marks, its directory slot and the
//! state of the flag protocol stay, and a child that is looked up again arrives flagged.

use crate::base::sync::{AtomicU32, AtomicUsize, Ordering, count_items};
use crate::tree::dcache::Tree;
use crate::tree::superblock::SuperblockSlot;

/// How many slots of dentries a creation looks at when the budget is used up.
const SLOTS_PER_CREATION: usize = 256;
/// How many dentries a creation takes away at most: more than it adds, so that the cache shrinks.
const DENTRIES_PER_CREATION: usize = 4;

/// What a tree counts to keep its budget.
#[derive(Debug, Default)]
pub(crate) struct Reclaim {
    /// The dentries of reclaimable superblocks, and those superblocks. Written by whoever makes or frees
    /// one, under no lock. Relaxed: a budget, nothing else hangs on it.
    dentries: AtomicUsize,
    superblocks: AtomicUsize,
    /// The clock hand: the slot to look at next. Moved on by compare-and-swap by the thread that looked;
    /// Relaxed: two threads that look at the same slots cost time only.
    hand: AtomicU32,
}

impl Tree {
    /// Counts a reclaimable superblock that comes or goes.
    pub(super) fn count_reclaimable(&self, more: bool) {
        let superblocks = &self.reclaim.superblocks;
        if more {
            superblocks.fetch_add(1, Ordering::Relaxed);
        } else {
            superblocks.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts a dentry that comes or goes.
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

    /// How many dentries of superblocks there are whose unreferenced ones may be taken away.
    pub(super) fn reclaimable_dentries(&self) -> usize {
        self.reclaim.dentries.load(Ordering::Relaxed)
    }

    /// Makes room for one more dentry if the budget is used up. Call it with no `children` lock held.
    pub(super) fn shrink_dentries(&self) {
        if self.reclaimable_dentries() >= self.config().dentries {
            self.reclaim_dentries(SLOTS_PER_CREATION, DENTRIES_PER_CREATION);
        }
    }

    /// Takes up to `most` unreferenced dentries away, looking at up to `slots` slots; how many went.
    ///
    /// Takes `children` of one directory after the other for a bounded time; no `children` lock may be
    /// held. What a dentry kept is deferred: its inode, and a directory that only it kept.
    pub(crate) fn reclaim_dentries(&self, slots: usize, most: usize) -> usize {
        let end = self.dentries.end();
        if end == 0 || self.reclaimable_dentries() == 0 {
            return 0;
        }
        let start = self.reclaim.hand.load(Ordering::Relaxed);
        let (mut hand, mut gone) = (start, 0);
        for _ in 0..slots {
            if gone == most {
                break;
            }
            count_items(1);
            let dentry = hand % end;
            hand = hand.wrapping_add(1);
            gone += usize::from(self.reclaim_dentry(dentry));
        }
        let order = Ordering::Relaxed;
        let _ = self.reclaim.hand.compare_exchange(start, hand, order, order);
        gone
    }

    /// Takes the dentry in a slot away if it is unreferenced and was not looked up since the clock came
    /// by last; whether it went.
    fn reclaim_dentry(&self, dentry: u32) -> bool {
        let Some(page) = self.dentries.page(dentry) else { return false };
        let page = page.hot();
        // A look without the lock, which is right most of the time: it is repeated under it.
        if page.life(dentry).uses() != 1 || !page.is_hashed(dentry) {
            return false;
        }
        if page.take_referenced(dentry) {
            return false;
        }
        self.prune_dentry(dentry, |_| {
            let superblock = self.inode_at(page.inode(dentry)).superblock;
            superblock.is_reclaimable() && self.has_its_share(superblock)
        })
    }

    /// Whether a superblock has at least the average of what all have: one of them always has.
    fn has_its_share(&self, superblock: &SuperblockSlot) -> bool {
        let superblocks = self.reclaim.superblocks.load(Ordering::Relaxed);
        superblock.dentries().saturating_mul(superblocks) >= self.reclaimable_dentries()
    }
}

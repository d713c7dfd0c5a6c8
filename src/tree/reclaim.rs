//! The budget for positive dentries, and the clock that keeps it.
//!
//! A name that was found stays cached until it is removed, so that a guest which looks at a large tree
//! would fill the cache for everyone. Beyond the budget unreferenced dentries are taken away, those first
//! that were not looked up lately, and only of superblocks that have at least the average share: a
//! superblock with less loses nothing to its neighbours.
//!
//! Reclaim reports no event. A marked inode outlives its dentry: its marks, its directory slot and the
//! state of the flag protocol stay, and a child that is looked up again arrives flagged.

use crate::base::errno::Errno;
use crate::base::error::{Error, Limit};
use crate::base::index::Ix;
use crate::base::sync::{Ordering, count_items};
use crate::tree::dentry_page::Dentries;
use crate::tree::directory::Link;
use crate::tree::kinds::DentrySlot;
use crate::tree::store::Tree;
use crate::tree::superblock::{SuperblockId, SuperblockSlot};

/// How many slots of dentries a creation looks at when the budget is used up.
const SLOTS_PER_CREATION: usize = 256;
/// How many dentries a creation takes away at most: more than it adds, so that the cache shrinks.
const DENTRIES_PER_CREATION: usize = 4;

/// Which unreferenced dentries may be taken away.
#[derive(Clone, Copy)]
pub(crate) struct Candidates<'a> {
    /// Also those that were looked up since the clock came by.
    pub(crate) recent: bool,
    /// Only directories, and the names in those that nothing but names keeps.
    pub(crate) for_directory: bool,
    /// Those of this superblock go though it has less than its share: it is it that needs the room.
    pub(crate) may_give_all: &'a dyn Fn(SuperblockId) -> bool,
}

impl Candidates<'_> {
    /// What goes when the budget is used up.
    const BEYOND_BUDGET: Self =
        Self { recent: false, for_directory: false, may_give_all: &|_| false };
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

    /// Counts that a limit of the tree was met; the error.
    #[cold]
    pub(super) fn refuse(&self, limit: Limit) -> Error {
        self.reclaim.refusals.fetch_add(1, Ordering::Relaxed);
        Error::from(Errno::ENOMEM).with_limit(limit)
    }

    #[cfg(feature = "vfs")]
    /// How often a limit of the tree was met so far, by any thread.
    pub(crate) fn refusals(&self) -> usize {
        self.reclaim.refusals.load(Ordering::Relaxed)
    }

    #[cfg(feature = "vfs")]
    /// Whether there are as many directories as there may be.
    pub(crate) fn is_full_of_directories(&self) -> bool {
        self.dirs.is_full()
    }

    #[cfg(feature = "vfs")]
    /// How many slots the clock goes over in a round.
    pub(crate) fn dentry_slots(&self) -> usize {
        self.dentries.capacity() as usize
    }

    /// Makes room for one more dentry if the budget is used up. Call it with no `children` lock held.
    pub(super) fn shrink_dentries(&self) {
        if self.reclaimable_dentries() >= self.config().dentries {
            let candidates = Candidates::BEYOND_BUDGET;
            self.reclaim_dentries(SLOTS_PER_CREATION, DENTRIES_PER_CREATION, candidates);
        }
    }

    /// Takes up to `most` unreferenced dentries away, looking at up to `slots` slots; how many went.
    ///
    /// Takes `children` of one directory after the other for a bounded time; no `children` lock may be
    /// held. What a dentry kept is deferred: its inode, and a directory that only it kept.
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
        let (mut clock_cursor, mut gone) = (start, 0);
        for _ in 0..slots {
            if gone >= most {
                break;
            }
            count_items(1);
            let dentry = Dentries::nth(clock_cursor % slots_in_all);
            clock_cursor = clock_cursor.wrapping_add(1);
            gone += self.reclaim_dentry(dentry, candidates);
        }
        let order = Ordering::Relaxed;
        let _ = self.reclaim.clock_cursor.compare_exchange(start, clock_cursor, order, order);
        gone
    }

    /// Takes the dentry in a slot away if it is a candidate; how many went. Where directories are scarce, one
    /// of which it was the last child goes with it: the clock was there before.
    fn reclaim_dentry(&self, dentry: Ix<DentrySlot>, candidates: Candidates<'_>) -> usize {
        let Some(page) = self.dentries.page(dentry) else { return 0 };
        let page = page.hot();
        // A look without the lock, which is right most of the time: it is repeated under it.
        if page.refs(dentry).count() != 1 || !page.is_hashed(dentry) {
            return 0;
        }
        if page.take_referenced(dentry) && !candidates.recent {
            return 0;
        }
        let mut parent = None;
        let is_gone = self.prune_dentry(dentry, |link| {
            parent = link.dir();
            self.is_candidate(dentry, link, candidates)
        });
        if !is_gone {
            return 0;
        }
        let parent = parent.filter(|_| candidates.for_directory);
        let parent = parent.and_then(|parent| self.dir_at(parent).dentry());
        let goes_too = parent.is_some_and(|parent| {
            self.prune_dentry(parent, |link| self.is_candidate(parent, link, candidates))
        });
        1 + usize::from(goes_too)
    }

    /// Whether an unreferenced dentry may be taken away; `children` of its parent is locked.
    fn is_candidate(&self, dentry: Ix<DentrySlot>, link: Link, candidates: Candidates<'_>) -> bool {
        let inode = self.inode_at(self.dentry_page(dentry).hot().inode(dentry));
        let superblock = inode.superblock;
        if !superblock.is_reclaimable() {
            return false;
        }
        if candidates.for_directory && inode.dir().is_none() && !self.is_kept_by_names(link) {
            return false;
        }
        self.has_its_share(superblock) || (candidates.may_give_all)(superblock.id())
    }

    /// Whether the directory that a link leads to has no references but that of its name and that of its
    /// children.
    fn is_kept_by_names(&self, link: Link) -> bool {
        let parent = link.dir().and_then(|dir| self.dir_at(dir).dentry());
        parent.is_some_and(|parent| {
            let page = self.dentry_page(parent).hot();
            page.is_hashed(parent) && page.refs(parent).count() <= 2
        })
    }

    /// Whether a superblock has at least the average of what all have: one of them always has.
    fn has_its_share(&self, superblock: &SuperblockSlot) -> bool {
        let superblocks = self.reclaim.superblocks.load(Ordering::Relaxed);
        superblock.dentries().saturating_mul(superblocks) >= self.reclaimable_dentries()
    }
}

//! The budget for negative dentries, and the CLOCK hand that keeps it.

use crate::base::name::Name;
use crate::base::slot_index::Ix;
use crate::base::sync::{Ordering, count_items};
use crate::tree::children::{Children, Entry};
use crate::tree::directory::DirSlot;
use crate::tree::directory::Dirs;
use crate::tree::store::Tree;

/// How many directory slots one call looks at.
const SLOTS_PER_CALL: u32 = 64;
/// How many places of one directory the CLOCK hand passes over under one hold of its lock.
const PLACES_PER_HOLD: usize = 256;
/// How many entries one hold evicts.
const EVICTIONS_PER_HOLD: usize = 8;

impl Tree {
    /// How many negative dentries there are in all.
    ///
    /// ```
    /// let tree = vfsnotify::Tree::new(Default::default());
    /// assert_eq!(tree.negatives(), 0);
    /// ```
    #[must_use]
    pub fn negatives(&self) -> usize {
        self.negatives.load(Ordering::Relaxed)
    }

    /// Remembers that a name does not exist, if the budget allows it.
    pub(crate) fn d_negative(&self, dir: Ix<DirSlot>, name: &[u8]) {
        self.shrink_negatives();
        let hash = self.hash_name(name);
        let slot = self.dir_at(dir);
        let mut children = slot.children.write();
        if children.find(name, hash).is_none() {
            self.push_negative(slot, &mut children, Name::from(name), hash);
        }
    }

    pub(super) fn push_negative(
        &self,
        slot: &DirSlot,
        children: &mut Children,
        name: Name,
        hash: u32,
    ) {
        if self.admit_negative(children) {
            children.push_negative(name, hash);
        }
        slot.set_negatives(children.negatives());
    }

    /// Forgets that a name does not exist.
    pub(crate) fn d_forget_negative(&self, dir: Ix<DirSlot>, name: &[u8]) {
        let hash = self.hash_name(name);
        let slot = self.dir_at(dir);
        let mut children = slot.children.write();
        if let Some(Entry::Negative(negative)) = children.find(name, hash) {
            let before = children.negatives();
            children.remove_negative(negative, hash, |name| self.hash_name(name));
            self.release_negatives(slot, before, &children);
        }
    }

    /// Charges one negative entry to the budget, for a directory whose lock is held. Where the budget is used
    /// up, it evicts one of the directory's own entries first. False if there is still no room: the caller
    /// does not remember the name.
    pub(super) fn admit_negative(&self, children: &mut Children) -> bool {
        let most = self.config().negatives_per_directory;
        let admit = |children: &Children| children.negatives() < most && self.reserve_negative();
        if admit(children) {
            return true;
        }
        if children.evict_negative(PLACES_PER_HOLD, |name| self.hash_name(name)) {
            self.negatives.fetch_sub(1, Ordering::Relaxed);
        }
        admit(children)
    }

    /// Counts one more, in one step with the comparison with the limit: two directories may compete for the
    /// last.
    fn reserve_negative(&self) -> bool {
        let more = |count| (count < self.config().negatives).then_some(count + 1);
        self.negatives.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Uncharges the entries that a directory has forgotten since it had `before` of them. The caller holds
    /// the directory's lock.
    pub(super) fn release_negatives(&self, dir: &DirSlot, before: usize, children: &Children) {
        let now = children.negatives();
        dir.set_negatives(now);
        self.negatives.fetch_sub(before - now, Ordering::Relaxed);
    }

    /// If the budget of the whole tree is used up, moves the CLOCK hand over some directories and evicts a
    /// few entries. The caller holds no `children` lock; this waits for none.
    pub(super) fn shrink_negatives(&self) {
        if self.negatives() < self.config().negatives {
            return;
        }
        let slots = self.dirs().capacity();
        for _ in 0..SLOTS_PER_CALL.min(slots) {
            count_items(1);
            // The CLOCK hand stays at a directory while it has entries to evict. If a few of many directories hold
            // all entries, a hand that moved on would spend most calls between them.
            let clock_cursor = self.clock_cursor.load(Ordering::Relaxed);
            let move_on = || {
                let (next, order) = (clock_cursor.wrapping_add(1), Ordering::Relaxed);
                let _ = self.clock_cursor.compare_exchange(clock_cursor, next, order, order);
            };
            // A busy directory keeps its entries until the CLOCK hand comes again.
            let dir =
                self.dir_slot(Dirs::nth(clock_cursor % slots)).filter(|dir| dir.negatives() > 0);
            let Some((dir, mut children)) =
                dir.and_then(|dir| Some((dir, dir.children.try_write()?)))
            else {
                move_on();
                continue;
            };
            let before = children.negatives();
            for _ in 0..EVICTIONS_PER_HOLD {
                if !children.evict_negative(PLACES_PER_HOLD, |name| self.hash_name(name)) {
                    break;
                }
            }
            if children.negatives() == before {
                move_on();
            }
            self.release_negatives(dir, before, &children);
            return;
        }
    }
}

//! A hash index for large tables: linear hashing over buckets of one cache line.
//!
//! A bucket holds up to seven references with their hashes. So a look-up, an insertion and its split
//! touch one line each, and no entry but the one that is looked up. References that do not fit go to
//! spill buckets. No step allocates, copies or frees anything of the size of the table. The same holds
//! for [`chain_index`](crate::base::chain_index), whose nodes know their hashes and successors and need
//! less memory here.

use std::fmt;
use std::num::NonZeroU32;

use smallvec::SmallVec;

use crate::base::paged_vec::PagedVec;
use crate::base::sync::{AtomicU32, Ordering, count_items};

/// How many references a bucket holds: few under a model checker, which follows every hash.
const SLOTS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 7 };
/// The most references in a bucket on average.
const LOAD: usize = if cfg!(any(loom, shuttle)) { 2 } else { 5 };
/// The bit of a hash that says "looked up since the CLOCK hand passed".
const REFERENCED: u32 = 1 << 31;
/// The other bits, which hold the hash.
pub(crate) const HASH_MASK: u32 = REFERENCED - 1;

/// A reference to an entry, in 32 bits. The default may refer to any entry.
pub(crate) trait EntryRef: Copy + Default + PartialEq + fmt::Debug {}

/// A reference with the hash of the entry.
#[derive(Debug, Default)]
struct Slot<N> {
    node: N,
    /// Hash and reference bit. Look-ups set the bit through a shared index; the CLOCK hand clears it
    /// through an exclusive one. Relaxed: it is a hint.
    hash: AtomicU32,
}

impl<N> Slot<N> {
    fn hash(&self) -> u32 {
        self.hash.load(Ordering::Relaxed) & HASH_MASK
    }

    /// Clears the reference bit; true if it was set.
    fn take_reference(&self) -> bool {
        let hash = self.hash.load(Ordering::Relaxed);
        if hash & REFERENCED == 0 {
            return false;
        }
        self.hash.store(hash & HASH_MASK, Ordering::Relaxed);
        true
    }
}

/// Seven slots, the used ones first, and the first of its spill buckets. If there are spill buckets,
/// only the first of them may have room: the bucket itself and the other spill buckets are full.
#[derive(Debug)]
#[cfg_attr(not(any(loom, shuttle)), repr(align(64)))]
struct Bucket<N> {
    slots: [Slot<N>; SLOTS],
    used: u32,
    spill: Option<Spill>,
}

/// The number of a spill bucket: its place and 1, so that an option takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spill(NonZeroU32);

impl Spill {
    /// The last of `count` spill buckets.
    fn last(spills: usize) -> Option<Self> {
        NonZeroU32::new(spills as u32).map(Self)
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<N: EntryRef> Default for Bucket<N> {
    fn default() -> Self {
        Self { slots: Default::default(), used: 0, spill: None }
    }
}

impl<N: EntryRef> Bucket<N> {
    fn used(&self) -> &[Slot<N>] {
        &self.slots[..self.used as usize]
    }

    fn push(&mut self, slot: Slot<N>) {
        self.slots[self.used as usize] = slot;
        self.used += 1;
    }

    fn pop(&mut self) -> Option<Slot<N>> {
        self.used = self.used.checked_sub(1)?;
        Some(std::mem::take(&mut self.slots[self.used as usize]))
    }

    fn is_full(&self) -> bool {
        self.used as usize == SLOTS
    }
}

/// The location of a slot.
#[derive(Clone, Copy, Debug)]
struct At {
    bucket: usize,
    /// The spill bucket; `None` for a slot in the bucket itself.
    spill: Option<Spill>,
    slot: usize,
}

/// A reference that was found.
#[derive(Debug)]
pub(crate) struct FoundEntry<'a, N>(&'a Slot<N>);

impl<N: EntryRef> FoundEntry<'_, N> {
    /// The reference.
    pub(crate) fn node(&self) -> N {
        self.0.node
    }

    /// Marks it as looked up, for the CLOCK hand.
    pub(crate) fn touch(&self) {
        let hash = self.0.hash.load(Ordering::Relaxed);
        // Most look-ups find the bit set: they must not write to a shared line.
        if hash & REFERENCED == 0 {
            self.0.hash.store(hash | REFERENCED, Ordering::Relaxed);
        }
    }
}

/// The index.
#[derive(Debug)]
pub(crate) struct BucketIndex<N> {
    buckets: PagedVec<Bucket<N>>,
    /// The spill buckets. None of them is empty: the last one moves to the place of an emptied one.
    spills: PagedVec<Bucket<N>>,
    /// Buckets below `split` have been split in this round; the round ends at `1 << level`.
    level: u32,
    split: usize,
    len: usize,
    /// The bucket at which the CLOCK hand is, and how many of its slots it has passed.
    clock_cursor: (usize, usize),
}

impl<N> Default for BucketIndex<N> {
    fn default() -> Self {
        let (buckets, spills) = (PagedVec::default(), PagedVec::default());
        Self { buckets, spills, level: 0, split: 0, len: 0, clock_cursor: (0, 0) }
    }
}

impl<N: EntryRef> BucketIndex<N> {
    fn bucket_of(&self, hash: u32) -> usize {
        let bucket = hash as usize & ((1 << self.level) - 1);
        if bucket < self.split { hash as usize & ((1 << (self.level + 1)) - 1) } else { bucket }
    }

    /// The first slot in a bucket and its spills that `matches`.
    fn position(&self, bucket: usize, mut matches: impl FnMut(&Slot<N>) -> bool) -> Option<At> {
        let (mut spill, mut here) = (None, self.buckets.get(bucket));
        loop {
            count_items(here.used().len());
            if let Some(slot) = here.used().iter().position(&mut matches) {
                return Some(At { bucket, spill, slot });
            }
            spill = Some(here.spill?);
            here = self.spills.get(here.spill?.place());
        }
    }

    fn slot(&self, at: At) -> &Slot<N> {
        let bucket = match at.spill {
            Some(spill) => self.spills.get(spill.place()),
            None => self.buckets.get(at.bucket),
        };
        &bucket.slots[at.slot]
    }

    fn slot_mut(&mut self, at: At) -> &mut Slot<N> {
        let bucket = match at.spill {
            Some(spill) => self.spills.get_mut(spill.place()),
            None => self.buckets.get_mut(at.bucket),
        };
        &mut bucket.slots[at.slot]
    }

    /// Finds the first reference with this hash that `matches`.
    pub(crate) fn find(
        &self,
        hash: u32,
        mut matches: impl FnMut(N) -> bool,
    ) -> Option<FoundEntry<'_, N>> {
        if self.buckets.len() == 0 {
            return None;
        }
        let is_it = |slot: &Slot<N>| slot.hash() == hash && matches(slot.node);
        let at = self.position(self.bucket_of(hash), is_it)?;
        Some(FoundEntry(self.slot(at)))
    }

    /// Adds a reference and returns how many were touched: bounded by the fullest bucket, and not by
    /// the size of the index.
    pub(crate) fn insert(&mut self, node: N, hash: u32) -> usize {
        if self.buckets.len() == 0 {
            self.buckets.push(Bucket::default());
        }
        self.put(self.bucket_of(hash), Slot { node, hash: AtomicU32::new(hash) });
        self.len += 1;
        1 + if self.len > self.buckets.len() * LOAD { self.split_one() } else { 0 }
    }

    fn put(&mut self, bucket: usize, slot: Slot<N>) {
        let here = self.buckets.get_mut(bucket);
        if !here.is_full() {
            return here.push(slot);
        }
        let spill = here.spill;
        if let Some(spill) = spill.filter(|spill| !self.spills.get(spill.place()).is_full()) {
            return self.spills.get_mut(spill.place()).push(slot);
        }
        let mut fresh = Bucket { spill, ..Bucket::default() };
        fresh.push(slot);
        self.spills.push(fresh);
        self.buckets.get_mut(bucket).spill = Spill::last(self.spills.len());
    }

    /// Takes the last slot out of a bucket and its spills. The caller calls [`BucketIndex::trim`] next.
    fn pop(&mut self, bucket: usize) -> Option<Slot<N>> {
        match self.buckets.get(bucket).spill {
            None => self.buckets.get_mut(bucket).pop(),
            Some(spill) => self.spills.get_mut(spill.place()).pop(),
        }
    }

    /// Frees the spill bucket whose last slot has been taken out, if there is one.
    fn trim(&mut self, bucket: usize) {
        let Some(empty) = self.buckets.get(bucket).spill else { return };
        if self.spills.get(empty.place()).used > 0 {
            return;
        }
        self.buckets.get_mut(bucket).spill = self.spills.get(empty.place()).spill;
        if let Some(last) = Spill::last(self.spills.len()).filter(|last| *last != empty) {
            self.repoint(last, empty);
        }
        self.spills.swap_remove(empty.place());
    }

    /// Redirects the link to a spill bucket to another place.
    fn repoint(&mut self, from: Spill, to: Spill) {
        let owner = self.bucket_of(self.spills.get(from.place()).slots[0].hash());
        let mut before = self.buckets.get(owner).spill;
        if before == Some(from) {
            self.buckets.get_mut(owner).spill = Some(to);
            return;
        }
        while let Some(at) = before {
            let next = self.spills.get(at.place()).spill;
            if next == Some(from) {
                self.spills.get_mut(at.place()).spill = Some(to);
                return;
            }
            before = next;
        }
        debug_assert!(false, "no link to the spill bucket {from:?}");
    }

    /// Takes the last slot out of a bucket and its spills.
    fn take(&mut self, bucket: usize) -> Option<Slot<N>> {
        let slot = self.pop(bucket);
        self.trim(bucket);
        slot
    }

    /// Takes a slot out; the last one of its bucket moves to its place.
    fn take_at(&mut self, at: At) {
        let node = self.slot(at).node;
        let Some(last) = self.pop(at.bucket) else { return };
        if last.node != node {
            *self.slot_mut(at) = last;
        }
        self.trim(at.bucket);
        self.len -= 1;
        if self.buckets.len() > 1 && self.len < self.buckets.len() * LOAD / 4 {
            self.merge_one();
        }
    }

    /// Moves all slots of a bucket out, before some of them are inserted again.
    fn take_all(&mut self, bucket: usize) -> SmallVec<[Slot<N>; 2 * SLOTS]> {
        let slots: SmallVec<_> = std::iter::from_fn(|| self.take(bucket)).collect();
        count_items(slots.len());
        slots
    }

    fn split_one(&mut self) -> usize {
        let (from, to) = (self.split, self.buckets.len());
        let slots = self.take_all(from);
        let touched = slots.len();
        self.buckets.push(Bucket::default());
        for slot in slots {
            let goes = slot.hash() >> self.level & 1 == 1;
            self.put(if goes { to } else { from }, slot);
        }
        self.split += 1;
        if self.split == 1 << self.level {
            self.split = 0;
            self.level += 1;
        }
        touched
    }

    fn merge_one(&mut self) {
        // Taken out while the hashes still map there.
        let slots = self.take_all(self.buckets.len() - 1);
        if self.split == 0 {
            self.level -= 1;
            self.split = 1 << self.level;
        }
        self.split -= 1;
        for slot in slots {
            self.put(self.split, slot);
        }
        self.buckets.pop();
    }

    /// Removes a reference that is in the index.
    pub(crate) fn remove(&mut self, node: N, hash: u32) {
        match self.position(self.bucket_of(hash), |slot| slot.node == node) {
            Some(at) => self.take_at(at),
            None => debug_assert!(false, "{node:?} is not in the index"),
        }
    }

    /// Replaces a reference in the index by another one with the same hash.
    pub(crate) fn rename(&mut self, from: N, to: N, hash: u32) {
        match self.position(self.bucket_of(hash), |slot| slot.node == from) {
            Some(at) => self.slot_mut(at).node = to,
            None => debug_assert!(false, "{from:?} is not in the index"),
        }
    }

    /// Moves the CLOCK hand over at most `most` slots and at most one round. Removes and returns the
    /// first `evictable` reference that has not been looked up since the CLOCK hand last passed (the
    /// hand clears the bit of the others).
    pub(crate) fn evict_next(&mut self, most: usize, evictable: impl Fn(N) -> bool) -> Option<N> {
        let mut left = most;
        // The round ends with the slots of its first bucket that the CLOCK hand had passed before.
        let visits = self.buckets.len() + usize::from(self.clock_cursor.1 > 0);
        for _ in 0..visits {
            if left == 0 || self.len == 0 {
                break;
            }
            left -= 1;
            count_items(1);
            let (bucket, passed) = self.clock_cursor;
            let (bucket, passed) =
                if bucket < self.buckets.len() { (bucket, passed) } else { (0, 0) };
            let mut slots = 0;
            let found = self.position(bucket, |slot| {
                slots += 1;
                left = left.saturating_sub(1);
                slots > passed && evictable(slot.node) && !slot.take_reference()
            });
            if let Some(at) = found {
                // Another slot moves to its place, which the CLOCK hand has not passed.
                self.clock_cursor = (bucket, slots - 1);
                let node = self.slot(at).node;
                self.take_at(at);
                return Some(node);
            }
            self.clock_cursor = (bucket + 1, 0);
        }
        None
    }

    /// Frees one page of buckets; false when nothing is left. From the first call on, no look-up may be
    /// made, and the CLOCK hand finds no slots.
    pub(crate) fn drop_page(&mut self) -> bool {
        self.len = 0;
        self.buckets.drop_page() || self.spills.drop_page()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl EntryRef for u32 {}

    fn spread(n: u32) -> u32 {
        let h = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((h ^ (h >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u32 & HASH_MASK
    }

    fn has(index: &BucketIndex<u32>, node: u32, hash: u32) -> bool {
        index.find(hash, |found| found == node).is_some()
    }

    fn fill(index: &mut BucketIndex<u32>, nodes: u32) {
        for node in 0..nodes {
            index.insert(node, spread(node));
        }
    }

    /// Checks that every slot is where its hash says, and that the counts are right.
    fn check(index: &BucketIndex<u32>) {
        let (mut slots, mut spills) = (0, 0);
        for bucket in 0..index.buckets.len() {
            let mut here = index.buckets.get(bucket);
            slots += here.used().len();
            assert!(here.used().iter().all(|slot| index.bucket_of(slot.hash()) == bucket));
            let mut is_first = true;
            while let Some(spill) = here.spill {
                assert!(here.is_full() || (spills > 0 && !is_first), "room before a spill");
                here = index.spills.get(spill.place());
                assert!(here.used > 0 && (is_first || here.is_full()));
                assert!(here.used().iter().all(|slot| index.bucket_of(slot.hash()) == bucket));
                slots += here.used().len();
                spills += 1;
                is_first = false;
            }
        }
        assert_eq!((slots, spills), (index.len, index.spills.len()));
    }

    #[test]
    fn a_bucket_takes_a_cache_line() {
        assert_eq!(size_of::<Bucket<u32>>(), 64);
    }

    #[test]
    fn a_reference_is_found_until_it_is_removed() {
        // With 64 hashes in all, chains of spill buckets occur too.
        for hashes in [HASH_MASK, 63, 0] {
            let mut index = BucketIndex::default();
            let mut known = BTreeMap::new();
            let mut seed = 5_u64;
            for turn in 0..6000_u32 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let node = (seed >> 40) as u32 % 900;
                let hash = spread(node) & hashes;
                if known.insert(node, hash).is_none() {
                    assert!(!has(&index, node, hash));
                    index.insert(node, hash);
                } else {
                    known.remove(&node);
                    assert!(has(&index, node, hash));
                    index.remove(node, hash);
                }
                if turn % 250 == 0 {
                    check(&index);
                    assert!(known.iter().all(|(node, hash)| has(&index, *node, *hash)));
                }
            }
            for (node, hash) in std::mem::take(&mut known) {
                index.remove(node, hash);
                assert!(!has(&index, node, hash));
            }
            check(&index);
            assert_eq!((index.len, index.buckets.len(), index.spills.len()), (0, 1, 0));
        }
    }

    #[test]
    fn an_insert_touches_few_references() {
        let mut index = BucketIndex::default();
        let worst = (0..300_000).map(|n| index.insert(n, spread(n))).max();
        assert!(worst < Some(50), "{worst:?}");
        check(&index);
        let spilled = index.spills.len() as f64 / index.buckets.len() as f64;
        assert!(spilled < 0.5, "{spilled}");
    }

    #[test]
    fn a_renamed_reference_is_found_under_its_new_number() {
        let mut index = BucketIndex::default();
        fill(&mut index, 100);
        index.rename(40, 1000, spread(40));
        assert!(has(&index, 1000, spread(40)) && !has(&index, 40, spread(40)));
        check(&index);
    }

    #[test]
    fn the_clock_gives_a_second_chance_and_skips_entries_that_must_stay() {
        let mut index = BucketIndex::default();
        fill(&mut index, 200);
        for n in 0..50 {
            index.find(spread(n), |node| node == n).unwrap().touch();
        }
        let evictable = |node| node < 100;
        let mut gone: Vec<u32> =
            (0..100).filter_map(|_| index.evict_next(100_000, evictable)).take(50).collect();
        gone.sort_unstable();
        assert_eq!(gone, (50..100).collect::<Vec<_>>(), "the others were looked up");
        let rest = (0..100).filter_map(|_| index.evict_next(100_000, evictable)).count();
        assert_eq!(rest, 50);
        assert_eq!(index.evict_next(0, |_| true), None);
        assert_eq!(index.len, 100);
        check(&index);
    }

    #[test]
    fn pages_are_freed_one_at_a_time() {
        let mut index = BucketIndex::default();
        fill(&mut index, 50_000);
        let mut steps = 1;
        while index.drop_page() {
            assert_eq!(index.evict_next(100, |_| true), None, "no slot is left");
            steps += 1;
        }
        assert!((10..30).contains(&steps), "{steps}");
    }
}

//! Negative dentries: names that are known not to exist.
//!
//! One costs an entry here (32 bytes with a name of up to 22 bytes) and four bytes in the index of
//! its directory; no dentry, no inode. They live in slabs of 1024 and are evicted by a clock hand.

use slab::Slab;

use crate::base::name::Name;
use crate::base::paged::PagedVec;
use crate::base::sync::{AtomicU32, Ordering};

const PAGE: usize = 1024;
const NO_PAGE: u32 = u32::MAX;
/// The bit of the hash word that says "looked up since the hand passed".
const REFERENCED: u32 = 1 << 31;
/// The hash has the other bits.
pub(crate) const HASH_MASK: u32 = REFERENCED - 1;

/// One negative dentry.
#[derive(Debug)]
pub(crate) struct Negative {
    /// Hash and reference bit. The bit is set under `children` (read) by look-ups and cleared
    /// under `children` (write) by the hand. Relaxed: it is a hint.
    hash: AtomicU32,
    pub(crate) next: u32,
    pub(crate) name: Name,
}

impl Negative {
    pub(crate) fn hash(&self) -> u32 {
        self.hash.load(Ordering::Relaxed) & HASH_MASK
    }

    pub(crate) fn touch(&self) {
        let hash = self.hash.load(Ordering::Relaxed);
        // Most hits find the bit set: they must not write to a shared line.
        if hash & REFERENCED == 0 {
            self.hash.store(hash | REFERENCED, Ordering::Relaxed);
        }
    }

    fn take_reference(&mut self) -> bool {
        let hash = self.hash.load(Ordering::Relaxed);
        self.hash.store(hash & HASH_MASK, Ordering::Relaxed);
        hash & REFERENCED != 0
    }
}

#[derive(Debug)]
struct Page {
    slab: Slab<Negative>,
    /// The next page with room, while this one is on that list.
    next_vacant: u32,
}

/// The negative dentries of one directory.
#[derive(Debug)]
pub(crate) struct Negatives {
    pages: PagedVec<Page>,
    first_vacant: u32,
    len: usize,
    hand: usize,
}

impl Default for Negatives {
    fn default() -> Self {
        Self { pages: PagedVec::default(), first_vacant: NO_PAGE, len: 0, hand: 0 }
    }
}

impl Negatives {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn split(index: u32) -> (usize, usize) {
        (index as usize / PAGE, index as usize % PAGE)
    }

    pub(crate) fn get(&self, index: u32) -> &Negative {
        let (page, key) = Self::split(index);
        &self.pages.get(page).slab[key]
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut Negative {
        let (page, key) = Self::split(index);
        &mut self.pages.get_mut(page).slab[key]
    }

    /// Stores a name and returns where; the caller puts it into the index.
    pub(crate) fn insert(&mut self, hash: u32, name: Name) -> u32 {
        if self.first_vacant == NO_PAGE {
            let number = self.pages.len();
            // The first page of a small directory grows with it.
            let slab = if number == 0 { Slab::new() } else { Slab::with_capacity(PAGE) };
            self.pages.push(Page { slab, next_vacant: NO_PAGE });
            self.first_vacant = number as u32;
        }
        let number = self.first_vacant as usize;
        let page = self.pages.get_mut(number);
        let key = page.slab.insert(Negative { hash: AtomicU32::new(hash), next: NO_PAGE, name });
        if page.slab.len() == PAGE {
            self.first_vacant = page.next_vacant;
        }
        self.len += 1;
        (number * PAGE + key) as u32
    }

    /// Frees an entry that is out of the index already.
    pub(crate) fn remove(&mut self, index: u32) {
        let (number, key) = Self::split(index);
        let page = self.pages.get_mut(number);
        let was_full = page.slab.len() == PAGE;
        drop(page.slab.remove(key));
        if was_full {
            page.next_vacant = self.first_vacant;
            self.first_vacant = number as u32;
        }
        self.len -= 1;
    }

    /// Moves the clock hand over at most `most` places and returns the first entry it finds that
    /// has not been looked up since it last passed.
    pub(crate) fn victim(&mut self, most: usize) -> Option<u32> {
        let places = self.pages.len() * PAGE;
        if self.len == 0 || places == 0 {
            return None;
        }
        for _ in 0..most {
            self.hand = (self.hand + 1) % places;
            let (page, key) = (self.hand / PAGE, self.hand % PAGE);
            if let Some(negative) = self.pages.get_mut(page).slab.get_mut(key)
                && !negative.take_reference()
            {
                return Some(self.hand as u32);
            }
        }
        None
    }

    /// Frees one page of entries; false when nothing is left.
    pub(crate) fn drop_page(&mut self) -> bool {
        if let Some(page) = self.pages.pop() {
            self.len -= page.slab.len();
        }
        self.pages.len() > 0
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_negative_dentry_takes_32_bytes() {
        assert_eq!(size_of::<Negative>(), 32);
        let mut slab = Slab::<Negative>::with_capacity(1);
        slab.insert(Negative { hash: AtomicU32::new(0), next: 0, name: Name::EMPTY });
    }

    #[test]
    fn the_hand_gives_a_second_chance() {
        let mut negatives = Negatives::default();
        let one = negatives.insert(1, Name::from(b"one"));
        let two = negatives.insert(2, Name::from(b"two"));
        negatives.get(one).touch();
        assert_eq!(negatives.victim(3 * PAGE), Some(two));
        negatives.remove(two);
        assert_eq!(negatives.victim(3 * PAGE), Some(one));
        assert_eq!(negatives.victim(0), None);
    }

    #[test]
    fn freed_places_are_used_again() {
        let mut negatives = Negatives::default();
        let all: Vec<u32> = (0..3000).map(|n| negatives.insert(n, Name::EMPTY)).collect();
        for index in &all[500..2500] {
            negatives.remove(*index);
        }
        for n in 0..2000 {
            assert!(negatives.insert(n, Name::EMPTY) < 3 * 1024);
        }
        assert_eq!(negatives.len(), 3000);
        while negatives.drop_page() {}
        assert_eq!(negatives.len(), 0);
    }
}

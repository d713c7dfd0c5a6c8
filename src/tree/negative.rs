//! Negative dentries: names that are known not to exist.
//!
//! One costs a name here (24 bytes, if it has at most 22) and its share of the index of its directory
//! (about 15 bytes); no dentry, no inode. They live in slabs of 1024 and are evicted by the hand of the
//! index.

use slab::Slab;

use crate::base::name::Name;
use crate::base::paged::PagedVec;
use crate::base::sync::count_items;

const PAGE: usize = 1024;
const NO_PAGE: u32 = u32::MAX;

#[derive(Debug)]
struct Page {
    slab: Slab<Name>,
    /// The next page with room, while this one is on that list.
    next_vacant: u32,
}

/// The negative dentries of one directory.
#[derive(Debug)]
pub(crate) struct Negatives {
    pages: PagedVec<Page>,
    first_vacant: u32,
    len: usize,
}

impl Default for Negatives {
    fn default() -> Self {
        Self { pages: PagedVec::default(), first_vacant: NO_PAGE, len: 0 }
    }
}

impl Negatives {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn split(index: u32) -> (usize, usize) {
        (index as usize / PAGE, index as usize % PAGE)
    }

    pub(crate) fn get(&self, index: u32) -> &Name {
        let (page, key) = Self::split(index);
        &self.pages.get(page).slab[key]
    }

    /// Stores a name and returns where; the caller puts it into the index.
    pub(crate) fn insert(&mut self, name: Name) -> u32 {
        if self.first_vacant == NO_PAGE {
            let number = self.pages.len();
            // The first page of a small directory grows with it.
            let slab = if number == 0 { Slab::new() } else { Slab::with_capacity(PAGE) };
            self.pages.push(Page { slab, next_vacant: NO_PAGE });
            self.first_vacant = number as u32;
        }
        let number = self.first_vacant as usize;
        let page = self.pages.get_mut(number);
        if page.slab.len() == page.slab.capacity() {
            // It moves.
            count_items(page.slab.len());
        }
        let key = page.slab.insert(name);
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

    /// Frees one page of entries; false when nothing is left.
    pub(crate) fn drop_page(&mut self) -> bool {
        if let Some(page) = self.pages.pop() {
            count_items(page.slab.len());
            self.len -= page.slab.len();
        }
        self.pages.len() > 0
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn freed_places_are_used_again() {
        let mut negatives = Negatives::default();
        let all: Vec<u32> = (0..3000).map(|_| negatives.insert(Name::EMPTY)).collect();
        for index in &all[500..2500] {
            negatives.remove(*index);
        }
        for _ in 0..2000 {
            assert!(negatives.insert(Name::EMPTY) < 3 * 1024);
        }
        assert_eq!(negatives.len(), 3000);
        while negatives.drop_page() {}
        assert_eq!(negatives.len(), 0);
    }
}

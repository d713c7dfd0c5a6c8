//! Negative dentries: names that are known not to exist.
//!
//! One costs its name here (24 bytes, if the name has at most 22) and its share of the index of its
//! directory (about 15 bytes), but no dentry and no inode. The CLOCK hand of the index evicts them. The
//! last entry moves to the place of a freed one, so no pattern of additions and evictions leaves unused
//! memory.

use crate::base::name::Name;
use crate::base::paged_vec::PagedVec;

/// The negative dentries of one directory.
#[derive(Debug, Default)]
pub(crate) struct Negatives(PagedVec<Name>);

impl Negatives {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, place: usize) -> &Name {
        self.0.get(place)
    }

    /// Stores a name and returns where; the caller puts it into the index.
    pub(crate) fn insert(&mut self, name: Name) -> usize {
        self.0.push(name);
        self.0.len() - 1
    }

    /// The entry that will move to the place of this one when it is freed; `None` if this is the last.
    pub(crate) fn successor(&self, place: usize) -> Option<usize> {
        let last = self.0.len() - 1;
        (last != place).then_some(last)
    }

    /// Frees an unhashed entry. The last entry moves to its place.
    pub(crate) fn remove(&mut self, place: usize) {
        drop(self.0.swap_remove(place));
    }

    /// Frees one page of entries; false when nothing is left.
    pub(crate) fn drop_page(&mut self) -> bool {
        self.0.drop_page()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn freed_places_are_used_again() {
        let mut negatives = Negatives::default();
        let all: Vec<_> = (0..3000).map(|_| negatives.insert(Name::EMPTY)).collect();
        assert_eq!(negatives.successor(7), Some(2999));
        assert_eq!(negatives.successor(2999), None);
        for place in &all[500..2500] {
            negatives.remove(*place % negatives.len());
        }
        for _ in 0..2000 {
            assert!(negatives.insert(Name::EMPTY) < 3000);
        }
        assert_eq!(negatives.len(), 3000);
        while negatives.drop_page() {}
        assert_eq!(negatives.len(), 0);
    }
}

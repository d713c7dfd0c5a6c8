//! Negative dentries: names that are known not to exist.
//!
//! One costs a name here (24 bytes, if it has at most 22) and its share of the index of its directory
//! (about 15 bytes); no dentry, no inode. They are evicted by the hand of the index. The last one takes
//! the place of one that goes, so that no pattern of what stays and what goes can keep memory.

use crate::base::name::Name;
use crate::base::paged::PagedVec;

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

    /// The entry that takes the place of this one when it goes; `None` if it is the last itself.
    pub(crate) fn successor(&self, place: usize) -> Option<usize> {
        let last = self.0.len() - 1;
        (last != place).then_some(last)
    }

    /// Frees an entry that is out of the index already. Its successor is where it was from now on.
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

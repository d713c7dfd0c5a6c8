//! The names in a directory.
//!
//! Positive children form a dense paged array, in which a walk needs only the column of dentry indices.
//! Negative entries are stored apart. One index by name covers both. An unlinked child that is still
//! referenced leaves the index and stays in the array with its last name: Linux goes on reporting it to its
//! old parent (RULE unlinked-keeps-its-parent).

use crate::base::bucket_index::{BucketIndex, EntryRef};
use crate::base::name::Name;
use crate::base::paged_vec::PagedVec;
use crate::base::slot_index::Ix;
use crate::tree::negative::Negatives;
use crate::tree::slot_kinds::DentrySlot;

/// A positive child, beside its dentry in the other column.
#[derive(Debug)]
pub(crate) struct Positive {
    hash: u32,
    name: Name,
}

/// The entry of a name: a positive child or a negative entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The place of a positive child.
    Positive(usize),
    /// The place of a negative entry.
    Negative(usize),
}

/// An [`Entry`] as the index keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct PackedEntry(u32);

impl EntryRef for PackedEntry {}

/// The bit of a [`PackedEntry`] that says "negative"; the others are the place.
const NEGATIVE: u32 = 1 << 31;

impl PackedEntry {
    fn positive(place: usize) -> Self {
        Self(place as u32)
    }

    fn negative(place: usize) -> Self {
        Self(place as u32 | NEGATIVE)
    }

    fn get(self) -> Entry {
        let place = (self.0 & !NEGATIVE) as usize;
        if self.0 & NEGATIVE == 0 { Entry::Positive(place) } else { Entry::Negative(place) }
    }
}

/// The children of one directory, behind its `children` lock.
#[derive(Debug, Default)]
pub(crate) struct Children {
    /// The dentry of each positive child: the column a walk goes through.
    dentries: PagedVec<Ix<DentrySlot>>,
    positive: PagedVec<Positive>,
    negative: Negatives,
    index: BucketIndex<PackedEntry>,
    /// How many positive children are in the index.
    hashed: usize,
    /// The most entries one insertion touched so far.
    worst_insert: usize,
}

impl Children {
    /// How many positive children there are, those without a name included.
    pub(crate) fn positives(&self) -> usize {
        self.dentries.len()
    }

    /// How many positive children have a name.
    pub(crate) fn hashed(&self) -> usize {
        self.hashed
    }

    /// How many negative entries there are.
    pub(crate) fn negatives(&self) -> usize {
        self.negative.len()
    }

    /// The most entries that one insertion has touched: bounded by the longest chain of the
    /// index, never by the number of children.
    pub(crate) fn worst_insert(&self) -> usize {
        self.worst_insert
    }

    /// Finds a name; a negative entry is marked as recently used.
    pub(crate) fn find(&self, name: &[u8], hash: u32) -> Option<Entry> {
        let found = self.index.find(hash, |entry| {
            let known = match entry.get() {
                Entry::Positive(place) => &self.positive.get(place).name,
                Entry::Negative(place) => self.negative.get(place),
            };
            known.as_bytes() == name
        })?;
        let entry = found.node().get();
        if let Entry::Negative(_) = entry {
            found.touch();
        }
        Some(entry)
    }

    /// The dentry at a place.
    pub(crate) fn dentry_at(&self, place: usize) -> Ix<DentrySlot> {
        *self.dentries.get(place)
    }

    /// Gives a place, and so its name, to another dentry.
    pub(crate) fn set_dentry_at(&mut self, place: usize, dentry: Ix<DentrySlot>) {
        *self.dentries.get_mut(place) = dentry;
    }

    /// The name at a place.
    pub(crate) fn name_at(&self, place: usize) -> &Name {
        &self.positive.get(place).name
    }

    /// The dentries of a range of places, in descending order, a slice at a time.
    pub(crate) fn dentries_descending(
        &self,
        range: std::ops::Range<usize>,
    ) -> impl Iterator<Item = &[Ix<DentrySlot>]> {
        self.dentries.slices_descending(range.start, range.end)
    }

    /// Adds a positive child at the end and returns its place. Without `hashed` its name is used in events
    /// only (`O_TMPFILE`).
    pub(crate) fn push(
        &mut self,
        dentry: Ix<DentrySlot>,
        name: Name,
        hash: u32,
        hashed: bool,
    ) -> usize {
        let place = self.dentries.len();
        self.dentries.push(dentry);
        self.positive.push(Positive { hash, name });
        if hashed {
            self.insert_index(PackedEntry::positive(place), hash);
            self.hashed += 1;
        }
        place
    }

    fn insert_index(&mut self, entry: PackedEntry, hash: u32) {
        let touched = self.index.insert(entry, hash);
        self.worst_insert = self.worst_insert.max(touched);
    }

    /// Takes a child out of the index; it keeps its place and its name.
    pub(crate) fn unhash(&mut self, place: usize) {
        self.index.remove(PackedEntry::positive(place), self.positive.get(place).hash);
        self.hashed -= 1;
    }

    /// Takes an unhashed child out of the array. The last child moves to its place. Returns the name, and the
    /// dentry that moved, if one did.
    pub(crate) fn swap_remove(
        &mut self,
        place: usize,
        is_last_hashed: bool,
    ) -> (Name, Option<Ix<DentrySlot>>) {
        let last = self.dentries.len() - 1;
        if last != place && is_last_hashed {
            // The index must find the last child at its new place.
            let (from, to) = (PackedEntry::positive(last), PackedEntry::positive(place));
            self.index.rename(from, to, self.positive.get(last).hash);
        }
        self.dentries.swap_remove(place);
        let gone = self.positive.swap_remove(place);
        (gone.name, (last != place).then(|| *self.dentries.get(place)))
    }

    /// Gives a child that is in the index another name.
    pub(crate) fn rename(&mut self, place: usize, name: Name, hash: u32) {
        self.index.remove(PackedEntry::positive(place), self.positive.get(place).hash);
        let entry = self.positive.get_mut(place);
        (entry.name, entry.hash) = (name, hash);
        self.insert_index(PackedEntry::positive(place), hash);
    }

    /// Puts a child that is out of the index into it, under another name.
    pub(crate) fn rehash(&mut self, place: usize, name: Name, hash: u32) {
        let entry = self.positive.get_mut(place);
        (entry.name, entry.hash) = (name, hash);
        self.insert_index(PackedEntry::positive(place), hash);
        self.hashed += 1;
    }

    /// Adds a negative entry for a name that is not in the index.
    pub(crate) fn push_negative(&mut self, name: Name, hash: u32) {
        let place = self.negative.insert(name);
        self.insert_index(PackedEntry::negative(place), hash);
    }

    /// Removes a negative entry whose name has the hash `hash`; `hash_of` computes the hash of any other
    /// name.
    pub(crate) fn remove_negative(
        &mut self,
        place: usize,
        hash: u32,
        hash_of: impl Fn(&[u8]) -> u32,
    ) {
        self.index.remove(PackedEntry::negative(place), hash);
        self.free_negative(place, hash_of);
    }

    /// Frees a negative entry that is out of the index; the last entry moves to its place.
    fn free_negative(&mut self, place: usize, hash_of: impl Fn(&[u8]) -> u32) {
        if let Some(last) = self.negative.successor(place) {
            let hash = hash_of(self.negative.get(last));
            self.index.rename(PackedEntry::negative(last), PackedEntry::negative(place), hash);
        }
        self.negative.remove(place);
    }

    /// Evicts one negative entry that was not looked up lately, passing over at most `most` places; false if
    /// it found none.
    pub(crate) fn evict_negative(&mut self, most: usize, hash_of: impl Fn(&[u8]) -> u32) -> bool {
        match self.index.evict_next(most, |entry| matches!(entry.get(), Entry::Negative(_))) {
            Some(evicted) => {
                let (Entry::Negative(place) | Entry::Positive(place)) = evicted.get();
                self.free_negative(place, hash_of);
                true
            }
            None => false,
        }
    }

    /// Frees a bounded part of the entries; false when nothing is left. For removed directories: no lookup
    /// searches them any more.
    pub(crate) fn drop_page(&mut self) -> bool {
        self.index.drop_page() || self.negative.drop_page()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn dentry(n: usize) -> Ix<DentrySlot> {
        Ix::from_word(n as u32 + 1).unwrap()
    }

    fn hash(name: &[u8]) -> u32 {
        name.iter().fold(17, |h: u32, b| h.wrapping_mul(31).wrapping_add(u32::from(*b))) & 0xff
    }

    fn find(children: &Children, name: &[u8]) -> Option<Entry> {
        children.find(name, hash(name))
    }

    #[test]
    fn names_are_found_whatever_was_removed_before_them() {
        let mut children = Children::default();
        let names: Vec<Vec<u8>> = (0..600).map(|n| format!("n{n}").into_bytes()).collect();
        for (n, name) in names.iter().enumerate() {
            children.push(dentry(n), Name::from(name.as_slice()), hash(name), true);
        }
        let mut left: Vec<usize> = (0..600).collect();
        while left.len() > 3 {
            let gone = left.swap_remove(left.len() * 7 / 11);
            let Some(Entry::Positive(place)) = find(&children, &names[gone]) else {
                panic!("{gone} is missing")
            };
            assert_eq!(children.dentry_at(place), dentry(gone));
            children.unhash(place);
            let (name, moved) = children.swap_remove(place, true);
            assert_eq!(name.as_bytes(), names[gone]);
            assert_eq!(moved.is_some(), place < children.positives());
            for kept in left.iter().step_by(17) {
                let Some(Entry::Positive(place)) = find(&children, &names[*kept]) else {
                    panic!("{kept} is lost")
                };
                assert_eq!(children.dentry_at(place), dentry(*kept));
            }
        }
        assert_eq!(children.hashed(), 3);
    }

    #[test]
    fn a_child_without_a_name_is_not_found_and_keeps_its_place() {
        let mut children = Children::default();
        let place = children.push(dentry(5), Name::from(b"f"), hash(b"f"), true);
        children.unhash(place);
        assert_eq!(find(&children, b"f"), None);
        assert_eq!(children.name_at(place).as_bytes(), b"f");
        children.push(dentry(6), Name::from(b"f"), hash(b"f"), true);
        assert_eq!(find(&children, b"f"), Some(Entry::Positive(1)));
        let (_, moved) = children.swap_remove(0, true);
        assert_eq!(moved, Some(dentry(6)));
        assert_eq!(find(&children, b"f"), Some(Entry::Positive(0)));
    }

    #[test]
    fn negatives_and_positives_share_one_index() {
        let mut children = Children::default();
        children.push_negative(Name::from(b"no"), hash(b"no"));
        children.push(dentry(1), Name::from(b"yes"), hash(b"yes"), true);
        assert!(matches!(find(&children, b"no"), Some(Entry::Negative(_))));
        assert!(matches!(find(&children, b"yes"), Some(Entry::Positive(0))));
        assert_eq!((children.negatives(), children.positives()), (1, 1));
        assert!(!children.evict_negative(1024, hash), "it was just looked up");
        assert!(children.evict_negative(1024, hash));
        assert_eq!(find(&children, b"no"), None);
    }
}

//! Typed slot numbers.
//!
//! An [`Arena`](crate::base::arena::Arena) gives each slot an [`Ix`]: a number of 32 bits with the type
//! of the slot, so that the number of a mark is never taken for that of a group. No slot has the number
//! 0, so an `Option<Ix<T>>` takes 32 bits too, and an [`AtomicIx`] is one word with 0 for "none". The
//! first page of an arena has the number 1 for that reason: the page and the place of a slot are its
//! number shifted and masked, and nothing is added or subtracted.

use std::cmp;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;

use crate::base::sync::{AtomicU32, Ordering};

/// The number of a slot that holds a `T`, in the arena of the `T`s.
///
/// It locates an object and does not keep it alive: a generation in the slot tells whether the object
/// is still there.
pub(crate) struct Ix<T> {
    word: NonZeroU32,
    names: PhantomData<fn() -> T>,
}

impl<T> Ix<T> {
    /// The slot with this number.
    #[inline(always)]
    pub(crate) const fn new(word: NonZeroU32) -> Self {
        Self { word, names: PhantomData }
    }

    /// The slot that a word names; `None` for 0.
    #[inline(always)]
    pub(crate) const fn from_word(word: u32) -> Option<Self> {
        match NonZeroU32::new(word) {
            Some(word) => Some(Self::new(word)),
            None => None,
        }
    }

    /// Its number, to be packed with other bits or stored in a word; never 0.
    #[inline(always)]
    pub(crate) const fn word(self) -> u32 {
        self.word.get()
    }

    /// The number, or 0 for no slot.
    #[inline(always)]
    pub(crate) const fn word_or_zero(slot: Option<Self>) -> u32 {
        match slot {
            Some(slot) => slot.word(),
            None => 0,
        }
    }

    /// A slot with the generation of the object in it, in one word that is never 0.
    #[inline]
    pub(crate) const fn with_generation(self, generation: u32) -> u64 {
        (generation as u64) << 32 | self.word() as u64
    }

    /// Unpacks a word of [`Ix::with_generation`]; `None` for 0.
    #[inline]
    pub(crate) const fn and_generation(packed: u64) -> Option<(Self, u32)> {
        match Self::from_word(packed as u32) {
            Some(slot) => Some((slot, (packed >> 32) as u32)),
            None => None,
        }
    }
}

// Not derived: a derive would require the traits of `T`.
impl<T> Clone for Ix<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ix<T> {}

impl<T> PartialEq for Ix<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl<T> Eq for Ix<T> {}

impl<T> PartialOrd for Ix<T> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ix<T> {
    #[inline(always)]
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.word.cmp(&other.word)
    }
}

impl<T> Hash for Ix<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.word.hash(state);
    }
}

impl<T> fmt::Debug for Ix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.word.fmt(f)
    }
}

impl<T> fmt::Display for Ix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.word.fmt(f)
    }
}

/// As the key of a lock: locks of one rank are taken in the order of their slots.
impl<T> From<Ix<T>> for u64 {
    #[inline(always)]
    fn from(slot: Ix<T>) -> Self {
        Self::from(slot.word())
    }
}

/// A word that names a slot, or none.
pub(crate) struct AtomicIx<T> {
    word: AtomicU32,
    names: PhantomData<fn() -> T>,
}

impl<T> Default for AtomicIx<T> {
    /// No slot.
    fn default() -> Self {
        Self { word: AtomicU32::new(0), names: PhantomData }
    }
}

impl<T> AtomicIx<T> {
    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> Option<Ix<T>> {
        Ix::from_word(self.word.load(order))
    }

    /// The slot that a word names. The word is written before other threads can find its owner.
    ///
    /// # Panics
    /// If it names none.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn load_some(&self, order: Ordering) -> Ix<T> {
        self.load(order).expect("the word is written before its owner is known")
    }

    /// [`AtomicIx::load`] by a read-modify-write: in the order of this word it comes before or after
    /// any other read-modify-write.
    pub(crate) fn load_in_order(&self, order: Ordering) -> Option<Ix<T>> {
        Ix::from_word(self.word.fetch_or(0, order))
    }

    #[inline(always)]
    pub(crate) fn store(&self, slot: Option<Ix<T>>, order: Ordering) {
        self.word.store(Ix::word_or_zero(slot), order);
    }

    pub(crate) fn swap(&self, slot: Option<Ix<T>>, order: Ordering) -> Option<Ix<T>> {
        Ix::from_word(self.word.swap(Ix::word_or_zero(slot), order))
    }

    /// Stores `new` if the word is `seen`; else returns the word.
    pub(crate) fn compare_exchange(
        &self,
        seen: Option<Ix<T>>,
        new: Option<Ix<T>>,
        success: Ordering,
        failure: Ordering,
    ) -> Result<(), Option<Ix<T>>> {
        let (seen, new) = (Ix::word_or_zero(seen), Ix::word_or_zero(new));
        match self.word.compare_exchange(seen, new, success, failure) {
            Ok(_) => Ok(()),
            Err(now) => Err(Ix::from_word(now)),
        }
    }
}

impl<T> fmt::Debug for AtomicIx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Relaxed).fmt(f)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// The slot type of these tests.
    enum Thing {}

    fn thing(number: u32) -> Ix<Thing> {
        Ix::from_word(number).unwrap()
    }

    #[test]
    fn none_costs_no_room() {
        assert_eq!((size_of::<Ix<Thing>>(), size_of::<Option<Ix<Thing>>>()), (4, 4));
        assert_eq!(size_of::<AtomicIx<Thing>>(), 4);
        assert_eq!(Ix::<Thing>::from_word(0), None);
        assert_eq!(Ix::<Thing>::word_or_zero(None), 0);
    }

    #[test]
    fn a_slot_is_unpacked_with_its_generation() {
        for slot in [1, 7, u32::MAX].map(thing) {
            for generation in [0, 1, u32::MAX] {
                let packed = slot.with_generation(generation);
                assert_eq!(Ix::and_generation(packed), Some((slot, generation)));
            }
        }
        assert_eq!(Ix::<Thing>::and_generation(0), None);
    }

    #[test]
    fn an_atomic_word_names_a_slot_or_none() {
        let (one, two) = (Some(thing(1)), Some(thing(2)));
        let (order, word) = (Ordering::SeqCst, AtomicIx::default());
        assert_eq!(word.load(order), None);
        assert_eq!(word.compare_exchange(None, one, order, order), Ok(()));
        assert_eq!(word.compare_exchange(None, two, order, order), Err(one));
        assert_eq!((word.load(order), word.load_in_order(order)), (one, one));
        assert_eq!(word.load_some(order), thing(1));
        assert_eq!((word.swap(None, order), word.load(order)), (one, None));
        word.store(two, order);
        assert_eq!(format!("{word:?}"), "Some(2)");
    }

    #[test]
    #[should_panic(expected = "written before its owner is known")]
    fn a_word_that_must_name_a_slot_and_does_not_is_noticed() {
        AtomicIx::<Thing>::default().load_some(Ordering::Relaxed);
    }
}

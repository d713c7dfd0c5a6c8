//! The word that says whether a slot is in use, and by how many.

use crate::base::sync::{AtomicU64, Ordering};

/// A generation (upper half) and a count of uses (lower half).
///
/// | uses | meaning |
/// |---|---|
/// | 0 | free, or dying: no new use can be taken |
/// | n | alive, with `n` uses (names, open files, children, marks) |
///
/// Written by: the thread that took the slot from its arena (`begin`), whoever takes or gives back
/// a use, and the one thread that buries the object (`end`). A use is taken with `Acquire`, so
/// what was written before the object became known is seen; it is given back with `AcqRel`, so
/// the last one sees what every other user did.
#[derive(Debug)]
pub(crate) struct RefState(AtomicU64);

const ONE_GENERATION: u64 = 1 << 32;

/// How many uses there may be: half of what the count can hold.
const MAX_REFS: u32 = u32::MAX / 2;

const fn count_of(word: u64) -> u32 {
    word as u32
}

const fn generation_of(word: u64) -> u32 {
    (word >> 32) as u32
}

impl Default for RefState {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl RefState {
    /// Starts a life with one use; the slot is the caller's alone.
    pub(crate) fn begin(&self) {
        let word = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(count_of(word), 0, "a slot in use was taken again");
        // Release: the clock that reclaims dentries looks at slots whose index it was not given.
        self.0.store(word + 1, Ordering::Release);
    }

    /// Ends a life that has no uses: whoever holds an old id will find another generation.
    /// Returns false if the generations are used up and the slot must never be given out again.
    pub(crate) fn end(&self) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(count_of(word), 0, "an object in use was buried");
        if generation_of(word) == u32::MAX {
            return false;
        }
        // Release: what the dead object's slot held is not read by the next one's users.
        self.0.store(word + ONE_GENERATION, Ordering::Release);
        true
    }

    /// The generation of the slot now.
    pub(crate) fn generation(&self) -> u32 {
        generation_of(self.0.load(Ordering::Acquire))
    }

    /// Whether the object of this generation is in use.
    pub(crate) fn is_alive(&self, generation: u32) -> bool {
        let word = self.0.load(Ordering::Acquire);
        count_of(word) > 0 && generation_of(word) == generation
    }

    /// How many uses there are now.
    pub(crate) fn count(&self) -> u32 {
        count_of(self.0.load(Ordering::Acquire))
    }

    /// Takes a use of an object that is known to be in use.
    pub(crate) fn get(&self) {
        let before = self.0.fetch_add(1, Ordering::Acquire);
        if count_of(before) > MAX_REFS {
            // As an `Arc` does: uses were leaked by the billion, and the next would be somebody's id.
            std::process::abort();
        }
        debug_assert!(count_of(before) > 0, "a use of a dead object was taken");
    }

    /// Takes a use if the object is alive and, where given, of this generation.
    pub(crate) fn try_get(&self, generation: Option<u32>) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let right = generation.is_none_or(|wanted| wanted == generation_of(word));
            if count_of(word) == 0 || count_of(word) > MAX_REFS || !right {
                return false;
            }
            match self.0.compare_exchange_weak(word, word + 1, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// The generation of an object that has one reference now.
    pub(crate) fn generation_if_unreferenced(&self) -> Option<u32> {
        let word = self.0.load(Ordering::Acquire);
        (count_of(word) == 1).then_some(generation_of(word))
    }

    /// Ends the object of this generation if it has one reference, which its name is; false otherwise. The
    /// caller holds the lock under which names are found, and takes the name away before it releases it.
    ///
    /// A compare-and-swap: a reference that is taken without that lock, by id, is before it or fails.
    pub(crate) fn end_if_unreferenced(&self, generation: u32) -> bool {
        let unused = u64::from(generation) << 32 | 1;
        // AcqRel, as the put of a last reference.
        self.0.compare_exchange(unused, unused - 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// As if the slot had been used as often as its generations allow.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn exhaust_generations(&self) {
        self.0.fetch_or(u64::from(u32::MAX) << 32, Ordering::AcqRel);
    }

    /// Gives a use back; true if it was the last, and the object is the caller's to bury.
    pub(crate) fn put(&self) -> bool {
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        debug_assert!(count_of(before) > 0, "a use was given back twice");
        count_of(before) == 1
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_an_earlier_life_cannot_be_used() {
        let refs = RefState::default();
        refs.begin();
        let first = refs.generation();
        assert!(refs.try_get(Some(first)));
        assert!(!refs.put());
        assert!(refs.put());
        assert!(!refs.try_get(Some(first)), "dying");
        assert!(refs.end());
        refs.begin();
        assert!(!refs.try_get(Some(first)), "reused");
        assert!(refs.try_get(None));
    }

    /// Beyond the most uses `get` ends the process, and an id is good for no more.
    #[test]
    fn as_many_uses_as_there_may_be_are_taken() {
        let refs = RefState::default();
        refs.begin();
        refs.0.store(u64::from(MAX_REFS), Ordering::Relaxed);
        refs.get();
        assert_eq!(refs.count(), MAX_REFS + 1);
        assert!(!refs.try_get(None), "one too many");
        assert!(!refs.put());
        assert!(refs.try_get(None), "the last");
        assert!(!refs.try_get(None));
    }

    #[test]
    fn the_last_generation_of_a_slot_is_its_last_life() {
        let refs = RefState::default();
        refs.begin();
        refs.exhaust_generations();
        let last = refs.generation();
        assert!(refs.put());
        assert!(!refs.end(), "it must not be given out again");
        assert_eq!(refs.generation(), last);
        assert!(!refs.try_get(Some(last)) && !refs.try_get(Some(0)));
    }
}

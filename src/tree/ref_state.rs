//! The reference count and the generation of a slot, in one word.

use crate::base::sync::{AtomicU64, Ordering};

/// A generation (upper half) and a count of references (lower half).
///
/// | references | meaning |
/// |---|---|
/// | 0 | free, or dying: no new reference can be taken |
/// | n | alive, with `n` references (names, open files, children, marks) |
///
/// Written by the thread that allocated the slot (`begin`), by threads that take or put a reference,
/// and by the one thread that frees the object (`end`). A reference is taken with `Acquire`: the holder
/// sees the stores made before the object was published. It is put with `AcqRel`: the thread that puts
/// the last one sees the stores of every other holder.
#[derive(Debug)]
pub(crate) struct RefState(AtomicU64);

const ONE_GENERATION: u64 = 1 << 32;

/// The most references: half of what the count can hold.
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
    /// Sets the first reference; no other thread knows the slot.
    pub(crate) fn begin(&self) {
        let word = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(count_of(word), 0, "a referenced slot was allocated again");
        // Release: the CLOCK hand of dentries reads slots whose number it was not given.
        self.0.store(word + 1, Ordering::Release);
    }

    /// Frees the slot of an object without references: a thread with an old id will find another
    /// generation. False if all generations are used and the slot must never be allocated again.
    pub(crate) fn end(&self) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        debug_assert_eq!(count_of(word), 0, "a referenced object was freed");
        if generation_of(word) == u32::MAX {
            return false;
        }
        // Release: users of the slot's next object do not see the state of this one.
        self.0.store(word + ONE_GENERATION, Ordering::Release);
        true
    }

    /// The generation of the slot now.
    pub(crate) fn generation(&self) -> u32 {
        generation_of(self.0.load(Ordering::Acquire))
    }

    /// Whether the object of this generation has references.
    pub(crate) fn is_alive(&self, generation: u32) -> bool {
        let word = self.0.load(Ordering::Acquire);
        count_of(word) > 0 && generation_of(word) == generation
    }

    /// How many references there are now.
    pub(crate) fn count(&self) -> u32 {
        count_of(self.0.load(Ordering::Acquire))
    }

    /// Takes a reference to an object that is known to have one.
    pub(crate) fn get(&self) {
        let before = self.0.fetch_add(1, Ordering::Acquire);
        if count_of(before) > MAX_REFS {
            // As an `Arc` does: references were leaked by the billion. The count must not overflow into
            // the generation.
            std::process::abort();
        }
        debug_assert!(count_of(before) > 0, "a reference to a dead object was taken");
    }

    /// Takes a reference if the object has one and, if `generation` is given, is of that generation.
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

    /// Drops the last reference of the object of this generation, that of its index entry; false if
    /// there is another one. The caller holds the lock under which names are found, and unhashes the
    /// name before it releases that lock.
    ///
    /// A compare-and-swap: a reference that is taken by id, without that lock, is taken earlier or
    /// fails.
    pub(crate) fn end_if_unreferenced(&self, generation: u32) -> bool {
        let unused = u64::from(generation) << 32 | 1;
        // AcqRel, as the put of a last reference.
        self.0.compare_exchange(unused, unused - 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Sets the state of a slot that has used all its generations.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn exhaust_generations(&self) {
        self.0.fetch_or(u64::from(u32::MAX) << 32, Ordering::AcqRel);
    }

    /// Puts a reference; true if it was the last, and the caller must free the object.
    pub(crate) fn put(&self) -> bool {
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        debug_assert!(count_of(before) > 0, "a reference was put twice");
        count_of(before) == 1
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn get_fails_with_an_earlier_generation() {
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

    /// Above the most references `get` ends the process, and `try_get` fails.
    #[test]
    fn references_are_counted_up_to_the_limit() {
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
    fn a_slot_is_not_reused_after_its_last_generation() {
        let refs = RefState::default();
        refs.begin();
        refs.exhaust_generations();
        let last = refs.generation();
        assert!(refs.put());
        assert!(!refs.end(), "it must not be allocated again");
        assert_eq!(refs.generation(), last);
        assert!(!refs.try_get(Some(last)) && !refs.try_get(Some(0)));
    }
}

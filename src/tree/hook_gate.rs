//! The gate of a superblock: the one word that a hook reads first.

use crate::base::sync::{AtomicU64, Mutex, Ordering, rank};

/// In the gate's interest: a mount of the superblock has marks. A bit that no event has.
pub(crate) const HAS_MARKED_MOUNTS: u32 = 0x0080_0000;

/// One watched object, in the upper half of the word.
const ONE_OBJECT: u64 = 1 << 32;

/// The gate. 0: a hook on any object of this superblock matches nothing.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// The upper half is the number of objects with a connector. The lower half is the interest of the marks
    /// on the superblock itself, and [`HAS_MARKED_MOUNTS`]. A thread changes it while it holds the lock of
    /// the connector that is attached, changed or detached. Those locks differ, so each change is a
    /// read-modify-write of its own part. `Acquire`/`AcqRel`, as for the interest words: a hook after the
    /// return of an add must not see 0.
    word: AtomicU64,
    /// How many mounts have marks. The bit in the word is changed under this lock, so that the first mark on one mount
    /// and the last on another cannot leave it cleared.
    marked_mounts: Mutex<u32, { rank::LEAF }>,
}

/// The value of a gate that a hook has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GateWord(u64);

impl GateWord {
    /// Whether no object of the superblock is watched.
    #[inline(always)]
    pub(crate) fn is_shut(self) -> bool {
        self.0 == 0
    }

    /// The interest of the marks on the superblock itself.
    #[inline(always)]
    pub(crate) fn interest(self) -> u32 {
        self.0 as u32 & !HAS_MARKED_MOUNTS
    }

    /// Whether a mark on the superblock wants one of these events, or some mount has marks.
    #[inline(always)]
    pub(crate) fn reaches_beyond(self, events: u32) -> bool {
        self.0 as u32 & (events | HAS_MARKED_MOUNTS) != 0
    }

    #[inline(always)]
    pub(crate) fn has_marked_mounts(self) -> bool {
        self.0 as u32 & HAS_MARKED_MOUNTS != 0
    }

    /// How many objects of the superblock have a connector.
    pub(crate) fn objects(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl Gate {
    #[inline(always)]
    pub(crate) fn load(&self) -> GateWord {
        GateWord(self.word.load(Ordering::Acquire))
    }

    /// Loads the gate for an unmount that has set its flag. It is a read-modify-write: if it comes after that
    /// of an adder, the adder is counted; if before, the adder sees the flag.
    pub(crate) fn load_at_unmount(&self) -> GateWord {
        GateWord(self.word.fetch_or(0, Ordering::AcqRel))
    }

    /// Counts an object that gets a connector (`more`), or loses it.
    pub(crate) fn count_object(&self, more: bool) {
        if more {
            self.word.fetch_add(ONE_OBJECT, Ordering::AcqRel);
        } else {
            self.word.fetch_sub(ONE_OBJECT, Ordering::AcqRel);
        }
    }

    /// Changes the interest of the marks on the superblock. The caller holds the lock of its connector.
    pub(crate) fn set_interest(&self, bits: u32) {
        let own = u64::from(!HAS_MARKED_MOUNTS);
        let (bits, kept) = (u64::from(bits) & own, !own);
        let change = |word: u64| Some(word & kept | bits);
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
    }

    /// How many mounts have marks.
    pub(crate) fn marked_mounts(&self) -> u32 {
        *self.marked_mounts.lock()
    }

    /// Counts a mount that gets its first mark, or loses its last.
    pub(crate) fn count_marked_mount(&self, more: bool) {
        let mut mounts = self.marked_mounts.lock();
        *mounts = if more { *mounts + 1 } else { *mounts - 1 };
        match (more, *mounts) {
            (true, 1) => {
                self.word.fetch_or(u64::from(HAS_MARKED_MOUNTS), Ordering::AcqRel);
            }
            (false, 0) => {
                self.word.fetch_and(!u64::from(HAS_MARKED_MOUNTS), Ordering::AcqRel);
            }
            _ => {}
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_shut_while_nothing_is_watched() {
        let gate = Gate::default();
        assert!(gate.load().is_shut());
        gate.count_object(true);
        assert!(!gate.load().is_shut());
        assert_eq!(gate.load().objects(), 1);
        gate.count_object(false);
        assert!(gate.load_at_unmount().is_shut());
    }

    #[test]
    fn the_parts_of_the_word_are_changed_apart() {
        let gate = Gate::default();
        gate.count_object(true);
        gate.set_interest(0x20);
        gate.count_marked_mount(true);
        gate.count_marked_mount(true);
        assert_eq!((gate.marked_mounts(), gate.load().objects()), (2, 1));
        gate.set_interest(0x3);
        gate.count_marked_mount(false);
        let seen = gate.load();
        assert_eq!((seen.interest(), seen.has_marked_mounts()), (0x3, true));
        gate.count_marked_mount(false);
        gate.set_interest(0);
        let seen = gate.load();
        assert_eq!((seen.interest(), seen.has_marked_mounts(), seen.is_shut()), (0, false, false));
        gate.count_object(false);
        assert!(gate.load().is_shut());
    }
}

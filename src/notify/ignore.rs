//! The events that a mark ignores.

use crate::base::mask::EventMask;

/// The ignored events of a mark.
///
/// | bits | meaning |
/// |---|---|
/// | 31..0 | the events it ignores (`EventMask`), and the flags of the mask |
/// | 32 | they stay ignored after a MODIFY |
/// | 63..36 | the generation of the mark |
///
/// Changed by compare-and-swap: by a thread that adds events, under the group's marks, and by a hook that
/// clears them, under the group's queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IgnoreWord(pub(crate) u64);

const SURVIVES_MODIFY: u64 = 1 << 32;
const GENERATION: u32 = 36;

impl IgnoreWord {
    /// Nothing is ignored.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn generation(self) -> u64 {
        self.0 >> GENERATION
    }

    pub(crate) const fn mask(self) -> EventMask {
        EventMask::from_bits_retain(self.0 as u32)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.mask().intersection(EventMask::ALL_EVENTS).is_empty()
    }

    #[cfg(test)]
    pub(crate) const fn without_events(self) -> Self {
        Self(self.0 & !(u32::MAX as u64))
    }

    pub(crate) const fn survives_modify(self) -> bool {
        self.0 & SURVIVES_MODIFY != 0
    }
}

/// The bits that a mark adds to the interest of its object, and, through ON_CHILD, to a directory's interest in
/// its children: the events it wants, those it ignores (the group combines both), and the MODIFY that would clear
/// those.
pub(crate) fn calc(wanted: u32, ignore: IgnoreWord) -> u32 {
    if ignore.is_empty() {
        return wanted;
    }
    let clears = if ignore.survives_modify() { 0 } else { EventMask::MODIFY.bits() };
    wanted | ignore.mask().bits() | clears
}

#[cfg(all(test, not(shuttle)))]
impl IgnoreWord {
    pub(crate) const fn new(mask: EventMask, survives_modify: bool) -> Self {
        let survives = if survives_modify { SURVIVES_MODIFY } else { 0 };
        Self(mask.bits() as u64 | survives)
    }

    pub(crate) const fn of_generation(self, generation: u64) -> Self {
        Self(self.0 & ((1 << GENERATION) - 1) | generation << GENERATION)
    }

    /// Both together.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0 & ((1 << GENERATION) - 1))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn ignored_events_count_as_interest() {
        let open = EventMask::OPEN | EventMask::ON_CHILD;
        assert_eq!(calc(0x2, IgnoreWord::NONE), 0x2);
        assert_eq!(calc(0, IgnoreWord::new(open, true)), open.bits());
        let cleared_by_modify = IgnoreWord::new(open, false);
        assert_eq!(calc(0, cleared_by_modify), (open | EventMask::MODIFY).bits());
        assert_eq!(calc(0, cleared_by_modify.without_events()), 0);
    }

    #[test]
    fn fields_of_the_ignore_word_do_not_overlap() {
        let word = IgnoreWord::new(EventMask::OPEN, false).of_generation(77);
        assert_eq!((word.generation(), word.mask()), (77, EventMask::OPEN));
        let both = word.or(IgnoreWord::new(EventMask::ACCESS, true).of_generation(5));
        assert_eq!(both.generation(), 77);
        assert_eq!(both.mask(), EventMask::OPEN | EventMask::ACCESS);
        assert!(both.survives_modify() && !both.is_empty());
    }
}

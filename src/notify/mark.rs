//! Marks: what one group wants to hear of one object.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::index::{AtomicIx, Ix};
use crate::base::mask::EventMask;
use crate::base::sync::{AtomicU32, AtomicU64, OnceLock, Ordering};
use crate::notify::delivery_order::Group;
use crate::notify::ignore::{IgnoreWord, calc};
use crate::tree::notify_slot::Connector;

/// The marks' arena.
pub(crate) type Marks = Arena<MarkPage, ()>;

/// The one word of a mark.
///
/// | bits | meaning |
/// |---|---|
/// | 31..0 | the events it wants (`EventMask`), and flags in bits that no event has |
/// | 32 | alive: events are queued; cleared once, by whoever claims its end |
/// | 33 | one-shot |
/// | 34 | excludes unlinked children |
/// | 35 | it has been changed since it was made |
/// | 63..36 | generation of the slot |
///
/// Set by the thread that attaches the mark and by updates (compare-and-swap, under the group's
/// marks); `ALIVE` is cleared by compare-and-swap by exactly one of: the event that fires a
/// one-shot, a removal, the object's death, the group's close. One word, so that a claim proves
/// that what was matched is still what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MarkWord(u64);

/// The group unites all its marks on an event: a mark of it is looked at whatever it wants itself.
pub(crate) const UNITES: u32 = 0x8000_0000;
/// The mark has an ignore word.
pub(crate) const HAS_IGNORE: u32 = 0x2000_0000;
/// The flags in the lower half of the word.
const FLAGS: u32 = UNITES | HAS_IGNORE;

const ALIVE: u64 = 1 << 32;
const ONESHOT: u64 = 1 << 33;
const EXCL_UNLINK: u64 = 1 << 34;
const MODIFIED: u64 = 1 << 35;
const GENERATION: u32 = 36;
const LAST_GENERATION: u64 = (1 << (64 - GENERATION)) - 1;

impl MarkWord {
    #[inline(always)]
    pub(crate) fn mask(self) -> EventMask {
        EventMask::from_bits_retain(self.0 as u32 & !FLAGS)
    }

    /// Whether its group unites its marks.
    #[inline(always)]
    pub(crate) fn unites(self) -> bool {
        self.0 as u32 & UNITES != 0
    }

    #[inline(always)]
    pub(crate) fn has_ignore(self) -> bool {
        self.0 as u32 & HAS_IGNORE != 0
    }

    /// The events it wants and the flags, as hooks see them.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0 as u32 & !HAS_IGNORE
    }

    #[inline(always)]
    pub(crate) fn is_alive(self) -> bool {
        self.0 & ALIVE != 0
    }

    #[inline(always)]
    pub(crate) fn is_oneshot(self) -> bool {
        self.0 & ONESHOT != 0
    }

    #[inline(always)]
    pub(crate) fn excludes_unlinked(self) -> bool {
        self.0 & EXCL_UNLINK != 0
    }

    #[inline(always)]
    pub(crate) fn generation(self) -> u64 {
        self.0 >> GENERATION
    }

    /// The same mark with another interest.
    pub(crate) fn with_interest(self, interest: Interest) -> Self {
        let mut word = self.0 & !(ONESHOT | EXCL_UNLINK | u64::from(!FLAGS));
        word |= u64::from(interest.mask.bits());
        if interest.oneshot {
            word |= ONESHOT;
        }
        if interest.excl_unlink {
            word |= EXCL_UNLINK;
        }
        Self(word)
    }

    pub(crate) fn interest(self) -> Interest {
        Interest {
            mask: self.mask(),
            oneshot: self.is_oneshot(),
            excl_unlink: self.excludes_unlinked(),
        }
    }

    fn dead(self) -> Self {
        Self(self.0 & !ALIVE)
    }
}

/// What a mark wants, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) mask: EventMask,
    /// It goes with its first event.
    pub(crate) oneshot: bool,
    /// It does not hear of what is done through open files of children that were unlinked.
    pub(crate) excl_unlink: bool,
}

impl Interest {
    /// Both interests together (`IN_MASK_ADD`).
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            mask: self.mask | other.mask,
            oneshot: self.oneshot || other.oneshot,
            excl_unlink: self.excl_unlink || other.excl_unlink,
        }
    }
}

/// Names a mark of a group; it stays unique when the slot is used again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkKey {
    pub(crate) group: Ix<Group>,
    pub(crate) mark: Ix<MarkSlot>,
    pub(crate) generation: u64,
}

/// A mark's slot.
#[derive(Debug)]
pub(crate) struct MarkSlot {
    word: AtomicU64,
    /// The group. Written before the mark is known, with `Release`, and read with `Acquire`: whoever
    /// finds the group of a later life also finds that the mark it knew has ended (`sole_mark`).
    group: AtomicIx<Group>,
    /// The tag by which the group's owner knows it: the watch descriptor. Likewise.
    tag: AtomicU32,
    /// The next mark in a chain of the group's table. Written under the group's marks; Relaxed.
    next: AtomicIx<MarkSlot>,
    /// The connector it hangs on. Written before the mark is known; Relaxed.
    connector: AtomicIx<Connector>,
}

impl Default for MarkSlot {
    fn default() -> Self {
        Self {
            word: AtomicU64::new(0),
            group: AtomicIx::default(),
            tag: AtomicU32::new(0),
            next: AtomicIx::default(),
            connector: AtomicIx::default(),
        }
    }
}

impl MarkSlot {
    /// Begins a mark's life in a slot that is the caller's alone; returns its word. The mark is
    /// known to others only once it is attached, under its connector's lock.
    pub(crate) fn begin(
        &self,
        group: Ix<Group>,
        tag: i32,
        connector: Ix<Connector>,
        interest: Interest,
        unites: bool,
    ) -> MarkWord {
        self.group.store(Some(group), Ordering::Release);
        self.connector.store(Some(connector), Ordering::Relaxed);
        self.tag.store(tag.cast_unsigned(), Ordering::Relaxed);
        let flags = if unites { u64::from(UNITES) } else { 0 };
        let word = MarkWord(self.word.load(Ordering::Relaxed) | ALIVE | flags);
        let word = word.with_interest(interest);
        self.word.store(word.0, Ordering::Release);
        word
    }

    /// Ends the life of a mark that is detached; false if the slot must never be used again.
    pub(crate) fn end(&self) -> bool {
        let generation = self.word.load(Ordering::Relaxed) >> GENERATION;
        if generation == LAST_GENERATION {
            return false;
        }
        self.word.store((generation + 1) << GENERATION, Ordering::Release);
        true
    }

    /// The word. `Acquire`: what the thread that attached or ended the mark did before is seen.
    #[inline]
    pub(crate) fn word(&self) -> MarkWord {
        MarkWord(self.word.load(Ordering::Acquire))
    }

    /// Changes the interest if the mark still is what `seen` says. The word is another one from
    /// then on even if the interest is the same: somebody else counts on the mark now.
    pub(crate) fn update(&self, seen: MarkWord, interest: Interest) -> Result<MarkWord, MarkWord> {
        self.swap(seen, MarkWord(seen.with_interest(interest).0 | MODIFIED))
    }

    /// Claims the end of the mark, if it still is what `seen` says. `AcqRel`: the claimant's
    /// IGNORED comes after every event whose pusher saw the mark alive under the queue's lock.
    pub(crate) fn claim(&self, seen: MarkWord) -> Result<MarkWord, MarkWord> {
        self.swap(seen, seen.dead())
    }

    fn swap(&self, seen: MarkWord, word: MarkWord) -> Result<MarkWord, MarkWord> {
        self.word
            .compare_exchange(seen.0, word.0, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| word)
            .map_err(MarkWord)
    }

    /// Claims the end of the mark of this generation; its last word, or `None` if it has ended
    /// already.
    pub(crate) fn claim_any(&self, generation: u64) -> Option<MarkWord> {
        let mut word = self.word();
        while word.is_alive() && word.generation() == generation {
            match self.claim(word) {
                Ok(_) => return Some(word),
                Err(now) => word = now,
            }
        }
        None
    }

    #[inline]
    pub(crate) fn group(&self) -> Ix<Group> {
        self.group.load_some(Ordering::Acquire)
    }

    pub(crate) fn connector(&self) -> Ix<Connector> {
        self.connector.load_some(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn tag(&self) -> i32 {
        self.tag.load(Ordering::Relaxed).cast_signed()
    }

    pub(crate) fn next(&self) -> Option<Ix<MarkSlot>> {
        self.next.load(Ordering::Relaxed)
    }

    pub(crate) fn set_next(&self, next: Option<Ix<MarkSlot>>) {
        self.next.store(next, Ordering::Relaxed);
    }
}

/// A page of marks.
pub(crate) struct MarkPage {
    slots: Column<MarkSlot, { slots(256) }>,
    /// The ignore words, made when the first mark of the page gets one: most pages have none.
    ignores: OnceLock<Column<AtomicU64, { slots(256) }>>,
}

impl Default for MarkPage {
    fn default() -> Self {
        Self { slots: column(MarkSlot::default), ignores: OnceLock::new() }
    }
}

impl HotPage for MarkPage {
    type Slot = MarkSlot;
    const SLOTS: usize = slots(256);
}

impl MarkPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<MarkSlot>) -> &MarkSlot {
        &self.slots[Marks::place(index)]
    }

    /// The ignore word that goes with a mark's word; none if the mark has none, or it is another life's.
    #[inline]
    pub(crate) fn ignore(&self, index: Ix<MarkSlot>, word: MarkWord) -> IgnoreWord {
        if word.has_ignore() { self.ignore_of_life(index, word) } else { IgnoreWord::NONE }
    }

    /// The word carries the mark's generation: a reader of the two, with no lock, does not take one of
    /// another life.
    #[cold]
    fn ignore_of_life(&self, index: Ix<MarkSlot>, word: MarkWord) -> IgnoreWord {
        let Some(ignores) = self.ignores.get() else { return IgnoreWord::NONE };
        let ignore = IgnoreWord(ignores[Marks::place(index)].load(Ordering::Acquire));
        if ignore.generation() == word.generation() { ignore } else { IgnoreWord::NONE }
    }

    /// What a mark adds to the interest of its object.
    pub(crate) fn calc(&self, index: Ix<MarkSlot>, word: MarkWord) -> u32 {
        calc(word.bits(), self.ignore(index, word))
    }

    /// Clears the ignored events that do not survive a MODIFY, and returns what is ignored then. A compare-and-swap of the
    /// word that was read: a change that another thread made to it meanwhile is not undone.
    #[cfg(test)]
    pub(crate) fn clear_ignore(&self, index: Ix<MarkSlot>, word: MarkWord) -> IgnoreWord {
        loop {
            let seen = self.ignore(index, word);
            if seen.is_empty() || seen.survives_modify() {
                return seen;
            }
            let Some(ignores) = self.ignores.get() else { return IgnoreWord::NONE };
            let place = &ignores[Marks::place(index)];
            let cleared = seen.without_events();
            if place
                .compare_exchange(seen.0, cleared.0, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
            {
                return cleared;
            }
        }
    }

    /// Adds to the events that a mark ignores, or begins to ignore some. The caller holds the group's marks; a hook that
    /// clears the word at the same time is not undone and does not undo this.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn add_ignore(&self, index: Ix<MarkSlot>, word: MarkWord, new: IgnoreWord) {
        let ignores = self.ignores.get_or_init(|| column(|| AtomicU64::new(0)));
        let place = &ignores[Marks::place(index)];
        let new = new.of_generation(word.generation());
        let mut seen = IgnoreWord(place.load(Ordering::Acquire));
        loop {
            let old = if seen.generation() == word.generation() { seen } else { IgnoreWord::NONE };
            let sum = new.or(old);
            match place.compare_exchange(seen.0, sum.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => seen = IgnoreWord(now),
            }
        }
        // After the word: a thread that sees the flag finds the word.
        self.slot(index).word.fetch_or(u64::from(HAS_IGNORE), Ordering::AcqRel);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn slot<T>(number: u32) -> Ix<T> {
        Ix::from_word(number).unwrap()
    }

    #[test]
    fn a_mark_is_claimed_once() {
        let (group, connector) = (slot(1), slot(1));
        let slot = MarkSlot::default();
        let interest = Interest { mask: EventMask::OPEN, oneshot: true, excl_unlink: false };
        let word = slot.begin(group, 7, connector, interest, false);
        assert_eq!(word.interest(), interest);
        assert!(slot.claim(word).is_ok());
        assert!(slot.claim(word).is_err());
        assert!(slot.claim_any(word.generation()).is_none());
        assert!(slot.end());
        let next = slot.begin(group, 8, connector, interest, false);
        assert!(slot.claim_any(word.generation()).is_none(), "another life");
        assert_eq!(slot.claim_any(next.generation()), Some(next));
    }

    #[test]
    fn an_update_makes_an_older_claim_fail() {
        let (group, connector) = (slot(1), slot(1));
        let slot = MarkSlot::default();
        let interest = Interest { mask: EventMask::OPEN, oneshot: true, excl_unlink: true };
        let seen = slot.begin(group, 7, connector, interest, false);
        let wider = Interest { mask: EventMask::ACCESS, oneshot: false, excl_unlink: false };
        let now = slot.update(seen, wider).unwrap();
        assert_eq!(slot.claim(seen), Err(now));
        assert_eq!(now.interest(), wider);
    }

    #[test]
    fn a_slot_is_retired_after_its_last_generation() {
        let slot = MarkSlot::default();
        let last = (u64::from(u32::MAX) >> (GENERATION - 32)) << GENERATION;
        slot.word.store(last - (1 << GENERATION), Ordering::Relaxed);
        assert!(slot.end());
        assert_eq!(slot.word().0, last);
        assert!(!slot.end());
    }
}

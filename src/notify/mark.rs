//! Marks: the interest of one group in one object.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::mask::EventMask;
use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{AtomicU32, AtomicU64, OnceLock, Ordering};
use crate::notify::delivery_order::Group;
use crate::notify::ignore::{IgnoreWord, calc};
use crate::tree::notify_slot::Connector;

/// The marks' arena.
pub(crate) type Marks = Arena<MarkPage, ()>;

/// The word of a mark, which holds all of its state that hooks read.
///
/// | bits | meaning |
/// |---|---|
/// | 31..0 | the events it wants (`EventMask`), and flags in bits that no event has |
/// | 32 | alive: events are queued; cleared once, by the thread that claims its end |
/// | 33 | one-shot |
/// | 34 | excludes unlinked children |
/// | 35 | it has been changed since it was made |
/// | 63..36 | generation of the slot |
///
/// The thread that attaches the mark sets the word; updates change it by compare-and-swap, under the group's
/// marks. `ALIVE` is cleared by compare-and-swap by exactly one of: the event that fires a one-shot, a removal,
/// the object's death, the group's close. All of it is in one word, so a claim that succeeds proves that the
/// interest that matched is still the mark's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MarkWord(u64);

/// The group combines all its marks on an event: each of them is checked, whatever its own mask says.
pub(crate) const COMBINES: u32 = 0x8000_0000;
/// The mark has an ignore word.
pub(crate) const HAS_IGNORE: u32 = 0x2000_0000;
/// The flags in the low 32 bits of the word.
const FLAGS: u32 = COMBINES | HAS_IGNORE;

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

    /// Whether the group combines its marks.
    #[inline(always)]
    pub(crate) fn combines_marks(self) -> bool {
        self.0 as u32 & COMBINES != 0
    }

    #[inline(always)]
    pub(crate) fn has_ignore(self) -> bool {
        self.0 as u32 & HAS_IGNORE != 0
    }

    /// The wanted events and the flags, as hooks see them.
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

    /// The word of the same mark with another interest.
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

/// The events that a mark wants, and how it wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) mask: EventMask,
    /// The mark ends with its first event.
    pub(crate) oneshot: bool,
    /// Events through open files of children that were unlinked are not delivered to it.
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

/// Names a mark of a group. The generation keeps it unique when the slot is reused.
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
    /// The group. Written with `Release` before the mark is published, read with `Acquire`: a thread that reads
    /// the group of a later life then also sees that the mark it knew has ended (`sole_mark`).
    group: AtomicIx<Group>,
    /// The tag by which the group's owner names it: the watch descriptor. Written and read as `group` is, but
    /// Relaxed.
    tag: AtomicU32,
    /// The next mark in a chain of the group's table. Written under the group's marks; Relaxed.
    next: AtomicIx<MarkSlot>,
    /// The connector of its object. Written before the mark is published; Relaxed.
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
    /// Begins a mark's life in a slot that only the caller has; returns its word. Other threads find the mark
    /// only once it is attached, under its connector's lock.
    pub(crate) fn begin(
        &self,
        group: Ix<Group>,
        tag: i32,
        connector: Ix<Connector>,
        interest: Interest,
        combines_marks: bool,
    ) -> MarkWord {
        self.group.store(Some(group), Ordering::Release);
        self.connector.store(Some(connector), Ordering::Relaxed);
        self.tag.store(tag.cast_unsigned(), Ordering::Relaxed);
        let flags = if combines_marks { u64::from(COMBINES) } else { 0 };
        let word = MarkWord(self.word.load(Ordering::Relaxed) | ALIVE | flags);
        let word = word.with_interest(interest);
        self.word.store(word.0, Ordering::Release);
        word
    }

    /// Ends the life of a detached mark. False if the slot must not be reused: its generations are used up.
    pub(crate) fn end(&self) -> bool {
        let generation = self.word.load(Ordering::Relaxed) >> GENERATION;
        if generation == LAST_GENERATION {
            return false;
        }
        self.word.store((generation + 1) << GENERATION, Ordering::Release);
        true
    }

    /// The word. `Acquire`: the reader sees everything that the thread that attached or ended the mark did
    /// before.
    #[inline]
    pub(crate) fn word(&self) -> MarkWord {
        MarkWord(self.word.load(Ordering::Acquire))
    }

    /// Changes the interest if the word still is `seen`. The new word differs even if the interest is the same:
    /// another caller relies on the mark now.
    pub(crate) fn update(&self, seen: MarkWord, interest: Interest) -> Result<MarkWord, MarkWord> {
        self.swap(seen, MarkWord(seen.with_interest(interest).0 | MODIFIED))
    }

    /// Claims the end of the mark, if the word still is `seen`. `AcqRel`: the claimant's IGNORED comes after
    /// every event whose pusher saw the mark alive under the queue's lock.
    pub(crate) fn claim(&self, seen: MarkWord) -> Result<MarkWord, MarkWord> {
        self.swap(seen, seen.dead())
    }

    fn swap(&self, seen: MarkWord, word: MarkWord) -> Result<MarkWord, MarkWord> {
        self.word
            .compare_exchange(seen.0, word.0, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| word)
            .map_err(MarkWord)
    }

    /// Claims the end of the mark of this generation. Returns its last word, or `None` if it has ended already.
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
    /// The ignore words. Allocated when the first mark of the page gets one: most pages have none.
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

    /// The ignore word that belongs to a mark's word. `NONE` if the mark has none, or if the ignore word is of
    /// another generation.
    #[inline]
    pub(crate) fn ignore(&self, index: Ix<MarkSlot>, word: MarkWord) -> IgnoreWord {
        if word.has_ignore() { self.ignore_of_life(index, word) } else { IgnoreWord::NONE }
    }

    /// A reader loads the two words without a lock. The ignore word has the mark's generation, so the reader
    /// does not use one of another life of the slot.
    #[cold]
    fn ignore_of_life(&self, index: Ix<MarkSlot>, word: MarkWord) -> IgnoreWord {
        let Some(ignores) = self.ignores.get() else { return IgnoreWord::NONE };
        let ignore = IgnoreWord(ignores[Marks::place(index)].load(Ordering::Acquire));
        if ignore.generation() == word.generation() { ignore } else { IgnoreWord::NONE }
    }

    /// The bits that a mark adds to the interest of its object.
    pub(crate) fn calc(&self, index: Ix<MarkSlot>, word: MarkWord) -> u32 {
        calc(word.bits(), self.ignore(index, word))
    }

    /// Clears the ignored events that do not survive a MODIFY, and returns the ignore word that is left.
    /// Compare-and-swaps the word that it read, so a concurrent change by another thread is not undone.
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

    /// Adds events to the ignore word of a mark, or gives the mark one. The caller holds the group's marks. A
    /// hook may clear the word at the same time: neither change undoes the other.
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
        // Set after the word: a thread that sees the flag finds the word.
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
        assert!(slot.claim_any(word.generation()).is_none(), "the generation is another one");
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

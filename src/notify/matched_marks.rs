//! Marks that match an event: first without their group's queue, then under its lock.

use smallvec::SmallVec;

use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::notify::delivery_order::DeliveryOrder;
use crate::notify::mark::{MarkKey, MarkPage, MarkSlot, MarkWord};
use crate::notify::occurrence::{Occurrence, Role, Target};

/// A mark that matched a target of an event when its connector was read.
#[derive(Clone, Copy)]
pub(crate) struct Matched<'a> {
    pub(crate) page: &'a MarkPage,
    pub(crate) word: MarkWord,
    /// The group as it was when the mark matched, with its place in the order of delivery.
    pub(crate) order: DeliveryOrder,
    pub(crate) mark: Ix<MarkSlot>,
    /// The number of the target.
    pub(crate) target: u8,
}

pub(crate) type Snapshot<'a> = SmallVec<[Matched<'a>; 8]>;

/// One-shot marks that fired.
pub(crate) type Fired = SmallVec<[MarkKey; 2]>;

impl Matched<'_> {
    #[inline]
    pub(crate) fn slot(&self) -> &MarkSlot {
        self.page.slot(self.mark)
    }

    pub(crate) fn key(&self) -> MarkKey {
        let generation = self.word.generation();
        MarkKey { group: self.order.group, mark: self.mark, generation }
    }

    /// Reads the word again under its group's queue. If the mark is alive there in the same generation, it is a
    /// mark of that group: a group frees its slot only after all its marks have ended.
    #[inline]
    #[cfg(test)]
    pub(crate) fn word_now(&self) -> Option<MarkWord> {
        let word = self.slot().word();
        (word.generation() == self.word.generation() && word.is_alive()).then_some(word)
    }

    /// Reads the word again and returns it if the mark still wants the event. A one-shot is claimed with the
    /// same word that matched; if the claim fails, the new word is matched again.
    #[inline]
    pub(crate) fn still_wanted(
        &self,
        on: &Occurrence<'_>,
        target: &Target<'_>,
    ) -> Option<MarkWord> {
        let mut word = self.slot().word();
        loop {
            if word.generation() != self.word.generation() || !wants(word, on, target) {
                return None;
            }
            if !word.is_oneshot() {
                return Some(word);
            }
            match self.slot().claim(word) {
                Ok(_) => return Some(word),
                Err(now) => word = now,
            }
        }
    }
}

/// Whether a mark wants its object's part of an event. RULE own-mask, RULE excl-unlink.
#[inline]
pub(crate) fn wants(word: MarkWord, on: &Occurrence<'_>, target: &Target<'_>) -> bool {
    let wanted = word.mask();
    word.is_alive()
        && wanted.intersects(target.happened.intersection(EventMask::ALL_EVENTS))
        && (target.role != Role::Parent || wanted.contains(EventMask::ON_CHILD))
        && !(on.unlinked && word.excludes_unlinked())
}

/// Whether a mark must be checked under its group's queue. All marks of a group that combines them are, since one
/// of them may ignore an event that another wants.
#[inline]
pub(crate) fn is_candidate(word: MarkWord, on: &Occurrence<'_>, target: &Target<'_>) -> bool {
    (wants(word, on, target) && !on.is_death) || (word.combines_marks() && word.is_alive())
}

//! The table of a group's marks by tag.

use crate::base::chain_index::Chained;
use crate::base::slot_index::Ix;
use crate::notify::mark::MarkSlot;
use crate::notify::notifier::Notifier;

/// The chains of a group's table of marks.
pub(crate) struct MarkChains<'a>(pub(crate) &'a Notifier);

impl Chained for MarkChains<'_> {
    type Slot = MarkSlot;

    fn hash(&self, node: Ix<MarkSlot>) -> u32 {
        self.0.hash_tag(self.0.mark(node).tag())
    }

    fn next(&self, node: Ix<MarkSlot>) -> Option<Ix<MarkSlot>> {
        self.0.mark(node).next()
    }

    fn set_next(&mut self, node: Ix<MarkSlot>, next: Option<Ix<MarkSlot>>) {
        self.0.mark(node).set_next(next);
    }
}

//! The order in which an event is delivered to the groups that match it.

use crate::base::slot_index::Ix;

/// The marker type for the index of a group's slot.
pub(crate) enum Group {}

/// The place of a group in the order of delivery: by descending priority, then by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeliveryOrder {
    /// The priority, inverted: the highest is the lowest value.
    class: u8,
    pub(crate) group: Ix<Group>,
}

impl DeliveryOrder {
    pub(crate) fn new(priority: u8, group: Ix<Group>) -> Self {
        Self { class: u8::MAX - priority, group }
    }

    /// The place of a group that is not compared with groups of another priority.
    #[inline]
    pub(crate) fn of_one(group: Ix<Group>) -> Self {
        Self { class: 0, group }
    }
}

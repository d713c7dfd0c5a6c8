//! The order in which the groups that match an event get it.

use crate::base::index::Ix;

/// What an index of a group's slot names.
pub(crate) enum Group {}

/// Where a group stands in the order of delivery: groups of higher priority first, else by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeliveryOrder {
    /// The priority, from the highest down.
    class: u8,
    pub(crate) group: Ix<Group>,
}

impl DeliveryOrder {
    pub(crate) fn new(priority: u8, group: Ix<Group>) -> Self {
        Self { class: u8::MAX - priority, group }
    }

    /// A group that is compared with no other of another priority.
    #[inline]
    pub(crate) fn of_one(group: Ix<Group>) -> Self {
        Self { class: 0, group }
    }
}

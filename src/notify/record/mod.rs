//! Records: what the queue of each kind of group keeps of an event, and by which rules.
//!
//! A record's bytes on the wire are the back end's; here is only how many there are.

pub(crate) mod inotify;
#[cfg(test)]
pub(crate) mod uniting;

use std::fmt::Debug;

use crate::notify::queue::{Charged, Chunks};

/// What a queue keeps of an event. All of it runs under the queue's lock: it is bounded work, calls no foreign
/// code and drops no reference.
pub(crate) trait Record: Charged + Sized + Debug + Send + Sync + 'static {
    /// A new event, borrowed from the hook's stack: nothing is allocated or referenced unless it is kept.
    type Draft<'a>: Copy;
    /// What the rule for merging keeps beside the records.
    type MergeIndex: Debug + Default + Send;

    /// Lets a queued record take the new event, if the rule says so. The limit has been tested already.
    fn merge(
        queued: &mut Chunks<Self>,
        index: &mut Self::MergeIndex,
        new: &Self::Draft<'_>,
    ) -> bool;

    /// A record of the new event. May take references, by counts only.
    fn keep(new: Self::Draft<'_>, index: &mut Self::MergeIndex) -> Self;

    /// The record that stands for lost events.
    fn overflow() -> Self;

    /// Whether it is [`Record::overflow`].
    fn is_overflow(&self) -> bool;

    /// Says how many events an overflow stands for.
    fn set_lost(&mut self, lost: u32);

    /// [`Charged::extra_bytes`] and [`Record::wire_bytes`] of a record that is to be kept.
    fn draft_extra_bytes(new: &Self::Draft<'_>) -> usize;
    fn draft_wire_bytes(new: &Self::Draft<'_>) -> usize;

    /// How many bytes it counts for in FIONREAD.
    fn wire_bytes(&self) -> usize;
}

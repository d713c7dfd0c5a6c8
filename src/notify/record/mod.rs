//! Records: the parts of an event that the queue of each kind of group keeps, and the rules for them.
//!
//! The back end encodes the bytes on the wire; a record only counts them.

#[cfg(test)]
pub(crate) mod fanotify_like;
pub(crate) mod inotify;

use std::fmt::Debug;

use crate::notify::queue::{Charged, Chunks};

/// The parts of an event that a queue keeps. All methods run under the queue's lock: they do bounded work, call
/// no foreign code and drop no reference.
pub(crate) trait QueueRecord: Charged + Sized + Debug + Send + Sync + 'static {
    /// A new event, borrowed from the hook's stack. Nothing is allocated or referenced unless the event is
    /// kept.
    type Draft<'a>: Copy;
    /// The state that the rule for merging keeps beside the records.
    type MergeIndex: Debug + Default + Send;

    /// Merges the new event into a queued record, if the rule allows it. The caller has tested the limit.
    fn merge(
        queued: &mut Chunks<Self>,
        index: &mut Self::MergeIndex,
        new: &Self::Draft<'_>,
    ) -> bool;

    /// Makes a record of the new event. It takes references by their counts only.
    fn keep(new: Self::Draft<'_>, index: &mut Self::MergeIndex) -> Self;

    /// The record that stands for lost events.
    fn overflow() -> Self;

    /// Whether it is [`QueueRecord::overflow`].
    fn is_overflow(&self) -> bool;

    /// Sets the number of events that an overflow stands for.
    fn set_lost(&mut self, lost: u32);

    /// [`Charged::extra_bytes`] and [`QueueRecord::wire_bytes`] of a record before it is made.
    fn draft_extra_bytes(new: &Self::Draft<'_>) -> usize;
    fn draft_wire_bytes(new: &Self::Draft<'_>) -> usize;

    /// The bytes that it adds to FIONREAD.
    fn wire_bytes(&self) -> usize;
}

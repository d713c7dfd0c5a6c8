//! The longest hold of each rank, in items.

#![expect(clippy::disallowed_types, reason = "the check of the ranked locks cannot use them")]

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::longest_hold::LongestHold;
use crate::base::sync::rank;

struct Longest {
    /// The most items, and 1: 0 means that there was no hold. Relaxed: it only saves taking the lock
    /// where a hold was not longer.
    items_and_one: AtomicU64,
    hold: Mutex<Option<(u64, &'static Location<'static>)>>,
}

static LONGEST: [Longest; rank::ALL.len()] =
    [const { Longest { items_and_one: AtomicU64::new(0), hold: Mutex::new(None) } };
        rank::ALL.len()];

/// Records a hold that has ended, if it was the longest of its rank.
pub(super) fn ended(rank: u8, items: u64, place: &'static Location<'static>) {
    let Some(at) = rank::ALL.iter().position(|(known, _)| *known == rank) else { return };
    let longest = &LONGEST[at];
    if longest.items_and_one.load(Ordering::Relaxed) > items {
        return;
    }
    let mut hold = longest.hold.lock();
    if hold.is_none_or(|(most, _)| most < items) {
        *hold = Some((items, place));
        longest.items_and_one.store(items + 1, Ordering::Relaxed);
    }
}

/// See [`longest_holds`](super::longest_holds).
pub(in crate::base::sync) fn longest_holds() -> Vec<LongestHold> {
    let with_name = LONGEST.iter().zip(rank::ALL);
    with_name
        .filter_map(|(longest, (_, lock))| {
            let (items, place) = (*longest.hold.lock())?;
            Some(LongestHold { lock, items, place })
        })
        .collect()
}

/// See [`reset_longest_holds`](super::reset_longest_holds).
pub(in crate::base::sync) fn reset_longest_holds() {
    for longest in &LONGEST {
        let mut hold = longest.hold.lock();
        *hold = None;
        longest.items_and_one.store(0, Ordering::Relaxed);
    }
}

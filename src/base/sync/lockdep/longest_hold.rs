//! The longest hold of a lock.

use std::fmt;
use std::panic::Location;

/// The hold of the locks of one name under which most items were counted.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LongestHold {
    /// The name of the lock's rank.
    pub lock: &'static str,
    /// How many items were counted.
    pub items: u64,
    /// Where the lock was taken.
    pub place: &'static Location<'static>,
}

impl fmt::Display for LongestHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\": {} items, taken at {}", self.lock, self.items, self.place)
    }
}

//! Detects a file system whose listing of a directory never ends because its cursors repeat.

/// Finds out whether a listing goes round, by Brent's algorithm: an entry is remembered, at first for
/// one entry and then for twice as many each time. In a listing that goes round it comes up again
/// before three rounds are over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CycleCheck {
    /// The position that the listing has come to. One that stands elsewhere has been moved, and begins
    /// anew.
    pub(super) at: u64,
    /// The cursor of the entry that is remembered; 0 if there is none.
    pub(super) seen: u64,
    /// How many entries came after it, and after how many the next one is remembered.
    after: u64,
    until: u64,
}

impl Default for CycleCheck {
    fn default() -> Self {
        Self { at: 0, seen: 0, after: 0, until: 1 }
    }
}

impl CycleCheck {
    /// The check for a listing that goes on at a position.
    pub(super) fn going_on_at(self, position: u64) -> Self {
        if self.at == position { self } else { Self { at: position, ..Self::default() } }
    }

    /// Takes the next cursor in.
    pub(super) fn pass(&mut self, cursor: u64) {
        self.after += 1;
        if self.after == self.until {
            (self.seen, self.after, self.until) = (cursor, 0, self.until.saturating_mul(2));
        }
    }
}

//! Before Linux 6.11: set and cleared by walks, by any thread.

use crate::model::{Directory, Model};
use crate::strategy::Child;

/// Every add walks over all children under the directory's lock. So does every event of a child
/// whose flag is stale, to clear the flags of all its siblings: those who find a stale flag at
/// the same time all walk, one after the other. That is the thundering herd.
#[derive(Debug)]
pub(crate) struct Eager(pub(crate) Directory);

impl Eager {
    fn update_children(&self) {
        let _directory = self.0.lock.lock();
        self.0.count_walk();
        let watched = self.0.is_watched();
        (0..self.0.len()).for_each(|place| self.0.set_flag(place, watched));
    }
}

impl Model for Eager {
    fn name(&self) -> &'static str {
        "eager set and clear"
    }

    fn directory(&self) -> &Directory {
        &self.0
    }

    fn added(&self, _is_first: bool) {
        self.update_children();
    }

    fn found_stale(&self, _child: Child) {
        self.update_children();
    }
}

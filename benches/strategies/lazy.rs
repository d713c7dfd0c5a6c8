//! Since Linux 6.11: set by one walk, cleared child by child.

use crate::model::{Directory, Model};
use crate::strategy::Child;

/// The first add walks over all children under the directory's lock, in one long hold; an event
/// of a child whose flag is stale clears that one flag.
///
/// A further add finds the directory watched and does not look at the children. If it comes when
/// the first one has made its interest known and has not finished its walk, it returns too early.
/// In most cases the reference on the directory, which waits for the walk, keeps it from coming
/// then.
#[derive(Debug)]
pub(crate) struct Lazy(pub(crate) Directory);

impl Model for Lazy {
    fn name(&self) -> &'static str {
        "eager set, lazy clear"
    }

    fn directory(&self) -> &Directory {
        &self.0
    }

    fn added(&self, is_first: bool) {
        if is_first {
            let _directory = self.0.lock.lock();
            self.0.count_walk();
            (0..self.0.len()).for_each(|place| self.0.set_flag(place, true));
        }
    }

    fn found_stale(&self, child: Child) {
        self.0.set_flag(self.0.place(child), false);
    }
}

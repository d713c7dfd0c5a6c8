//! The request for comments of October 2022: a walk that sleeps, and a sign that one is going on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::model::{Directory, Model};
use crate::strategy::Child;

/// Walks where [`Eager`](crate::eager::Eager) does, but lets the lock go after each batch, and does
/// not walk where another walk is going on. That ends the herd and the longest holds. But an
/// adder that finds a walk going on returns before the children are flagged, and a walk that finds
/// the interest changed after a rest leaves the children to one that has not begun because of it.
#[derive(Debug)]
pub(crate) struct InProgress {
    directory: Directory,
    is_updating: AtomicBool,
    batch: usize,
}

/// The children of a batch at one million, as in the request; in proportion for others.
const BATCH_OF_MILLION: usize = 50_000;

impl InProgress {
    pub(crate) fn new(directory: Directory) -> Self {
        let batch = (directory.len() * BATCH_OF_MILLION / 1_000_000).max(1);
        Self { directory, is_updating: AtomicBool::new(false), batch }
    }

    fn update_children(&self) {
        if self.is_updating.load(Ordering::Acquire) {
            return;
        }
        let directory = &self.directory;
        let mut lock = directory.lock.lock();
        if self.is_updating.swap(true, Ordering::AcqRel) {
            return;
        }
        directory.count_walk();
        let watched = directory.is_watched();
        for place in 0..directory.len() {
            if place > 0 && place % self.batch == 0 {
                drop(lock);
                thread::yield_now();
                lock = directory.lock.lock();
                if directory.is_watched() != watched {
                    break;
                }
            }
            directory.set_flag(place, watched);
        }
        self.is_updating.store(false, Ordering::Release);
        drop(lock);
    }
}

impl Model for InProgress {
    fn name(&self) -> &'static str {
        "in-progress flag"
    }

    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn added(&self, _is_first: bool) {
        self.update_children();
    }

    fn found_stale(&self, _child: Child) {
        self.update_children();
    }
}

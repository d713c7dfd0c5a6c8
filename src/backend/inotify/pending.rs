//! A watch whose directory is still being walked.

use crate::backend::inotify::WatchDescriptor;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, assert_nothing_held};
use crate::base::walk_pace::{Pace, Yielder};
use crate::notify::Notifier;
use crate::notify::flag_walk::FlagWalk;
use crate::notify::group_handle::GroupHandle;
use crate::notify::marks::attach::{Added, NewMark};

/// A watch that exists, and may already report, but is not ready: some children are not flagged yet,
/// and their events may be missed.
///
/// Drive it with [`PendingWatch::step`] from a scheduler of your own, or with [`PendingWatch::wait`].
/// It holds no claim between steps: other threads that add a watch on the same directory share the work
/// of one walk with it.
///
/// Dropping it early removes the watch, silently, if this call made it and no other call has changed it
/// since. An earlier watch keeps its change; the drop then finishes the walk, in chunks but without a
/// yield, so that every remaining watch becomes ready.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (vfs, cx, inotify) = new_vfs()?;
/// let mut pending = vfs.start_watch(&cx, &inotify, "/", WatchMask::MODIFY)?;
/// while !pending.step() {
///     // Run another task here.
/// }
/// let wd = pending.wait()?;
/// assert_eq!(wd.as_raw(), 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it removes the watch, or walks to the end"]
pub struct PendingWatch {
    notifier: Arc<Notifier>,
    group: Arc<GroupHandle>,
    wd: WatchDescriptor,
    walk: Option<FlagWalk>,
    /// The mark and its word when it was made, until the caller has the descriptor.
    inserted: Option<NewMark>,
}

impl PendingWatch {
    pub(super) fn new(notifier: Arc<Notifier>, group: Arc<GroupHandle>, added: Added) -> Self {
        Self {
            notifier,
            group,
            wd: WatchDescriptor(added.tag),
            walk: added.walk,
            inserted: added.inserted,
        }
    }

    /// Whether the watch is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.walk.is_none()
    }

    /// Walks one chunk and returns whether the watch is ready. Takes the directory's `children` lock
    /// for at most the budget of the notifier's pace; never yields.
    pub fn step(&mut self) -> bool {
        if let Some(walk) = &mut self.walk
            && walk.step(self.notifier.pace())
        {
            self.walk = None;
        }
        self.walk.is_none()
    }

    /// Finishes the walk, yielding between chunks, and returns the descriptor.
    ///
    /// # Errors
    /// `ESHUTDOWN` if the instance has been closed meanwhile, or the notifier shut down: the watch is
    /// gone.
    pub fn wait(mut self) -> Result<WatchDescriptor> {
        if let Some(walk) = &mut self.walk {
            assert_nothing_held("a walk began", self.notifier.tree().domain());
            walk.finish(self.notifier.pace());
        }
        self.walk = None;
        self.inserted = None;
        if self.group.is_closed() || self.notifier.is_shut() {
            return Err(Errno::ESHUTDOWN.into());
        }
        Ok(self.wd)
    }
}

impl Drop for PendingWatch {
    fn drop(&mut self) {
        if let Some((mark, made)) = self.inserted.take() {
            // If the mark stays, another call changed it and finishes the walk.
            return self.notifier.withdraw_mark(self.group.index(), mark, made);
        }
        let Some(mut walk) = self.walk.take() else { return };
        // Without the embedder's yielder: this may run in a task that is never resumed, or in one that
        // unwinds because that code panicked.
        let pace = Pace::default().with_yielder(Yielder::None);
        while !walk.step(&pace) {}
    }
}

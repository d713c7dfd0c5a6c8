//! The operations of both worlds, and the limits they are made with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arbitrary::Arbitrary;
use vfsnotify::inotify::{Inotify, PendingWatch, WatchMask};
use vfsnotify::notify::{Limits, Notifier, NotifyConfig};
use vfsnotify::{Clock, Errno, Pace, Timestamp, Yielder};

/// Low limits, from a few bits.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Limited {
    queue: u8,
    instances: u8,
    watches: u8,
    marks: u8,
    crowd: u8,
}

impl Limited {
    pub(crate) fn limits(self) -> Limits {
        // An unmount has two events for each of three objects.
        Limits::default()
            .with_max_queued_events(6 + usize::from(self.queue % 32))
            .with_max_user_instances(1 + u32::from(self.instances % 4))
            .with_max_user_watches(1 + u32::from(self.watches % 12))
            .with_max_object_marks(1 + usize::from(self.marks % 4))
    }

    /// How many files the large directory has beside those that are named. A walk's first chunk is of
    /// 256.
    pub(crate) fn crowd(self) -> usize {
        [0, 3, 0, 258, 0, 3, 0, 280][usize::from(self.crowd % 8)]
    }

    pub(crate) fn config(self) -> NotifyConfig {
        let pace = Pace::default()
            .with_budget(Duration::ZERO)
            .with_clock(Arc::new(Steps::default()))
            .with_yielder(Yielder::None);
        NotifyConfig::default().with_limits(self.limits()).with_pace(pace)
    }
}

/// A clock that goes on by itself: every chunk took too long, so the next has one item.
#[derive(Debug, Default)]
struct Steps(AtomicU64);

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The names from the root to an object; the first of them is `m` on the second file system.
pub(crate) type Path = Vec<Vec<u8>>;

/// How a watch is asked for: by its path, its open file, or by what is left of it.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Path(Path),
    Slot(usize),
    Dead,
}

/// Something that has objects and makes events. Every operation succeeds: the caller has seen to it.
pub(crate) trait World {
    fn notifier(&self) -> &Arc<Notifier>;

    fn group(&self, user: u32) -> Result<Inotify, Errno>;

    /// `None` if this world cannot ask for it.
    fn start(
        &self,
        inotify: &Inotify,
        object: usize,
        target: &Target,
        mask: WatchMask,
    ) -> Option<Result<PendingWatch, Errno>>;

    fn make(&mut self, object: usize, path: &Path, is_dir: bool);

    /// CREATE and DELETE of a name that stands for nothing else.
    fn remove(&mut self, path: &Path, is_dir: bool);

    fn rename(&mut self, from: &Path, to: &Path);

    fn touch(&mut self, path: &Path);

    /// Opens, for writing if it is a file.
    fn open(&mut self, slot: usize, path: &Path);

    fn modify(&mut self, slot: usize);

    fn close(&mut self, slot: usize);

    /// Whether the flag "my parent is watched" is set.
    fn is_flagged(&self, path: &Path) -> bool;

    fn is_slot_flagged(&self, slot: usize) -> bool;

    /// The second file system goes; nothing of it is open.
    fn unmount(&mut self);

    fn verify(&self);

    /// Everything has been removed but the roots and the mountpoint: nothing else is left.
    fn end(self);
}

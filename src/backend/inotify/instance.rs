//! An inotify instance.

use crate::backend::inotify::event::Event;
use crate::backend::inotify::pending::PendingWatch;
use crate::backend::inotify::{WatchDescriptor, WatchMask};
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::notify::Notifier;
use crate::notify::group::GroupKind;
use crate::notify::group_handle::GroupHandle;
use crate::notify::limits::QueueCharge;
use crate::notify::queue::Queue;
use crate::tree::InodeRef;

/// An inotify instance: a set of watches and a queue of their events.
///
/// Clones are handles on the same instance, as duplicated descriptors are; it is closed by
/// [`Inotify::close`] or when the last handle is dropped. Every method may be called from any
/// thread.
///
/// It holds the notifier (and the `Vfs`) weakly: when that is gone, the queued events can still be
/// read, and then reads fail with `ESHUTDOWN`.
#[derive(Clone, Debug)]
pub struct Inotify {
    group: Arc<GroupHandle>,
}

/// The counts of a queue since its instance was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Events that were queued.
    pub queued: u64,
    /// Events that were merged into an equal one at the tail.
    pub merged: u64,
    /// Events that were lost to a full queue.
    pub lost: u64,
}

/// A point in an instance's queue; see [`Inotify::flush`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flush(u64);

fn inotify_queue(limit: usize, charge: QueueCharge) -> GroupKind {
    GroupKind::Inotify(Queue::open(limit, charge))
}

impl Inotify {
    /// An instance on a notifier, counted against the quotas of `user`.
    ///
    /// # Errors
    /// `EMFILE` at the limit of the user's instances.
    ///
    /// ```
    /// # use vfsnotify::{Tree, notify::{Notifier, NotifyConfig}, inotify::Inotify};
    /// let tree = Tree::new(Default::default());
    /// let notifier = Notifier::new(&tree, NotifyConfig::default())?;
    /// let inotify = Inotify::new(&notifier, 1000)?;
    /// assert!(inotify.is_empty());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn new(notifier: &Arc<Notifier>, user: u32) -> Result<Self> {
        Ok(Self { group: Arc::new(GroupHandle::new(notifier, inotify_queue, 0, user)?) })
    }

    /// Watches an inode, or changes its existing watch, and returns when the watch is ready: every
    /// event that happens after the return is delivered (G1).
    ///
    /// The caller has looked the inode up and checked that it may be read. `ONLYDIR` and `DONT_FOLLOW`
    /// concern paths and are ignored here, except for `ENOTDIR`. `Vfs::add_watch` does all of it.
    ///
    /// Takes the locks of the instance's watches and of the inode's connector. Then, with neither held,
    /// it walks the children of a directory that was not watched for events of children before, in
    /// chunks, yielding between them. Time: O(positive children) for that, else O(1).
    ///
    /// # Errors
    /// `EINVAL` (see [`WatchMask::check`]; an inode of another tree), `ENOTDIR`, `EEXIST`
    /// (`MASK_CREATE`), `ENOSPC` at the limit of the user's watches or of the object's marks,
    /// `ENOENT` if the inode is dead or its file system is being unmounted, `ESHUTDOWN`.
    pub fn add_watch(&self, inode: &InodeRef, mask: WatchMask) -> Result<WatchDescriptor> {
        self.start_watch(inode, mask)?.wait()
    }

    /// Takes the oldest event; `None` if the queue is empty. Never blocks: [`Inotify::wait`] does. O(1).
    ///
    /// # Errors
    /// `ESHUTDOWN` if the instance is closed and its queue is empty.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, inotify) = new_vfs()?;
    /// vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// while let Some(event) = inotify.next()? {
    ///     println!("{event:?}");
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn next(&self) -> Result<Option<Event>> {
        let mut kind = self.group().slot().queue.lock();
        let queue = kind.inotify();
        let event = queue.pop();
        let wakeup = queue.rearm();
        let is_open = queue.is_open();
        drop(kind);
        wakeup.wake();
        match event {
            Some(event) => Ok(Some(Event::from_record(event))),
            None if is_open => Ok(None),
            None => Err(Errno::ESHUTDOWN.into()),
        }
    }

    /// The stepping form of [`Inotify::add_watch`]: it does no walk itself.
    ///
    /// # Errors
    /// As for [`Inotify::add_watch`].
    pub fn start_watch(&self, inode: &InodeRef, mask: WatchMask) -> Result<PendingWatch> {
        mask.check()?;
        let is_dir = inode.get().kind().is_dir();
        if mask.contains(WatchMask::ONLYDIR) && !is_dir {
            return Err(Errno::ENOTDIR.into());
        }
        let notifier = self.notifier()?;
        if !Arc::ptr_eq(inode.tree(), notifier.tree()) {
            return Err(Errno::EINVAL.into());
        }
        let interest = mask.interest(is_dir);
        let group = self.group.index();
        let added = notifier.add_mark(group, inode, interest, mask.existing())?;
        Ok(PendingWatch::new(notifier, Arc::clone(&self.group), added))
    }

    /// Removes a watch. IGNORED is queued; events already in the queue stay readable.
    ///
    /// # Errors
    /// `EINVAL` if there is no such watch.
    pub fn rm_watch(&self, wd: WatchDescriptor) -> Result<()> {
        self.notifier()?.remove_mark(self.group.index(), wd.0)
    }

    /// Gives the next watch this descriptor, or the next free one after it: to restore a saved guest.
    ///
    /// # Errors
    /// `EINVAL` unless it is positive, `ESHUTDOWN` if the instance is closed.
    pub fn set_next_wd(&self, wd: WatchDescriptor) -> Result<()> {
        self.notifier()?.set_next_tag(self.group.index(), wd.0)
    }

    /// How many watches there are: none when the notifier is gone.
    #[must_use]
    pub fn watch_count(&self) -> usize {
        let Some(_notifier) = self.group.notifier() else { return 0 };
        let count = self.group.slot().marks.lock().count;
        // Unlocked by now: this may be the last reference to the notifier.
        count
    }

    /// How many events are queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.group.slot().queue.lock().inotify().len()
    }

    /// Whether the queue is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes all queued events take: the answer to `FIONREAD`. O(1).
    #[must_use]
    pub fn readable_bytes(&self) -> usize {
        self.group.slot().queue.lock().inotify().bytes()
    }

    /// How many events the queue holds before it overflows; fixed when the instance was made.
    #[must_use]
    pub fn queue_limit(&self) -> usize {
        self.group.slot().queue.lock().inotify().limit()
    }

    /// The counts of events so far.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let counters = self.group.slot().queue.lock().inotify().counters();
        QueueStats { queued: counters.queued, merged: counters.merged, lost: counters.lost }
    }

    /// A barrier: every event of an operation that returned before this call is in the queue now,
    /// before the returned point. [`Inotify::has_passed`] tells when a reader is past it.
    ///
    /// Hooks queue before the operation returns, so this does not wait.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, inotify) = new_vfs()?;
    /// vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let flush = inotify.flush();
    /// assert!(!inotify.has_passed(flush));
    /// inotify.drain();
    /// assert!(inotify.has_passed(flush));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn flush(&self) -> Flush {
        Flush(self.group.slot().queue.lock().inotify().positions().0)
    }

    /// Whether every event before the barrier has been taken out of the queue, or dropped since the
    /// instance was closed. The thread that took an event may not have handled it yet.
    #[must_use]
    pub fn has_passed(&self, flush: Flush) -> bool {
        self.group.slot().queue.lock().inotify().positions().1 >= flush.0
    }

    /// Whether the instance is closed, or its notifier gone: no event is queued any more, and queued
    /// events can still be read.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, _, _) = new_vfs()?;
    /// let inotify = vfs.inotify(&vfs.context())?;
    /// assert!(!inotify.is_closed());
    /// drop(vfs);
    /// assert!(inotify.is_closed());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.group.slot().queue.lock().inotify().is_open()
    }

    /// Closes the instance for all its handles: its watches end without IGNORED, its events are
    /// dropped, its readers wake with `ESHUTDOWN`. Takes O(watches), in bounded steps.
    pub fn close(&self) {
        self.group.close();
    }

    pub(super) fn group(&self) -> &Arc<GroupHandle> {
        &self.group
    }

    #[cfg(feature = "vfs")]
    /// Whether it was made on this notifier, and that still exists.
    pub(crate) fn belongs_to(&self, notifier: &Arc<Notifier>) -> bool {
        self.group.notifier().is_none_or(|own| Arc::ptr_eq(&own, notifier))
    }

    fn notifier(&self) -> Result<Arc<Notifier>> {
        self.group.notifier().ok_or_else(|| Errno::ESHUTDOWN.into())
    }
}

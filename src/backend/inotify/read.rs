//! Reading an instance's queue.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::backend::inotify::cancel::Cancel;
use crate::backend::inotify::encode::encode;
use crate::backend::inotify::event::Event;
use crate::backend::inotify::instance::Inotify;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::ReadyReceiver;
use crate::notify::record::QueueRecord as _;
use crate::notify::record::inotify::InotifyRecord;

/// How many events `read` takes out under one hold of the queue's lock.
const READ_BATCH: usize = 64;

impl Inotify {
    /// Takes all events that are queued now, in batches, each under a brief hold of the lock.
    #[must_use]
    pub fn drain(&self) -> Vec<Event> {
        let mut events = Vec::new();
        self.take(&mut events, None);
        events
    }

    /// Takes up to `most` of the oldest events and appends them to `events`; returns how many. With
    /// room in `events` it allocates nothing. If more events are queued, or the instance is closed, it
    /// sends a token to [`Inotify::ready`] again.
    pub fn drain_into(&self, events: &mut Vec<Event>, most: usize) -> usize {
        self.take(events, Some(most))
    }

    /// Takes up to `most` events, or as many as are queued when it begins.
    #[inline]
    fn take(&self, events: &mut Vec<Event>, most: Option<usize>) -> usize {
        let slot = self.group().slot();
        let mut kind = slot.queue.lock();
        let mut queue = kind.inotify();
        let most = most.unwrap_or(queue.len());
        if most == 0 {
            let wakeup = queue.rearm();
            drop(kind);
            wakeup.wake();
            return 0;
        }
        let mut chunk = VecDeque::new();
        let mut taken = 0;
        loop {
            let wakeup = queue.drain(&mut chunk, most - taken);
            drop(kind);
            wakeup.wake();
            let count = chunk.len();
            taken += count;
            let is_last = count == 0 || taken == most;
            events.reserve(count);
            while let Some(record) = chunk.pop_front() {
                events.push(Event::from_record(record));
            }
            kind = slot.queue.lock();
            queue = kind.inotify();
            if is_last {
                queue.give_back(chunk);
                return taken;
            }
        }
    }

    /// Reads as many whole events as fit into `buf`, as read(2) on a non-blocking descriptor does,
    /// and returns how many bytes they take. RULE read-whole-events.
    ///
    /// # Errors
    /// `EAGAIN` if no event is queued, `EINVAL` if the first event does not fit (it stays queued),
    /// `ESHUTDOWN` if the instance is closed.
    pub fn read(&self, buf: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        let mut batch: SmallVec<[InotifyRecord; READ_BATCH]> = SmallVec::new();
        loop {
            // Take out whole events that fit, a batch under one hold of the queue's lock.
            let mut kind = self.group().slot().queue.lock();
            let queue = kind.inotify();
            let mut room = buf.len() - filled;
            let mut is_full = false;
            while batch.len() < READ_BATCH {
                match queue.front().map(InotifyRecord::wire_bytes) {
                    Some(len) if len <= room => {
                        room -= len;
                        batch.extend(queue.pop());
                    }
                    front => {
                        is_full = front.is_some();
                        break;
                    }
                }
            }
            // With the lock released: wake another reader if there is more, then write the batch.
            let is_open = queue.is_open();
            let wakeup = queue.rearm();
            drop(kind);
            wakeup.wake();
            if batch.is_empty() {
                return match (filled, is_full, is_open) {
                    (1.., _, _) => Ok(filled),
                    (0, true, _) => Err(Errno::EINVAL.into()),
                    (0, false, true) => Err(Errno::EAGAIN.into()),
                    (0, false, false) => Err(Errno::ESHUTDOWN.into()),
                };
            }
            for event in batch.drain(..) {
                filled += encode(&event, &mut buf[filled..]);
            }
        }
    }

    /// [`Inotify::read`] that waits for an event, at most `timeout` if given, until `cancel` is
    /// cancelled or the instance is closed. Call it with no lock held.
    ///
    /// # Errors
    /// `EAGAIN` after the timeout, `EINTR` if cancelled, and those of `read`.
    pub fn read_wait(
        &self,
        buf: &mut [u8],
        timeout: Option<Duration>,
        cancel: Option<&Cancel>,
    ) -> Result<usize> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.read(buf) {
                Err(error) if error.errno() == Errno::EAGAIN => {
                    self.wait_until(deadline, cancel)?;
                }
                other => return other,
            }
        }
    }

    /// Waits until an event is queued, as [`Inotify::read_wait`] does.
    ///
    /// # Errors
    /// `EAGAIN` after the timeout, `EINTR` if cancelled, `ESHUTDOWN` if closed.
    pub fn wait(&self, timeout: Option<Duration>, cancel: Option<&Cancel>) -> Result<()> {
        self.wait_until(timeout.and_then(|timeout| Instant::now().checked_add(timeout)), cancel)
    }

    fn wait_until(&self, deadline: Option<Instant>, cancel: Option<&Cancel>) -> Result<()> {
        loop {
            let wakeup = {
                let mut kind = self.group().slot().queue.lock();
                let queue = kind.inotify();
                if queue.len() > 0 {
                    return Ok(());
                }
                if !queue.is_open() {
                    return Err(Errno::ESHUTDOWN.into());
                }
                queue.wakeup()
            };
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Errno::EAGAIN.into());
            }
            if wakeup.wait(deadline, cancel.map(|cancel| &cancel.0)) {
                return Err(Errno::EINTR.into());
            }
            // Another reader may be waiting for the same token: pass it on if there are more events.
            let wakeup = self.group().slot().queue.lock().inotify().rearm();
            wakeup.wake();
        }
    }

    /// A channel for `crossbeam_channel::select!` that gets a token when the queue stops being empty:
    /// "maybe events to read". A reader that leaves events in the queue sends a token again.
    ///
    /// All receivers of an instance share one token. A read of a closed instance sends the token again,
    /// so that every reader learns of the end; a loop ends when [`Inotify::next`] fails with
    /// `ESHUTDOWN` or [`Inotify::is_closed`] is true. The channel is disconnected when the last handle
    /// is gone.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let inotify = vfs.inotify(&cx)?;
    /// let ready = inotify.ready();
    /// vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// crossbeam_channel::select! {
    ///     recv(ready) -> _ => assert_eq!(inotify.drain().len(), 1),
    ///     default => panic!("not ready"),
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn ready(&self) -> ReadyReceiver {
        let mut kind = self.group().slot().queue.lock();
        let queue = kind.inotify();
        let wakeup = queue.wakeup();
        let due = queue.rearm();
        drop(kind);
        due.wake();
        wakeup.receiver().clone()
    }
}

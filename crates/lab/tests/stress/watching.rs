//! Watches and the instances they belong to.

use std::time::Duration;

use vfsnotify::inotify::{Cancel, WatchMask};
use vfsnotify::{Errno, Result};

use crate::listener::Listener;
use crate::names::{self, Place};
use crate::stream::Moment;
use crate::worker::Worker;
use crate::world::limits_at_random;

/// Watches by path, or what is open.
pub(crate) fn watch(worker: &mut Worker<'_>) -> Result<()> {
    let listener = worker.world.listeners.any(&mut worker.rng);
    let mask = listener.mask(&mut worker.rng);
    if worker.rng.u8(0..4) == 0 {
        let (cx, vfs) = (worker.cx.clone(), &worker.world.vfs);
        let held = worker.file()?;
        let call = Moment::now();
        let wd = vfs.add_watch(&cx, &listener.inotify, &held.file, mask)?;
        listener.gave(wd, held.letter, call);
        return Ok(());
    }
    let place = names::anything(&mut worker.rng);
    watch_place(worker, &listener, &place, mask)
}

fn watch_place(
    worker: &Worker<'_>,
    listener: &Listener,
    place: &Place,
    mask: WatchMask,
) -> Result<()> {
    let call = Moment::now();
    let wd = worker.world.vfs.add_watch(&worker.cx, &listener.inotify, &place.path, mask)?;
    listener.gave(wd, place.letter, call);
    Ok(())
}

/// Watches the directory of a thread, or one where it has its file: nothing that the thread is told
/// may change by that.
pub(crate) fn watch_elsewhere(worker: &mut Worker<'_>) -> Result<()> {
    let other = worker.rng.usize(0..worker.threads);
    let listener = worker.world.listeners.any(&mut worker.rng);
    let mask = listener.mask(&mut worker.rng) & !(WatchMask::ONLYDIR | WatchMask::MASK_CREATE);
    let place = match worker.rng.u8(0..4) {
        0 => Place {
            path: format!("{}/{}", names::own_dir(other), names::own_file(other, b'w')),
            letter: b'm',
        },
        1 => names::fixed(&mut worker.rng),
        _ => Place { path: names::own_dir(other), letter: b'w' },
    };
    watch_place(worker, &listener, &place, mask)?;
    // Now and then at once again: a flag that was set is stale the next moment.
    if worker.rng.bool() {
        return unwatch(worker);
    }
    Ok(())
}

pub(crate) fn unwatch(worker: &mut Worker<'_>) -> Result<()> {
    let listener = worker.world.listeners.any(&mut worker.rng);
    let wd = if worker.rng.bool() {
        // Gone or not.
        listener.any_wd(&mut worker.rng)
    } else {
        let watches = listener.inotify.watches();
        let nth = worker.rng.usize(0..watches.len().max(1));
        watches.get(nth).ok_or(Errno::EINVAL)?.wd
    };
    listener.inotify.rm_watch(wd)
}

/// A watch in steps, left half way, taken up again, dropped.
pub(crate) fn pending(worker: &mut Worker<'_>) -> Result<()> {
    if !worker.hands.pending.is_empty() && worker.rng.bool() {
        let at = worker.rng.usize(0..worker.hands.pending.len());
        let mut pending = worker.hands.pending.swap_remove(at);
        return match worker.rng.u8(0..3) {
            0 => pending.wait().map(drop),
            1 => {
                drop(pending);
                Ok(())
            }
            _ => {
                pending.step();
                worker.keep_pending(pending);
                Ok(())
            }
        };
    }
    let listener = worker.world.listeners.any(&mut worker.rng);
    let mask = listener.mask(&mut worker.rng);
    let place = names::anything(&mut worker.rng);
    let vfs = &worker.world.vfs;
    let mut pending = vfs.start_watch(&worker.cx, &listener.inotify, place.path, mask)?;
    if worker.rng.bool() {
        pending.step();
    }
    worker.keep_pending(pending);
    Ok(())
}

/// The figures of an instance.
pub(crate) fn look(worker: &mut Worker<'_>) -> Result<()> {
    let listener = worker.world.listeners.any(&mut worker.rng);
    let inotify = &listener.inotify;
    match worker.rng.u8(0..4) {
        0 => {
            let watches = inotify.watches();
            let in_order = watches.windows(2).all(|pair| pair[0].wd < pair[1].wd);
            assert!(in_order, "the list of watches: {watches:?}");
        }
        1 => {
            let flush = inotify.flush();
            let stats = inotify.stats();
            // Only what is queued later can come after the barrier.
            assert!(inotify.has_passed(flush) || stats.queued + stats.lost > 0);
        }
        2 => listener.next_era()?,
        _ => {
            // One more than the limit: the overflow itself.
            assert!(inotify.len() <= inotify.queue_limit() + 1, "the queue is too long");
            let _ = inotify.readable_bytes();
        }
    }
    Ok(())
}

/// Reads of an instance that is empty, closed, or read by another thread already.
fn or_nothing(read: Result<()>) -> Result<()> {
    read.or_else(|error| match error.errno() {
        Errno::EAGAIN | Errno::EINTR | Errno::EINVAL => Ok(()),
        _ => Err(error),
    })
}

pub(crate) fn read(worker: &mut Worker<'_>) -> Result<()> {
    let listener = worker.world.listeners.any(&mut worker.rng);
    or_nothing(listener.read(&mut worker.rng, None))
}

/// Waits until something is queued, the instance is closed, or another thread cancels; or cancels
/// the wait of another.
pub(crate) fn wait(worker: &mut Worker<'_>) -> Result<()> {
    while let Some(cancel) = worker.world.cancels.take() {
        drop(cancel);
    }
    let listener = worker.world.listeners.any(&mut worker.rng);
    let (canceller, cancel) = Cancel::new();
    worker.world.cancels.put(canceller);
    if worker.rng.bool() {
        or_nothing(listener.inotify.wait(Some(Duration::from_millis(20)), Some(&cancel)))
    } else {
        or_nothing(listener.inotify.wait(None, Some(&cancel)))
    }
}

pub(crate) fn replace(worker: &mut Worker<'_>) -> Result<()> {
    worker.world.listeners.end_one(&mut worker.rng);
    worker.world.replace_listener(&mut worker.rng)
}

pub(crate) fn change_limits(worker: &mut Worker<'_>) -> Result<()> {
    let limits = limits_at_random(&mut worker.rng);
    worker.world.vfs.notifier().set_limits(limits);
    Ok(())
}

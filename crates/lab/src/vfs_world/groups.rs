//! Calls on groups.

use vfsnotify::inotify::{Decoded, Inotify, PendingWatch, WatchDescriptor, WatchMask, decode};
use vfsnotify::{Context, Errno, File, OpenFlags, PathArg, Result, Vfs};

use super::refused;
use crate::compare::parse_events;
use crate::op::{Mask, Op, WatchRef};
use crate::outcome::{Event, Outcome};

/// A buffer for draining, larger than any event.
const BUFFER: usize = 1 << 16;

/// A group, and the descriptors that it has given out.
#[derive(Clone)]
pub struct Group {
    /// The group.
    pub inotify: Inotify,
    given: Given,
}

/// The descriptors that a group has given out, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<i32>);

impl Given {
    pub(crate) fn note(&mut self, wd: i32) {
        if !self.0.contains(&wd) {
            self.0.push(wd);
        }
    }

    /// The watch that [`WatchRef::Given`] means.
    pub(crate) fn pick(&self, nth: usize) -> i32 {
        self.0.get(nth % self.0.len().max(1)).copied().unwrap_or(1)
    }
}

/// Makes a group with the flags of inotify_init1(2).
pub(super) fn make(vfs: &Vfs, cx: &Context, flags: u32) -> Result<Inotify> {
    const NONBLOCK_CLOEXEC: u32 = 0o2_004_000;
    if flags & !NONBLOCK_CLOEXEC != 0 {
        return refused(Errno::EINVAL);
    }
    vfs.inotify(cx)
}

/// inotify_add_watch(2) on a file.
pub(super) fn add_watch_on(file: Option<&File>, mask: Mask) -> Result<Outcome> {
    // That it is no group is for the guest's descriptor table to tell; unknown bits and none come
    // before that.
    let mask = WatchMask::from_bits_retain(mask.0);
    if mask.is_empty() || !WatchMask::all().contains(mask) {
        return refused(Errno::EINVAL);
    }
    match file {
        Some(file) if !file.flags().contains(OpenFlags::PATH) => refused(Errno::EINVAL),
        _ => refused(Errno::EBADF),
    }
}

fn event(event: vfsnotify::inotify::Event) -> Event {
    match event {
        vfsnotify::inotify::Event::Fs(event) => Event {
            wd: event.wd.as_raw(),
            mask: event.mask.bits(),
            cookie: event.cookie,
            name: event.name.to_vec(),
            lost: 0,
        },
        vfsnotify::inotify::Event::Overflow { lost } => {
            Event { wd: -1, mask: 0x4000, cookie: 0, name: Vec::new(), lost }
        }
    }
}

/// The events in bytes that were read.
pub(crate) fn events(bytes: &[u8]) -> Outcome {
    parse_events(bytes).map_or_else(Outcome::Broken, Outcome::Events)
}

fn decoded_event(event: Decoded) -> Event {
    Event {
        wd: event.wd,
        mask: event.mask.bits(),
        cookie: event.cookie,
        name: event.name.to_vec(),
        lost: 0,
    }
}

/// The same, where the crate's own decoder must agree.
fn decoded(bytes: &[u8]) -> Outcome {
    let theirs = decode(bytes)
        .map(|events| Outcome::Events(events.into_iter().map(decoded_event).collect()));
    match (events(bytes), theirs) {
        (ours, Some(theirs)) if ours == theirs => ours,
        (ours, theirs) => Outcome::Broken(format!("{ours:?} is decoded as {theirs:?}")),
    }
}

impl Group {
    pub(super) fn new(inotify: Inotify) -> Self {
        Self { inotify, given: Given::default() }
    }

    fn added(&mut self, wd: WatchDescriptor) -> Outcome {
        self.given.note(wd.as_raw());
        Outcome::Wd(wd.as_raw())
    }

    pub(super) fn start_watch(
        &self,
        vfs: &Vfs,
        cx: &Context,
        path: PathArg<'_>,
        mask: Mask,
    ) -> Result<PendingWatch> {
        vfs.start_watch(cx, &self.inotify, path, WatchMask::from_bits_retain(mask.0))
    }

    pub(super) fn add_watch(
        &mut self,
        vfs: &Vfs,
        cx: &Context,
        path: PathArg<'_>,
        mask: Mask,
    ) -> Result<Outcome> {
        let wd = self.start_watch(vfs, cx, path, mask)?.wait()?;
        Ok(self.added(wd))
    }

    /// Makes the call of an operation on a group alone.
    pub(super) fn call(&self, op: &Op) -> Result<Outcome> {
        let inotify = &self.inotify;
        Ok(match op {
            Op::Shutdown { .. } => {
                inotify.close();
                Outcome::Done
            }
            Op::RmWatch { watch, .. } => {
                let wd = match watch {
                    WatchRef::Wd(wd) => WatchDescriptor::from_raw(*wd),
                    WatchRef::Given(nth) => WatchDescriptor::from_raw(self.given.pick(*nth)),
                    WatchRef::Nth(nth) => match inotify.watches().get(*nth) {
                        Some(watch) => watch.wd,
                        None => return Ok(Outcome::Nothing),
                    },
                };
                inotify.rm_watch(wd)?;
                Outcome::Wd(wd.as_raw())
            }
            Op::SetNextWd { wd, .. } => {
                inotify.set_next_wd(WatchDescriptor::from_raw(*wd))?;
                Outcome::Done
            }
            Op::Drain { .. } => self.drain()?,
            Op::Take { .. } => Outcome::Events(inotify.drain().into_iter().map(event).collect()),
            Op::Next { .. } => Outcome::Events(inotify.next()?.into_iter().map(event).collect()),
            Op::ReadEvents { size, .. } => decoded(&self.read(*size)?),
            Op::Fionread { .. } => Outcome::Count(inotify.readable_bytes() as u64),
            Op::Poll { .. } => Outcome::Flag(!inotify.is_empty()),
            Op::Fdinfo { .. } => {
                let watches = inotify.watches();
                let pairs = watches.iter().map(|watch| (watch.wd.as_raw(), watch.mask.bits()));
                Outcome::Watches(pairs.collect())
            }
            op => unreachable!("{op:?} is not of a group alone"),
        })
    }

    fn read(&self, size: usize) -> Result<Vec<u8>> {
        let mut buf = vec![0xee; size];
        let count = self.inotify.read(&mut buf)?;
        buf.truncate(count);
        Ok(buf)
    }

    fn drain(&self) -> Result<Outcome> {
        let mut bytes = Vec::new();
        loop {
            match self.read(BUFFER) {
                Ok(more) => bytes.extend(more),
                Err(error) if error.errno() == Errno::EAGAIN => return Ok(events(&bytes)),
                Err(error) => return Err(error),
            }
        }
    }
}

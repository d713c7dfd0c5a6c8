//! Operations on instances and watches, on the crate.

use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask, decode};

use super::ops::{Heard, Op, Outcome, Step};
use super::real::{Done, Real};

fn heard(event: Event) -> Heard {
    match event {
        Event::Happened(event) => Heard {
            wd: event.wd.as_raw(),
            mask: event.mask.bits(),
            cookie: event.cookie,
            name: event.name.to_vec(),
            lost: 0,
        },
        Event::Overflow { lost } => {
            Heard { wd: -1, mask: 0x4000, cookie: 0, name: Vec::new(), lost }
        }
    }
}

fn wd(wd: WatchDescriptor) -> Outcome {
    Outcome::Wd(wd.as_raw())
}

impl Real {
    pub(super) fn on_watches(&mut self, step: &Step) -> Done {
        match &step.op {
            Op::NewGroup(group) => {
                let made = self.vfs.inotify(self.cx(step))?;
                let old = self.groups[*group].replace(made);
                // One that a watch is being added to lives until that is done, as on Linux.
                if let Some(old) = old.filter(|_| self.pending.iter().any(Option::is_some)) {
                    old.close();
                }
            }
            Op::StartWatch { pending, group, path, mask } => {
                let Some(inotify) = &self.groups[*group] else { return Ok(Outcome::Done) };
                let mask = WatchMask::from_bits_retain(*mask);
                let (cx, at) = (self.cx(step), self.at(step));
                let new = self.vfs.start_watch_at(cx, inotify, at, path.text(), mask)?;
                self.pending[*pending] = Some(new);
            }
            Op::StepWatch(pending) => {
                if let Some(pending) = &mut self.pending[*pending] {
                    pending.step();
                }
            }
            Op::WaitWatch(pending) => {
                if let Some(pending) = self.pending[*pending].take() {
                    return pending.wait().map(wd);
                }
            }
            Op::DropWatch(pending) => self.pending[*pending] = None,
            Op::CloseGroup(group)
            | Op::AddWatch { group, .. }
            | Op::AddWatchFile { group, .. }
            | Op::RmWatch { group, .. }
            | Op::RmWrong { group, .. }
            | Op::SetNextWd { group, .. }
            | Op::Drain(group)
            | Op::Next(group)
            | Op::ReadEvents { group, .. } => {
                if let Some(inotify) = &self.groups[*group] {
                    return self.on_group(step, inotify);
                }
            }
            op => unreachable!("{op:?} is not about watches"),
        }
        Ok(Outcome::Done)
    }

    fn on_group(&self, step: &Step, inotify: &Inotify) -> Done {
        match &step.op {
            Op::CloseGroup(_) => inotify.close(),
            Op::AddWatch { path, mask, .. } => {
                let mask = WatchMask::from_bits_retain(*mask);
                let (cx, at) = (self.cx(step), self.at(step));
                return self.vfs.start_watch_at(cx, inotify, at, path.text(), mask)?.wait().map(wd);
            }
            Op::AddWatchFile { slot, mask, .. } => {
                let Some(file) = &self.slots[*slot] else { return Ok(Outcome::Done) };
                let mask = WatchMask::from_bits_retain(*mask);
                return self.vfs.add_watch_file(self.cx(step), inotify, file, mask).map(wd);
            }
            Op::RmWatch { nth, .. } => {
                let watches = inotify.watches();
                let Some(watch) = watches.get(*nth) else { return Ok(Outcome::Done) };
                inotify.rm_watch(watch.wd)?;
                return Ok(wd(watch.wd));
            }
            Op::RmWrong { wd, .. } => inotify.rm_watch(WatchDescriptor::from_raw(*wd))?,
            Op::SetNextWd { wd, .. } => inotify.set_next_wd(WatchDescriptor::from_raw(*wd))?,
            Op::Next(_) => {
                let next = inotify.next()?;
                return Ok(Outcome::Events(next.into_iter().map(heard).collect()));
            }
            Op::ReadEvents { size, .. } => {
                let mut buf = vec![0xee; *size];
                let len = inotify.read(&mut buf)?;
                let events = decode(&buf[..len]).expect("whole events");
                let heard = events.into_iter().map(|event| Heard {
                    wd: event.wd,
                    mask: event.mask.bits(),
                    cookie: event.cookie,
                    name: event.name.to_vec(),
                    lost: 0,
                });
                return Ok(Outcome::Events(heard.collect()));
            }
            _ => return Ok(Outcome::Events(inotify.drain().into_iter().map(heard).collect())),
        }
        Ok(Outcome::Done)
    }
}

//! The same operations on the crate.

use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask, decode};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    At, Context, ErrorKind, File, InodeKind, MemFs, RenameFlags, TimeSetting, TreeConfig, Vfs,
};

use super::ops::{Caps, GROUPS, Heard, Op, Outcome, SLOTS, Setup};

type Done<T = Outcome> = vfsnotify::Result<T>;

/// A VFS with the handles that a sequence works on.
pub(crate) struct Real {
    pub(crate) vfs: Vfs,
    pub(crate) cx: Context,
    pub(crate) groups: [Option<Inotify>; GROUPS],
    pub(crate) slots: [Option<File>; SLOTS],
}

fn limits(caps: Caps) -> Limits {
    Limits {
        max_queued_events: caps.events,
        max_user_instances: caps.instances,
        max_user_watches: caps.watches,
        max_object_marks: caps.object_marks,
        ..Limits::default()
    }
}

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

impl Real {
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup { caps, files, negatives } = setup;
        let vfs = Vfs::builder()
            .tree(TreeConfig { negatives, negatives_per_directory: negatives })
            .notify(NotifyConfig { limits: limits(caps), ..NotifyConfig::default() })
            .max_open_files(files)
            .build(MemFs::new())
            .expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx, groups: Default::default(), slots: Default::default() }
    }

    /// Does one operation, and says what number the file has that was opened, if one was.
    pub(crate) fn apply(&mut self, op: &Op) -> (Result<Outcome, ErrorKind>, Option<u64>) {
        let mut ino = None;
        let done = match op {
            Op::Open { slot, path, flags } => {
                self.vfs.open(&self.cx, path.text(), *flags, 0o644).map(|file| {
                    ino = Some(file.dentry().inode().ino());
                    // What was in the slot is closed here.
                    self.slots[*slot] = Some(file);
                    Outcome::Done
                })
            }
            _ => self.act(op),
        };
        (done.map_err(|error| error.kind()), ino)
    }

    fn act(&mut self, op: &Op) -> Done {
        let (vfs, cx) = (&self.vfs, &self.cx);
        match op {
            Op::Mkdir(path) => vfs.mkdir(cx, path.text(), 0o755)?,
            Op::Mknod(path, kind) => {
                let rdev = if *kind == InodeKind::CharDevice { 0x103 } else { 0 };
                vfs.mknod(cx, path.text(), *kind, 0o644, rdev)?;
            }
            Op::Symlink(path) => vfs.symlink(cx, "/nowhere/at/all", path.text())?,
            Op::Link(old, new) => vfs.link(cx, old.text(), new.text(), false)?,
            Op::Unlink(path) => vfs.unlink(cx, path.text())?,
            Op::Rmdir(path) => vfs.rmdir(cx, path.text())?,
            Op::Rename(old, new, flags) => {
                let flags: RenameFlags = *flags;
                vfs.rename(cx, old.text(), new.text(), flags)?;
            }
            Op::Dup { from, to } => {
                if let Some(file) = &self.slots[*from]
                    && from != to
                {
                    self.slots[*to] = Some(file.dup());
                }
            }
            Op::Close(slot) => {
                if let Some(file) = self.slots[*slot].take() {
                    file.close();
                }
            }
            Op::List(path) => drop(vfs.list(cx, path.text())?),
            Op::Truncate(path, len) => vfs.truncate(cx, path.text(), *len)?,
            Op::Chmod(path) => vfs.chmod(cx, path.text(), 0o700)?,
            Op::Utimens { path, atime, mtime, follow } => {
                let (atime, mtime) = (time(*atime), time(*mtime));
                vfs.utimensat(cx, At::Cwd, path.text(), atime, mtime, *follow)?;
            }
            Op::SetCaps(caps) => vfs.notifier().set_limits(limits(*caps)),
            Op::NewGroup { group, user } => {
                let made = vfs.inotify(&cx.clone().with_user(*user))?;
                self.groups[*group] = Some(made);
            }
            Op::Open { .. } => unreachable!("done before"),
            Op::LinkFile(slot, _)
            | Op::Read(slot, _)
            | Op::Write(slot, _)
            | Op::ReadDir(slot)
            | Op::TruncateFile(slot, _)
            | Op::ChmodFile(slot)
            | Op::UtimensFile { slot, .. } => {
                if let Some(file) = &self.slots[*slot] {
                    return self.on_file(op, file);
                }
            }
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
                    return self.on_group(op, inotify);
                }
            }
        }
        Ok(Outcome::Done)
    }

    fn on_file(&self, op: &Op, file: &File) -> Done {
        match op {
            Op::LinkFile(_, path) => self.vfs.link_file(&self.cx, file, At::Cwd, path.text())?,
            Op::Read(_, len) => return file.read(&mut vec![0; *len]).map(Outcome::Count),
            Op::Write(_, len) => return file.write(&vec![1; *len]).map(Outcome::Count),
            Op::ReadDir(_) => drop(file.read_dir(32 * 1024)?),
            Op::TruncateFile(_, len) => file.truncate(*len)?,
            Op::UtimensFile { atime, mtime, .. } => {
                file.utimens(&self.cx, time(*atime), time(*mtime))?;
            }
            _ => file.chmod(&self.cx, 0o700)?,
        }
        Ok(Outcome::Done)
    }

    fn on_group(&self, op: &Op, inotify: &Inotify) -> Done {
        let wd = |wd: WatchDescriptor| Outcome::Wd(wd.as_raw());
        match op {
            Op::CloseGroup(_) => inotify.close(),
            Op::AddWatch { path, mask, .. } => {
                let mask = WatchMask::from_bits_retain(*mask);
                return self.vfs.add_watch(&self.cx, inotify, path.text(), mask).map(wd);
            }
            Op::AddWatchFile { slot, mask, .. } => {
                let Some(file) = &self.slots[*slot] else { return Ok(Outcome::Done) };
                let mask = WatchMask::from_bits_retain(*mask);
                return self.vfs.add_watch_file(&self.cx, inotify, file, mask).map(wd);
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

fn time(set: bool) -> Option<TimeSetting> {
    set.then_some(TimeSetting::Now)
}

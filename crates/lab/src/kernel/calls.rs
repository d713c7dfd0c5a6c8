//! The operations of the world: which call each is, and on which descriptor.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::DupFlags;
use rustix::mount::{MountFlags, UnmountFlags};
use vfsnotify::Errno;

use super::convert::filled;
use super::limits::limit_path;
use super::{Group, KernelWorld, Res, copy_fd, errno, files, is_shared, names, probe, proc_path};
use crate::op::{Limit, Mask, Op, Slot, Step, WatchRef};
use crate::outcome::{Done, Outcome};
use crate::path::Path;
use crate::vfs_world::groups::events;
use crate::world::World;

/// A buffer for draining, larger than any event.
const BUFFER: usize = 1 << 16;

/// Turns a call without a value into an outcome.
pub(super) fn done(result: Res<()>) -> Done {
    result.map(|()| Outcome::Done)
}

impl World for KernelWorld {
    fn name(&self) -> &str {
        &self.name
    }

    fn lacks(&self, capability: &str) -> Option<&'static str> {
        let root = rustix::process::geteuid().is_root();
        let writable =
            |limit| std::fs::OpenOptions::new().write(true).open(limit_path(limit)).is_ok();
        let unless = |able: bool, reason| if able { None } else { Some(reason) };
        match capability {
            "mmap" => Some("a shared mapping needs unsafe code"),
            "fanotify" | "sb_marks" | "fan_rename" | "evictable" | "dnotify" => {
                Some("it has no safe binding")
            }
            "permissions" => unless(root, "changing the user needs root"),
            "queue_limit" => unless(writable(Limit::QueuedEvents), "the limit needs root"),
            "watch_limit" => {
                let able = writable(Limit::UserWatches) && writable(Limit::UserInstances);
                unless(root && able, "the limit needs root")
            }
            "private_mounts" => {
                unless(!is_shared(&self.path), "mounts there are seen elsewhere too")
            }
            "proc_self_fd" => unless(std::path::Path::new("/proc/self/fd").exists(), "no /proc"),
            "fdinfo" => unless(std::path::Path::new("/proc/self/fdinfo").exists(), "no /proc"),
            "xattr" | "o_tmpfile" | "rename_exchange" | "fallocate" | "sendfile"
            | "copy_file_range" | "mount" | "umount" | "bind_mount" => {
                probe(self.root.path().parent()?, capability)
            }
            _ => None,
        }
    }

    fn apply(&mut self, step: &Step) -> Done {
        // There is one context.
        if step.by != 0 {
            return Err(Errno::ENOSYS);
        }
        match &step.op {
            Op::From { slot, op } => {
                self.apply(&Step { at: Some(*slot), op: (**op).clone(), ..step.clone() })
            }
            Op::Open { slot, .. } => {
                let fd = names::open(self.base(step.at), &step.op)?;
                self.tables.files.insert(*slot, fd);
                Ok(Outcome::Done)
            }
            Op::Close { slot } => {
                let closed = self.tables.files.remove(slot);
                Ok(closed.map_or(Outcome::Nothing, |_| Outcome::Done))
            }
            Op::Dup { from, to } => {
                let Some(fd) = self.tables.files.get(from) else { return Ok(Outcome::Nothing) };
                let fd = copy_fd(fd)?;
                self.tables.files.insert(*to, fd);
                Ok(Outcome::Done)
            }
            Op::Dup2Over { from, to } => self.dup2_over(*from, *to),
            Op::Chdir { .. } | Op::Fchdir { .. } | Op::As { .. } | Op::Fork | Op::Exit => {
                self.on_process(step)
            }
            Op::MountTmpfs { .. } | Op::MountBind { .. } | Op::Umount { .. } => {
                self.on_mounts(step)
            }
            Op::Limit { limit, value } => {
                self.limit(*limit, *value);
                Ok(Outcome::Done)
            }
            op if op.is_quiet() => self.on_groups(step),
            op => match crate::vfs_world::files::first_slot(op) {
                Some(slot) => self.on_files(step, slot),
                None => names::call(self, step),
            },
        }
    }
}

impl KernelWorld {
    fn on_files(&self, step: &Step, slot: Slot) -> Done {
        let Some(fd) = self.tables.files.get(&slot) else { return Ok(Outcome::Nothing) };
        match &step.op {
            Op::Sendfile { out, .. } | Op::CopyFileRange { out, .. } => {
                match self.tables.files.get(out) {
                    Some(out) => files::between(fd, out, &step.op),
                    None => Ok(Outcome::Nothing),
                }
            }
            Op::LinkFile { path, .. } => {
                let base = self.base(step.at);
                let from = proc_path(fd);
                let flags = AtFlags::SYMLINK_FOLLOW;
                done(errno(rustix::fs::linkat(base, from, base, path.bytes(), flags)))
            }
            op => files::call(fd, op),
        }
    }

    fn dup2_over(&mut self, from: Slot, to: Slot) -> Done {
        let files = &mut self.tables.files;
        if !files.contains_key(&from) || !files.contains_key(&to) {
            return Ok(Outcome::Nothing);
        }
        if from == to {
            return Ok(Outcome::Done);
        }
        let mut fd = files.remove(&to).expect("it is there");
        let result = errno(rustix::io::dup3(&files[&from], &mut fd, DupFlags::CLOEXEC));
        files.insert(to, fd);
        done(result)
    }

    fn on_process(&mut self, step: &Step) -> Done {
        match &step.op {
            Op::Chdir { path } => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let cwd = &self.tables.cwd;
                let cwd = errno(rustix::fs::openat(cwd, path.bytes(), flags, Mode::empty()))?;
                self.stand_in(cwd)?;
            }
            Op::Fchdir { slot } => {
                let Some(fd) = self.tables.files.get(slot) else { return Ok(Outcome::Nothing) };
                let cwd = copy_fd(fd)?;
                self.stand_in(cwd)?;
            }
            Op::As { uid, op } => {
                self.become_user(*uid, *uid)?;
                let result = self.apply(&Step { op: (**op).clone(), ..step.clone() });
                self.return_to_user()?;
                return result;
            }
            // Safe code cannot fork. A child matters to notification only by its copies of the
            // descriptors, and copies can be made in one process as well.
            Op::Fork => {
                let child = self.tables.copy()?;
                self.parents.push(std::mem::replace(&mut self.tables, child));
            }
            Op::Exit => {
                let Some(parent) = self.parents.pop() else { return Ok(Outcome::Nothing) };
                self.tables = parent;
            }
            op => unreachable!("{op:?} is not of a process"),
        }
        Ok(Outcome::Done)
    }

    /// Makes an open directory the current one.
    fn stand_in(&mut self, dir: std::os::fd::OwnedFd) -> Res<()> {
        // Opening as a path asks for no permission, looking up in it does.
        errno(rustix::fs::statat(&dir, ".", AtFlags::empty()))?;
        self.tables.cwd = dir;
        self.tables.at_root = false;
        Ok(())
    }

    fn on_mounts(&mut self, step: &Step) -> Done {
        match &step.op {
            Op::MountTmpfs { path, read_only } => {
                let flags = if *read_only { MountFlags::RDONLY } else { MountFlags::empty() };
                let whole = self.whole(None, path.bytes());
                errno(rustix::mount::mount("none", whole, "tmpfs", flags, None))?;
                self.mounted = true;
            }
            // It takes two calls, the second by a path that leads elsewhere by then.
            Op::MountBind { read_only: true, .. } => return Err(Errno::ENOSYS),
            Op::MountBind { source, path, .. } => {
                let (source, path) =
                    (self.whole(None, source.bytes()), self.whole(None, path.bytes()));
                errno(rustix::mount::mount_bind(source, path))?;
                self.mounted = true;
            }
            Op::Umount { path } => {
                let whole = self.whole(None, path.bytes());
                errno(rustix::mount::unmount(whole, UnmountFlags::empty()))?;
            }
            op => unreachable!("{op:?} is not of mounts"),
        }
        Ok(Outcome::Done)
    }

    fn on_groups(&mut self, step: &Step) -> Done {
        match &step.op {
            Op::Init { group, flags, queue } => {
                if queue.is_some() {
                    self.limit(Limit::QueuedEvents, *queue);
                }
                let made = self.new_group(CreateFlags::from_bits_retain(*flags));
                if queue.is_some() {
                    self.limit(Limit::QueuedEvents, None);
                }
                self.tables.groups.insert(*group, made?);
                Ok(Outcome::Done)
            }
            Op::BadInit { flags } => {
                self.new_group(CreateFlags::from_bits_retain(*flags)).map(|_| Outcome::Done)
            }
            Op::CloseGroup { group } => {
                let closed = self.tables.groups.remove(group);
                Ok(closed.map_or(Outcome::Nothing, |_| Outcome::Done))
            }
            Op::AddWatchOn { slot, path, mask } => {
                // Safe code cannot pass a descriptor that is not open. One opened only as a path is
                // the same to this call: the kernel finds no open file behind it.
                let fd = match slot {
                    None => &self.tables.cwd,
                    Some(slot) => match self.tables.files.get(slot) {
                        Some(fd) => fd,
                        None => return Ok(Outcome::Nothing),
                    },
                };
                let flags = WatchFlags::from_bits_retain(mask.0);
                let whole = self.whole(step.at, path.bytes());
                errno(inotify::add_watch(fd, whole, flags)).map(Outcome::Wd)
            }
            Op::AddWatch { group, path: Path::Object, mask } => {
                let magic = proc_path(self.base(step.at));
                self.add_watch(*group, &magic, *mask)
            }
            Op::AddWatch { group, path, mask } => {
                let whole = self.whole(step.at, path.bytes());
                self.add_watch(*group, &whole, *mask)
            }
            Op::AddWatchFile { group, slot, mask } => match self.tables.files.get(slot) {
                Some(fd) => {
                    let path = proc_path(fd);
                    self.add_watch(*group, &path, *mask)
                }
                None => Ok(Outcome::Nothing),
            },
            op => match op.group().map(|group| self.tables.groups.get(&group)) {
                Some(Some(group)) => self.on_group(group, op),
                Some(None) => Ok(Outcome::Nothing),
                None => Err(Errno::ENOSYS),
            },
        }
    }

    fn add_watch(&mut self, group: usize, whole: &[u8], mask: Mask) -> Done {
        let Some(own) = self.tables.groups.get(&group) else { return Ok(Outcome::Nothing) };
        let wd = self.watch(own, whole, mask.0)?;
        let own = self.tables.groups.get_mut(&group).expect("it is there");
        own.given.note(wd);
        Ok(Outcome::Wd(wd))
    }

    fn on_group(&self, group: &Group, op: &Op) -> Done {
        let fd = group.instance.fd();
        Ok(match op {
            Op::RmWatch { watch, .. } => {
                let wd = match watch {
                    WatchRef::Wd(wd) => *wd,
                    WatchRef::Given(nth) => group.given.pick(*nth),
                    WatchRef::Nth(nth) => {
                        let mut watches = group.watches()?;
                        watches.sort_unstable();
                        match watches.get(*nth) {
                            Some((wd, _)) => *wd,
                            None => return Ok(Outcome::Nothing),
                        }
                    }
                };
                errno(inotify::remove_watch(fd, wd))?;
                Outcome::Wd(wd)
            }
            Op::Drain { .. } => {
                let mut bytes = Vec::new();
                loop {
                    match group.read(BUFFER) {
                        Ok(more) => bytes.extend(more),
                        Err(Errno::EAGAIN) => break events(&bytes),
                        Err(errno) => return Err(errno),
                    }
                }
            }
            Op::ReadEvents { size, .. } => events(&group.read(*size)?),
            Op::Fionread { .. } => Outcome::Count(errno(rustix::io::ioctl_fionread(fd))?),
            Op::Poll { .. } => Outcome::Flag(group.poll()?),
            Op::Fdinfo { .. } => Outcome::Watches(group.watches()?),
            _ => return Err(Errno::ENOSYS),
        })
    }
}

impl Group {
    /// One read; never blocks.
    fn read(&self, size: usize) -> Res<Vec<u8>> {
        if !self.poll()? {
            return Err(Errno::EAGAIN);
        }
        filled(size, |buffer| rustix::io::read(self.instance.fd(), buffer))
    }

    fn poll(&self) -> Res<bool> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(self.instance.fd(), PollFlags::IN)];
        errno(rustix::event::poll(&mut fds, Some(&now)))?;
        Ok(fds[0].revents().contains(PollFlags::IN))
    }
}

//! Doing an operation in a world.

use super::super::compare::{Cookies, parse_events};
use super::super::world::{Group, Handle, Limit, Res, World};
use super::result::OpResult;
use super::{CHILDREN, GROUPS, Op, SLOTS, Slot};

/// The errno of a read that finds nothing.
const EAGAIN: i32 = 11;

/// `IN_NONBLOCK | IN_CLOEXEC`.
const INIT_FLAGS: u32 = 0o4000 | 0o2_000_000;

/// A buffer for draining, larger than any event.
const BUFFER: usize = 1 << 16;

/// What a sequence has made so far in one world.
#[derive(Debug, Default)]
pub struct State {
    /// The open files.
    slots: [Option<Handle>; SLOTS],
    /// The groups.
    groups: [Option<Group>; GROUPS],
    /// The descriptors that each group has given.
    wds: [Vec<i32>; GROUPS],
    /// The cookies seen so far.
    cookies: Cookies,
    /// Who opened each of the files; users are privileged or named here.
    openers: [u32; SLOTS],
    /// Who calls now.
    caller: u32,
    /// The tables of the processes that wait for a child.
    parents: Vec<Tables>,
}

/// Files, their openers, groups and their descriptors.
type Tables = ([Option<Handle>; SLOTS], [u32; SLOTS], [Option<Group>; GROUPS], [Vec<i32>; GROUPS]);

/// Data to write: letters that tell its length.
fn data(len: usize) -> Vec<u8> {
    let letter = b'a' + u8::try_from(len % 26).unwrap_or_default();
    vec![letter; len]
}

/// The names of a directory in order.
fn sorted(mut names: Vec<Vec<u8>>) -> OpResult {
    names.sort();
    OpResult::Names(names)
}

/// A number of bytes.
fn count(bytes: usize) -> OpResult {
    OpResult::Count(bytes as u64)
}

/// Does one operation in a world.
pub fn apply(op: &Op, world: &mut dyn World, state: &mut State) -> OpResult {
    if let Op::As { uid, op } = op {
        return as_user(*uid, op, world, state);
    }
    if let Some(slot) = written(op)
        && state.openers[slot] != state.caller
    {
        return as_user(state.openers[slot], op, world, state);
    }
    let result = by_path(op, world).or_else(|| state.on_process(op, world));
    let result = result.or_else(|| state.on_group(op, world));
    match result.or_else(|| state.on_slot(op, world)) {
        Some(Ok(result)) => result,
        Some(Err(errno)) => OpResult::Errno(errno),
        None => OpResult::Nothing,
    }
}

/// Does one operation as another user.
fn as_user(uid: u32, op: &Op, world: &mut dyn World, state: &mut State) -> OpResult {
    if let Err(errno) = world.as_uid_begin(uid) {
        return OpResult::Errno(errno);
    }
    let before = std::mem::replace(&mut state.caller, uid);
    let result = apply(op, world, state);
    state.caller = before;
    world.as_uid_end().map_or_else(OpResult::Errno, |()| result)
}

/// The file that an operation writes to.
///
/// Linux looks at the writer before it leaves or takes set-id bits. The VFS looks at who opened the
/// file, since a write there takes no credentials; so here both are the same.
fn written(op: &Op) -> Option<Slot> {
    match op {
        Op::Write { slot, .. }
        | Op::Pwrite { slot, .. }
        | Op::Writev { slot, .. }
        | Op::Ftruncate { slot, .. }
        | Op::Fallocate { slot, .. }
        | Op::Sendfile { out: slot, .. }
        | Op::CopyFileRange { out: slot, .. }
        | Op::SpliceIn { slot, .. } => Some(*slot),
        _ => None,
    }
}

/// The operations that need nothing but paths; none for any other.
fn by_path(op: &Op, world: &mut dyn World) -> Option<Res<OpResult>> {
    let done = |result: Res<()>| result.map(|()| OpResult::Done);
    Some(match op {
        Op::Mkdir { path, mode } => done(world.mkdir(path.as_bytes(), mode.0)),
        Op::Unlink { path } => done(world.unlink(path.as_bytes())),
        Op::Rmdir { path } => done(world.rmdir(path.as_bytes())),
        Op::Rename { old, new } => done(world.rename(old.as_bytes(), new.as_bytes())),
        Op::Link { old, new } => done(world.link(old.as_bytes(), new.as_bytes())),
        Op::Symlink { target, path } => done(world.symlink(target.as_bytes(), path.as_bytes())),
        Op::Mknod { path } => done(world.mknod(path.as_bytes(), 0o644)),
        Op::Mkfifo { path } => done(world.mkfifo(path.as_bytes(), 0o644)),
        Op::Mksock { path } => done(world.mksock(path.as_bytes(), 0o644)),
        Op::Rename2 { old, new, flags } => {
            done(world.rename2(old.as_bytes(), new.as_bytes(), *flags))
        }
        Op::Truncate { path, len } => done(world.truncate(path.as_bytes(), *len)),
        Op::Chmod { path, mode } => done(world.chmod(path.as_bytes(), mode.0)),
        Op::Chown { path, uid, gid } => done(world.chown(path.as_bytes(), *uid, *gid)),
        Op::Lchown { path, uid, gid } => done(world.lchown(path.as_bytes(), *uid, *gid)),
        Op::Utimens { path, times, follow } => {
            done(world.utimens(path.as_bytes(), *times, *follow))
        }
        Op::SetXattr { path, name, len } => {
            done(world.setxattr(path.as_bytes(), name.as_bytes(), &data(*len)))
        }
        Op::GetXattr { path, name } => {
            world.getxattr(path.as_bytes(), name.as_bytes()).map(OpResult::Bytes)
        }
        Op::RemoveXattr { path, name } => done(world.removexattr(path.as_bytes(), name.as_bytes())),
        Op::Stat { path } => world.stat(path.as_bytes()).map(OpResult::from),
        Op::Lstat { path } => world.lstat(path.as_bytes()).map(OpResult::from),
        Op::Readlink { path } => world.readlink(path.as_bytes()).map(OpResult::Bytes),
        Op::Listdir { path } => world.listdir(path.as_bytes()).map(sorted),
        Op::MountTmpfs { path } => done(world.mount_tmpfs(path.as_bytes())),
        Op::MountBind { source, path } => {
            done(world.mount_bind(source.as_bytes(), path.as_bytes()))
        }
        Op::Umount { path } => done(world.umount(path.as_bytes())),
        Op::Limit { limit, value } => done(world.set_limit(*limit, Some(*value))),
        _ => return None,
    })
}

impl State {
    /// The operations on processes; none for any other, or without a child.
    fn on_process(&mut self, op: &Op, world: &mut dyn World) -> Option<Res<OpResult>> {
        Some(match op {
            Op::Fork if self.parents.len() < CHILDREN => world.fork_begin().map(|()| {
                self.parents.push((self.slots, self.openers, self.groups, self.wds.clone()));
                OpResult::Done
            }),
            Op::Exit => {
                (self.slots, self.openers, self.groups, self.wds) = self.parents.pop()?;
                world.fork_end().map(|()| OpResult::Done)
            }
            Op::Chdir { path } if !self.parents.is_empty() => {
                world.chdir(path.as_bytes()).map(|()| OpResult::Done)
            }
            _ => return None,
        })
    }

    /// The operations on groups; none for any other, or if there is no such group.
    fn on_group(&mut self, op: &Op, world: &mut dyn World) -> Option<Res<OpResult>> {
        let done = |result: Res<()>| result.map(|()| OpResult::Done);
        Some(match op {
            Op::Init { group, queue } => {
                let old = self.groups[*group].take();
                let closed = old.map_or(Ok(()), |old| world.close_group(old));
                self.wds[*group].clear();
                done(closed.and_then(|()| {
                    if queue.is_some() {
                        world.set_limit(Limit::QueuedEvents, *queue)?;
                    }
                    let made = world.init(INIT_FLAGS);
                    if queue.is_some() {
                        world.set_limit(Limit::QueuedEvents, None)?;
                    }
                    self.groups[*group] = Some(made?);
                    Ok(())
                }))
            }
            Op::CloseGroup { group } => done(world.close_group(self.groups[*group].take()?)),
            Op::BadInit { flags } => match world.init(*flags) {
                Ok(group) => done(world.close_group(group)),
                Err(errno) => Err(errno),
            },
            Op::AddWatchOn { slot, path, mask } => {
                let handle = slot.map(|slot| self.slots[slot]);
                let handle = if handle == Some(None) { return None } else { handle.flatten() };
                world.add_watch_on(handle, path.as_bytes(), mask.0).map(OpResult::Wd)
            }
            Op::AddWatch { group, path, mask } => {
                let added = world.add_watch(self.groups[*group]?, path.as_bytes(), mask.0);
                self.added(*group, added)
            }
            Op::AddWatchFd { group, slot, mask } => {
                let added = world.add_watch_fd(self.groups[*group]?, self.slots[*slot]?, mask.0);
                self.added(*group, added)
            }
            Op::RmWatch { group, nth } => {
                let known = &self.wds[*group];
                let wd = known.get(nth % known.len().max(1)).copied().unwrap_or(1);
                done(world.rm_watch(self.groups[*group]?, wd))
            }
            Op::RmWd { group, wd } => done(world.rm_watch(self.groups[*group]?, *wd)),
            Op::Drain { group } => self.drain(self.groups[*group]?, world),
            Op::ReadEvents { group, size } => {
                let bytes = world.read_raw(self.groups[*group]?, *size);
                bytes.map(|bytes| self.events(&bytes))
            }
            Op::Fionread { group } => world.fionread(self.groups[*group]?).map(OpResult::Count),
            Op::Poll { group } => world.poll(self.groups[*group]?).map(OpResult::Flag),
            Op::Fdinfo { group } => world.fdinfo(self.groups[*group]?).map(|mut watches| {
                watches.sort_unstable();
                OpResult::Watches(watches)
            }),
            _ => return None,
        })
    }

    /// Keeps a descriptor that a group has given.
    fn added(&mut self, group: usize, added: Res<i32>) -> Res<OpResult> {
        let wd = added?;
        if !self.wds[group].contains(&wd) {
            self.wds[group].push(wd);
        }
        Ok(OpResult::Wd(wd))
    }

    /// The events in bytes that were read, for comparison.
    fn events(&mut self, bytes: &[u8]) -> OpResult {
        match parse_events(bytes) {
            Ok(events) => {
                let normal = events.iter().map(|event| self.cookies.normal(event));
                OpResult::of_events(normal.collect())
            }
            Err(text) => OpResult::Broken(text),
        }
    }

    /// Everything a group holds.
    fn drain(&mut self, group: Group, world: &mut dyn World) -> Res<OpResult> {
        let mut bytes = Vec::new();
        loop {
            match world.read_raw(group, BUFFER) {
                Ok(more) => bytes.extend(more),
                Err(EAGAIN) => return Ok(self.events(&bytes)),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Puts a new descriptor in a slot; what was there before is closed, unless there is no new
    /// one.
    fn opened(
        &mut self,
        slot: Slot,
        new: Res<Handle>,
        opener: u32,
        world: &mut dyn World,
    ) -> Res<OpResult> {
        let old = self.slots[slot].replace(new?);
        self.openers[slot] = opener;
        old.map_or(Ok(()), |old| world.close(old)).map(|()| OpResult::Done)
    }

    /// The operations on open files; none for any other, or if a slot is empty.
    fn on_slot(&mut self, op: &Op, world: &mut dyn World) -> Option<Res<OpResult>> {
        let done = |result: Res<()>| result.map(|()| OpResult::Done);
        Some(match op {
            Op::Open { slot, path, flags, mode } => {
                let opened = world.open(path.as_bytes(), *flags, mode.0);
                self.opened(*slot, opened, self.caller, world)
            }
            Op::Close { slot } => done(world.close(self.slots[*slot].take()?)),
            Op::Dup { from, to } => {
                let second = world.dup(self.slots[*from]?);
                self.opened(*to, second, self.openers[*from], world)
            }
            Op::Dup2Over { from, to } => {
                let result = world.dup2_over(self.slots[*from]?, self.slots[*to]?);
                self.openers[*to] = self.openers[*from];
                done(result)
            }
            Op::Write { slot, len } => world.write(self.slots[*slot]?, &data(*len)).map(count),
            Op::Read { slot, len } => world.read(self.slots[*slot]?, *len).map(OpResult::Bytes),
            Op::Pread { slot, len, offset } => {
                world.pread(self.slots[*slot]?, *len, *offset).map(OpResult::Bytes)
            }
            Op::Pwrite { slot, len, offset } => {
                world.pwrite(self.slots[*slot]?, &data(*len), *offset).map(count)
            }
            Op::Writev { slot, lens } => {
                let pieces: Vec<Vec<u8>> = lens.iter().copied().map(data).collect();
                let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
                world.writev(self.slots[*slot]?, &pieces).map(count)
            }
            Op::Lseek { slot, offset } => {
                world.lseek(self.slots[*slot]?, *offset).map(OpResult::Count)
            }
            Op::Fsync { slot } => done(world.fsync(self.slots[*slot]?)),
            Op::Ftruncate { slot, len } => done(world.ftruncate(self.slots[*slot]?, *len)),
            Op::Fallocate { slot, offset, len } => {
                done(world.fallocate(self.slots[*slot]?, *offset, *len))
            }
            Op::Fchmod { slot, mode } => done(world.fchmod(self.slots[*slot]?, mode.0)),
            Op::Futimens { slot, times } => done(world.futimens(self.slots[*slot]?, *times)),
            Op::Fstat { slot } => world.fstat(self.slots[*slot]?).map(OpResult::from),
            Op::Getdents { slot } => {
                // From the start and back to it: other positions in a directory mean what the file
                // system likes, and can even be too large for a read to say that it is a directory.
                let handle = self.slots[*slot]?;
                let names = world.lseek(handle, 0).and_then(|_| world.getdents(handle));
                let back = world.lseek(handle, 0);
                names.and_then(|names| back.map(|_| sorted(names)))
            }
            Op::LinkFd { slot, path } => done(world.linkat_fd(self.slots[*slot]?, path.as_bytes())),
            Op::Sendfile { out, input, len } => {
                let (out, input) = (self.slots[*out]?, self.slots[*input]?);
                let inode = |world: &mut dyn World, handle| {
                    world.fstat(handle).map(|stat| (stat.device, stat.ino))
                };
                // Within one file the kernel moves pages, not bytes: what was written shows in
                // what is still to be written, by the page and the file system.
                if inode(world, out) == inode(world, input) {
                    return None;
                }
                world.sendfile(out, input, *len).map(count)
            }
            Op::CopyFileRange { input, out, len } => {
                world.copy_file_range(self.slots[*input]?, self.slots[*out]?, *len).map(count)
            }
            Op::SpliceIn { slot, len } => {
                world.splice_in(self.slots[*slot]?, &data(*len)).map(count)
            }
            Op::SpliceOut { slot, len } => world.splice_out(self.slots[*slot]?, *len).map(count),
            _ => return None,
        })
    }
}

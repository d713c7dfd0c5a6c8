//! Random sequences of operations, and what each operation gives in a world.
//!
//! A sequence runs on two worlds and must give the same results, operation by operation. A result
//! holds only what two file systems agree on: no inode numbers, no sizes of directories, names
//! sorted.

pub mod strategy;

use super::compare::{Cookies, RawEvent, errno_name, mask_names, parse_events, show_event};
use super::world::{Group, Handle, Kind, Limit, Open, Res, Stat, Times, World};

/// How many places for open files there are.
pub const SLOTS: usize = 4;

/// How many groups there are.
pub const GROUPS: usize = 3;

/// The errno of a read that finds nothing.
const EAGAIN: i32 = 11;

/// `IN_NONBLOCK | IN_CLOEXEC`.
const INIT_FLAGS: u32 = 0o4000 | 0o2_000_000;

/// A buffer for draining, larger than any event.
const BUFFER: usize = 1 << 16;

/// Permission bits, shown in octal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#o}", self.0)
    }
}

/// A watch mask, shown by names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mask(pub u32);

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = if self.0 & 0xfff == 0xfff { "IN_ALL_EVENTS|" } else { "" };
        let rest = if all.is_empty() { self.0 } else { self.0 & !0xfff };
        write!(f, "{:?}", format!("{all}{}", mask_names(rest)).trim_end_matches('|'))
    }
}

/// A place for an open file.
pub type Slot = usize;

/// One operation. Paths are relative to the root of the world.
///
/// Each is the call of the same name, its fields the arguments.
/// An operation on an empty slot or a missing group does nothing, in every world alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Drain { group: usize },
    Open { slot: Slot, path: String, flags: Open, mode: Mode },
    Close { slot: Slot },
    Write { slot: Slot, len: usize },
    Read { slot: Slot, len: usize },
    Mkdir { path: String, mode: Mode },
    Unlink { path: String },
    Rmdir { path: String },
    Rename { old: String, new: String },
    Link { old: String, new: String },
    Symlink { target: String, path: String },
    Mknod { path: String },
    Mkfifo { path: String },
    Mksock { path: String },
    Rename2 { old: String, new: String, flags: u32 },
    AddWatch { group: usize, path: String, mask: Mask },
    RmWatch { group: usize, nth: usize },
    RmWd { group: usize, wd: i32 },
    AddWatchFd { group: usize, slot: Slot, mask: Mask },
    Truncate { path: String, len: u64 },
    Chmod { path: String, mode: Mode },
    Chown { path: String, uid: Option<u32>, gid: Option<u32> },
    Lchown { path: String, uid: Option<u32>, gid: Option<u32> },
    Utimens { path: String, times: Times, follow: bool },
    SetXattr { path: String, name: String, len: usize },
    GetXattr { path: String, name: String },
    RemoveXattr { path: String, name: String },
    Stat { path: String },
    Lstat { path: String },
    Readlink { path: String },
    Listdir { path: String },
    Dup { from: Slot, to: Slot },
    Dup2Over { from: Slot, to: Slot },
    Pread { slot: Slot, len: usize, offset: u64 },
    Pwrite { slot: Slot, len: usize, offset: u64 },
    Writev { slot: Slot, lens: Vec<usize> },
    Lseek { slot: Slot, offset: i64 },
    Fsync { slot: Slot },
    Ftruncate { slot: Slot, len: u64 },
    Fallocate { slot: Slot, offset: u64, len: u64 },
    Fchmod { slot: Slot, mode: Mode },
    Futimens { slot: Slot, times: Times },
    Fstat { slot: Slot },
    Getdents { slot: Slot },
    LinkFd { slot: Slot, path: String },
    Sendfile { out: Slot, input: Slot, len: usize },
    CopyFileRange { input: Slot, out: Slot, len: usize },
    SpliceIn { slot: Slot, len: usize },
    SpliceOut { slot: Slot, len: usize },
    ReadEvents { group: usize, size: usize },
    Fionread { group: usize },
    Poll { group: usize },
    Fdinfo { group: usize },
    CloseGroup { group: usize },
    Init { group: usize, queue: Option<u32> },
}

/// What an operation gave, as far as worlds must agree; each is named after what it holds, `Broken`
/// is a read whose bytes are no events, and `Nothing` an operation on an empty slot or a missing
/// group.
#[derive(Clone, PartialEq, Eq)]
pub enum OpResult {
    Done,
    Nothing,
    Errno(i32),
    Count(u64),
    Flag(bool),
    Wd(i32),
    Bytes(Vec<u8>),
    Names(Vec<Vec<u8>>),
    Stat { kind: Kind, mode: u32, nlink: u64, size: Option<u64> },
    Events(Vec<RawEvent>),
    Watches(Vec<(i32, u32)>),
    Broken(String),
}

impl std::fmt::Debug for OpResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpResult::Done => write!(f, "done"),
            OpResult::Nothing => write!(f, "nothing to do"),
            OpResult::Errno(errno) => write!(f, "{}", errno_name(*errno)),
            OpResult::Count(count) => write!(f, "{count}"),
            OpResult::Flag(flag) => write!(f, "{flag}"),
            OpResult::Wd(wd) => write!(f, "wd {wd}"),
            OpResult::Bytes(bytes) => {
                let (len, start) = (bytes.len(), &bytes[..bytes.len().min(40)]);
                write!(f, "{len} bytes {}", start.escape_ascii())
            }
            OpResult::Names(names) => {
                let shown = names.iter().map(|name| name.escape_ascii().to_string());
                write!(f, "{:?}", shown.collect::<Vec<_>>())
            }
            OpResult::Stat { kind, mode, nlink, size } => {
                write!(f, "{kind:?} {mode:o} nlink {nlink} size {size:?}")
            }
            OpResult::Events(events) => {
                let shown = events.iter().map(|event| show_event(event, &|wd| format!("wd{wd}")));
                write!(f, "[{}]", shown.collect::<Vec<_>>().join("; "))
            }
            OpResult::Watches(watches) => {
                let shown =
                    watches.iter().map(|(wd, mask)| format!("wd{wd} {}", mask_names(*mask)));
                write!(f, "[{}]", shown.collect::<Vec<_>>().join("; "))
            }
            OpResult::Broken(text) => write!(f, "broken: {text}"),
        }
    }
}

impl From<Stat> for OpResult {
    fn from(stat: Stat) -> OpResult {
        let Stat { kind, mode, nlink, size, ino: _ } = stat;
        OpResult::Stat { kind, mode, nlink, size: Some(size).filter(|_| kind != Kind::Directory) }
    }
}

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
}

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
    let result = by_path(op, world).or_else(|| state.on_group(op, world));
    match result.or_else(|| state.on_slot(op, world)) {
        Some(Ok(result)) => result,
        Some(Err(errno)) => OpResult::Errno(errno),
        None => OpResult::Nothing,
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
        _ => return None,
    })
}

impl State {
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
                OpResult::Events(normal.collect())
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
    fn opened(&mut self, slot: Slot, new: Res<Handle>, world: &mut dyn World) -> Res<OpResult> {
        let old = self.slots[slot].replace(new?);
        old.map_or(Ok(()), |old| world.close(old)).map(|()| OpResult::Done)
    }

    /// The operations on open files; none for any other, or if a slot is empty.
    fn on_slot(&mut self, op: &Op, world: &mut dyn World) -> Option<Res<OpResult>> {
        let done = |result: Res<()>| result.map(|()| OpResult::Done);
        Some(match op {
            Op::Open { slot, path, flags, mode } => {
                let opened = world.open(path.as_bytes(), *flags, mode.0);
                self.opened(*slot, opened, world)
            }
            Op::Close { slot } => done(world.close(self.slots[*slot].take()?)),
            Op::Dup { from, to } => {
                let second = world.dup(self.slots[*from]?);
                self.opened(*to, second, world)
            }
            Op::Dup2Over { from, to } => {
                done(world.dup2_over(self.slots[*from]?, self.slots[*to]?))
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
                let ino = |world: &mut dyn World, handle| world.fstat(handle).map(|stat| stat.ino);
                // Within one file the kernel moves pages, not bytes: what was written shows in
                // what is still to be written, by the page and the file system.
                if ino(world, out) == ino(world, input) {
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

/// The small tree, the groups, the first watches and open files that every sequence starts with.
pub fn prelude() -> Vec<Op> {
    let mut ops = Vec::new();
    for path in ["d", "d/d", "d/e", "e", "e/d"] {
        ops.push(Op::Mkdir { path: path.to_owned(), mode: Mode(0o755) });
    }
    let open = |slot, path: &str, flags| Op::Open {
        slot,
        path: path.to_owned(),
        flags,
        mode: Mode(0o644),
    };
    for (path, len) in [("a", 10), ("d/a", 20), ("e/a", 30), ("d/e/a", 40)] {
        ops.push(open(0, path, Open::CREAT | Open::RDWR));
        ops.push(Op::Write { slot: 0, len });
    }
    ops.push(open(1, "d", Open::DIRECTORY));
    ops.push(Op::Link { old: "a".to_owned(), new: "d/b".to_owned() });
    ops.push(Op::Symlink { target: "d".to_owned(), path: "c".to_owned() });
    ops.extend((0..GROUPS).map(|group| Op::Init { group, queue: None }));
    for (group, path) in [(0, "."), (0, "d"), (1, "d/e"), (1, "a"), (1, "d")] {
        ops.push(Op::AddWatch { group, path: path.to_owned(), mask: Mask(0xfff) });
    }
    ops
}

/// A whole sequence: the prelude, the operations given, and a drain of every group.
pub fn sequence(ops: &[Op]) -> Vec<Op> {
    let mut all = prelude();
    all.extend_from_slice(ops);
    all.extend((0..SLOTS).map(|slot| Op::Close { slot }));
    all.extend((0..GROUPS).map(|group| Op::Drain { group }));
    all
}

/// Runs the whole sequence around `ops` in a fresh world; one result for each operation of
/// [`sequence`].
pub fn run_sequence(ops: &[Op], world: &mut dyn World) -> Vec<OpResult> {
    let mut state = State::default();
    sequence(ops).iter().map(|op| apply(op, world, &mut state)).collect()
}

/// Runs the same sequence in two fresh worlds and gives the first difference, with what led to it.
pub fn difference(ops: &[Op], left: &mut dyn World, right: &mut dyn World) -> Option<String> {
    let results = (run_sequence(ops, left), run_sequence(ops, right));
    let at = results.0.iter().zip(&results.1).position(|(a, b)| a != b)?;
    let mut text = String::new();
    for (op, result) in sequence(ops).iter().zip(&results.0).take(at) {
        text += &format!("  {op:?} -> {result:?}\n");
    }
    let op = &sequence(ops)[at];
    let (a, b) = (&results.0[at], &results.1[at]);
    Some(format!("{text}{op:?} differs:\n  {}: {a:?}\n  {}: {b:?}", left.name(), right.name()))
}

//! The lines of a scenario as operations and checks.

use std::collections::BTreeMap;

use vfsnotify::{Errno, FallocateFlags, InodeKind, LookupFlags, OpenFlags, RenameFlags, XattrMode};

use super::call::Call;
use crate::compare::{Wanted, errno_number};
use crate::op::{Data, GroupId, INIT_FLAGS, Mask, Mode, Op, Slot, Times, WatchRef, Whence};
use crate::path::Path;

/// The group that is made on first use, `g0`.
pub const DEFAULT_GROUP: GroupId = 0;

/// The mode of a file that an operation makes, unless it says otherwise.
const FILE_MODE: u32 = 0o644;

/// The place of a file that is closed at once.
const BRIEF: Slot = usize::MAX;

/// The events that are wanted, or what is wrong with them.
pub type Events = Result<Vec<Wanted>, String>;

/// One operation of a scenario, or a check.
#[derive(Clone, Debug)]
pub struct Command {
    /// As it stands in the file.
    pub text: String,
    /// The operations or the check.
    pub act: Act,
}

/// The operations or the check of a command.
#[derive(Clone, Debug)]
pub enum Act {
    /// These succeed.
    Do(Vec<Op>),
    /// This has the wanted result.
    Expect(Op, Want),
    /// This adds a watch, which gets a label.
    Watch(String, Op),
    /// The watch with this label is removed.
    RmWatch(String),
    /// The watch with this label has this descriptor.
    Wd(String, i32),
    /// Two labels are of one watch.
    SameWd(String, String),
    /// Two labels are of different watches.
    DifferentWd(String, String),
    /// This reads events: what it is called, and those that are wanted, if any may be read.
    Events(Op, &'static str, Option<Events>),
    /// The watch with this label has this mask.
    FdinfoMask(String, u32),
    /// This fails.
    Fails(Errno, Box<Command>),
    /// This is done as another user.
    AsUid(u32, Box<Command>),
    /// So many times.
    Repeat(u32, Vec<Command>),
    /// By a child.
    Fork(Vec<Command>),
    /// No world can do it.
    Unknown,
}

/// The result that an operation must have.
#[derive(Clone, Debug)]
pub enum Want {
    /// So many bytes or watches.
    Len(usize),
    /// This number.
    Count(u64),
    /// A yes or no.
    Flag(bool),
    /// This error.
    Errno(Errno),
}

/// The numbers of the open files and groups that a scenario gives names to.
#[derive(Debug, Default)]
pub struct Names {
    slots: BTreeMap<String, Slot>,
    groups: BTreeMap<String, GroupId>,
}

/// Reads flags joined by bars with a table of names.
fn named(text: &str, table: &[(&str, u32)]) -> Result<u32, String> {
    text.split('|').map(str::trim).filter(|part| !part.is_empty()).try_fold(0, |flags, part| {
        let known = table.iter().find(|(name, _)| *name == part);
        known.map(|(_, bit)| flags | bit).ok_or_else(|| format!("unknown flag {part:?}"))
    })
}

/// Reads the flags of `rename2`.
fn rename_flags(text: &str) -> Result<u32, String> {
    named(text, &[("NOREPLACE", 1), ("EXCHANGE", 2), ("WHITEOUT", 4)])
}

/// Reads the flags of `init`.
fn init_flags(text: &str) -> Result<u32, String> {
    named(text, &[("NONBLOCK", 0o4000), ("CLOEXEC", 0o2_000_000)])
}

/// Reads the flags of `open`; close-on-exec is always set.
fn open_flags(text: &str) -> Result<OpenFlags, String> {
    let table = [
        ("RDONLY", 0),
        ("WRONLY", 1),
        ("RDWR", 2),
        ("CLOEXEC", 0),
        ("CREAT", OpenFlags::CREATE.bits()),
        ("EXCL", OpenFlags::EXCL.bits()),
        ("TRUNC", OpenFlags::TRUNC.bits()),
        ("APPEND", OpenFlags::APPEND.bits()),
        ("DIRECTORY", OpenFlags::DIRECTORY.bits()),
        ("NOFOLLOW", OpenFlags::NOFOLLOW.bits()),
        ("PATH", OpenFlags::PATH.bits()),
        ("TMPFILE", OpenFlags::TMPFILE.to_linux()),
        ("NONBLOCK", OpenFlags::NONBLOCK.bits()),
    ];
    let bits = named(text, &table)?;
    OpenFlags::from_linux(bits).map_err(|error| format!("{text}: {error}"))
}

/// Which time stamps an operation sets; both if it does not say.
fn times(text: Option<&str>) -> Result<Times, String> {
    match text {
        Some("atime") => Ok(Times::ATIME),
        Some("mtime") => Ok(Times::MTIME),
        None | Some("both") => Ok(Times::BOTH),
        Some("both_explicit") => Ok(Times::GIVEN),
        Some("none") => Ok(Times::NEITHER),
        Some(other) => Err(format!("unknown time stamps {other:?}")),
    }
}

/// A user or group id; -1 stands for none.
fn id(call: &Call, at: usize) -> Result<Option<u32>, String> {
    if call.try_int(at) == Some(-1) { Ok(None) } else { call.int(at).map(Some) }
}

/// The mode at argument number `at`, or `default`.
fn mode(call: &Call, at: usize, default: u32) -> Result<Mode, String> {
    if call.try_int(at).is_some() { call.int(at).map(Mode) } else { Ok(Mode(default)) }
}

/// An offset or length; a negative one becomes one that is too large for a file.
fn offset(call: &Call, at: usize) -> u64 {
    call.try_int(at).unwrap_or_default().cast_unsigned()
}

fn path(call: &Call, at: usize) -> Path {
    Path::from(call.text(at))
}

fn data(call: &Call, at: usize) -> Data {
    Data(call.text(at).as_bytes().to_vec())
}

fn errno(name: &str) -> Result<Errno, String> {
    let number = errno_number(name).and_then(Errno::from_raw_os_error);
    number.ok_or_else(|| format!("unknown errno {name}"))
}

/// A node that is not opened.
fn node(call: &Call, kind: InodeKind) -> Op {
    Op::Mknod { path: path(call, 0), kind, mode: Mode(FILE_MODE), rdev: 0 }
}

fn open(slot: Slot, path: Path, flags: OpenFlags, mode: Mode) -> Op {
    Op::Open { slot, path, flags, mode, resolve: LookupFlags::empty() }
}

/// The same with the object of an open file for the first path, which stands there as an empty one.
fn on_object(slot: Slot, act: Act) -> Result<Act, String> {
    let from = |mut op: Op| {
        if let Some(path) = op.paths().0.into_iter().next() {
            *path = Path::Object;
        }
        Op::From { slot, op: Box::new(op) }
    };
    match act {
        Act::Do(ops) => Ok(Act::Do(ops.into_iter().map(from).collect())),
        Act::Watch(label, op) => Ok(Act::Watch(label, from(op))),
        _ => Err("it takes no object".to_owned()),
    }
}

impl Names {
    /// The number of a group.
    pub fn group(&mut self, name: &str) -> GroupId {
        // The default one has its number whether it is named or not.
        if self.groups.is_empty() {
            self.groups.insert("g0".to_owned(), DEFAULT_GROUP);
        }
        let next = self.groups.len();
        *self.groups.entry(name.to_owned()).or_insert(next)
    }

    /// The names of the groups, by number.
    pub(super) fn into_group_names(self) -> BTreeMap<GroupId, String> {
        self.groups.into_iter().map(|(name, group)| (group, name)).collect()
    }

    /// The group that argument number `at` names, or the default one.
    fn group_at(&mut self, call: &Call, at: usize) -> GroupId {
        self.group(call.try_text(at).unwrap_or("g0"))
    }

    /// The place of the open file that argument number `at` names.
    fn slot(&mut self, call: &Call, at: usize) -> Slot {
        let next = self.slots.len();
        *self.slots.entry(call.text(at).to_owned()).or_insert(next)
    }

    /// The commands of some lines.
    ///
    /// # Errors
    /// Which line says nothing, and why.
    pub fn commands(&mut self, calls: &[Call]) -> Result<Vec<Command>, String> {
        let inside = |call: &Call, error: String| format!("{call}: {error}");
        let command = |call: &Call| self.command(call).map_err(|error| inside(call, error));
        calls.iter().map(command).collect()
    }

    fn command(&mut self, call: &Call) -> Result<Command, String> {
        let act = match call.kind.name {
            "repeat" => Act::Repeat(call.int(0)?, self.commands(call.inner())?),
            "fork" => Act::Fork(self.commands(call.inner())?),
            "err" => Act::Fails(errno(call.text(0))?, Box::new(self.command(&call.inner()[0])?)),
            "on_object" => {
                let slot = self.slot(call, 0);
                on_object(slot, self.command(&call.inner()[0])?.act)?
            }
            "as_uid" => Act::AsUid(call.int(0)?, Box::new(self.command(&call.inner()[0])?)),
            // It leaves a negative dentry behind.
            "stat_enoent" => {
                let op = Op::Stat { path: path(call, 0), follow: true };
                Act::Expect(op, Want::Errno(Errno::ENOENT))
            }
            _ if ["fanotify", "dnotify", "mmap"].contains(&call.kind.needs) => Act::Unknown,
            _ => match self.watching(call)? {
                Some(act) => act,
                None => match names(call)? {
                    Some(ops) => Act::Do(ops),
                    None => self.files(call)?,
                },
            },
        };
        Ok(Command { text: call.to_string(), act })
    }

    /// Operations on groups; none for any other.
    fn watching(&mut self, call: &Call) -> Result<Option<Act>, String> {
        let text = |at| call.text(at).to_owned();
        Ok(Some(match call.kind.name {
            "init" => {
                let chosen = call.try_text(1).is_some() || call.try_int(1).is_some();
                let flags = if chosen { call.flags(1, init_flags)? } else { INIT_FLAGS };
                Act::Do(vec![Op::Init { group: self.group_at(call, 0), flags, queue: None }])
            }
            "init_err" => Act::Do(vec![Op::BadInit { flags: call.flags(0, init_flags)? }]),
            "add_watch" => {
                let (group, mask) = (self.group_at(call, 3), Mask(call.mask(2)?));
                Act::Watch(text(0), Op::AddWatch { group, path: path(call, 1), mask })
            }
            "add_watch_fd" => {
                let (group, mask) = (self.group_at(call, 3), Mask(call.mask(2)?));
                Act::Watch(text(0), Op::AddWatchFile { group, slot: self.slot(call, 1), mask })
            }
            "add_watch_on" => {
                let slot = (call.text(0) != "BAD").then(|| self.slot(call, 0));
                let (path, mask) = (path(call, 1), Mask(call.mask(2)?));
                Act::Do(vec![Op::AddWatchOn { slot, path, mask }])
            }
            "rm_watch" => Act::RmWatch(text(0)),
            "rm_wd" => {
                let (group, watch) = (self.group_at(call, 0), WatchRef::Wd(call.int(1)?));
                Act::Do(vec![Op::RmWatch { group, watch }])
            }
            "close_group" => Act::Do(vec![Op::CloseGroup { group: self.group_at(call, 0) }]),
            "wd" => Act::Wd(text(0), call.int(1)?),
            "same_wd" => Act::SameWd(text(0), text(1)),
            "diff_wd" => Act::DifferentWd(text(0), text(1)),
            _ => return self.reading(call),
        }))
    }

    /// Operations that read from groups or look at them; none for any other.
    fn reading(&mut self, call: &Call) -> Result<Option<Act>, String> {
        Ok(Some(match call.kind.name {
            "drain" => {
                let op = Op::Drain { group: self.group_at(call, 1) };
                Act::Events(op, "drain", Some(call.wanted(0)))
            }
            "discard" => Act::Events(Op::Drain { group: self.group_at(call, 0) }, "discard", None),
            "read_events" => {
                let op = Op::ReadEvents { group: self.group_at(call, 2), size: call.int(0)? };
                Act::Events(op, "read", Some(call.wanted(1)))
            }
            "read_err" => {
                let op = Op::ReadEvents { group: self.group_at(call, 2), size: call.int(0)? };
                Act::Expect(op, Want::Errno(errno(call.text(1))?))
            }
            "fionread" => {
                let op = Op::Fionread { group: self.group_at(call, 1) };
                Act::Expect(op, Want::Count(call.int(0)?))
            }
            "poll" => {
                let op = Op::Poll { group: self.group_at(call, 1) };
                Act::Expect(op, Want::Flag(call.try_bool(0).unwrap_or_default()))
            }
            "fdinfo_mask" => Act::FdinfoMask(call.text(0).to_owned(), call.mask(1)?),
            "fdinfo_count" => {
                let op = Op::Fdinfo { group: self.group_at(call, 1) };
                Act::Expect(op, Want::Len(call.int(0)?))
            }
            _ => return Ok(None),
        }))
    }

    /// Operations on open files.
    fn files(&mut self, call: &Call) -> Result<Act, String> {
        let slot = self.slot(call, 0);
        let op = match call.kind.name {
            "open" => {
                let flags = open_flags(call.text(2))?;
                open(slot, path(call, 1), flags, mode(call, 3, FILE_MODE)?)
            }
            "close" | "close_range" => Op::Close { slot },
            "dup" => Op::Dup { from: slot, to: self.slot(call, 1) },
            "dup2_over" => Op::Dup2Over { from: slot, to: self.slot(call, 1) },
            "read" => {
                let op = Op::Read { slot, len: call.int(1)? };
                if call.try_int(2).is_some() {
                    return Ok(Act::Expect(op, Want::Len(call.int(2)?)));
                }
                op
            }
            "pread" => Op::Pread { slot, len: call.int(1)?, offset: offset(call, 2) },
            "write" => Op::Write { slot, data: data(call, 1) },
            "pwrite" => Op::Pwrite { slot, data: data(call, 1), offset: offset(call, 2) },
            "writev" => {
                let data = call.texts(1).into_iter().map(|text| Data(text.to_vec())).collect();
                Op::Writev { slot, data, offset: None }
            }
            "lseek" => Op::Seek { slot, whence: Whence::Start, offset: call.int(1)? },
            "fsync" => Op::Fsync { slot },
            "ftruncate" => Op::Ftruncate { slot, len: offset(call, 1) },
            "fallocate" => {
                let (offset, len) = (offset(call, 1), offset(call, 2));
                Op::Fallocate { slot, flags: FallocateFlags::empty(), offset, len }
            }
            "fchmod" => Op::Fchmod { slot, mode: Mode(call.int(1)?) },
            "futimens" => Op::Futimens { slot, times: times(call.try_text(1))? },
            "getdents" => Op::Getdents { slot, rewind: false },
            "sendfile" => {
                let (out, input) = (slot, self.slot(call, 1));
                Op::Sendfile { out, input, len: call.int(2)?, offset: None }
            }
            "copy_file_range" => {
                let (input, out) = (slot, self.slot(call, 1));
                Op::CopyFileRange { input, out, len: call.int(2)?, offsets: (None, None) }
            }
            "splice_in" => Op::SpliceIn { slot, data: data(call, 1) },
            "splice_out" => Op::SpliceOut { slot, len: call.int(1)? },
            "linkat_fd" => Op::LinkFile { slot, path: path(call, 1) },
            other => return Err(format!("{other} is not run by this runner")),
        };
        Ok(Act::Do(vec![op]))
    }
}

/// Operations by path; none for any other.
fn names(call: &Call) -> Result<Option<Vec<Op>>, String> {
    let two = || (path(call, 0), path(call, 1));
    let rename = |flags| {
        let (old, new) = two();
        Op::Rename { old, new, flags: RenameFlags::from_bits_retain(flags) }
    };
    let first = path(call, 0);
    Ok(Some(vec![match call.kind.name {
        "create" => {
            let flags = OpenFlags::CREATE | OpenFlags::EXCL | OpenFlags::WRITE;
            let mode = mode(call, 1, FILE_MODE)?;
            return Ok(Some(vec![open(BRIEF, first, flags, mode), Op::Close { slot: BRIEF }]));
        }
        "put" => {
            let flags = OpenFlags::CREATE | OpenFlags::TRUNC | OpenFlags::WRITE;
            let mut ops = vec![open(BRIEF, first, flags, Mode(FILE_MODE))];
            if !call.text(1).is_empty() {
                ops.push(Op::Write { slot: BRIEF, data: data(call, 1) });
            }
            ops.push(Op::Close { slot: BRIEF });
            return Ok(Some(ops));
        }
        "mknod" => node(call, InodeKind::Regular),
        "mkfifo" => node(call, InodeKind::Fifo),
        "mksock" => node(call, InodeKind::Socket),
        "mkdir" => Op::Mkdir { path: first, mode: mode(call, 1, 0o755)? },
        "symlink" => {
            let (target, path) = two();
            Op::Symlink { target, path }
        }
        "link" => {
            let (old, new) = two();
            Op::Link { old, new, follow: false }
        }
        "unlink" => Op::Unlink { path: first },
        "rmdir" => Op::Rmdir { path: first },
        "rename" => rename(0),
        "rename2" => rename(call.flags(2, rename_flags)?),
        "truncate" => Op::Truncate { path: first, len: offset(call, 1) },
        "chmod" => Op::Chmod { path: first, mode: Mode(call.int(1)?), follow: true },
        "chown" | "lchown" => {
            let follow = call.kind.name == "chown";
            Op::Chown { path: first, owner: (id(call, 1)?, id(call, 2)?), follow }
        }
        "utimens" => {
            let follow = call.try_bool(2).unwrap_or(true);
            Op::Utimens { path: first, times: times(call.try_text(1))?, follow }
        }
        "setxattr" => {
            let (name, value) = (call.text(1).to_owned(), data(call, 2));
            Op::SetXattr { path: first, name, value, mode: XattrMode::Set, follow: true }
        }
        "getxattr" => Op::GetXattr { path: first, name: call.text(1).to_owned(), follow: true },
        "removexattr" => {
            Op::RemoveXattr { path: first, name: call.text(1).to_owned(), follow: true }
        }
        "stat" => Op::Stat { path: first, follow: true },
        "readlink" => Op::Readlink { path: first },
        "listdir" => Op::List { path: first },
        "chdir" => Op::Chdir { path: first },
        "mount_tmpfs" => Op::MountTmpfs { path: first, read_only: false },
        "mount_bind" => {
            let (source, path) = two();
            Op::MountBind { source, path, read_only: false }
        }
        "umount" => Op::Umount { path: first },
        _ => return Ok(None),
    }]))
}

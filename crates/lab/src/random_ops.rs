//! Random sequences of operations, and what each operation gives in a world.
//!
//! A [`sequence::Sequence`] runs on two worlds and must give the same results, operation by operation.
//! [`draw`] makes one from bytes, which a fuzzer or proptest chooses, [`apply`] does an operation in a
//! world, and a [`result::OpResult`] holds of what it gave only what two file systems agree on: no inode
//! numbers, no sizes of directories, names sorted. [`profile`] knows what both worlds can do.

pub mod apply;
pub mod draw;
pub mod profile;
pub mod result;
pub mod sequence;

use super::compare::mask_names;
use super::world::{Limit, Open, RENAME_EXCHANGE, RENAME_WHITEOUT, Times};

/// How many places for open files there are.
pub const SLOTS: usize = 4;

/// How many groups there are.
pub const GROUPS: usize = 3;

/// How many children deep processes go.
pub const CHILDREN: usize = 2;

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

/// One operation. Paths are relative to the current directory, the root of the world at first.
///
/// Each is the call of the same name, its fields the arguments. An operation on an empty slot or a
/// missing group does nothing, in every world alike. Besides: `As` makes one call as another user;
/// `Fork` starts a child with a copy of every descriptor, which all that follows is done by until
/// `Exit`, and only a child changes its directory, so that the root of the world is come back to;
/// `AddWatchOn` calls add_watch on a file instead of a group, on one that is not open without a slot;
/// `BadInit` makes a group with flags of any kind and closes it; `Limit` holds for what follows.
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
    BadInit { flags: u32 },
    AddWatchOn { slot: Option<Slot>, path: String, mask: Mask },
    As { uid: u32, op: Box<Op> },
    Fork,
    Exit,
    Chdir { path: String },
    MountTmpfs { path: String },
    MountBind { source: String, path: String },
    Umount { path: String },
    Limit { limit: Limit, value: u32 },
}

impl Op {
    /// The capability that a world must have for this, as [`World::lacks`](super::world::World::lacks)
    /// calls it; empty if all have it.
    pub fn needs(&self) -> &'static str {
        match self {
            Op::Open { flags, .. } if flags.contains(Open::TMPFILE) => "o_tmpfile",
            Op::Rename2 { flags, .. } if flags & RENAME_EXCHANGE != 0 => "rename_exchange",
            Op::Rename2 { flags, .. } if flags & RENAME_WHITEOUT != 0 => "whiteout",
            Op::Mkfifo { .. } => "fifo",
            Op::Chown { .. } | Op::Lchown { .. } => "chown",
            Op::SetXattr { .. } | Op::GetXattr { .. } | Op::RemoveXattr { .. } => "xattr",
            Op::Fallocate { .. } => "fallocate",
            Op::Sendfile { .. } => "sendfile",
            Op::CopyFileRange { .. } => "copy_file_range",
            Op::SpliceIn { .. } | Op::SpliceOut { .. } => "splice",
            Op::AddWatchFd { .. } | Op::LinkFd { .. } => "proc_self_fd",
            Op::Fdinfo { .. } => "fdinfo",
            Op::Init { queue: Some(_), .. } => "queue_limit",
            Op::Limit { .. } => "watch_limit",
            Op::As { .. } => "permissions",
            Op::Fork | Op::Exit | Op::Chdir { .. } => "fork",
            Op::MountTmpfs { .. } | Op::MountBind { .. } | Op::Umount { .. } => "private_mounts",
            _ => "",
        }
    }
}

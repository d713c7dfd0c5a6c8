//! [`Op`]: one operation, as every test of names, files and watches says it.
//!
//! An operation is a call with its arguments. It speaks of open files, groups and pending watches by
//! small numbers ([`Slot`], [`GroupId`]) that a world has a table for, so that the same operation
//! means the same in each. One on an empty place does nothing ([`Outcome::Nothing`]).
//!
//! [`Outcome::Nothing`]: super::outcome::Outcome::Nothing

mod values;

use vfsnotify::{
    Access, FallocateFlags, InodeKind, LookupFlags, OpenFlags, RenameFlags, XattrMode,
};

use super::path::Path;
pub use values::{
    Caps, Data, Identity, Limit, Mask, Mode, NULL, Owner, Stamp, Times, WatchRef, Whence,
};

/// A place for an open file.
pub type Slot = usize;

/// A place for an inotify group.
pub type GroupId = usize;

/// A place for a watch that is begun and not yet ready.
pub type PendingId = usize;

/// One operation with what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which context of the world makes the call. Most worlds have one, which is 0.
    pub by: usize,
    /// The open directory that a relative path starts from; the current directory without one. Of
    /// [`Path::Object`] the object itself.
    pub at: Option<Slot>,
    /// The same for the second path of a rename or a link.
    pub new_at: Option<Slot>,
    /// The operation.
    pub op: Op,
}

impl From<Op> for Step {
    fn from(op: Op) -> Self {
        Self { by: 0, at: None, new_at: None, op }
    }
}

/// One operation. Each is the system call of its name, and its fields are the arguments, but for
/// these:
///
/// * `Readv` and `Writev` with an offset are preadv(2) and pwritev(2). The calls of extended attributes
///   that begin with an F, and `Fstatfs`, are of an open file.
/// * `List` opens a directory, reads all entries, and closes it. `Getdents` reads an open one to
///   its end; with `rewind` from the start, and goes back to the start afterwards. `ReadDir` is one
///   call with a buffer of `budget` bytes.
/// * `GetFlags` and `SetFlags` are fcntl(2) with `F_GETFL` and `F_SETFL`. `O_LARGEFILE`, which Linux sets by itself,
///   is not looked at.
/// * `LinkFile` names what an open file is of, `AddWatchFile` watches it (`/proc/self/fd/N`).
/// * `SpliceIn` and `SpliceOut` go through a fresh pipe.
/// * `Dup` and `Open` close what was in the place before, once they have succeeded.
/// * `Chroot` makes a directory the root and the current directory of the context, `Leave` gives it
///   back the first ones.
/// * `From` makes one call with its path from an open file, as [`Step::at`] does.
/// * `As` makes one call as another user. `Fork` starts a child with a copy of every table; what
///   follows is done by the child, until `Exit` brings the tables of its parent back.
/// * `Init` makes a group, with a limit of its own for its queue if one is given, and closes the one
///   that was in the place. `BadInit` makes one with any flags and closes it.
/// * `CloseGroup` closes the descriptor of a group, `Shutdown` ends a group that keeps its place.
/// * `AddWatchOn` calls inotify_add_watch(2) on an open file instead of a group, or on nothing.
/// * `StartWatch` begins to add a watch, `StepWatch` goes on with it, `WaitWatch` waits until it is
///   ready, `DropWatch` takes it back.
/// * `Drain` reads until there is nothing, `Take` and `Next` take all events or one without a buffer.
/// * `Limit` sets one limit, or back to what is usual; `Limits` sets all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the call of its name, the fields its arguments")]
pub enum Op {
    // Names.
    Mkdir { path: Path, mode: Mode },
    Mknod { path: Path, kind: InodeKind, mode: Mode, rdev: u64 },
    Symlink { target: Path, path: Path },
    Link { old: Path, new: Path, follow: bool },
    Unlink { path: Path },
    Rmdir { path: Path },
    Rename { old: Path, new: Path, flags: RenameFlags },
    // Objects, by path.
    Stat { path: Path, follow: bool },
    Readlink { path: Path },
    Statfs { path: Path },
    Access { path: Path, want: Access, follow: bool },
    List { path: Path },
    Truncate { path: Path, len: u64 },
    Chmod { path: Path, mode: Mode, follow: bool },
    Chown { path: Path, owner: Owner, follow: bool },
    Utimens { path: Path, times: Times, follow: bool },
    SetXattr { path: Path, name: String, value: Data, mode: XattrMode, follow: bool },
    GetXattr { path: Path, name: String, follow: bool },
    RemoveXattr { path: Path, name: String, follow: bool },
    ListXattr { path: Path, follow: bool },
    // Open files.
    Open { slot: Slot, path: Path, flags: OpenFlags, mode: Mode, resolve: LookupFlags },
    Close { slot: Slot },
    Dup { from: Slot, to: Slot },
    Dup2Over { from: Slot, to: Slot },
    Read { slot: Slot, len: usize },
    Pread { slot: Slot, len: usize, offset: u64 },
    Readv { slot: Slot, lens: [usize; 2], offset: Option<u64> },
    Write { slot: Slot, data: Data },
    Pwrite { slot: Slot, data: Data, offset: u64 },
    Writev { slot: Slot, data: Vec<Data>, offset: Option<u64> },
    Seek { slot: Slot, whence: Whence, offset: i64 },
    Fsync { slot: Slot },
    GetFlags { slot: Slot },
    SetFlags { slot: Slot, flags: OpenFlags },
    Ftruncate { slot: Slot, len: u64 },
    Fallocate { slot: Slot, flags: FallocateFlags, offset: u64, len: u64 },
    Fchmod { slot: Slot, mode: Mode },
    Fchown { slot: Slot, owner: Owner },
    Futimens { slot: Slot, times: Times },
    Fstat { slot: Slot },
    Fstatfs { slot: Slot },
    FsetXattr { slot: Slot, name: String, value: Data, mode: XattrMode },
    FgetXattr { slot: Slot, name: String },
    FremoveXattr { slot: Slot, name: String },
    FlistXattr { slot: Slot },
    ReadDir { slot: Slot, budget: usize },
    Getdents { slot: Slot, rewind: bool },
    LinkFile { slot: Slot, path: Path },
    // Between open files.
    Sendfile { out: Slot, input: Slot, len: usize, offset: Option<u64> },
    CopyFileRange { input: Slot, out: Slot, len: usize, offsets: (Option<u64>, Option<u64>) },
    SpliceIn { slot: Slot, data: Data },
    SpliceOut { slot: Slot, len: usize },
    // The caller and its place.
    Chdir { path: Path },
    Fchdir { slot: Slot },
    Chroot { path: Path },
    Leave,
    Umask { umask: Mode },
    As { uid: u32, op: Box<Op> },
    From { slot: Slot, op: Box<Op> },
    Fork,
    Exit,
    // Mounts.
    MountTmpfs { path: Path, read_only: bool },
    MountBind { source: Path, path: Path, read_only: bool },
    Umount { path: Path },
    // Groups and watches.
    Init { group: GroupId, flags: u32, queue: Option<u32> },
    BadInit { flags: u32 },
    CloseGroup { group: GroupId },
    Shutdown { group: GroupId },
    AddWatch { group: GroupId, path: Path, mask: Mask },
    AddWatchFile { group: GroupId, slot: Slot, mask: Mask },
    AddWatchOn { slot: Option<Slot>, path: Path, mask: Mask },
    StartWatch { pending: PendingId, group: GroupId, path: Path, mask: Mask },
    StepWatch { pending: PendingId },
    WaitWatch { pending: PendingId },
    DropWatch { pending: PendingId },
    RmWatch { group: GroupId, watch: WatchRef },
    SetNextWd { group: GroupId, wd: i32 },
    Drain { group: GroupId },
    Take { group: GroupId },
    Next { group: GroupId },
    ReadEvents { group: GroupId, size: usize },
    Fionread { group: GroupId },
    Poll { group: GroupId },
    Fdinfo { group: GroupId },
    // Limits.
    Limit { limit: Limit, value: Option<u32> },
    Limits { caps: Caps },
}

/// `IN_NONBLOCK | IN_CLOEXEC`, with which groups are made.
pub const INIT_FLAGS: u32 = 0o4000 | 0o2_000_000;

impl Op {
    /// The capability that a world must have for this, as [`World::lacks`](super::world::World::lacks)
    /// calls it; empty if all have it.
    pub fn needs(&self) -> &'static str {
        match self {
            Self::Open { flags, .. } if flags.contains(OpenFlags::TMPFILE) => "o_tmpfile",
            Self::Rename { flags, .. } if flags.contains(RenameFlags::EXCHANGE) => {
                "rename_exchange"
            }
            Self::Rename { flags, .. } if flags.contains(RenameFlags::WHITEOUT) => "whiteout",
            Self::Mknod { kind: InodeKind::Fifo, .. } => "fifo",
            Self::Chown { .. } | Self::Fchown { .. } => "chown",
            Self::SetXattr { .. }
            | Self::GetXattr { .. }
            | Self::RemoveXattr { .. }
            | Self::ListXattr { .. }
            | Self::FsetXattr { .. }
            | Self::FgetXattr { .. }
            | Self::FremoveXattr { .. }
            | Self::FlistXattr { .. } => "xattr",
            Self::Fallocate { .. } => "fallocate",
            Self::Sendfile { .. } => "sendfile",
            Self::CopyFileRange { .. } => "copy_file_range",
            Self::SpliceIn { .. } | Self::SpliceOut { .. } => "splice",
            Self::AddWatchFile { .. } | Self::LinkFile { .. } => "proc_self_fd",
            Self::Fdinfo { .. } => "fdinfo",
            Self::Init { queue: Some(_), .. } => "queue_limit",
            Self::Limit { .. } => "watch_limit",
            Self::As { .. } => "permissions",
            Self::From { .. } => "proc_self_fd",
            Self::Fork | Self::Exit | Self::Chdir { .. } => "fork",
            Self::MountTmpfs { .. } | Self::MountBind { .. } | Self::Umount { .. } => {
                "private_mounts"
            }
            _ => "",
        }
    }

    /// The paths that are looked up or stored, and whether they may start from an open directory.
    pub fn paths(&mut self) -> (Vec<&mut Path>, bool) {
        match self {
            Self::Link { old, new, .. } | Self::Rename { old, new, .. } => (vec![old, new], true),
            Self::Symlink { target, path } => (vec![target, path], true),
            Self::MountBind { source, path, .. } => (vec![source, path], false),
            Self::Mkdir { path, .. }
            | Self::Mknod { path, .. }
            | Self::Unlink { path }
            | Self::Rmdir { path }
            | Self::Stat { path, .. }
            | Self::Readlink { path }
            | Self::ListXattr { path, .. }
            | Self::Access { path, .. }
            | Self::List { path }
            | Self::Chmod { path, .. }
            | Self::Chown { path, .. }
            | Self::Utimens { path, .. }
            | Self::SetXattr { path, .. }
            | Self::GetXattr { path, .. }
            | Self::RemoveXattr { path, .. }
            | Self::Open { path, .. }
            | Self::LinkFile { path, .. }
            | Self::AddWatch { path, .. }
            | Self::StartWatch { path, .. } => (vec![path], true),
            Self::Truncate { path, .. }
            | Self::Statfs { path }
            | Self::Chdir { path }
            | Self::Chroot { path }
            | Self::AddWatchOn { path, .. }
            | Self::MountTmpfs { path, .. }
            | Self::Umount { path } => (vec![path], false),
            Self::As { op, .. } | Self::From { op, .. } => op.paths(),
            _ => (Vec::new(), false),
        }
    }

    /// The open files that it works on, the first being the one whose method it is.
    pub fn slots(&mut self) -> Vec<&mut Slot> {
        match self {
            Self::CopyFileRange { input, out, .. } | Self::Sendfile { input, out, .. } => {
                vec![input, out]
            }
            Self::LinkFile { slot, .. }
            | Self::Read { slot, .. }
            | Self::Pread { slot, .. }
            | Self::Readv { slot, .. }
            | Self::Write { slot, .. }
            | Self::Pwrite { slot, .. }
            | Self::Writev { slot, .. }
            | Self::Seek { slot, .. }
            | Self::Fsync { slot }
            | Self::GetFlags { slot }
            | Self::SetFlags { slot, .. }
            | Self::Ftruncate { slot, .. }
            | Self::Fallocate { slot, .. }
            | Self::Fchmod { slot, .. }
            | Self::Fchown { slot, .. }
            | Self::Futimens { slot, .. }
            | Self::Fstat { slot }
            | Self::Fstatfs { slot }
            | Self::FsetXattr { slot, .. }
            | Self::FgetXattr { slot, .. }
            | Self::FremoveXattr { slot, .. }
            | Self::FlistXattr { slot }
            | Self::ReadDir { slot, .. }
            | Self::Getdents { slot, .. }
            | Self::SpliceIn { slot, .. }
            | Self::SpliceOut { slot, .. }
            | Self::Fchdir { slot }
            | Self::AddWatchFile { slot, .. }
            | Self::Dup { from: slot, .. } => vec![slot],
            Self::Dup2Over { from, to } => vec![from, to],
            Self::As { op, .. } => op.slots(),
            Self::From { slot, op } => op.slots().into_iter().chain([slot]).collect(),
            _ => Vec::new(),
        }
    }

    /// The file that it writes to.
    pub fn written(&self) -> Option<Slot> {
        match self {
            Self::Write { slot, .. }
            | Self::Pwrite { slot, .. }
            | Self::Writev { slot, .. }
            | Self::Ftruncate { slot, .. }
            | Self::Fallocate { slot, .. }
            | Self::Sendfile { out: slot, .. }
            | Self::CopyFileRange { out: slot, .. }
            | Self::SpliceIn { slot, .. } => Some(*slot),
            _ => None,
        }
    }

    /// The group that must be there for it.
    pub fn group(&self) -> Option<GroupId> {
        match self {
            Self::CloseGroup { group }
            | Self::Shutdown { group }
            | Self::AddWatch { group, .. }
            | Self::AddWatchFile { group, .. }
            | Self::StartWatch { group, .. }
            | Self::RmWatch { group, .. }
            | Self::SetNextWd { group, .. }
            | Self::Drain { group }
            | Self::Take { group }
            | Self::Next { group }
            | Self::ReadEvents { group, .. }
            | Self::Fionread { group }
            | Self::Poll { group }
            | Self::Fdinfo { group } => Some(*group),
            Self::From { op, .. } => op.group(),
            _ => None,
        }
    }

    /// Whether it is about groups, watches and limits alone, so that no file has an event by it.
    pub fn is_quiet(&self) -> bool {
        self.group().is_some()
            || matches!(
                self,
                Self::Init { .. }
                    | Self::BadInit { .. }
                    | Self::AddWatchOn { .. }
                    | Self::StepWatch { .. }
                    | Self::WaitWatch { .. }
                    | Self::DropWatch { .. }
                    | Self::Limit { .. }
                    | Self::Limits { .. }
            )
    }
}

//! What a case is made of.

use vfsnotify::{FallocateFlags, InodeKind, OpenFlags, RenameFlags, XattrMode};

use super::namespace::Place;
use super::path::Path;
use super::reference::Model;

/// How many handles on open files a case has.
pub const SLOTS: usize = 5;
/// How many inotify instances.
pub const GROUPS: usize = 3;
/// How many watches that are not ready.
pub const PENDING: usize = 2;

/// A user, and whose quotas it uses up.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    pub uid: u32,
    pub gid: u32,
    pub groups: &'static [u32],
    pub user: u32,
}

/// The contexts of a case: two superusers that differ in quota, two others of whom one is in the
/// other's group.
pub const CONTEXTS: [Who; 4] = [
    Who { uid: 0, gid: 0, groups: &[], user: 0 },
    Who { uid: 1, gid: 1, groups: &[], user: 1 },
    Who { uid: 2, gid: 2, groups: &[1], user: 2 },
    Who { uid: 0, gid: 2, groups: &[], user: 1 },
];

/// The users against whom instances and watches are counted.
pub const USERS: u32 = 3;

/// Limits on instances, low ones mostly.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Events in a queue; fixed when an instance is made.
    pub events: usize,
    /// Watches of a user.
    pub watches: u32,
    /// Instances of a user.
    pub instances: u32,
    /// Watches on one object, of all instances.
    pub object_marks: usize,
}

/// What a case begins with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub caps: Caps,
    /// Open files.
    pub files: usize,
    /// Names known not to exist. No event may depend on it.
    pub negatives: usize,
    /// Inodes of each file system.
    pub inodes: u64,
    /// Bytes of each file system.
    pub bytes: u64,
    /// The mode of each file system's root.
    pub root_mode: u32,
    pub furniture: Furniture,
}

impl Setup {
    /// How many dentries may be cached: few where few names are remembered that do not exist, so that
    /// they are reclaimed all the time. No event may depend on it.
    pub fn dentries(&self) -> usize {
        if self.negatives > 0 && self.negatives < 1000 { 2 * self.negatives } else { 1 << 20 }
    }
}

/// What there is already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Furniture {
    None,
    /// Names and watches.
    Names,
    /// These, and a file system of which a part is seen somewhere else.
    Mounts,
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    pub setup: Setup,
    pub steps: Vec<Step>,
}

/// One operation, who does it, and from which open directory if from any.
#[derive(Clone, Debug)]
pub struct Step {
    pub by: usize,
    pub at: Option<usize>,
    pub op: Op,
}

/// One operation. One on a slot, group or pending watch that is empty does nothing.
#[derive(Clone, Debug)]
pub enum Op {
    Mkdir(Path, u32),
    Mknod(Path, InodeKind, u32),
    Symlink {
        target: Path,
        path: Path,
    },
    Link {
        old: Path,
        new: Path,
        follow: bool,
    },
    Unlink(Path),
    Rmdir(Path),
    Rename(Path, Path, RenameFlags),
    Stat {
        path: Path,
        follow: bool,
    },
    ReadLink(Path),
    Access(Path, u32),
    List(Path),
    Truncate(Path, u64),
    Chmod(Path, u32),
    Chown {
        path: Path,
        owner: Owner,
        follow: bool,
    },
    Utimens {
        path: Path,
        atime: bool,
        mtime: bool,
        follow: bool,
    },
    SetXattr {
        path: Path,
        name: &'static str,
        len: usize,
        mode: XattrMode,
        follow: bool,
    },
    GetXattr {
        path: Path,
        name: &'static str,
        follow: bool,
    },
    RemoveXattr {
        path: Path,
        name: &'static str,
        follow: bool,
    },
    Open {
        slot: usize,
        path: Path,
        flags: OpenFlags,
        mode: u32,
    },
    Dup {
        from: usize,
        to: usize,
    },
    Close(usize),
    LinkFile(usize, Path),
    Read(usize, usize),
    Pread {
        slot: usize,
        len: usize,
        offset: u64,
    },
    Readv(usize, usize),
    Write(usize, usize),
    Pwrite {
        slot: usize,
        len: usize,
        offset: u64,
    },
    ReadDir {
        slot: usize,
        budget: usize,
    },
    Seek(usize, u64),
    TruncateFile(usize, u64),
    Allocate {
        slot: usize,
        flags: FallocateFlags,
        offset: u64,
        len: u64,
    },
    ChmodFile(usize, u32),
    ChownFile(usize, Owner),
    UtimensFile {
        slot: usize,
        atime: bool,
        mtime: bool,
    },
    StatFile(usize),
    /// copy_file_range, from and to an offset or the position.
    Copy {
        from: usize,
        to: usize,
        len: usize,
        offsets: (Option<u64>, Option<u64>),
    },
    /// sendfile.
    Send {
        from: usize,
        to: usize,
        len: usize,
        offset: Option<u64>,
    },
    Chdir(Path),
    Fchdir(usize),
    Chroot(Path),
    /// Back to the first root, as at the start.
    Leave,
    Umask(u32),
    Mount {
        path: Path,
        read_only: bool,
    },
    Bind {
        from: Path,
        to: Path,
        read_only: bool,
    },
    Unmount(Path),
    NewGroup(usize),
    CloseGroup(usize),
    AddWatch {
        group: usize,
        path: Path,
        mask: u32,
    },
    AddWatchFile {
        group: usize,
        slot: usize,
        mask: u32,
    },
    StartWatch {
        pending: usize,
        group: usize,
        path: Path,
        mask: u32,
    },
    StepWatch(usize),
    WaitWatch(usize),
    DropWatch(usize),
    RmWatch {
        group: usize,
        nth: usize,
    },
    RmWrong {
        group: usize,
        wd: i32,
    },
    SetNextWd {
        group: usize,
        wd: i32,
    },
    SetCaps(Caps),
    Drain(usize),
    Next(usize),
    ReadEvents {
        group: usize,
        size: usize,
    },
}

/// Owner and group to change to.
pub type Owner = (Option<u32>, Option<u32>);

impl Op {
    /// The paths that are looked up, and whether from an open directory.
    fn paths(&mut self) -> (Vec<&mut Path>, bool) {
        match self {
            Self::Link { old, new, .. } | Self::Rename(old, new, _) => (vec![old, new], true),
            Self::Symlink { target, path } => (vec![target, path], true),
            Self::Bind { from, to, .. } => (vec![from, to], false),
            Self::Mkdir(path, _)
            | Self::Mknod(path, ..)
            | Self::Unlink(path)
            | Self::Rmdir(path)
            | Self::Stat { path, .. }
            | Self::ReadLink(path)
            | Self::Access(path, _)
            | Self::List(path)
            | Self::Chmod(path, _)
            | Self::Chown { path, .. }
            | Self::Utimens { path, .. }
            | Self::SetXattr { path, .. }
            | Self::GetXattr { path, .. }
            | Self::RemoveXattr { path, .. }
            | Self::Open { path, .. }
            | Self::LinkFile(_, path)
            | Self::AddWatch { path, .. }
            | Self::StartWatch { path, .. } => (vec![path], true),
            Self::Truncate(path, _)
            | Self::Chdir(path)
            | Self::Chroot(path)
            | Self::Mount { path, .. }
            | Self::Unmount(path) => (vec![path], false),
            _ => (Vec::new(), false),
        }
    }

    /// The handles it works on.
    fn slots(&mut self) -> Vec<&mut usize> {
        match self {
            Self::Copy { from, to, .. } | Self::Send { from, to, .. } => vec![from, to],
            Self::LinkFile(slot, _)
            | Self::Read(slot, _)
            | Self::Pread { slot, .. }
            | Self::Readv(slot, _)
            | Self::Write(slot, _)
            | Self::Pwrite { slot, .. }
            | Self::ReadDir { slot, .. }
            | Self::Seek(slot, _)
            | Self::TruncateFile(slot, _)
            | Self::Allocate { slot, .. }
            | Self::ChmodFile(slot, _)
            | Self::ChownFile(slot, _)
            | Self::UtimensFile { slot, .. }
            | Self::StatFile(slot)
            | Self::Fchdir(slot)
            | Self::AddWatchFile { slot, .. }
            | Self::Dup { from: slot, .. } => vec![slot],
            _ => Vec::new(),
        }
    }

    /// Whether it is about watches and queues alone, so that nothing is heard of a file: the
    /// operations that may come while a watch is not ready.
    pub fn is_quiet(&self) -> bool {
        matches!(
            self,
            Self::NewGroup(_)
                | Self::CloseGroup(_)
                | Self::AddWatch { .. }
                | Self::AddWatchFile { .. }
                | Self::StartWatch { .. }
                | Self::StepWatch(_)
                | Self::WaitWatch(_)
                | Self::DropWatch(_)
                | Self::RmWatch { .. }
                | Self::RmWrong { .. }
                | Self::SetNextWd { .. }
                | Self::SetCaps(_)
                | Self::Drain(_)
                | Self::Next(_)
                | Self::ReadEvents { .. }
        )
    }
}

impl Step {
    /// The step with its paths settled, and on handles that are open if there are any.
    pub(crate) fn settled(&self, model: &Model) -> Self {
        let mut step = self.clone();
        let open: Vec<usize> = (0..SLOTS).filter(|slot| model.slots[*slot].is_some()).collect();
        let dirs: Vec<usize> =
            open.iter().copied().filter(|slot| model.is_dir_slot(*slot)).collect();
        let cx = &model.names.contexts[step.by];
        let (root, cwd) = (cx.root, cx.cwd);
        let (paths, from_at) = step.op.paths();
        let wishes_at = from_at && paths.iter().any(|path| path.is_relative());
        step.at = self.at.filter(|_| wishes_at && !dirs.is_empty());
        // One in eight times it is something that is not a directory.
        step.at = step.at.map(|at| match (at / 32, open[at % open.len()]) {
            (0, any) => any,
            _ => dirs[at % dirs.len()],
        });
        let base: Place = step.at.map_or(cwd, |slot| model.place_of_slot(slot));
        let (paths, _) = step.op.paths();
        for path in paths {
            let from = if path.is_relative() { base } else { root };
            path.settle(&model.there(from));
        }
        for slot in step.op.slots() {
            if !open.is_empty() {
                *slot = open[*slot % open.len()];
            }
        }
        // The cursors of a listing are the crate's own, but for the first.
        if let Op::Seek(slot, offset) = &mut step.op
            && model.is_dir_slot(*slot)
        {
            *offset = 0;
        }
        step
    }
}

/// What an operation gave, where it gave something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Count(usize),
    Wd(i32),
    Data(Vec<u8>),
    Names(Vec<String>),
    Stat(Stat),
    Events(Vec<Heard>),
}

/// What stat(2) says, as far as the model knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: InodeKind,
    pub mode: u32,
    pub owner: (u32, u32),
    pub nlink: u32,
    /// Not of directories.
    pub size: u64,
    pub blocks: u64,
}

/// An event as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub wd: i32,
    pub mask: u32,
    pub cookie: u32,
    pub name: Vec<u8>,
    /// How many were lost, where this is an overflow and the reader is told.
    pub lost: u32,
}

/// What the model has to be told, because no rule says what it is.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// The inode number of what was opened: a file without a name is called after it.
    pub ino: Option<u64>,
    /// The descriptors of the UNMOUNT events that were read, in their order: that in which the
    /// watches of a file system go is nobody's business.
    pub unmounted: Vec<i32>,
}

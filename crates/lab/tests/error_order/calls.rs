//! The tree to act on, and the calls that change it.

use lab::op::{Mode, NULL, Op, Step};
use lab::outcome::Done;
use lab::world::World;
use vfsnotify::{InodeKind, LookupFlags, OpenFlags};

/// A path, relative to the directory that the tree is in.
pub(crate) type Path = &'static str;

/// One case: operations one after the other, the first of which may open what the others are about.
pub(crate) type Case = Vec<Step>;

/// A case of operations with paths from the current directory.
pub(crate) fn case(ops: impl IntoIterator<Item = Op>) -> Case {
    ops.into_iter().map(Step::from).collect()
}

/// An operation that root does, whichever user does the others.
pub(crate) fn as_root(op: Op) -> Step {
    Op::As { uid: 0, op: Box::new(op) }.into()
}

/// An operation whose path, or the first of two, starts from the open file in place 0.
pub(crate) fn from_open(op: Op) -> Step {
    Step { at: Some(0), ..Step::from(op) }
}

/// Whether the tree is to be made anew after an operation that was done: what later calls come to would
/// depend on it. Times, contents and extended attributes change on both sides alike, and decide nothing.
pub(crate) fn needs_fresh_tree(op: &Op) -> bool {
    match op {
        Op::Open { flags, .. } => flags.contains(OpenFlags::CREATE),
        Op::Chmod { .. }
        | Op::Chown { .. }
        | Op::Mkdir { .. }
        | Op::Mknod { .. }
        | Op::Symlink { .. }
        | Op::Unlink { .. }
        | Op::Rmdir { .. }
        | Op::Link { .. }
        | Op::Rename { .. }
        | Op::Fchmod { .. }
        | Op::Fchown { .. } => true,
        Op::As { op, .. } => needs_fresh_tree(op),
        Op::Truncate { path, .. } => path.is_object(),
        op => op.written().is_some(),
    }
}

/// The flags that there are.
pub(crate) fn flags_of(bits: u32) -> OpenFlags {
    OpenFlags::from_linux(bits).expect("flags of Linux")
}

/// An open of a path with the flags of open(2). One of a fifo never waits.
pub(crate) fn open(slot: usize, path: Path, flags: u32) -> Op {
    let flags = flags_of(flags) | OpenFlags::NONBLOCK;
    let (mode, resolve) = (Mode(0o644), LookupFlags::empty());
    Op::Open { slot, path: path.into(), flags, mode, resolve }
}

/// Makes the tree in the current directory of a world.
pub(crate) fn plant(world: &mut dyn World) {
    for (path, mode, owner, entry) in TREE {
        let mode = Mode(mode);
        let node = |kind, rdev| vec![Op::Mknod { path: path.into(), kind, mode, rdev }];
        let mut ops = match entry {
            Entry::Directory if path == "." => Vec::new(),
            Entry::Directory => vec![Op::Mkdir { path: path.into(), mode }],
            Entry::File => {
                let data = lab::op::Data(CONTENTS.to_vec());
                let open = open(0, path, O_WRONLY | O_CREAT);
                vec![open, Op::Write { slot: 0, data }, Op::Close { slot: 0 }]
            }
            Entry::Link(target) => vec![Op::Symlink { target: target.into(), path: path.into() }],
            Entry::Fifo => node(InodeKind::Fifo, 0),
            Entry::Device => node(InodeKind::CharDevice, NULL),
            Entry::Whiteout => node(InodeKind::CharDevice, 0),
            Entry::Socket => node(InodeKind::Socket, 0),
        };
        let owner = (Some(owner), Some(owner));
        ops.push(Op::Chown { path: path.into(), owner, follow: false });
        if !matches!(entry, Entry::Link(_)) {
            ops.push(Op::Chmod { path: path.into(), mode, follow: true });
        }
        for op in ops {
            must(world, op);
        }
    }
}

/// Does an operation that cannot fail.
pub(crate) fn must(world: &mut dyn World, op: Op) {
    let done: Done = world.apply(&op.clone().into());
    assert!(done.is_ok(), "{}: {op:?} gives {done:?}", world.name());
}

pub(crate) const O_WRONLY: u32 = 1;
pub(crate) const O_RDWR: u32 = 2;
pub(crate) const O_CREAT: u32 = 0o100;
pub(crate) const O_EXCL: u32 = 0o200;
pub(crate) const O_TRUNC: u32 = 0o1_000;
pub(crate) const O_APPEND: u32 = 0o2_000;
pub(crate) const O_DSYNC: u32 = 0o10_000;
pub(crate) const O_ASYNC: u32 = 0o20_000;
pub(crate) const O_DIRECT: u32 = 0o40_000;
pub(crate) const O_NOATIME: u32 = 0o1_000_000;
pub(crate) const O_SYNC: u32 = 0o4_010_000;
pub(crate) const O_DIRECTORY: u32 = 0o200_000;
pub(crate) const O_NOFOLLOW: u32 = 0o400_000;
pub(crate) const O_PATH: u32 = 0o10_000_000;
pub(crate) const O_TMPFILE: u32 = 0o20_200_000;

/// An object: a path, its mode, its owner (and group) and what it is.
pub(crate) const TREE: [(Path, u32, u32, Entry); 52] = [
    (".", 0o755, 0, Entry::Directory),
    ("f", 0o644, 0, Entry::File),
    ("w", 0o666, 0, Entry::File),
    ("own", 0o600, USER, Entry::File),
    ("secret", 0o600, 0, Entry::File),
    ("x", 0o755, 0, Entry::File),
    ("suid", 0o6777, 0, Entry::File),
    ("d", 0o755, 0, Entry::Directory),
    ("d/f", 0o644, 0, Entry::File),
    ("d/sub", 0o755, 0, Entry::Directory),
    ("dw", 0o777, 0, Entry::Directory),
    ("dw/f", 0o644, 0, Entry::File),
    ("dw/own", 0o644, USER, Entry::File),
    ("dw/sub", 0o755, 0, Entry::Directory),
    ("dw/full", 0o777, 0, Entry::Directory),
    ("dw/full/f", 0o644, 0, Entry::File),
    ("dsearch", 0o711, 0, Entry::Directory),
    ("dsearch/f", 0o644, 0, Entry::File),
    ("dlist", 0o744, 0, Entry::Directory),
    ("dlist/f", 0o644, 0, Entry::File),
    ("dshut", 0o700, 0, Entry::Directory),
    ("dshut/f", 0o644, 0, Entry::File),
    ("dt", 0o1777, 0, Entry::Directory),
    ("dt/f", 0o666, 0, Entry::File),
    ("dt/own", 0o644, USER, Entry::File),
    ("dt/sub", 0o755, 0, Entry::Directory),
    ("dt/c", 0o666, 0, Entry::Device),
    ("down", 0o755, USER, Entry::Directory),
    ("down/f", 0o644, 0, Entry::File),
    ("down/sub", 0o700, 0, Entry::Directory),
    ("lf", 0o777, 0, Entry::Link("f")),
    ("lw", 0o777, 0, Entry::Link("w")),
    ("lown", 0o777, USER, Entry::Link("own")),
    ("ld", 0o777, 0, Entry::Link("dw")),
    ("lnew", 0o777, 0, Entry::Link("dw/missing")),
    ("lnone", 0o777, 0, Entry::Link("d/missing")),
    ("loop", 0o777, 0, Entry::Link("loop")),
    ("lshut", 0o777, 0, Entry::Link("dshut/f")),
    ("dt/l", 0o777, 0, Entry::Link("f")),
    // The object of an absolute path must not be there outside, where it could be made.
    ("vfsnotify", 0o755, 0, Entry::Directory),
    ("vfsnotify/f", 0o644, 0, Entry::File),
    ("labs", 0o777, 0, Entry::Link("/vfsnotify/f")),
    ("lup", 0o777, 0, Entry::Link("../f")),
    ("lout", 0o777, 0, Entry::Link("..")),
    ("p", 0o666, 0, Entry::Fifo),
    ("pown", 0o600, USER, Entry::Fifo),
    ("psecret", 0o600, 0, Entry::Fifo),
    ("c", 0o666, 0, Entry::Device),
    ("csecret", 0o600, 0, Entry::Device),
    ("wh", 0o666, 0, Entry::Whiteout),
    ("s", 0o666, 0, Entry::Socket),
    ("ssecret", 0o600, 0, Entry::Socket),
];

/// The object of a name. A file has [`CONTENTS`] in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    File,
    Directory,
    Link(Path),
    Fifo,
    Device,
    Whiteout,
    Socket,
}

pub(crate) const CONTENTS: &[u8] = b"hello";

/// The unprivileged user and his group.
pub(crate) const USER: u32 = 1000;

/// How the tree is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mounted {
    Writable,
    /// The mount is read-only, and its superblock is not.
    ReadOnlyBind,
    /// The superblock is read-only.
    ReadOnlySuperblock,
}

//! The calls that both sides make, and what they come to.

/// What a call came to: a count, an offset or 0, or an error number.
pub(crate) type Outcome = Result<i64, i32>;

/// A path, relative to the directory that the tree is in.
pub(crate) type Path = &'static str;

/// A timestamp to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    Now,
    Omit,
    /// Seconds and nanoseconds.
    At(i64, u32),
}

/// An owner and a group as chown(2) takes them: `u32::MAX` leaves one as it is.
pub(crate) type Owner = (u32, u32);

/// A call with a path.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// With the flags of open(2).
    Open(Path, u32),
    /// With the bits of access(2), and whether a symbolic link is followed.
    Access(Path, u32, bool),
    Stat(Path, bool),
    Statfs(Path),
    Readlink(Path),
    List(Path),
    Truncate(Path, i64),
    Chmod(Path, bool),
    Chown(Path, Owner, bool),
    Utimens(Path, Stamp, Stamp, bool),
    Getxattr(Path, &'static str, bool),
    /// The value is so many bytes long.
    Setxattr(Path, &'static str, usize, bool),
    Removexattr(Path, &'static str, bool),
    Listxattr(Path, bool),
    Mkdir(Path),
    Mknod(Path, Node),
    /// The target, then the link.
    Symlink(Path, Path),
    Unlink(Path),
    Rmdir(Path),
    Link(Path, Path, bool),
    Rename(Path, Path, u32),
    /// A call on a file opened with these flags.
    On(Path, u32, FileCall),
    /// copy_file_range(2) of so many bytes between two files, from and to an offset.
    Copy((Path, u32, u64), (Path, u32, u64), usize),
    /// sendfile(2) of so many bytes from an offset, or the position, of the first to the second.
    Sendfile((Path, u32), Option<u64>, (Path, u32), usize),
}

/// What mknod(2) makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File,
    Fifo,
    /// The device 1:3.
    Device,
    /// The device 0:0.
    Whiteout,
}

/// A call on an open file.
#[derive(Clone, Debug)]
pub(crate) enum FileCall {
    Stat,
    Statfs,
    List,
    Sync,
    Chmod,
    Chown(Owner),
    Utimens(Stamp, Stamp),
    Truncate(i64),
    /// The mode, the offset and the length of fallocate(2).
    Fallocate(u32, i64, i64),
    Read(usize),
    Pread(usize, i64),
    /// Into a buffer of this length and one of the next.
    Preadv(usize, usize, i64),
    Write(usize),
    Pwrite(usize, i64),
    Pwritev(usize, usize, i64),
    /// An offset from: 0 the start, 1 the position, 2 the end, 3 data, 4 a hole.
    Seek(u32, i64),
    Getxattr(&'static str),
    Setxattr(&'static str),
    Removexattr(&'static str),
    Listxattr,
}

impl Call {
    /// Whether the tree is to be made anew after it: what later calls come to would depend on it.
    /// Times, contents and extended attributes change on both sides alike, and decide nothing.
    pub(crate) fn needs_fresh_tree(&self) -> bool {
        match self {
            Self::Open(_, flags) => flags & O_CREAT != 0,
            Self::Chmod(..)
            | Self::Chown(..)
            | Self::Mkdir(_)
            | Self::Mknod(..)
            | Self::Symlink(..)
            | Self::Unlink(_)
            | Self::Rmdir(_)
            | Self::Link(..)
            | Self::Rename(..) => true,
            Self::On(_, _, call) => matches!(
                call,
                FileCall::Chmod
                    | FileCall::Chown(_)
                    | FileCall::Truncate(_)
                    | FileCall::Fallocate(..)
                    | FileCall::Write(_)
                    | FileCall::Pwrite(..)
                    | FileCall::Pwritev(..)
            ),
            Self::Copy(..) | Self::Sendfile(..) => true,
            _ => false,
        }
    }
}

pub(crate) const O_WRONLY: u32 = 1;
pub(crate) const O_RDWR: u32 = 2;
pub(crate) const O_CREAT: u32 = 0o100;
pub(crate) const O_EXCL: u32 = 0o200;
pub(crate) const O_TRUNC: u32 = 0o1_000;
pub(crate) const O_APPEND: u32 = 0o2_000;
pub(crate) const O_NONBLOCK: u32 = 0o4_000;
pub(crate) const O_DIRECTORY: u32 = 0o200_000;
pub(crate) const O_NOFOLLOW: u32 = 0o400_000;
pub(crate) const O_CLOEXEC: u32 = 0o2_000_000;
pub(crate) const O_PATH: u32 = 0o10_000_000;
pub(crate) const O_TMPFILE: u32 = 0o20_200_000;

/// What there is: a path, its mode, its owner (and group) and what it is.
pub(crate) const TREE: [(Path, u32, u32, Entry); 47] = [
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
    ("p", 0o666, 0, Entry::Fifo),
    ("pown", 0o600, USER, Entry::Fifo),
    ("psecret", 0o600, 0, Entry::Fifo),
    ("c", 0o666, 0, Entry::Device),
    ("csecret", 0o600, 0, Entry::Device),
    ("wh", 0o666, 0, Entry::Whiteout),
    ("s", 0o666, 0, Entry::Socket),
    ("ssecret", 0o600, 0, Entry::Socket),
];

/// What a name stands for. A file has [`CONTENTS`] in it.
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

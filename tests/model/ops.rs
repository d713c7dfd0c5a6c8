//! What a random sequence is made of.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use vfsnotify::{InodeKind, OpenFlags, RenameFlags};

/// How many handles on open files a sequence has.
pub(crate) const SLOTS: usize = 5;
/// How many inotify instances a sequence has.
pub(crate) const GROUPS: usize = 3;
/// The users against whom instances and watches are counted.
pub(crate) const USERS: u32 = 2;

/// The names there are. The last takes two units of padding in an event, the others one.
const NAMES: [&str; 3] = ["a", "b", "sixteen-bytes-ab"];

/// A path from the root: by its components, or by what is there when its turn comes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Path {
    Literal(Vec<&'static str>),
    /// One of the names there are that are not of directories.
    File(usize),
    /// One of the directories there are.
    Dir(usize),
    /// A name in one of the directories there are.
    In(usize, &'static str),
}

impl Path {
    /// The components, once it is known which.
    pub(crate) fn names(&self) -> &[&'static str] {
        match self {
            Self::Literal(names) => names,
            Self::File(_) | Self::Dir(_) | Self::In(..) => unreachable!("settled before its turn"),
        }
    }

    /// As the crate takes it.
    pub(crate) fn text(&self) -> String {
        format!("/{}", self.names().join("/"))
    }

    /// The path that it is now.
    fn settle(&mut self, there: &There) {
        let nth = |all: &[Vec<&'static str>], nth: usize| match all.len() {
            0 => Vec::new(),
            len => all[nth % len].clone(),
        };
        *self = Self::Literal(match self {
            Self::Literal(_) => return,
            Self::File(place) => nth(&there.files, *place),
            Self::Dir(place) => nth(&there.dirs, *place),
            Self::In(place, name) => {
                let mut path = nth(&there.dirs, *place);
                path.push(name);
                path
            }
        });
    }
}

/// What is there when the turn of an operation comes.
#[derive(Debug, Default)]
pub(crate) struct There {
    /// The names of everything but directories.
    pub(crate) files: Vec<Vec<&'static str>>,
    /// The names of directories that are not too deep to have something made in them.
    pub(crate) dirs: Vec<Vec<&'static str>>,
    /// The handles that are open.
    pub(crate) slots: Vec<usize>,
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(_) => f.write_str(&self.text()),
            Self::File(place) => write!(f, "file {place}"),
            Self::Dir(place) => write!(f, "directory {place}"),
            Self::In(place, name) => write!(f, "{name} in directory {place}"),
        }
    }
}

/// The name as it is among [`NAMES`].
pub(crate) fn known_name(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// Limits, low ones mostly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// Events in a queue; fixed when an instance is made.
    pub(crate) events: usize,
    /// Watches of a user.
    pub(crate) watches: u32,
    /// Instances of a user.
    pub(crate) instances: u32,
    /// Watches on one object, of all instances.
    pub(crate) object_marks: usize,
}

/// What a case begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) caps: Caps,
    /// Open files.
    pub(crate) files: usize,
    /// Names known not to exist. No event may depend on it.
    pub(crate) negatives: usize,
}

/// One operation. One on a slot or group that is empty does nothing.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Mkdir(Path),
    Mknod(Path, InodeKind),
    Symlink(Path),
    Link(Path, Path),
    Unlink(Path),
    Rmdir(Path),
    Rename(Path, Path, RenameFlags),
    Open { slot: usize, path: Path, flags: OpenFlags },
    Dup { from: usize, to: usize },
    Close(usize),
    LinkFile(usize, Path),
    Read(usize, usize),
    Write(usize, usize),
    ReadDir(usize),
    TruncateFile(usize, u64),
    ChmodFile(usize),
    UtimensFile { slot: usize, atime: bool, mtime: bool },
    Truncate(Path, u64),
    Chmod(Path),
    Utimens { path: Path, atime: bool, mtime: bool, follow: bool },
    List(Path),
    NewGroup { group: usize, user: u32 },
    CloseGroup(usize),
    AddWatch { group: usize, path: Path, mask: u32 },
    AddWatchFile { group: usize, slot: usize, mask: u32 },
    RmWatch { group: usize, nth: usize },
    RmWrong { group: usize, wd: i32 },
    SetNextWd { group: usize, wd: i32 },
    SetCaps(Caps),
    Drain(usize),
    Next(usize),
    ReadEvents { group: usize, size: usize },
}

impl Op {
    /// The operation with its paths settled, and on a handle that is open if there is one.
    pub(crate) fn settled(&self, there: &There) -> Self {
        let mut op = self.clone();
        match &mut op {
            Self::Link(old, new) | Self::Rename(old, new, _) => {
                old.settle(there);
                new.settle(there);
            }
            Self::Mkdir(path)
            | Self::Mknod(path, _)
            | Self::Symlink(path)
            | Self::Unlink(path)
            | Self::Rmdir(path)
            | Self::Open { path, .. }
            | Self::LinkFile(_, path)
            | Self::Truncate(path, _)
            | Self::Chmod(path)
            | Self::Utimens { path, .. }
            | Self::List(path)
            | Self::AddWatch { path, .. } => path.settle(there),
            _ => {}
        }
        match &mut op {
            Self::LinkFile(slot, _)
            | Self::Read(slot, _)
            | Self::Write(slot, _)
            | Self::ReadDir(slot)
            | Self::TruncateFile(slot, _)
            | Self::ChmodFile(slot)
            | Self::UtimensFile { slot, .. }
            | Self::AddWatchFile { slot, .. }
            | Self::Dup { from: slot, .. }
                if !there.slots.is_empty() =>
            {
                *slot = there.slots[*slot % there.slots.len()];
            }
            _ => {}
        }
        op
    }
}

/// What an operation gave, where it gave something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Count(usize),
    Wd(i32),
    Events(Vec<Heard>),
}

/// An event as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) wd: i32,
    pub(crate) mask: u32,
    pub(crate) cookie: u32,
    pub(crate) name: Vec<u8>,
    /// How many were lost, where this is an overflow and the reader is told.
    pub(crate) lost: u32,
}

/// A case: its limits, and 40 to 80 operations. Shrinks by leaving operations out.
pub(crate) fn case() -> impl Strategy<Value = (Setup, Vec<Op>)> {
    let start = || {
        let path = |names: &[&'static str]| Path::Literal(names.to_vec());
        vec![
            Op::NewGroup { group: 0, user: 0 },
            Op::NewGroup { group: 1, user: 1 },
            Op::Mkdir(path(&["a"])),
            Op::Mkdir(path(&["a", "a"])),
            Op::Mkdir(path(&["b"])),
            Op::Mknod(path(&["a", "b"]), InodeKind::Regular),
            Op::AddWatch { group: 0, path: path(&["a"]), mask: 0xfff },
            Op::AddWatch { group: 0, path: path(&["a", "b"]), mask: 0xfff },
            Op::AddWatch { group: 1, path: path(&[]), mask: 0xfff },
            Op::AddWatch { group: 1, path: path(&["a", "a"]), mask: 0xfff },
        ]
    };
    let kept = proptest::option::weighted(0.99, op().no_shrink());
    (setup(), proptest::collection::vec(kept, 40..=80)).prop_map(move |(setup, ops)| {
        (setup, start().into_iter().chain(ops.into_iter().flatten()).collect())
    })
}

fn caps() -> impl Strategy<Value = Caps> {
    let events = select(vec![1_usize, 4, 10, 40, 10_000, 10_000, 10_000]);
    let watches = select(vec![1_u32, 3, 5, 1000, 1000, 1000]);
    let instances = select(vec![1_u32, 2, 128, 128]);
    let marks = select(vec![1_usize, 2, 1024, 1024, 1024]);
    let all = (events, watches, instances, marks);
    all.prop_map(|(events, watches, instances, object_marks)| Caps {
        events,
        watches,
        instances,
        object_marks,
    })
}

fn setup() -> impl Strategy<Value = Setup> {
    let files = select(vec![2_usize, 4, 1000, 1000]);
    let negatives = select(vec![0_usize, 1, 3, 1000]);
    (caps(), files, negatives).prop_map(|(caps, files, negatives)| Setup { caps, files, negatives })
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(NAMES[0]), 3 => Just(NAMES[1]), 1 => Just(NAMES[2])]
}

/// A path of up to three directories and a name.
fn literal() -> impl Strategy<Value = Path> {
    let len =
        prop_oneof![1 => Just(0_usize), 4 => Just(1), 5 => Just(2), 3 => Just(3), 1 => Just(4)];
    len.prop_flat_map(|len| proptest::collection::vec(name(), len)).prop_map(Path::Literal)
}

fn file() -> impl Strategy<Value = Path> {
    (0_usize..64).prop_map(Path::File)
}

fn dir() -> impl Strategy<Value = Path> {
    (0_usize..64).prop_map(Path::Dir)
}

fn within() -> impl Strategy<Value = Path> {
    (0_usize..64, name()).prop_map(|(dir, name)| Path::In(dir, name))
}

/// A path that mostly leads somewhere.
fn path() -> impl Strategy<Value = Path> {
    prop_oneof![5 => file(), 3 => dir(), 3 => within(), 1 => literal()]
}

/// A path that mostly leads to what is not a directory.
fn file_path() -> impl Strategy<Value = Path> {
    prop_oneof![9 => file(), 1 => path()]
}

/// A path for something new.
fn new_path() -> impl Strategy<Value = Path> {
    prop_oneof![1 => file(), 9 => within(), 1 => literal()]
}

fn slot() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 0..SLOTS]
}

fn group() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 2 => Just(1), 1 => 2..GROUPS]
}

fn flags() -> impl Strategy<Value = OpenFlags> {
    let access = select(vec![
        OpenFlags::READ,
        OpenFlags::WRITE,
        OpenFlags::READ_WRITE,
        OpenFlags::READ_WRITE,
        OpenFlags::empty(),
    ]);
    let extra = [
        (OpenFlags::CREATE, 0.4),
        (OpenFlags::EXCL, 0.1),
        (OpenFlags::TRUNC, 0.2),
        (OpenFlags::DIRECTORY, 0.07),
        (OpenFlags::NOFOLLOW, 0.15),
        (OpenFlags::PATH, 0.07),
        (OpenFlags::TMPFILE, 0.1),
    ];
    let extra: Vec<_> = extra
        .into_iter()
        .map(|(flag, chance)| {
            proptest::bool::weighted(chance)
                .prop_map(move |set| if set { flag } else { OpenFlags::empty() })
        })
        .collect();
    let unnamed = select(vec![
        OpenFlags::TMPFILE | OpenFlags::READ_WRITE,
        OpenFlags::TMPFILE | OpenFlags::WRITE | OpenFlags::EXCL,
    ]);
    prop_oneof![
        8 => (access, extra).prop_map(|(access, extra)| {
            extra.into_iter().fold(access, |all, flag| all | flag)
        }),
        1 => unnamed,
    ]
}

/// ONLYDIR, DONT_FOLLOW, EXCL_UNLINK, MASK_CREATE, MASK_ADD, ONESHOT.
const MASK_FLAGS: [u32; 6] =
    [0x0100_0000, 0x0200_0000, 0x0400_0000, 0x1000_0000, 0x2000_0000, 0x8000_0000];

fn mask() -> impl Strategy<Value = u32> {
    let events = prop_oneof![
        4 => Just(0xfff_u32),
        4 => 1_u32..0x1000,
        2 => (0_u32..12).prop_map(|bit| 1 << bit),
    ];
    let flags = prop_oneof![
        4 => Just(0_u32),
        4 => select(MASK_FLAGS.to_vec()),
        2 => proptest::sample::subsequence(MASK_FLAGS.to_vec(), 0..=3)
            .prop_map(|some| some.into_iter().fold(0, |all, flag| all | flag)),
    ];
    // None at all, unknown ones, and those that mean nothing but are let pass.
    let odd = select(vec![0, 0x1000, 0x1_0000, 0x4000_0000, 0x0100_0000, 0xe000, 0x3000_0001]);
    prop_oneof![20 => (events, flags).prop_map(|(events, flags)| events | flags), 1 => odd]
}

type Weighted = (u32, BoxedStrategy<Op>);

fn op() -> impl Strategy<Value = Op> {
    let mut kinds = names();
    kinds.extend(files());
    kinds.extend(watching());
    Union::new_weighted(kinds)
}

fn names() -> Vec<Weighted> {
    let one = |weight, make: fn(Path) -> Op| (weight, path().prop_map(make).boxed());
    let new = |weight, make: fn(Path) -> Op| (weight, new_path().prop_map(make).boxed());
    let of_file = |weight, make: fn(Path) -> Op| (weight, file_path().prop_map(make).boxed());
    let of_dir = |weight, make: fn(Path) -> Op| {
        (weight, prop_oneof![9 => dir(), 1 => path()].prop_map(make).boxed())
    };
    let link = (file_path(), new_path()).prop_map(|(old, new)| Op::Link(old, new));
    let over = (path(), path()).prop_map(|(old, new)| Op::Rename(old, new, RenameFlags::empty()));
    let free = (path(), new_path());
    let free = free.prop_map(|(old, new)| Op::Rename(old, new, RenameFlags::empty()));
    let kinds = select(vec![
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Fifo,
        InodeKind::CharDevice,
        InodeKind::Socket,
    ]);
    let mknod = (new_path(), kinds).prop_map(|(path, kind)| Op::Mknod(path, kind));
    let renames = select(vec![
        RenameFlags::EXCHANGE,
        RenameFlags::EXCHANGE,
        RenameFlags::NOREPLACE,
        RenameFlags::NOREPLACE | RenameFlags::EXCHANGE,
    ]);
    let rename =
        (path(), path(), renames).prop_map(|(old, new, flags)| Op::Rename(old, new, flags));
    let truncate = (file_path(), 0_u64..100).prop_map(|(path, len)| Op::Truncate(path, len));
    let utimens = (path(), any::<(bool, bool, bool)>())
        .prop_map(|(path, (atime, mtime, follow))| Op::Utimens { path, atime, mtime, follow });
    vec![
        new(45, Op::Mkdir),
        (80, mknod.boxed()),
        new(8, Op::Symlink),
        (60, link.boxed()),
        of_file(60, Op::Unlink),
        of_dir(35, Op::Rmdir),
        (60, free.boxed()),
        (60, over.boxed()),
        (60, rename.boxed()),
        (25, truncate.boxed()),
        one(30, Op::Chmod),
        (30, utimens.boxed()),
        of_dir(30, Op::List),
    ]
}

fn files() -> Vec<Weighted> {
    let on_slot = |weight, make: fn(usize) -> Op| (weight, slot().prop_map(make).boxed());
    let sized = |weight, make: fn((usize, usize)) -> Op| {
        (weight, (slot(), select(vec![0_usize, 1, 7, 30])).prop_map(make).boxed())
    };
    let open =
        (slot(), path(), flags()).prop_map(|(slot, path, flags)| Op::Open { slot, path, flags });
    let dup = (slot(), slot()).prop_map(|(from, to)| Op::Dup { from, to });
    let link = (slot(), new_path()).prop_map(|(slot, path)| Op::LinkFile(slot, path));
    let truncate = (slot(), 0_u64..100).prop_map(|(slot, len)| Op::TruncateFile(slot, len));
    let utimens = (slot(), any::<(bool, bool)>())
        .prop_map(|(slot, (atime, mtime))| Op::UtimensFile { slot, atime, mtime });
    vec![
        (170, open.boxed()),
        (25, dup.boxed()),
        on_slot(60, Op::Close),
        (25, link.boxed()),
        sized(40, |(slot, len)| Op::Read(slot, len)),
        sized(60, |(slot, len)| Op::Write(slot, len)),
        on_slot(15, Op::ReadDir),
        (20, truncate.boxed()),
        on_slot(20, Op::ChmodFile),
        (15, utimens.boxed()),
    ]
}

fn watching() -> Vec<Weighted> {
    let on_group = |weight, make: fn(usize) -> Op| (weight, group().prop_map(make).boxed());
    let new = (group(), 0..USERS).prop_map(|(group, user)| Op::NewGroup { group, user });
    let add = (group(), path(), mask());
    let add = add.prop_map(|(group, path, mask)| Op::AddWatch { group, path, mask });
    let add_file = (group(), slot(), mask());
    let add_file = add_file.prop_map(|(group, slot, mask)| Op::AddWatchFile { group, slot, mask });
    let remove = (group(), 0_usize..8).prop_map(|(group, nth)| Op::RmWatch { group, nth });
    let wrong = (group(), select(vec![0, -1, 77, i32::MAX]));
    let wrong = wrong.prop_map(|(group, wd)| Op::RmWrong { group, wd });
    let next_wd = (group(), select(vec![1, 2, 5, i32::MAX, 0, -1, i32::MIN]));
    let next_wd = next_wd.prop_map(|(group, wd)| Op::SetNextWd { group, wd });
    let read = (group(), select(vec![0_usize, 15, 16, 31, 32, 47, 48, 100, 4096]));
    let read = read.prop_map(|(group, size)| Op::ReadEvents { group, size });
    vec![
        (12, new.boxed()),
        on_group(2, Op::CloseGroup),
        (200, add.boxed()),
        (40, add_file.boxed()),
        (50, remove.boxed()),
        (4, wrong.boxed()),
        (6, next_wd.boxed()),
        (8, caps().prop_map(Op::SetCaps).boxed()),
        on_group(35, Op::Drain),
        on_group(15, Op::Next),
        (20, read.boxed()),
    ]
}

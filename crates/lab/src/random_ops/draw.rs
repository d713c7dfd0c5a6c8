//! Operations from bytes: which are made, and how often.
//!
//! The bytes come from libFuzzer or from proptest. Where they end, the first and simplest of each
//! choice is taken. Nothing here looks at the machine, so that bytes mean the same everywhere.

use arbitrary::{Result, Unstructured};

use vfsnotify::{FallocateFlags, InodeKind, LookupFlags, OpenFlags, RenameFlags, XattrMode};

use super::sequence::{Conditions, OTHER_USERS, Sequence};
use super::{GROUPS, SLOTS};
use crate::op::{Data, INIT_FLAGS, Mask, Mode, Op, Owner, Times, WatchRef, Whence};
use crate::path::Path;

/// Where choices come from.
pub type Bytes<'a> = Unstructured<'a>;

/// How one kind of operation is made.
type Make = fn(&mut Bytes<'_>) -> Result<Op>;

/// The most operations of a sequence that is made from bytes alone.
const LONGEST: usize = 120;

/// `IN_DONT_FOLLOW`.
const DONT_FOLLOW: u32 = 0x0200_0000;

/// `IN_ONLYDIR`, `IN_DONT_FOLLOW`, `IN_EXCL_UNLINK`, `IN_MASK_CREATE`, `IN_MASK_ADD`, `IN_ONESHOT`.
const MASK_FLAGS: [u32; 6] =
    [0x0100_0000, DONT_FOLLOW, 0x0400_0000, 0x1000_0000, 0x2000_0000, 0x8000_0000];

/// One of a few values.
fn any<T: Copy>(bytes: &mut Bytes<'_>, values: &[T]) -> Result<T> {
    bytes.choose(values).copied()
}

/// One of a few values, some more often than others.
fn weighted<T: Copy>(bytes: &mut Bytes<'_>, values: &[(u32, T)]) -> Result<T> {
    let total: u32 = values.iter().map(|(weight, _)| weight).sum();
    let mut at = bytes.int_in_range(0..=total - 1)?;
    for (weight, value) in values {
        if at < *weight {
            return Ok(*value);
        }
        at -= weight;
    }
    Ok(values[0].1)
}

/// True in so many of a hundred cases.
fn percent(bytes: &mut Bytes<'_>, chance: u8) -> Result<bool> {
    Ok(bytes.int_in_range(0..=99_u8)? >= 100 - chance)
}

/// A sequence, as long as there are bytes.
pub fn sequence(bytes: &mut Bytes<'_>) -> Result<Sequence> {
    let conditions = conditions(bytes)?;
    let mut ops = Vec::new();
    while !bytes.is_empty() && ops.len() < LONGEST {
        ops.push(operation(bytes)?);
    }
    Ok(Sequence { conditions, ops })
}

/// The traits of a sequence besides its operations.
pub fn conditions(bytes: &mut Bytes<'_>) -> Result<Conditions> {
    Ok(Conditions {
        short_queue: percent(bytes, 30)?,
        quotas: percent(bytes, 4)?,
        users: percent(bytes, 25)?,
        mounts: percent(bytes, 15)?,
        children: percent(bytes, 25)?,
    })
}

/// One operation.
pub fn operation(bytes: &mut Bytes<'_>) -> Result<Op> {
    weighted(bytes, &KINDS)?(bytes)
}

/// Every kind with its weight.
const KINDS: [(u32, Make); 66] = [
    // Names.
    (80, |b| Ok(Op::Mkdir { path: path(b)?, mode: mode(b)? })),
    (60, |b| Ok(Op::Unlink { path: path(b)? })),
    (40, |b| Ok(Op::Rmdir { path: path(b)? })),
    (120, |b| Ok(Op::Rename { old: path(b)?, new: path(b)?, flags: RenameFlags::empty() })),
    (60, |b| Ok(Op::Link { old: path(b)?, new: path(b)?, follow: false })),
    (30, |b| Ok(Op::Symlink { target: target(b)?, path: path(b)? })),
    (25, |b| node(b, InodeKind::Regular)),
    (10, |b| node(b, InodeKind::Fifo)),
    (5, |b| node(b, InodeKind::Socket)),
    (60, |b| Ok(Op::Rename { old: path(b)?, new: path(b)?, flags: rename_flags(b)? })),
    // Groups and watches.
    (150, |b| Ok(Op::AddWatch { group: group(b)?, path: path(b)?, mask: mask(b)? })),
    (25, |b| {
        // Not followed, the path of the descriptor is an object of its own and not the file.
        let mask = |mask: Mask| Mask(mask.0 & !DONT_FOLLOW);
        Ok(Op::AddWatchFile { group: group(b)?, slot: slot(b)?, mask: mask(self::mask(b)?) })
    }),
    (35, |b| {
        let (group, nth) = (group(b)?, b.int_in_range(0..=15)?);
        Ok(Op::RmWatch { group, watch: WatchRef::Given(nth) })
    }),
    (5, |b| {
        let (group, wd) = (group(b)?, any(b, &[0, -1, 9999, i32::MAX])?);
        Ok(Op::RmWatch { group, watch: WatchRef::Wd(wd) })
    }),
    (30, |b| Ok(Op::ReadEvents { group: group(b)?, size: any(b, &[16, 32, 48, 64, 200, 15, 0])? })),
    (40, |b| Ok(Op::Drain { group: group(b)? })),
    (20, |b| Ok(Op::Fionread { group: group(b)? })),
    (10, |b| Ok(Op::Poll { group: group(b)? })),
    (10, |b| Ok(Op::Fdinfo { group: group(b)? })),
    (3, |b| Ok(Op::CloseGroup { group: group(b)? })),
    (8, |b| {
        let (group, queue) = (group(b)?, any(b, &[None, Some(3), Some(8)])?);
        Ok(Op::Init { group, flags: INIT_FLAGS, queue })
    }),
    (2, |b| Ok(Op::BadInit { flags: any(b, &[0, 0o4000, 0o2_000_000, 1, 0o4001, u32::MAX])? })),
    (3, |b| {
        let slot = weighted(b, &[(1, None), (2, Some(0)), (1, Some(1))])?;
        Ok(Op::AddWatchOn { slot, path: path(b)?, mask: mask(b)? })
    }),
    // Attributes by path.
    (25, |b| Ok(Op::Truncate { path: path(b)?, len: offset(b)? })),
    (30, |b| Ok(Op::Chmod { path: path(b)?, mode: mode(b)?, follow: true })),
    (10, |b| Ok(Op::Chown { path: path(b)?, owner: owner(b)?, follow: true })),
    (8, |b| Ok(Op::Chown { path: path(b)?, owner: owner(b)?, follow: false })),
    (30, |b| Ok(Op::Utimens { path: path(b)?, times: times(b)?, follow: b.arbitrary()? })),
    (15, |b| {
        let (path, name, value) = (path(b)?, attribute(b)?, data(b)?);
        Ok(Op::SetXattr { path, name, value, mode: XattrMode::Set, follow: true })
    }),
    (8, |b| Ok(Op::GetXattr { path: path(b)?, name: attribute(b)?, follow: true })),
    (10, |b| Ok(Op::RemoveXattr { path: path(b)?, name: attribute(b)?, follow: true })),
    (15, |b| Ok(Op::Stat { path: path(b)?, follow: true })),
    (20, |b| Ok(Op::Stat { path: path(b)?, follow: false })),
    (8, |b| Ok(Op::Readlink { path: path(b)? })),
    (30, |b| Ok(Op::List { path: path(b)? })),
    // Open files.
    (200, |b| {
        let (slot, path, flags, mode) = (slot(b)?, path(b)?, open_flags(b)?, mode(b)?);
        Ok(Op::Open { slot, path, flags, mode, resolve: LookupFlags::empty() })
    }),
    (30, |b| Ok(Op::Close { slot: slot(b)? })),
    (60, |b| Ok(Op::Write { slot: slot(b)?, data: data(b)? })),
    (40, |b| Ok(Op::Read { slot: slot(b)?, len: size(b)? })),
    (15, |b| Ok(Op::Pread { slot: slot(b)?, len: size(b)?, offset: offset(b)? })),
    (15, |b| Ok(Op::Pwrite { slot: slot(b)?, data: data(b)?, offset: offset(b)? })),
    (12, |b| {
        let pieces = b.int_in_range(0..=3)?;
        let data = (0..pieces).map(|_| data(b)).collect::<Result<Vec<Data>>>()?;
        Ok(Op::Writev { slot: slot(b)?, data, offset: None })
    }),
    (20, |b| {
        let (slot, offset) = (slot(b)?, any(b, &[0, 3, 100, -1])?);
        Ok(Op::Seek { slot, whence: Whence::Start, offset })
    }),
    (4, |b| Ok(Op::Fsync { slot: slot(b)? })),
    (20, |b| Ok(Op::Ftruncate { slot: slot(b)?, len: offset(b)? })),
    (10, |b| {
        let (slot, offset, len) = (slot(b)?, offset(b)?, offset(b)?);
        Ok(Op::Fallocate { slot, flags: FallocateFlags::empty(), offset, len })
    }),
    (15, |b| Ok(Op::Fchmod { slot: slot(b)?, mode: mode(b)? })),
    (15, |b| Ok(Op::Futimens { slot: slot(b)?, times: times(b)? })),
    (20, |b| Ok(Op::Fstat { slot: slot(b)? })),
    (15, |b| Ok(Op::Getdents { slot: slot(b)?, rewind: true })),
    (20, |b| Ok(Op::LinkFile { slot: slot(b)?, path: path(b)? })),
    // Between open files.
    (15, |b| Ok(Op::Dup { from: slot(b)?, to: slot(b)? })),
    (10, |b| Ok(Op::Dup2Over { from: slot(b)?, to: slot(b)? })),
    (10, |b| Ok(Op::Sendfile { out: slot(b)?, input: slot(b)?, len: size(b)?, offset: None })),
    (10, |b| {
        let (input, out, len) = (slot(b)?, slot(b)?, size(b)?);
        Ok(Op::CopyFileRange { input, out, len, offsets: (None, None) })
    }),
    (8, |b| Ok(Op::SpliceIn { slot: slot(b)?, data: data(b)? })),
    (8, |b| Ok(Op::SpliceOut { slot: slot(b)?, len: size(b)? })),
    // Only in a sequence with the condition for it.
    (300, |b| Ok(Op::As { uid: any(b, &OTHER_USERS)?, op: Box::new(by_another(b)?) })),
    (15, |_| Ok(Op::Fork)),
    (15, |_| Ok(Op::Exit)),
    (15, |b| Ok(Op::Chdir { path: directory(b)? })),
    (40, |b| Ok(Op::MountTmpfs { path: directory(b)?, read_only: false })),
    (30, |b| bind(directory(b)?, directory(b)?)),
    (50, |b| Ok(Op::Umount { path: directory(b)? })),
    (5, |b| bind(path(b)?, path(b)?)),
    (5, |b| Ok(Op::Umount { path: path(b)? })),
];

/// An operation that another user tries.
///
/// Where it is one that no other user is asked to do, a look at the file system instead: groups belong
/// to one user, since instances are counted by user on the whole machine; the right to link to a file
/// that is not theirs is a setting of the machine (`fs.protected_hardlinks`).
fn by_another(bytes: &mut Bytes<'_>) -> Result<Op> {
    Ok(match operation(bytes)? {
        Op::As { op, .. } => *op,
        Op::Init { .. } | Op::BadInit { .. } | Op::Fork | Op::Exit => {
            Op::List { path: Path::from(".") }
        }
        Op::Link { old, .. } => Op::Stat { path: old, follow: true },
        Op::LinkFile { slot, .. } => Op::Fstat { slot },
        other => other,
    })
}

/// The names in every directory.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The names that are mostly directories.
const DIRS: [&str; 2] = ["d", "e"];

/// A path: mostly one that can exist, sometimes an odd one.
///
/// No path and no target of a symbolic link leads out of the root: `..` comes only after a
/// directory below the root, and never in a target.
fn path(bytes: &mut Bytes<'_>) -> Result<Path> {
    text(bytes).map(Path::from)
}

fn text(bytes: &mut Bytes<'_>) -> Result<String> {
    const LIKELY: [&str; 10] = ["a", "d/a", "d/e/a", "b", "d", "e", "e/a", "d/b", "d/e", "d/d"];
    const ODD: [&str; 17] = [
        ".",
        "c/a",
        "c/e/a",
        "a/",
        "d/",
        "d/.",
        "./a",
        "d//a",
        "d/../a",
        "d/..",
        "e/../d/a",
        "a/b",
        "d/d/d/a",
        "no/a",
        "",
        "fifteen-letters",
        "d/sixteen--letters",
    ];
    Ok(match weighted(bytes, &[(10, 0), (6, 1), (1, 2)])? {
        0 => any(bytes, &LIKELY)?.to_owned(),
        1 => match bytes.int_in_range(0..=6)? {
            0 => any(bytes, &NAMES)?.to_owned(),
            1 | 2 => format!("{}/{}", any(bytes, &DIRS)?, any(bytes, &NAMES)?),
            _ => {
                let (dir, sub) = (any(bytes, &DIRS)?, any(bytes, &DIRS)?);
                format!("{dir}/{sub}/{}", any(bytes, &NAMES)?)
            }
        },
        _ => match bytes.int_in_range(0..=ODD.len() + 1)? {
            0 => "x".repeat(255),
            1 => "x".repeat(256),
            other => ODD[other - 2].to_owned(),
        },
    })
}

/// A path that is mostly that of a directory.
fn directory(bytes: &mut Bytes<'_>) -> Result<Path> {
    const USUAL: [&str; 8] = ["d", "d/e", "e", "d/d", "e/d", "d/d/d", "d/e/d", "d/e/e"];
    let odd = bytes.int_in_range(0..=9)? == 9;
    if odd { path(bytes) } else { any(bytes, &USUAL).map(Path::from) }
}

/// The target of a symbolic link.
fn target(bytes: &mut Bytes<'_>) -> Result<Path> {
    let targets = ["a", "b", "c", "d", "e", "d/a", "d/e", "e/a", "d/e/a", "no", "no/a", "d/", ""];
    any(bytes, &targets).map(Path::from)
}

/// Permission bits.
fn mode(bytes: &mut Bytes<'_>) -> Result<Mode> {
    any(bytes, &[0o644, 0o755, 0o600, 0o777, 0, 0o4755, 0o2755, 0o2644, 0o1777]).map(Mode)
}

/// A watch mask: everything, some events, flags now and then, and wrong ones.
fn mask(bytes: &mut Bytes<'_>) -> Result<Mask> {
    const WRONG: [u32; 8] =
        [0, 0x0001_0000, 0x1000, 0x4000_0000, 0x0100_0000, 0x8000, 0x3000_0001, 0x2000_0000];
    if bytes.int_in_range(0..=20)? == 20 {
        return any(bytes, &WRONG).map(Mask);
    }
    let events = match weighted(bytes, &[(4, 0), (4, 1), (2, 2)])? {
        0 => 0xfff,
        1 => bytes.int_in_range(1..=0xfff_u32)?,
        _ => 1 << bytes.int_in_range(0..=11)?,
    };
    let flags = match weighted(bytes, &[(5, 0), (4, 1), (2, 2)])? {
        0 => 0,
        1 => any(bytes, &MASK_FLAGS)?,
        _ => {
            let some = bytes.int_in_range(0..=63_u32)?;
            let set = MASK_FLAGS.iter().enumerate().filter(|(bit, _)| some & 1 << bit != 0);
            set.fold(0, |all, (_, flag)| all | flag)
        }
    };
    Ok(Mask(events | flags))
}

/// The flags of `open`. Never one that could block: opening a named pipe would.
fn open_flags(bytes: &mut Bytes<'_>) -> Result<OpenFlags> {
    const UNNAMED: [OpenFlags; 4] =
        [OpenFlags::READ_WRITE, OpenFlags::WRITE, OpenFlags::EXCL, OpenFlags::empty()];
    const EXTRA: [(u8, OpenFlags); 7] = [
        (50, OpenFlags::CREATE),
        (10, OpenFlags::EXCL),
        (20, OpenFlags::TRUNC),
        (15, OpenFlags::APPEND),
        (7, OpenFlags::DIRECTORY),
        (10, OpenFlags::NOFOLLOW),
        (6, OpenFlags::PATH),
    ];
    if bytes.int_in_range(0..=9)? == 9 {
        let mut flags = OpenFlags::TMPFILE | OpenFlags::NONBLOCK | any(bytes, &UNNAMED)?;
        if flags.contains(OpenFlags::EXCL) {
            flags |= OpenFlags::READ_WRITE;
        }
        return Ok(flags);
    }
    let mut flags = OpenFlags::NONBLOCK
        | any(bytes, &[OpenFlags::empty(), OpenFlags::WRITE, OpenFlags::READ_WRITE])?;
    for (chance, flag) in EXTRA {
        if percent(bytes, chance)? {
            flags |= flag;
        }
    }
    Ok(flags)
}

/// A slot for an open file.
fn slot(bytes: &mut Bytes<'_>) -> Result<usize> {
    const OFTEN: [(u32, usize); SLOTS] = [(7, 0), (3, 1), (1, 2), (1, 3)];
    weighted(bytes, &OFTEN)
}

/// A group.
fn group(bytes: &mut Bytes<'_>) -> Result<usize> {
    bytes.int_in_range(0..=GROUPS - 1)
}

/// How many bytes to read or write.
fn size(bytes: &mut Bytes<'_>) -> Result<usize> {
    any(bytes, &[1, 0, 5, 40, 1000])
}

/// The data to write.
fn data(bytes: &mut Bytes<'_>) -> Result<Data> {
    size(bytes).map(Data::of_len)
}

/// A node that is not opened.
fn node(bytes: &mut Bytes<'_>, kind: InodeKind) -> Result<Op> {
    Ok(Op::Mknod { path: path(bytes)?, kind, mode: Mode(0o644), rdev: 0 })
}

/// A part of the tree that is shown somewhere else.
fn bind(source: Path, path: Path) -> Result<Op> {
    Ok(Op::MountBind { source, path, read_only: false })
}

/// A position or length of a file.
fn offset(bytes: &mut Bytes<'_>) -> Result<u64> {
    any(bytes, &[0, 1, 7, 100, 5000, u64::MAX])
}

/// Time stamps to set.
fn times(bytes: &mut Bytes<'_>) -> Result<Times> {
    any(bytes, &[Times::BOTH, Times::ATIME, Times::MTIME, Times::GIVEN, Times::NEITHER])
}

/// An owner and a group; none for the ones it has.
fn owner(bytes: &mut Bytes<'_>) -> Result<Owner> {
    let ids = [None, Some(0), Some(1000)];
    Ok((any(bytes, &ids)?, any(bytes, &ids)?))
}

/// The name of an extended attribute.
fn attribute(bytes: &mut Bytes<'_>) -> Result<String> {
    any(bytes, &["user.a", "user.b", "user.", "nowhere.a"]).map(str::to_owned)
}

/// The flags of `rename2`, wrong ones included.
fn rename_flags(bytes: &mut Bytes<'_>) -> Result<RenameFlags> {
    let flags = [
        (6, RenameFlags::EXCHANGE),
        (3, RenameFlags::NOREPLACE),
        (1, RenameFlags::from_bits_retain(8)),
        (1, RenameFlags::NOREPLACE | RenameFlags::EXCHANGE),
        (1, RenameFlags::WHITEOUT),
    ];
    weighted(bytes, &flags)
}

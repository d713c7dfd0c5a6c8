//! Operations from bytes: which are made, and how often.
//!
//! The bytes come from libFuzzer or from proptest. Where they end, the first and simplest of each
//! choice is taken. Nothing here looks at the machine, so that bytes mean the same everywhere.

use arbitrary::{Result, Unstructured};

use super::super::world::{Open, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, Times};
use super::sequence::{Conditions, OTHER_USERS, Sequence};
use super::{GROUPS, Mask, Mode, Op, SLOTS};

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

/// What a sequence is about besides its operations.
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
    (120, |b| Ok(Op::Rename { old: path(b)?, new: path(b)? })),
    (60, |b| Ok(Op::Link { old: path(b)?, new: path(b)? })),
    (30, |b| Ok(Op::Symlink { target: target(b)?, path: path(b)? })),
    (25, |b| Ok(Op::Mknod { path: path(b)? })),
    (10, |b| Ok(Op::Mkfifo { path: path(b)? })),
    (5, |b| Ok(Op::Mksock { path: path(b)? })),
    (60, |b| Ok(Op::Rename2 { old: path(b)?, new: path(b)?, flags: rename_flags(b)? })),
    // Groups and watches.
    (150, |b| Ok(Op::AddWatch { group: group(b)?, path: path(b)?, mask: mask(b)? })),
    (25, |b| {
        // Not followed, the path of the descriptor is an object of its own and not the file.
        let mask = |mask: Mask| Mask(mask.0 & !DONT_FOLLOW);
        Ok(Op::AddWatchFd { group: group(b)?, slot: slot(b)?, mask: mask(self::mask(b)?) })
    }),
    (35, |b| Ok(Op::RmWatch { group: group(b)?, nth: b.int_in_range(0..=15)? })),
    (5, |b| Ok(Op::RmWd { group: group(b)?, wd: any(b, &[0, -1, 9999, i32::MAX])? })),
    (30, |b| Ok(Op::ReadEvents { group: group(b)?, size: any(b, &[16, 32, 48, 64, 200, 15, 0])? })),
    (40, |b| Ok(Op::Drain { group: group(b)? })),
    (20, |b| Ok(Op::Fionread { group: group(b)? })),
    (10, |b| Ok(Op::Poll { group: group(b)? })),
    (10, |b| Ok(Op::Fdinfo { group: group(b)? })),
    (3, |b| Ok(Op::CloseGroup { group: group(b)? })),
    (8, |b| Ok(Op::Init { group: group(b)?, queue: any(b, &[None, Some(3), Some(8)])? })),
    (2, |b| Ok(Op::BadInit { flags: any(b, &[0, 0o4000, 0o2_000_000, 1, 0o4001, u32::MAX])? })),
    (3, |b| {
        let slot = weighted(b, &[(1, None), (2, Some(0)), (1, Some(1))])?;
        Ok(Op::AddWatchOn { slot, path: path(b)?, mask: mask(b)? })
    }),
    // Attributes by path.
    (25, |b| Ok(Op::Truncate { path: path(b)?, len: offset(b)? })),
    (30, |b| Ok(Op::Chmod { path: path(b)?, mode: mode(b)? })),
    (10, |b| Ok(Op::Chown { path: path(b)?, uid: owner(b)?, gid: owner(b)? })),
    (8, |b| Ok(Op::Lchown { path: path(b)?, uid: owner(b)?, gid: owner(b)? })),
    (30, |b| Ok(Op::Utimens { path: path(b)?, times: times(b)?, follow: b.arbitrary()? })),
    (15, |b| Ok(Op::SetXattr { path: path(b)?, name: attribute(b)?, len: size(b)? })),
    (8, |b| Ok(Op::GetXattr { path: path(b)?, name: attribute(b)? })),
    (10, |b| Ok(Op::RemoveXattr { path: path(b)?, name: attribute(b)? })),
    (15, |b| Ok(Op::Stat { path: path(b)? })),
    (20, |b| Ok(Op::Lstat { path: path(b)? })),
    (8, |b| Ok(Op::Readlink { path: path(b)? })),
    (30, |b| Ok(Op::Listdir { path: path(b)? })),
    // Open files.
    (200, |b| {
        Ok(Op::Open { slot: slot(b)?, path: path(b)?, flags: open_flags(b)?, mode: mode(b)? })
    }),
    (30, |b| Ok(Op::Close { slot: slot(b)? })),
    (60, |b| Ok(Op::Write { slot: slot(b)?, len: size(b)? })),
    (40, |b| Ok(Op::Read { slot: slot(b)?, len: size(b)? })),
    (15, |b| Ok(Op::Pread { slot: slot(b)?, len: size(b)?, offset: offset(b)? })),
    (15, |b| Ok(Op::Pwrite { slot: slot(b)?, len: size(b)?, offset: offset(b)? })),
    (12, |b| {
        let pieces = b.int_in_range(0..=3)?;
        let lens = (0..pieces).map(|_| size(b)).collect::<Result<Vec<usize>>>()?;
        Ok(Op::Writev { slot: slot(b)?, lens })
    }),
    (20, |b| Ok(Op::Lseek { slot: slot(b)?, offset: any(b, &[0, 3, 100, -1])? })),
    (4, |b| Ok(Op::Fsync { slot: slot(b)? })),
    (20, |b| Ok(Op::Ftruncate { slot: slot(b)?, len: offset(b)? })),
    (10, |b| Ok(Op::Fallocate { slot: slot(b)?, offset: offset(b)?, len: offset(b)? })),
    (15, |b| Ok(Op::Fchmod { slot: slot(b)?, mode: mode(b)? })),
    (15, |b| Ok(Op::Futimens { slot: slot(b)?, times: times(b)? })),
    (20, |b| Ok(Op::Fstat { slot: slot(b)? })),
    (15, |b| Ok(Op::Getdents { slot: slot(b)? })),
    (20, |b| Ok(Op::LinkFd { slot: slot(b)?, path: path(b)? })),
    // Between open files.
    (15, |b| Ok(Op::Dup { from: slot(b)?, to: slot(b)? })),
    (10, |b| Ok(Op::Dup2Over { from: slot(b)?, to: slot(b)? })),
    (10, |b| Ok(Op::Sendfile { out: slot(b)?, input: slot(b)?, len: size(b)? })),
    (10, |b| Ok(Op::CopyFileRange { input: slot(b)?, out: slot(b)?, len: size(b)? })),
    (8, |b| Ok(Op::SpliceIn { slot: slot(b)?, len: size(b)? })),
    (8, |b| Ok(Op::SpliceOut { slot: slot(b)?, len: size(b)? })),
    // Only in a sequence with the condition for it.
    (300, |b| Ok(Op::As { uid: any(b, &OTHER_USERS)?, op: Box::new(by_another(b)?) })),
    (15, |_| Ok(Op::Fork)),
    (15, |_| Ok(Op::Exit)),
    (15, |b| Ok(Op::Chdir { path: directory(b)? })),
    (40, |b| Ok(Op::MountTmpfs { path: directory(b)? })),
    (30, |b| Ok(Op::MountBind { source: directory(b)?, path: directory(b)? })),
    (50, |b| Ok(Op::Umount { path: directory(b)? })),
    (5, |b| Ok(Op::MountBind { source: path(b)?, path: path(b)? })),
    (5, |b| Ok(Op::Umount { path: path(b)? })),
];

/// An operation that another user tries.
///
/// Where it is one that nobody else is asked to do, a look at the file system instead: groups belong
/// to one user, since instances are counted by user on the whole machine; who may link to a file
/// that is not theirs is a setting of the machine (`fs.protected_hardlinks`).
fn by_another(bytes: &mut Bytes<'_>) -> Result<Op> {
    Ok(match operation(bytes)? {
        Op::As { op, .. } => *op,
        Op::Init { .. } | Op::BadInit { .. } | Op::Fork | Op::Exit => {
            Op::Listdir { path: ".".to_owned() }
        }
        Op::Link { old, .. } => Op::Stat { path: old },
        Op::LinkFd { slot, .. } => Op::Fstat { slot },
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
fn path(bytes: &mut Bytes<'_>) -> Result<String> {
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
fn directory(bytes: &mut Bytes<'_>) -> Result<String> {
    const USUAL: [&str; 8] = ["d", "d/e", "e", "d/d", "e/d", "d/d/d", "d/e/d", "d/e/e"];
    let odd = bytes.int_in_range(0..=9)? == 9;
    if odd { path(bytes) } else { any(bytes, &USUAL).map(str::to_owned) }
}

/// What a symbolic link points to.
fn target(bytes: &mut Bytes<'_>) -> Result<String> {
    let targets = ["a", "b", "c", "d", "e", "d/a", "d/e", "e/a", "d/e/a", "no", "no/a", "d/", ""];
    any(bytes, &targets).map(str::to_owned)
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
fn open_flags(bytes: &mut Bytes<'_>) -> Result<Open> {
    const UNNAMED: [Open; 4] = [Open::RDWR, Open::WRONLY, Open::EXCL, Open::RDONLY];
    const EXTRA: [(u8, Open); 7] = [
        (50, Open::CREAT),
        (10, Open::EXCL),
        (20, Open::TRUNC),
        (15, Open::APPEND),
        (7, Open::DIRECTORY),
        (10, Open::NOFOLLOW),
        (6, Open::PATH),
    ];
    if bytes.int_in_range(0..=9)? == 9 {
        let mut flags = Open::TMPFILE | Open::NONBLOCK | any(bytes, &UNNAMED)?;
        if flags.contains(Open::EXCL) {
            flags |= Open::RDWR;
        }
        return Ok(flags);
    }
    let mut flags = Open::NONBLOCK | any(bytes, &[Open::RDONLY, Open::WRONLY, Open::RDWR])?;
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

/// A position or length of a file.
fn offset(bytes: &mut Bytes<'_>) -> Result<u64> {
    any(bytes, &[0, 1, 7, 100, 5000, u64::MAX])
}

/// Time stamps to set.
fn times(bytes: &mut Bytes<'_>) -> Result<Times> {
    any(bytes, &[Times::Both, Times::Atime, Times::Mtime, Times::BothExplicit, Times::Neither])
}

/// An owner or a group; none for the one it has.
fn owner(bytes: &mut Bytes<'_>) -> Result<Option<u32>> {
    any(bytes, &[None, Some(0), Some(1000)])
}

/// The name of an extended attribute.
fn attribute(bytes: &mut Bytes<'_>) -> Result<String> {
    any(bytes, &["user.a", "user.b", "user.", "nowhere.a"]).map(str::to_owned)
}

/// The flags of `rename2`, wrong ones included.
fn rename_flags(bytes: &mut Bytes<'_>) -> Result<u32> {
    let flags = [
        (6, RENAME_EXCHANGE),
        (3, RENAME_NOREPLACE),
        (1, 8),
        (1, RENAME_NOREPLACE | RENAME_EXCHANGE),
        (1, RENAME_WHITEOUT),
    ];
    weighted(bytes, &flags)
}

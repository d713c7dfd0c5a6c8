//! Which operations there are to choose from, and how often: cases from bytes.
//!
//! Indices are small, and names few, so that operations meet.

use arbitrary::{Arbitrary, Result, Unstructured};
use vfsnotify::{
    Access, FallocateFlags, InodeKind, LookupFlags, OpenFlags, RenameFlags, XattrMode,
};

use super::case::{CONTEXTS, Case, Furniture, GROUPS, PENDING, SLOTS, Setup};
use crate::op::{
    Caps, Data, INIT_FLAGS, Mask, Mode, NULL, Op, Owner, Stamp, Step, Times, WatchRef, Whence,
};
use crate::path::{Goal, NAMES, Path};

/// The longest case.
const MAX_STEPS: usize = 64;

type Bytes<'a, 'b> = &'b mut Unstructured<'a>;
/// Makes one kind of operation.
type Make = for<'a, 'b> fn(Bytes<'a, 'b>) -> Result<Op>;

const MODES: [u32; 8] = [0o777, 0o755, 0o644, 0o700, 0o1777, 0o070, 0o007, 0];
const LENS: [usize; 6] = [0, 1, 7, 30, 4096, 5000];
const OFFSETS: [u64; 8] = [0, 1, 5, 100, 4090, 4096, 8191, 12_288];
const XATTRS: [&str; 3] = ["user.a", "user.b", "trusted.a"];

fn group(u: Bytes<'_, '_>) -> Result<usize> {
    Ok(*u.choose(&[0, 0, 0, 1, 1, 1, 2, 2])? % GROUPS)
}

fn slot(u: Bytes<'_, '_>) -> Result<usize> {
    Ok(usize::from(u8::arbitrary(u)? & 7) % SLOTS)
}

fn pending(u: Bytes<'_, '_>) -> Result<usize> {
    Ok(usize::from(u8::arbitrary(u)? & 7) % PENDING)
}

/// One in `of`.
fn one_in(u: Bytes<'_, '_>, of: u8) -> Result<bool> {
    Ok(u8::arbitrary(u)? % of == of - 1)
}

fn wish(u: Bytes<'_, '_>, goal: Goal) -> Result<Path> {
    let manner = u8::arbitrary(u)?;
    let (relative, slash, dot) = (manner & 3 == 3, manner & 0x3c == 0x3c, manner & 0xc0 == 0xc0);
    Ok(Path::Wish { goal, relative, slash, dot })
}

fn literal(u: Bytes<'_, '_>) -> Result<Goal> {
    let len = u.choose(&[0, 1, 1, 2, 2, 2, 3, 4])?;
    let names = ["a", "b", "c", "..", "..", ".", "a", "b"];
    (0..*len).map(|_| u.choose(&names).copied()).collect::<Result<_>>().map(Goal::Literal)
}

fn name(u: Bytes<'_, '_>) -> Result<&'static str> {
    u.choose(&[0, 0, 0, 1, 1, 2, 2, 3]).map(|name| NAMES[*name])
}

/// A path by chance: so many in 16 to files, directories and new names; the rest is literal.
fn path_of(u: Bytes<'_, '_>, [files, dirs, new]: [u8; 3]) -> Result<Path> {
    let chance = u8::arbitrary(u)? & 15;
    let goal = if chance < files {
        Goal::File(u8::arbitrary(u)?)
    } else if chance < files + dirs {
        Goal::Dir(u8::arbitrary(u)?)
    } else if chance < files + dirs + new {
        Goal::In(u8::arbitrary(u)?, name(u)?)
    } else {
        literal(u)?
    };
    wish(u, goal)
}

fn any(u: Bytes<'_, '_>) -> Result<Path> {
    path_of(u, [7, 4, 4])
}

fn file(u: Bytes<'_, '_>) -> Result<Path> {
    path_of(u, [13, 1, 1])
}

fn dir(u: Bytes<'_, '_>) -> Result<Path> {
    path_of(u, [1, 12, 1])
}

fn new(u: Bytes<'_, '_>) -> Result<Path> {
    path_of(u, [1, 0, 14])
}

fn mode(u: Bytes<'_, '_>) -> Result<Mode> {
    u.choose(&MODES).copied().map(Mode)
}

fn owner(u: Bytes<'_, '_>) -> Result<Owner> {
    let id = [None, Some(0), Some(1), Some(2)];
    Ok((*u.choose(&id)?, *u.choose(&id)?))
}

fn xattr(u: Bytes<'_, '_>) -> Result<String> {
    u.choose(&XATTRS).map(|name| (*name).to_owned())
}

fn data(u: Bytes<'_, '_>) -> Result<Data> {
    len(u).map(Data::of_len)
}

/// Which of the two the bits ask for.
fn times(bits: u8) -> Times {
    let stamp = |now| if now { Stamp::Now } else { Stamp::Omit };
    Times(stamp(bits & 1 == 0), stamp(bits & 2 == 0))
}

fn len(u: Bytes<'_, '_>) -> Result<usize> {
    u.choose(&LENS).copied()
}

fn offset(u: Bytes<'_, '_>) -> Result<u64> {
    u.choose(&OFFSETS).copied()
}

fn flags(u: Bytes<'_, '_>) -> Result<OpenFlags> {
    let access = [
        OpenFlags::READ,
        OpenFlags::WRITE,
        OpenFlags::READ_WRITE,
        OpenFlags::empty(),
        OpenFlags::TMPFILE | OpenFlags::READ_WRITE,
        OpenFlags::READ_WRITE,
        OpenFlags::DIRECTORY,
        OpenFlags::PATH,
    ];
    let mut flags = *u.choose(&access)?;
    let chances = u16::arbitrary(u)?;
    let some = [
        (OpenFlags::CREATE, 0x3, 0x3),
        (OpenFlags::EXCL, 0xc, 0xc),
        (OpenFlags::TRUNC, 0x30, 0x30),
        (OpenFlags::APPEND, 0xc0, 0xc0),
        (OpenFlags::DIRECTORY, 0x700, 0x700),
        (OpenFlags::NOFOLLOW, 0x3800, 0x3800),
        (OpenFlags::PATH, 0xc038, 0xc038),
    ];
    for (flag, bits, set) in some {
        if chances & bits == set {
            flags |= flag;
        }
    }
    Ok(flags)
}

fn mask(u: Bytes<'_, '_>) -> Result<Mask> {
    bits(u).map(Mask)
}

fn bits(u: Bytes<'_, '_>) -> Result<u32> {
    /// ONLYDIR, DONT_FOLLOW, EXCL_UNLINK, MASK_CREATE, MASK_ADD, ONESHOT.
    const FLAGS: [u32; 6] =
        [0x0100_0000, 0x0200_0000, 0x0400_0000, 0x1000_0000, 0x2000_0000, 0x8000_0000];
    // None at all, unknown ones, and those that mean nothing but are let pass.
    const ODD: [u32; 7] = [0, 0x1000, 0x1_0000, 0x4000_0000, 0x0100_0000, 0xe000, 0x3000_0001];
    let events = match u8::arbitrary(u)? {
        0..=99 => 0xfff,
        100..=199 => u32::from(u16::arbitrary(u)? & 0xfff),
        200..=243 => 1 << (u8::arbitrary(u)? % 12),
        _ => return u.choose(&ODD).copied(),
    };
    let chances = u8::arbitrary(u)?;
    let flags = match chances {
        0..=127 => 0,
        128..=223 => FLAGS[usize::from(chances) % 6],
        _ => (0..6).filter(|bit| chances & 1 << bit != 0).map(|bit| FLAGS[bit]).sum(),
    };
    Ok(events | flags)
}

fn caps(u: Bytes<'_, '_>) -> Result<Caps> {
    Ok(Caps {
        events: *u.choose(&[10_000, 10_000, 10_000, 40, 10, 4, 1, 10_000])?,
        watches: *u.choose(&[1000, 1000, 3, 5])?,
        instances: *u.choose(&[128, 128, 2, 1])?,
        object_marks: *u.choose(&[1024, 1024, 2, 1])?,
    })
}

/// Each kind with its weight.
#[rustfmt::skip]
const KINDS: &[(u8, Make)] = &[
    (10, |u| Ok(Op::Mkdir { path: new(u)?, mode: mode(u)? })),
    (14, |u| {
        let (path, kind, mode) = (new(u)?, kind(u)?, mode(u)?);
        Ok(Op::Mknod { path, kind, mode, rdev: if kind == InodeKind::CharDevice { NULL } else { 0 } })
    }),
    (5, |u| Ok(Op::Symlink { target: any(u)?, path: new(u)? })),
    (10, |u| Ok(Op::Link { old: file(u)?, new: new(u)?, follow: one_in(u, 4)? })),
    (12, |u| Ok(Op::Unlink { path: file(u)? })),
    (8, |u| Ok(Op::Rmdir { path: dir(u)? })),
    (10, |u| Ok(Op::Rename { old: any(u)?, new: new(u)?, flags: renaming(u)? })),
    (12, |u| Ok(Op::Rename { old: any(u)?, new: any(u)?, flags: renaming(u)? })),
    (5, |u| Ok(Op::Stat { path: any(u)?, follow: one_in(u, 2)? })),
    (1, |u| Ok(Op::Readlink { path: file(u)? })),
    (2, |u| {
        let (path, want) = (any(u)?, u.int_in_range(0..=7)?);
        Ok(Op::Access { path, want: Access::from_bits_retain(want), follow: true })
    }),
    (5, |u| Ok(Op::List { path: dir(u)? })),
    (3, |u| Ok(Op::Truncate { path: file(u)?, len: offset(u)? })),
    (7, |u| Ok(Op::Chmod { path: any(u)?, mode: mode(u)?, follow: true })),
    (5, |u| Ok(Op::Chown { path: any(u)?, owner: owner(u)?, follow: one_in(u, 2)? })),
    (4, |u| {
        let (path, bits) = (any(u)?, u8::arbitrary(u)?);
        Ok(Op::Utimens { path, times: times(bits), follow: bits & 4 == 0 })
    }),
    (3, |u| {
        let modes = [XattrMode::Set, XattrMode::Set, XattrMode::Create, XattrMode::Replace];
        let (path, name) = (any(u)?, xattr(u)?);
        Ok(Op::SetXattr { path, name, value: data(u)?, mode: *u.choose(&modes)?, follow: one_in(u, 2)? })
    }),
    (1, |u| Ok(Op::GetXattr { path: any(u)?, name: xattr(u)?, follow: one_in(u, 2)? })),
    (1, |u| Ok(Op::RemoveXattr { path: any(u)?, name: xattr(u)?, follow: one_in(u, 2)? })),
    (24, |u| {
        let (slot, path, flags, mode) = (slot(u)?, any(u)?, flags(u)?, mode(u)?);
        Ok(Op::Open { slot, path, flags, mode, resolve: LookupFlags::empty() })
    }),
    (3, |u| Ok(Op::Dup { from: slot(u)?, to: slot(u)? })),
    (8, |u| Ok(Op::Close { slot: slot(u)? })),
    (4, |u| Ok(Op::LinkFile { slot: slot(u)?, path: new(u)? })),
    (4, |u| Ok(Op::Read { slot: slot(u)?, len: len(u)? })),
    (2, |u| Ok(Op::Pread { slot: slot(u)?, len: len(u)?, offset: offset(u)? })),
    (2, |u| {
        // In two pieces, so that a short one shows.
        let (slot, len) = (slot(u)?, len(u)?);
        Ok(Op::Readv { slot, lens: [len / 2, len - len / 2], offset: None })
    }),
    (5, |u| Ok(Op::Write { slot: slot(u)?, data: data(u)? })),
    (3, |u| Ok(Op::Pwrite { slot: slot(u)?, data: data(u)?, offset: offset(u)? })),
    (4, |u| Ok(Op::ReadDir { slot: slot(u)?, budget: *u.choose(&[32_768, 24, 60, 0])? })),
    (2, |u| {
        let (slot, offset) = (slot(u)?, offset(u)?.cast_signed());
        Ok(Op::Seek { slot, whence: Whence::Start, offset })
    }),
    (2, |u| Ok(Op::Ftruncate { slot: slot(u)?, len: offset(u)? })),
    (2, |u| Ok(Op::Fallocate { slot: slot(u)?, flags: allocation(u)?, offset: offset(u)?, len: len(u)? as u64 })),
    (2, |u| Ok(Op::Fchmod { slot: slot(u)?, mode: mode(u)? })),
    (1, |u| Ok(Op::Fchown { slot: slot(u)?, owner: owner(u)? })),
    (1, |u| {
        let (slot, bits) = (slot(u)?, u8::arbitrary(u)?);
        Ok(Op::Futimens { slot, times: times(bits) })
    }),
    (1, |u| Ok(Op::Fstat { slot: slot(u)? })),
    (2, |u| {
        let (input, out, len) = (slot(u)?, slot(u)?, len(u)?);
        Ok(Op::CopyFileRange { input, out, len, offsets: (some(u)?, some(u)?) })
    }),
    (2, |u| Ok(Op::Sendfile { input: slot(u)?, out: slot(u)?, len: len(u)?, offset: some(u)? })),
    (4, |u| Ok(Op::Chdir { path: dir(u)? })),
    (1, |u| Ok(Op::Fchdir { slot: slot(u)? })),
    (2, |u| Ok(Op::Chroot { path: dir(u)? })),
    (2, |_| Ok(Op::Leave)),
    (1, |u| Ok(Op::Umask { umask: Mode(*u.choose(&[0o022, 0o077, 0, 0o027])?) })),
    (4, |u| Ok(Op::MountTmpfs { path: dir(u)?, read_only: one_in(u, 8)? })),
    (4, |u| Ok(Op::MountBind { source: any(u)?, path: any(u)?, read_only: one_in(u, 4)? })),
    (5, |u| Ok(Op::Umount { path: dir(u)? })),
    (3, |u| Ok(Op::Init { group: group(u)?, flags: INIT_FLAGS, queue: None })),
    (1, |u| Ok(Op::Shutdown { group: group(u)? })),
    (18, |u| Ok(Op::AddWatch { group: group(u)?, path: any(u)?, mask: mask(u)? })),
    (4, |u| Ok(Op::AddWatchFile { group: group(u)?, slot: slot(u)?, mask: mask(u)? })),
    (5, |u| Ok(Op::StartWatch { pending: pending(u)?, group: group(u)?, path: any(u)?, mask: mask(u)? })),
    (1, |u| Ok(Op::StepWatch { pending: pending(u)? })),
    (2, |u| Ok(Op::WaitWatch { pending: pending(u)? })),
    (3, |u| Ok(Op::DropWatch { pending: pending(u)? })),
    (4, |u| {
        let (group, nth) = (group(u)?, usize::from(u8::arbitrary(u)? & 7));
        Ok(Op::RmWatch { group, watch: WatchRef::Nth(nth) })
    }),
    (1, |u| {
        let (group, wd) = (group(u)?, *u.choose(&[0, -1, 77, i32::MAX])?);
        Ok(Op::RmWatch { group, watch: WatchRef::Wd(wd) })
    }),
    (1, |u| Ok(Op::SetNextWd { group: group(u)?, wd: *u.choose(&[1, 2, 5, i32::MAX, 0, -1, i32::MIN])? })),
    (1, |u| Ok(Op::Limits { caps: caps(u)? })),
    (3, |u| Ok(Op::Take { group: group(u)? })),
    (1, |u| Ok(Op::Next { group: group(u)? })),
    (2, |u| Ok(Op::ReadEvents { group: group(u)?, size: *u.choose(&[0, 15, 16, 31, 32, 47, 48, 100, 4096])? })),
];

fn kind(u: Bytes<'_, '_>) -> Result<InodeKind> {
    u.choose(&[
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Regular,
        InodeKind::Fifo,
        InodeKind::CharDevice,
        InodeKind::Socket,
    ])
    .copied()
}

fn renaming(u: Bytes<'_, '_>) -> Result<RenameFlags> {
    let all = [0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 4, 4, 3, 5, 6];
    u.choose(&all).map(|bits| RenameFlags::from_bits_retain(*bits))
}

fn allocation(u: Bytes<'_, '_>) -> Result<FallocateFlags> {
    let all = [0, 1, 3, 0x10, 0x11, 3, 2, 0x12];
    u.choose(&all).map(|bits| FallocateFlags::from_bits_retain(*bits))
}

fn some(u: Bytes<'_, '_>) -> Result<Option<u64>> {
    if one_in(u, 2)? { offset(u).map(Some) } else { Ok(None) }
}

fn op(u: Bytes<'_, '_>) -> Result<Op> {
    let total: u32 = KINDS.iter().map(|(weight, _)| u32::from(*weight)).sum();
    let mut chance = u32::from(u16::arbitrary(u)?) % total;
    for (weight, make) in KINDS {
        match chance.checked_sub(u32::from(*weight)) {
            Some(rest) => chance = rest,
            None => return make(u),
        }
    }
    unreachable!("the chance is less than the total")
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let identity = u8::arbitrary(u)?;
        // Mostly the first superuser, who is stopped by nothing.
        let by = match identity & 7 {
            0..=3 => 0,
            other => usize::from(other - 4) % CONTEXTS.len(),
        };
        let at = (identity & 0x80 != 0).then_some(usize::from(identity));
        Ok(Self { by, at, new_at: None, op: op(u)? })
    }
}

fn furniture(u: Bytes<'_, '_>) -> Result<Furniture> {
    Ok(match u8::arbitrary(u)? {
        byte if byte % 8 == 7 => Furniture::None,
        byte if byte / 8 % 4 == 3 => Furniture::Mounts,
        _ => Furniture::Names,
    })
}

impl<'a> Arbitrary<'a> for Setup {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            caps: caps(u)?,
            files: *u.choose(&[1000, 1000, 4, 2])?,
            negatives: *u.choose(&[1000, 3, 1, 0])?,
            inodes: *u.choose(&[1000, 1000, 12, 8])?,
            bytes: *u.choose(&[1 << 30, 1 << 30, 16_500, 8192])?,
            root_mode: *u.choose(&[0o777, 0o755, 0o1777, 0o711])?,
            furniture: furniture(u)?,
        })
    }
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let setup = Setup::arbitrary(u)?;
        let mut steps = Vec::new();
        while !u.is_empty() && steps.len() < MAX_STEPS {
            steps.push(Step::arbitrary(u)?);
        }
        Ok(Self { setup, steps })
    }
}

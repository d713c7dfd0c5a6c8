//! Which operations are made, and how often.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use super::super::world::{Open, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, Times, World};
use super::{GROUPS, Mask, Mode, Op, SLOTS};

/// How many operations a sequence has.
pub const LENGTH: RangeInclusive<usize> = 60..=120;

/// `IN_DONT_FOLLOW`.
const DONT_FOLLOW: u32 = 0x0200_0000;

/// `IN_ONLYDIR`, `IN_DONT_FOLLOW`, `IN_EXCL_UNLINK`, `IN_MASK_CREATE`, `IN_MASK_ADD`, `IN_ONESHOT`.
const MASK_FLAGS: [u32; 6] =
    [0x0100_0000, DONT_FOLLOW, 0x0400_0000, 0x1000_0000, 0x2000_0000, 0x8000_0000];

/// Which parts of the operation set are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part that can be left out alone")]
pub struct Profile {
    /// Extended attributes.
    pub xattr: bool,
    /// Range reservation.
    pub fallocate: bool,
    /// `sendfile`.
    pub sendfile: bool,
    /// `copy_file_range`.
    pub copy_file_range: bool,
    /// `splice` from and to a pipe.
    pub splice: bool,
    /// Watches on open files, and names for them.
    pub proc_self_fd: bool,
    /// Unnamed temporary files.
    pub o_tmpfile: bool,
    /// The exchange of two names.
    pub rename_exchange: bool,
    /// The whiteout left by a rename.
    pub whiteout: bool,
    /// Named pipes, data included.
    pub fifo: bool,
    /// Change of owner.
    pub chown: bool,
    /// The list of watches.
    pub fdinfo: bool,
    /// Groups with a short queue.
    pub queue_limit: bool,
}

impl Profile {
    /// Everything.
    pub const ALL: Profile = Profile {
        xattr: true,
        fallocate: true,
        sendfile: true,
        copy_file_range: true,
        splice: true,
        proc_self_fd: true,
        o_tmpfile: true,
        rename_exchange: true,
        whiteout: true,
        fifo: true,
        chown: true,
        fdinfo: true,
        queue_limit: true,
    };

    /// What every one of the worlds can do. Besides the capabilities of scenarios, a world is asked
    /// for `whiteout`, `fifo` and `chown`.
    pub fn of(worlds: &[&dyn World]) -> Profile {
        let can = |capability| worlds.iter().all(|world| world.lacks(capability).is_none());
        Profile {
            xattr: can("xattr"),
            fallocate: can("fallocate"),
            sendfile: can("sendfile"),
            copy_file_range: can("copy_file_range"),
            splice: can("splice"),
            proc_self_fd: can("proc_self_fd"),
            o_tmpfile: can("o_tmpfile"),
            rename_exchange: can("rename_exchange"),
            whiteout: can("whiteout"),
            fifo: can("fifo"),
            chown: can("chown"),
            fdinfo: can("fdinfo"),
            queue_limit: can("queue_limit"),
        }
    }
}

/// A sequence of operations. Shrinks by leaving operations out, and only so: every try costs two
/// worlds, and simpler arguments help a reader less than a short sequence.
pub fn operations(profile: Profile) -> impl Strategy<Value = Vec<Op>> {
    // The options let a sequence shrink below the least length that is made.
    let kept = proptest::option::weighted(0.99, operation(profile).no_shrink());
    let start = proptest::bool::weighted(if profile.queue_limit { 0.3 } else { 0.0 });
    (start, proptest::collection::vec(kept, LENGTH)).prop_map(|(short, ops)| {
        let start = if short { short_queue() } else { Vec::new() };
        start.into_iter().chain(ops.into_iter().flatten()).collect::<Vec<Op>>()
    })
}

/// Gives the last group a queue that soon overflows.
fn short_queue() -> Vec<Op> {
    let group = GROUPS - 1;
    let watch = |path: &str| Op::AddWatch { group, path: path.to_owned(), mask: Mask(0xfff) };
    vec![Op::Init { group, queue: Some(6) }, watch("."), watch("d"), watch("d/e")]
}

/// One operation.
pub fn operation(profile: Profile) -> impl Strategy<Value = Op> {
    let mut kinds = names(profile);
    kinds.extend(watching(profile));
    kinds.extend(attributes(profile));
    kinds.extend(files(profile));
    kinds.extend(copies(profile));
    kinds.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(kinds)
}

/// One kind of operation with its weight.
type Weighted = (u32, BoxedStrategy<Op>);

/// The weight of something that may be switched off.
fn when(on: bool, weight: u32) -> u32 {
    if on { weight } else { 0 }
}

/// Any of the values, simplest first.
fn any_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    select(values.to_vec())
}

/// A path: mostly one that can exist, sometimes an odd one.
///
/// No path and no target of a symbolic link leads out of the root: `..` comes only after a
/// directory below the root, and never in a target.
fn path() -> impl Strategy<Value = String> {
    let names = ["a", "b", "c", "d", "e"];
    let dirs = ["d", "e"];
    let mut usual: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    for dir in dirs {
        usual.extend(names.map(|name| format!("{dir}/{name}")));
    }
    for dir in dirs {
        for sub in dirs {
            usual.extend(names.map(|name| format!("{dir}/{sub}/{name}")));
        }
    }
    let mut odd = [
        ".", "c/a", "c/e/a", "a/", "d/", "d/.", "./a", "d//a", "d/../a", "d/..", "e/../d/a", "a/b",
        "d/d/d/a", "no/a", "",
    ]
    .map(str::to_owned)
    .to_vec();
    odd.extend([255, 256].map(|len| "x".repeat(len)));
    let likely = ["a", "d/a", "d/e/a", "b", "d", "e", "e/a", "d/b", "d/e", "d/d"];
    prop_oneof![10 => any_of(&likely).prop_map(str::to_owned), 6 => select(usual), 1 => select(odd)]
}

/// What a symbolic link points to.
fn target() -> impl Strategy<Value = String> {
    let targets = ["a", "b", "c", "d", "e", "d/a", "d/e", "e/a", "d/e/a", "no", "no/a", "d/", ""];
    any_of(&targets).prop_map(str::to_owned)
}

/// Permission bits.
fn mode() -> impl Strategy<Value = Mode> {
    any_of(&[0o644, 0o755, 0o600, 0o777, 0, 0o4755, 0o2755, 0o2644, 0o1777]).prop_map(Mode)
}

/// A watch mask: everything, some events, flags now and then, and wrong ones.
fn mask() -> impl Strategy<Value = Mask> {
    let events = prop_oneof![
        4 => Just(0xfff_u32),
        4 => 1_u32..0x1000,
        2 => (0_u32..12).prop_map(|bit| 1 << bit),
    ];
    let flags = prop_oneof![
        5 => Just(0_u32),
        4 => any_of(&MASK_FLAGS),
        2 => proptest::sample::subsequence(MASK_FLAGS.to_vec(), 0..=3)
            .prop_map(|some| some.into_iter().fold(0, |all, flag| all | flag)),
    ];
    let wrong =
        [0, 0x0001_0000, 0x1000, 0x4000_0000, 0x0100_0000, 0x8000, 0x3000_0001, 0x2000_0000];
    prop_oneof![
        20 => (events, flags).prop_map(|(events, flags)| events | flags),
        1 => any_of(&wrong),
    ]
    .prop_map(Mask)
}

/// The flags of `open`. Never one that could block: opening a named pipe would.
fn open_flags(profile: Profile) -> impl Strategy<Value = Open> {
    let access = any_of(&[Open::RDONLY, Open::WRONLY, Open::RDWR]);
    let extra = [
        (Open::CREAT, 0.5),
        (Open::EXCL, 0.1),
        (Open::TRUNC, 0.2),
        (Open::APPEND, 0.15),
        (Open::DIRECTORY, 0.07),
        (Open::NOFOLLOW, 0.1),
        (Open::PATH, 0.06),
    ];
    let extra: Vec<_> = extra
        .into_iter()
        .map(|(flag, chance)| {
            proptest::bool::weighted(chance)
                .prop_map(move |set| if set { flag } else { Open::RDONLY })
        })
        .collect();
    let join = |flags: Vec<Open>| flags.into_iter().fold(Open::NONBLOCK, |all, flag| all | flag);
    let usual = (access, extra).prop_map(move |(access, extra)| access | join(extra));
    let unnamed = [
        Open::TMPFILE | Open::RDWR,
        Open::TMPFILE | Open::WRONLY,
        Open::TMPFILE | Open::RDWR | Open::EXCL,
        Open::TMPFILE,
    ];
    let unnamed = any_of(&unnamed).prop_map(|flags| flags | Open::NONBLOCK);
    let mut kinds = vec![(9, usual.boxed())];
    if profile.o_tmpfile {
        kinds.push((1, unnamed.boxed()));
    }
    Union::new_weighted(kinds)
}

/// A slot for an open file.
fn slot() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 0_usize..2, 0..SLOTS]
}

/// A group.
fn group() -> impl Strategy<Value = usize> {
    0..GROUPS
}

/// How many bytes to read or write.
fn size() -> impl Strategy<Value = usize> {
    any_of(&[1_usize, 0, 5, 40, 1000])
}

/// A position or length of a file.
fn offset() -> impl Strategy<Value = u64> {
    any_of(&[0_u64, 1, 7, 100, 5000, u64::MAX])
}

/// Time stamps to set.
fn times() -> impl Strategy<Value = Times> {
    let all = [Times::Both, Times::Atime, Times::Mtime, Times::BothExplicit, Times::Neither];
    any_of(&all)
}

/// An owner or a group; none for the one it has.
fn owner() -> impl Strategy<Value = Option<u32>> {
    any_of(&[None, Some(0), Some(1000)])
}

/// The name of an extended attribute.
fn attribute() -> impl Strategy<Value = String> {
    any_of(&["user.a", "user.b", "user.", "nowhere.a"]).prop_map(str::to_owned)
}

/// The flags of `rename2`, wrong ones included.
fn rename_flags(profile: Profile) -> impl Strategy<Value = u32> {
    let exchange = when(profile.rename_exchange, 6);
    let whiteout = when(profile.whiteout, 1);
    let mut kinds = vec![(3, Just(RENAME_NOREPLACE)), (1, Just(8))];
    kinds.push((1, Just(RENAME_NOREPLACE | RENAME_EXCHANGE)));
    kinds.push((exchange, Just(RENAME_EXCHANGE)));
    kinds.push((whiteout, Just(RENAME_WHITEOUT)));
    kinds.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(kinds)
}

/// Operations that make, move and remove names.
fn names(profile: Profile) -> Vec<Weighted> {
    let path_only = |weight, make: fn(String) -> Op| (weight, path().prop_map(make).boxed());
    let pair = |weight, make: fn((String, String)) -> Op| {
        (weight, (path(), path()).prop_map(make).boxed())
    };
    let mkdir = (path(), mode()).prop_map(|(path, mode)| Op::Mkdir { path, mode });
    let symlink = (target(), path()).prop_map(|(target, path)| Op::Symlink { target, path });
    let rename2 = (path(), path(), rename_flags(profile))
        .prop_map(|(old, new, flags)| Op::Rename2 { old, new, flags });
    vec![
        (80, mkdir.boxed()),
        path_only(60, |path| Op::Unlink { path }),
        path_only(40, |path| Op::Rmdir { path }),
        pair(120, |(old, new)| Op::Rename { old, new }),
        pair(60, |(old, new)| Op::Link { old, new }),
        (30, symlink.boxed()),
        path_only(25, |path| Op::Mknod { path }),
        path_only(when(profile.fifo, 10), |path| Op::Mkfifo { path }),
        path_only(5, |path| Op::Mksock { path }),
        (60, rename2.boxed()),
    ]
}

/// Operations on groups and watches.
fn watching(profile: Profile) -> Vec<Weighted> {
    let add = (group(), path(), mask());
    let add = add.prop_map(|(group, path, mask)| Op::AddWatch { group, path, mask });
    let add_fd = (group(), slot(), mask()).prop_map(|(group, slot, mask)| {
        // Not followed, the path of the descriptor is an object of its own and not the file.
        Op::AddWatchFd { group, slot, mask: Mask(mask.0 & !DONT_FOLLOW) }
    });
    let remove = (group(), 0_usize..16).prop_map(|(group, nth)| Op::RmWatch { group, nth });
    let wrong = (group(), any_of(&[0, -1, 9999, i32::MAX]));
    let wrong = wrong.prop_map(|(group, wd)| Op::RmWd { group, wd });
    let limits = match profile.queue_limit {
        true => any_of(&[None, Some(3), Some(8)]).boxed(),
        false => Just(None).boxed(),
    };
    let init = (group(), limits).prop_map(|(group, queue)| Op::Init { group, queue });
    let sizes = any_of(&[16_usize, 32, 48, 64, 200, 15, 0]);
    let read = (group(), sizes).prop_map(|(group, size)| Op::ReadEvents { group, size });
    let on_group = |weight, make: fn(usize) -> Op| (weight, group().prop_map(make).boxed());
    vec![
        (150, add.boxed()),
        (when(profile.proc_self_fd, 25), add_fd.boxed()),
        (35, remove.boxed()),
        (5, wrong.boxed()),
        (30, read.boxed()),
        on_group(40, |group| Op::Drain { group }),
        on_group(20, |group| Op::Fionread { group }),
        on_group(10, |group| Op::Poll { group }),
        on_group(when(profile.fdinfo, 10), |group| Op::Fdinfo { group }),
        on_group(3, |group| Op::CloseGroup { group }),
        (8, init.boxed()),
    ]
}

/// Operations on attributes, by path.
fn attributes(profile: Profile) -> Vec<Weighted> {
    let path_only = |weight, make: fn(String) -> Op| (weight, path().prop_map(make).boxed());
    let truncate = (path(), offset()).prop_map(|(path, len)| Op::Truncate { path, len });
    let chmod = (path(), mode()).prop_map(|(path, mode)| Op::Chmod { path, mode });
    let owned = || (path(), owner(), owner());
    let chown = owned().prop_map(|(path, uid, gid)| Op::Chown { path, uid, gid });
    let lchown = owned().prop_map(|(path, uid, gid)| Op::Lchown { path, uid, gid });
    let utimens = (path(), times(), any::<bool>());
    let utimens = utimens.prop_map(|(path, times, follow)| Op::Utimens { path, times, follow });
    let set = (path(), attribute(), size());
    let set = set.prop_map(|(path, name, len)| Op::SetXattr { path, name, len });
    let get = (path(), attribute()).prop_map(|(path, name)| Op::GetXattr { path, name });
    let remove = (path(), attribute()).prop_map(|(path, name)| Op::RemoveXattr { path, name });
    vec![
        (25, truncate.boxed()),
        (30, chmod.boxed()),
        (when(profile.chown, 10), chown.boxed()),
        (when(profile.chown, 8), lchown.boxed()),
        (30, utimens.boxed()),
        (when(profile.xattr, 15), set.boxed()),
        (when(profile.xattr, 8), get.boxed()),
        (when(profile.xattr, 10), remove.boxed()),
        path_only(15, |path| Op::Stat { path }),
        path_only(20, |path| Op::Lstat { path }),
        path_only(8, |path| Op::Readlink { path }),
        path_only(30, |path| Op::Listdir { path }),
    ]
}

/// Operations on open files.
fn files(profile: Profile) -> Vec<Weighted> {
    let on_slot = |weight, make: fn(usize) -> Op| (weight, slot().prop_map(make).boxed());
    let sized =
        |weight, make: fn((usize, usize)) -> Op| (weight, (slot(), size()).prop_map(make).boxed());
    let open = (slot(), path(), open_flags(profile), mode());
    let open = open.prop_map(|(slot, path, flags, mode)| Op::Open { slot, path, flags, mode });
    let at = || (slot(), size(), offset());
    let pread = at().prop_map(|(slot, len, offset)| Op::Pread { slot, len, offset });
    let pwrite = at().prop_map(|(slot, len, offset)| Op::Pwrite { slot, len, offset });
    let pieces = proptest::collection::vec(size(), 0..4);
    let writev = (slot(), pieces).prop_map(|(slot, lens)| Op::Writev { slot, lens });
    let lseek = (slot(), any_of(&[0_i64, 3, 100, -1]));
    let lseek = lseek.prop_map(|(slot, offset)| Op::Lseek { slot, offset });
    let ftruncate = (slot(), offset()).prop_map(|(slot, len)| Op::Ftruncate { slot, len });
    let fallocate = (slot(), offset(), offset());
    let fallocate = fallocate.prop_map(|(slot, offset, len)| Op::Fallocate { slot, offset, len });
    let fchmod = (slot(), mode()).prop_map(|(slot, mode)| Op::Fchmod { slot, mode });
    let futimens = (slot(), times()).prop_map(|(slot, times)| Op::Futimens { slot, times });
    let link = (slot(), path()).prop_map(|(slot, path)| Op::LinkFd { slot, path });
    vec![
        (200, open.boxed()),
        on_slot(30, |slot| Op::Close { slot }),
        sized(60, |(slot, len)| Op::Write { slot, len }),
        sized(40, |(slot, len)| Op::Read { slot, len }),
        (15, pread.boxed()),
        (15, pwrite.boxed()),
        (12, writev.boxed()),
        (20, lseek.boxed()),
        on_slot(4, |slot| Op::Fsync { slot }),
        (20, ftruncate.boxed()),
        (when(profile.fallocate, 10), fallocate.boxed()),
        (15, fchmod.boxed()),
        (15, futimens.boxed()),
        on_slot(20, |slot| Op::Fstat { slot }),
        on_slot(15, |slot| Op::Getdents { slot }),
        (when(profile.proc_self_fd, 20), link.boxed()),
    ]
}

/// Operations between open files.
fn copies(profile: Profile) -> Vec<Weighted> {
    let dup = (slot(), slot()).prop_map(|(from, to)| Op::Dup { from, to });
    let dup2 = (slot(), slot()).prop_map(|(from, to)| Op::Dup2Over { from, to });
    let both = || (slot(), slot(), size());
    let sendfile = both().prop_map(|(out, input, len)| Op::Sendfile { out, input, len });
    let copy = both().prop_map(|(input, out, len)| Op::CopyFileRange { input, out, len });
    let splice_in = (slot(), size()).prop_map(|(slot, len)| Op::SpliceIn { slot, len });
    let splice_out = (slot(), size()).prop_map(|(slot, len)| Op::SpliceOut { slot, len });
    vec![
        (15, dup.boxed()),
        (10, dup2.boxed()),
        (when(profile.sendfile, 10), sendfile.boxed()),
        (when(profile.copy_file_range, 10), copy.boxed()),
        (when(profile.splice, 8), splice_in.boxed()),
        (when(profile.splice, 8), splice_out.boxed()),
    ]
}

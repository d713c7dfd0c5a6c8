//! The table: every operation on every object.

use lab::op::{Data, INIT_FLAGS, Mask, Mode, NULL, Op, Owner, Stamp, Step, Times, Whence};
use vfsnotify::{Access, FallocateFlags, InodeKind, LookupFlags, RenameFlags, XattrMode};

use crate::calls::*;

/// Existing paths, missing paths, and paths with a slash behind.
pub(crate) fn paths() -> Vec<Path> {
    let others = [
        "missing",
        "d/missing",
        "dw/missing",
        "dt/missing",
        "dsearch/missing",
        "dlist/missing",
        "dshut/missing",
        "down/missing",
        "f/missing",
        "missing/x",
        "f/",
        "d/",
        "dw/sub/",
        "dw/missing/",
        "d/missing/",
        "lf/",
        "ld/",
        "ld/f",
        "ld/missing",
        "",
        "d/.",
        "d/..",
        "dw/sub/..",
        "f/.",
        "f/..",
        "missing/..",
        "dshut/.",
        "dshut/..",
        "dlist/..",
        "./f",
        "d//f",
        "d/sub//",
        "lf/.",
        "lnone/",
        "lnew/",
        "lnew/x",
        "loop/",
        "p/",
        "c/",
        "s/",
        "wh/",
        "lshut/",
        "ld/.",
        "ld/..",
        "dt/l/",
    ];
    TREE.iter().map(|(path, ..)| *path).chain(others).collect()
}

const OPEN_FLAGS: [u32; 33] = [
    0,
    O_WRONLY,
    O_RDWR,
    3,
    O_TRUNC,
    O_WRONLY | O_TRUNC,
    O_WRONLY | O_APPEND,
    O_CREAT,
    O_CREAT | O_WRONLY,
    O_CREAT | O_WRONLY | O_EXCL,
    O_CREAT | O_RDWR | O_TRUNC,
    O_CREAT | O_TRUNC,
    O_CREAT | O_WRONLY | O_NOFOLLOW,
    O_CREAT | O_DIRECTORY,
    O_DIRECTORY,
    O_DIRECTORY | O_WRONLY,
    O_NOFOLLOW,
    O_NOFOLLOW | O_WRONLY,
    O_NOFOLLOW | O_DIRECTORY,
    O_PATH,
    O_PATH | O_NOFOLLOW,
    O_PATH | O_DIRECTORY,
    O_TMPFILE | O_WRONLY,
    O_TMPFILE,
    O_NOATIME,
    O_NOATIME | O_DIRECTORY | O_SYNC,
    O_NOATIME | O_WRONLY | O_CREAT,
    O_NOATIME | O_WRONLY | O_TRUNC | O_DSYNC,
    O_DIRECT | O_ASYNC,
    O_DIRECT | O_RDWR | O_NOATIME,
    O_DIRECT | O_WRONLY | O_CREAT,
    O_DIRECT | O_NOATIME | O_PATH,
    O_DIRECT | O_TMPFILE | O_RDWR | O_EXCL,
];

/// Closes the file that was opened.
const CLOSE: Op = Op::Close { slot: 0 };

pub(crate) fn opens() -> Vec<Case> {
    let flags_then = Op::GetFlags { slot: 0 };
    let of = |path| OPEN_FLAGS.map(|flags| case([open(0, path, flags), flags_then.clone(), CLOSE]));
    paths().into_iter().flat_map(of).collect()
}

const NOW: Stamp = Stamp::Now;
const OMIT: Stamp = Stamp::Omit;
const GIVEN: Stamp = Stamp::At(1, 2);
const BAD: Stamp = Stamp::At(0, 1_000_000_000);

const TIMES: [Times; 8] = [
    Times(NOW, NOW),
    Times(GIVEN, GIVEN),
    Times(NOW, OMIT),
    Times(OMIT, GIVEN),
    Times(OMIT, OMIT),
    Times(BAD, BAD),
    Times(OMIT, BAD),
    Times(BAD, NOW),
];

/// As chown(2) says it.
const SAME: Option<u32> = Some(u32::MAX);

const OWNERS: [Owner; 7] = [
    (SAME, SAME),
    (Some(0), SAME),
    (Some(USER), SAME),
    (SAME, Some(USER)),
    (SAME, Some(0)),
    (Some(USER), Some(USER)),
    (Some(USER + 1), Some(USER + 1)),
];

/// Whether the last symbolic link is followed: both where there is one.
fn follows(path: Path) -> &'static [bool] {
    let link = TREE.iter().any(|(name, .., entry)| {
        *name == path.trim_end_matches('/') && matches!(entry, Entry::Link(_))
    });
    if link || path == "missing" { &[true, false] } else { &[true] }
}

/// Changes of attributes and contents by path, and questions.
pub(crate) fn attributes() -> Vec<Case> {
    let mut ops = Vec::new();
    for path in paths() {
        for &follow in follows(path) {
            let to = || path.into();
            let access = |bits| {
                let want = Access::from_bits_retain(bits);
                Op::Access { path: to(), want, follow }
            };
            ops.extend((0..9).map(access));
            ops.push(Op::Stat { path: to(), follow });
            ops.push(Op::Chmod { path: to(), mode: Mode(0o640), follow });
            ops.extend(OWNERS.map(|owner| Op::Chown { path: to(), owner, follow }));
            ops.extend(TIMES.map(|times| Op::Utimens { path: to(), times, follow }));
        }
        let lens = [0, 1, 100, u64::MAX];
        ops.extend(lens.map(|len| Op::Truncate { path: path.into(), len }));
        let path = || path.into();
        ops.extend([
            Op::Statfs { path: path() },
            Op::Readlink { path: path() },
            Op::List { path: path() },
        ]);
    }
    alone(ops)
}

/// Each operation a case of its own.
fn alone(ops: Vec<Op>) -> Vec<Case> {
    ops.into_iter().map(|op| case([op])).collect()
}

/// A name of 256 bytes.
const LONG: &str = concat!(
    "user.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
);

const XATTRS: [&str; 8] =
    ["user.a", "user.", "trusted.a", "trusted.", "security.a", "bogus", "", LONG];

pub(crate) fn xattrs() -> Vec<Case> {
    let mut ops = Vec::new();
    for path in paths() {
        for &follow in follows(path) {
            let to = || path.into();
            let set = |name: &str, len| {
                let (name, value, mode) = (name.to_owned(), Data::of_len(len), XattrMode::Set);
                Op::SetXattr { path: to(), name, value, mode, follow }
            };
            for name in XATTRS {
                ops.push(Op::GetXattr { path: to(), name: name.to_owned(), follow });
                ops.push(set(name, 1));
                ops.push(Op::RemoveXattr { path: to(), name: name.to_owned(), follow });
            }
            ops.push(set("user.a", 65_537));
            ops.push(Op::ListXattr { path: to(), follow });
        }
    }
    alone(ops)
}

/// Making and removing names.
pub(crate) fn names() -> Vec<Case> {
    let of = |path: Path| {
        let to = || path.into();
        let nodes = [
            (InodeKind::Regular, 0),
            (InodeKind::Fifo, 0),
            (InodeKind::CharDevice, NULL),
            (InodeKind::CharDevice, 0),
        ];
        let node = |(kind, rdev)| Op::Mknod { path: to(), kind, mode: Mode(0o644), rdev };
        let mut ops = nodes.map(node).to_vec();
        ops.extend([
            Op::Mkdir { path: to(), mode: Mode(0o755) },
            Op::Symlink { target: "t".into(), path: to() },
            Op::Symlink { target: "".into(), path: to() },
            Op::Unlink { path: to() },
            Op::Rmdir { path: to() },
        ]);
        ops
    };
    alone(paths().into_iter().flat_map(of).collect())
}

/// Paths for operations with two.
const FEW: [Path; 30] = [
    "f",
    "own",
    "d",
    "d/sub",
    "dw",
    "dw/f",
    "dw/own",
    "dw/sub",
    "dw/full",
    "dw/missing",
    "d/missing",
    "dt/f",
    "dt/own",
    "dt/sub",
    "down",
    "down/f",
    "down/sub",
    "down/missing",
    "lf",
    "p",
    "missing",
    "dshut/f",
    "f/",
    "dw/missing/",
    "d/.",
    "d/..",
    "lnew/",
    "ld/",
    "ld/f",
    "c",
];

/// Moving names. `RENAME_WHITEOUT` makes a device, which takes a privilege.
pub(crate) fn renames() -> Vec<Case> {
    let rename = |old: Path, new: Path, flags| {
        let flags = RenameFlags::from_bits_retain(flags);
        Op::Rename { old: old.into(), new: new.into(), flags }
    };
    let pairs = FEW.iter().flat_map(|old| FEW.iter().map(move |new| (*old, *new)));
    let of = |(old, new)| [0, 1, 2, 4].map(|flags| rename(old, new, flags));
    let wrong = [3, 6, 7, 8].map(|flags| rename("missing", "dshut/f", flags));
    alone(pairs.flat_map(of).chain(wrong).collect())
}

/// Further names. Without privilege, and where a link can be made, whether it may be is a matter of
/// `fs.protected_hardlinks` for all but the owner's files.
pub(crate) fn links(protected: bool) -> Vec<Case> {
    let owned = ["own", "dw/own", "dt/own", "missing", "dshut/f"];
    let may = |old: &Path| !protected || owned.contains(old);
    let pairs = FEW.iter().flat_map(|old| FEW.iter().map(move |new| (*old, *new)));
    let pairs = pairs.filter(|(old, _)| may(old));
    let of = |(old, new): (Path, Path)| {
        [false, true].map(|follow| Op::Link { old: old.into(), new: new.into(), follow })
    };
    alone(pairs.flat_map(of).collect())
}

/// The file opened for the calls on open files.
const OPENED: [(Path, u32); 16] = [
    ("f", 0),
    ("f", O_PATH),
    ("w", O_RDWR),
    ("w", O_WRONLY),
    ("w", O_WRONLY | O_APPEND),
    ("w", 3),
    ("own", O_RDWR),
    ("own", 0),
    ("d", 0),
    ("d", O_PATH),
    ("down", 0),
    ("lf", O_PATH | O_NOFOLLOW),
    ("p", O_RDWR),
    ("pown", 0),
    ("c", O_RDWR),
    ("c", O_PATH),
];

const MAX: i64 = i64::MAX;

/// Reads and writes.
fn contents() -> Vec<Op> {
    let slot = 0;
    let mut on = Vec::new();
    on.extend([0, 3].map(|len| Op::Read { slot, len }));
    on.extend([0, 3].map(|len| Op::Write { slot, data: Data::of_len(len) }));
    for offset in [0, 3, 5, -1, MAX - 3, MAX - 2, MAX].map(i64::cast_unsigned) {
        let pairs = [[0, 0], [0, 3], [2, 2]];
        on.extend([0, 3].map(|len| Op::Pread { slot, len, offset }));
        on.extend(pairs.map(|lens| Op::Readv { slot, lens, offset: Some(offset) }));
        on.extend([0, 3].map(|len| Op::Pwrite { slot, data: Data::of_len(len), offset }));
        on.extend(pairs.map(|lens| {
            let data = lens.map(Data::of_len).to_vec();
            Op::Writev { slot, data, offset: Some(offset) }
        }));
    }
    for whence in [Whence::Start, Whence::Current, Whence::End, Whence::Data, Whence::Hole] {
        on.extend([0, 3, 5, 6, -1, MAX].map(|offset| Op::Seek { slot, whence, offset }));
    }
    on
}

pub(crate) fn on_open_files() -> Vec<Case> {
    let slot = 0;
    let mut on = vec![
        Op::Fstat { slot },
        Op::Fstatfs { slot },
        Op::Getdents { slot, rewind: false },
        Op::Fsync { slot },
        Op::Fchmod { slot, mode: Mode(0o640) },
        Op::FlistXattr { slot },
    ];
    on.extend(OWNERS.map(|owner| Op::Fchown { slot, owner }));
    on.extend(TIMES.map(|times| Op::Futimens { slot, times }));
    on.extend([0, 3, -1, MAX].map(|len: i64| Op::Ftruncate { slot, len: len.cast_unsigned() }));
    for mode in [0, 1, 2, 3, 0x10, 0x11, 0x13, 0x8000] {
        let ranges = [(0, 1), (0, 0), (-1, 1), (0, -1), (MAX, 1), (MAX - 1, 2)];
        // A range of zeroes is what tmpfs does not make, and `MemFs` does.
        let ranges = ranges.into_iter().filter(|range| mode & 0x10 == 0 || *range != (0, 1));
        on.extend(ranges.map(|(offset, len): (i64, i64)| {
            let (offset, len) = (offset.cast_unsigned(), len.cast_unsigned());
            Op::Fallocate { slot, flags: FallocateFlags::from_bits_retain(mode), offset, len }
        }));
    }
    on.extend(contents());
    for name in XATTRS {
        let name = || name.to_owned();
        let (value, mode) = (Data::of_len(1), XattrMode::Set);
        on.extend([
            Op::FgetXattr { slot, name: name() },
            Op::FsetXattr { slot, name: name(), value, mode },
            Op::FremoveXattr { slot, name: name() },
        ]);
    }
    let of = |(path, flags)| {
        on.clone().into_iter().map(move |op| case([open(slot, path, flags), op, CLOSE]))
    };
    OPENED.into_iter().flat_map(of).collect()
}

/// The flags that fcntl(2) makes of the flags of an open file.
pub(crate) fn flags_set() -> Vec<Case> {
    let status = [0, O_APPEND, O_NOATIME, O_DIRECT, O_DIRECT | O_NOATIME, O_SYNC | O_ASYNC, 3];
    let of = |(path, flags)| {
        status.map(|status| {
            let set = Op::SetFlags { slot: 0, flags: flags_of(status) };
            case([open(0, path, flags), set, Op::GetFlags { slot: 0 }, CLOSE])
        })
    };
    OPENED.into_iter().flat_map(of).collect()
}

/// Paths that lead out, if they may.
const OUT: [Path; 14] = [
    "/",
    "/vfsnotify/f",
    "/..",
    "/vfsnotify/missing",
    "..",
    "../",
    "../f",
    "../../..",
    "d/../..",
    "d/../f",
    "ld/../f",
    "lout/f",
    "lout/../..",
    "dw/../lup",
];

/// Opens of all paths with all sets of NO_XDEV, NO_SYMLINKS, BENEATH and IN_ROOT.
pub(crate) fn resolutions() -> Vec<Case> {
    let all = [
        0,
        O_PATH,
        O_PATH | O_NOFOLLOW,
        O_DIRECTORY,
        O_NOFOLLOW,
        O_CREAT | O_WRONLY,
        O_CREAT | O_WRONLY | O_EXCL,
        O_TMPFILE | O_WRONLY,
    ];
    let of = |path: Path| {
        all.into_iter().flat_map(move |flags| {
            // Outside of the tree nothing is made, not even without a name.
            let is_outside = path.starts_with('/') || ["../../..", "lout/../.."].contains(&path);
            let makes = flags & O_TMPFILE == O_TMPFILE && is_outside;
            let resolves = (0..32).filter_map(LookupFlags::from_bits);
            let scopes = move |resolve: &LookupFlags| {
                !makes || resolve.intersects(LookupFlags::BENEATH | LookupFlags::IN_ROOT)
            };
            resolves.filter(scopes).map(move |scope| {
                let Op::Open { slot, path, flags, mode, .. } = open(0, path, flags) else {
                    unreachable!("an open")
                };
                case([Op::Open { slot, path, flags, mode, resolve: scope }, CLOSE])
            })
        })
    };
    paths().into_iter().chain(OUT).flat_map(of).collect()
}

/// The calls on the object in place 0.
fn on_object() -> Vec<Op> {
    let (path, follow, group) = (|| lab::path::Path::Object, true, 0);
    let mut on = vec![
        Op::Stat { path: path(), follow },
        Op::Statfs { path: path() },
        Op::Readlink { path: path() },
        Op::List { path: path() },
        Op::Chmod { path: path(), mode: Mode(0o640), follow },
        Op::ListXattr { path: path(), follow },
        // A name that is searched for.
        Op::Stat { path: ".".into(), follow },
        // Operations on a name, which it does not have.
        Op::Mkdir { path: path(), mode: Mode(0o755) },
        Op::Unlink { path: path() },
        Op::Rmdir { path: path() },
        Op::Symlink { target: "target".into(), path: path() },
        Op::Rename { old: path(), new: "dw/new".into(), flags: RenameFlags::empty() },
    ];
    let access = |bits| Op::Access { path: path(), want: Access::from_bits_retain(bits), follow };
    on.extend((0..9).map(access));
    on.extend([0, 3, u64::MAX].map(|len| Op::Truncate { path: path(), len }));
    on.extend(OWNERS.map(|owner| Op::Chown { path: path(), owner, follow }));
    on.extend(TIMES.map(|times| Op::Utimens { path: path(), times, follow }));
    for name in ["user.a", "trusted.a", "security.a", "bogus"] {
        let name = || name.to_owned();
        let (value, mode) = (Data::of_len(1), XattrMode::Set);
        on.push(Op::GetXattr { path: path(), name: name(), follow });
        on.push(Op::SetXattr { path: path(), name: name(), value, mode, follow });
        on.push(Op::RemoveXattr { path: path(), name: name(), follow });
    }
    let masks = [0xfff, 0x100_0002, 0x1000_0004, 0, 0x1000];
    on.extend(masks.map(|mask| Op::AddWatch { group, path: path(), mask: Mask(mask) }));
    on
}

/// Opens of the object in place 0 with all flags. A magic link is a link, so there is no `O_NOFOLLOW`.
fn object_opens() -> Vec<Case> {
    let opened = OPEN_FLAGS.into_iter().filter(|flags| flags & O_NOFOLLOW == 0);
    let of = |flags| {
        let Op::Open { flags, mode, resolve, .. } = open(1, "", flags) else {
            unreachable!("an open")
        };
        let path = lab::path::Path::Object;
        let again = from_open(Op::Open { slot: 1, path, flags, mode, resolve });
        let rest = [Op::GetFlags { slot: 1 }, Op::Close { slot: 1 }];
        [again].into_iter().chain(rest.map(Step::from)).collect()
    };
    opened.map(of).collect()
}

/// Further names of the object in place 0: see [`links`].
fn object_links(path: Path, protected: bool) -> Vec<Op> {
    let owned = TREE.iter().any(|(name, _, owner, entry)| {
        (*name, *owner) == (path, USER) && matches!(entry, Entry::File)
    });
    if protected && !owned {
        return Vec::new();
    }
    let link = |new: Path| Op::Link { old: lab::path::Path::Object, new: new.into(), follow: true };
    ["dw/new", "d/new", "dw/f", "dw/missing/", "missing/x", ""].map(link).to_vec()
}

/// Everything that is called on an object that these steps open in place 0.
fn all_on_object(path: Path, protected: bool, opening: &[Step]) -> Vec<Case> {
    let group = Step::from(Op::Init { group: 0, flags: INIT_FLAGS, queue: None });
    let on = on_object().into_iter().chain(object_links(path, protected));
    let mut cases: Vec<Case> = on.map(|op| vec![group.clone(), from_open(op)]).collect();
    cases.push(case([Op::Fork, Op::Fchdir { slot: 0 }, Op::Exit]));
    cases.extend(object_opens());
    let with_opening = |case: Case| {
        let close = [Step::from(CLOSE), Op::CloseGroup { group: 0 }.into()];
        opening.iter().cloned().chain(case).chain(close).collect()
    };
    cases.into_iter().map(with_opening).collect()
}

pub(crate) fn objects(protected: bool) -> Vec<Case> {
    let only_named = TREE.iter().map(|(path, ..)| (*path, O_PATH | O_NOFOLLOW));
    let opened =
        [("f", 0), ("secret", O_RDWR), ("dshut/f", O_WRONLY), ("dshut", 0), ("psecret", O_RDWR)];
    let of = |(path, flags)| all_on_object(path, protected, &[as_root(open(0, path, flags))]);
    only_named.chain(opened).flat_map(of).collect()
}

pub(crate) fn unlinked(protected: bool) -> Vec<Case> {
    let paths = ["own", "secret", "suid", "dw/own", "lf", "p", "c", "s", "dw/sub", "down/sub"];
    let of = |path: Path| {
        let remove = match path {
            "dw/sub" | "down/sub" => Op::Rmdir { path: path.into() },
            _ => Op::Unlink { path: path.into() },
        };
        let opening = [as_root(open(0, path, O_PATH | O_NOFOLLOW)), as_root(remove)];
        all_on_object(path, protected, &opening)
    };
    paths.into_iter().flat_map(of).collect()
}

/// A file that is opened: its path and the flags.
type Opened = (Path, u32);

/// An operation from the first of two open files to the second.
fn between(from: Opened, to: Opened, op: Op) -> Case {
    let opens = [open(0, from.0, from.1), open(1, to.0, to.1)];
    case(opens.into_iter().chain([op, CLOSE, Op::Close { slot: 1 }]))
}

pub(crate) fn copies() -> Vec<Case> {
    let copy = |start, target, len| Op::CopyFileRange {
        input: 0,
        out: 1,
        len,
        offsets: (Some(start), Some(target)),
    };
    let mut cases = Vec::new();
    for from in OPENED {
        for to in OPENED {
            for (start, target, len) in [(0, 0, 3), (0, 7, 3), (5, 0, 3), (0, 0, 0), (1, 1, 1)] {
                cases.push(between(from, to, copy(start, target, len)));
            }
        }
    }
    let max = MAX.cast_unsigned();
    let ends = [(max, 0, 3), (0, max, 3), (0, max - 2, 3), (1 << 63, 0, 3)];
    let of = |(start, target, len)| between(("f", 0), ("w", O_RDWR), copy(start, target, len));
    cases.extend(ends.map(of));
    cases
}

pub(crate) fn sends() -> Vec<Case> {
    let max = MAX.cast_unsigned();
    let starts =
        [(None, 3), (None, 0), (Some(0), 3), (Some(5), 3), (Some(max), 1), (Some(1 << 63), 0)];
    let mut cases = Vec::new();
    for from in OPENED {
        for to in OPENED {
            let send = |(offset, len)| Op::Sendfile { out: 1, input: 0, len, offset };
            cases.extend(starts.map(|start| between(from, to, send(start))));
        }
    }
    cases
}

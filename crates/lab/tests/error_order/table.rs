//! The table: every operation on every object.

use crate::calls::*;

/// What there is, what there is not, and paths with a slash behind.
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

const OPEN_FLAGS: [u32; 24] = [
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
];

pub(crate) fn opens() -> Vec<Call> {
    let of = |path| OPEN_FLAGS.map(|flags| Call::Open(path, flags));
    paths().into_iter().flat_map(of).collect()
}

const NOW: Stamp = Stamp::Now;
const OMIT: Stamp = Stamp::Omit;
const GIVEN: Stamp = Stamp::At(1, 2);
const BAD: Stamp = Stamp::At(0, 1_000_000_000);

const TIMES: [(Stamp, Stamp); 8] = [
    (NOW, NOW),
    (GIVEN, GIVEN),
    (NOW, OMIT),
    (OMIT, GIVEN),
    (OMIT, OMIT),
    (BAD, BAD),
    (OMIT, BAD),
    (BAD, NOW),
];

const SAME: u32 = u32::MAX;

const OWNERS: [Owner; 7] = [
    (SAME, SAME),
    (0, SAME),
    (USER, SAME),
    (SAME, USER),
    (SAME, 0),
    (USER, USER),
    (USER + 1, USER + 1),
];

/// Whether the last symbolic link is followed: both where there is one.
fn follows(path: Path) -> &'static [bool] {
    let link = TREE.iter().any(|(name, .., entry)| {
        *name == path.trim_end_matches('/') && matches!(entry, Entry::Link(_))
    });
    if link || path == "missing" { &[true, false] } else { &[true] }
}

/// Changes of attributes and contents by path, and questions.
pub(crate) fn attributes() -> Vec<Call> {
    let mut calls = Vec::new();
    for path in paths() {
        for &follow in follows(path) {
            calls.extend((0..9).map(|bits| Call::Access(path, bits, follow)));
            calls.push(Call::Stat(path, follow));
            calls.push(Call::Chmod(path, follow));
            calls.extend(OWNERS.map(|owner| Call::Chown(path, owner, follow)));
            calls.extend(TIMES.map(|(one, two)| Call::Utimens(path, one, two, follow)));
        }
        calls.extend([0, 1, 100, -1].map(|len| Call::Truncate(path, len)));
        calls.extend([Call::Statfs(path), Call::Readlink(path), Call::List(path)]);
    }
    calls
}

/// A name of 256 bytes.
const LONG: &str = concat!(
    "user.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
);

const XATTRS: [&str; 8] =
    ["user.a", "user.", "trusted.a", "trusted.", "security.a", "bogus", "", LONG];

pub(crate) fn xattrs() -> Vec<Call> {
    let mut calls = Vec::new();
    for path in paths() {
        for &follow in follows(path) {
            for name in XATTRS {
                calls.push(Call::Getxattr(path, name, follow));
                calls.push(Call::Setxattr(path, name, 1, follow));
                calls.push(Call::Removexattr(path, name, follow));
            }
            calls.push(Call::Setxattr(path, "user.a", 65_537, follow));
            calls.push(Call::Listxattr(path, follow));
        }
    }
    calls
}

/// Making and removing names.
pub(crate) fn names() -> Vec<Call> {
    let of = |path| {
        let nodes = [Node::File, Node::Fifo, Node::Device, Node::Whiteout];
        let made = nodes.map(|node| Call::Mknod(path, node)).into_iter();
        made.chain([
            Call::Mkdir(path),
            Call::Symlink("t", path),
            Call::Symlink("", path),
            Call::Unlink(path),
            Call::Rmdir(path),
        ])
    };
    paths().into_iter().flat_map(of).collect()
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
pub(crate) fn renames() -> Vec<Call> {
    let pairs = FEW.iter().flat_map(|old| FEW.iter().map(move |new| (*old, *new)));
    let of = |(old, new)| [0, 1, 2, 4].map(|flags| Call::Rename(old, new, flags));
    let wrong = [3, 6, 7, 8].map(|flags| Call::Rename("missing", "dshut/f", flags));
    pairs.flat_map(of).chain(wrong).collect()
}

/// Further names. Without privilege, and where a link can be made, whether it may be is a matter of
/// `fs.protected_hardlinks` for all but the owner's files.
pub(crate) fn links(protected: bool) -> Vec<Call> {
    let owned = ["own", "dw/own", "dt/own", "missing", "dshut/f"];
    let may = |old: &Path| !protected || owned.contains(old);
    let pairs = FEW.iter().flat_map(|old| FEW.iter().map(move |new| (*old, *new)));
    let pairs = pairs.filter(|(old, _)| may(old));
    pairs.flat_map(|(old, new)| [false, true].map(|follow| Call::Link(old, new, follow))).collect()
}

/// What is opened for the calls on open files.
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

pub(crate) fn on_open_files() -> Vec<Call> {
    let mut on = vec![FileCall::Stat, FileCall::Statfs, FileCall::List, FileCall::Sync];
    on.extend([FileCall::Chmod, FileCall::Listxattr]);
    on.extend(OWNERS.map(FileCall::Chown));
    on.extend(TIMES.map(|(one, two)| FileCall::Utimens(one, two)));
    on.extend([0, 3, -1, MAX].map(FileCall::Truncate));
    for mode in [0, 1, 2, 3, 0x10, 0x11, 0x13, 0x8000] {
        let ranges = [(0, 1), (0, 0), (-1, 1), (0, -1), (MAX, 1), (MAX - 1, 2)];
        // A range of zeroes is what tmpfs does not make, and `MemFs` does.
        let ranges = ranges.into_iter().filter(|range| mode & 0x10 == 0 || *range != (0, 1));
        on.extend(ranges.map(|(offset, len)| FileCall::Fallocate(mode, offset, len)));
    }
    on.extend([0, 3].map(FileCall::Read));
    on.extend([0, 3].map(FileCall::Write));
    for offset in [0, 3, 5, -1, MAX - 3, MAX - 2, MAX] {
        on.extend([0, 3].map(|len| FileCall::Pread(len, offset)));
        on.extend([(0, 0), (0, 3), (2, 2)].map(|(one, two)| FileCall::Preadv(one, two, offset)));
        on.extend([0, 3].map(|len| FileCall::Pwrite(len, offset)));
        on.extend([(0, 0), (0, 3), (2, 2)].map(|(one, two)| FileCall::Pwritev(one, two, offset)));
    }
    for whence in 0..5 {
        on.extend([0, 3, 5, 6, -1, MAX].map(|offset| FileCall::Seek(whence, offset)));
    }
    for name in XATTRS {
        on.extend([
            FileCall::Getxattr(name),
            FileCall::Setxattr(name),
            FileCall::Removexattr(name),
        ]);
    }
    let of = |(path, flags)| on.clone().into_iter().map(move |call| Call::On(path, flags, call));
    OPENED.into_iter().flat_map(of).collect()
}

pub(crate) fn copies() -> Vec<Call> {
    let mut calls = Vec::new();
    for (from, from_flags) in OPENED {
        for (to, to_flags) in OPENED {
            for (start, target, len) in [(0, 0, 3), (0, 7, 3), (5, 0, 3), (0, 0, 0), (1, 1, 1)] {
                calls.push(Call::Copy((from, from_flags, start), (to, to_flags, target), len));
            }
        }
    }
    let ends = [(MAX as u64, 0, 3), (0, MAX as u64, 3), (0, MAX as u64 - 2, 3), (1 << 63, 0, 3)];
    let of = |(start, target, len)| Call::Copy(("f", 0, start), ("w", O_RDWR, target), len);
    calls.extend(ends.map(of));
    calls
}

pub(crate) fn sends() -> Vec<Call> {
    let starts = [
        (None, 3),
        (None, 0),
        (Some(0), 3),
        (Some(5), 3),
        (Some(MAX as u64), 1),
        (Some(1 << 63), 0),
    ];
    let mut calls = Vec::new();
    for from in OPENED {
        for to in OPENED {
            calls.extend(starts.map(|(start, len)| Call::Sendfile(from, start, to, len)));
        }
    }
    calls
}

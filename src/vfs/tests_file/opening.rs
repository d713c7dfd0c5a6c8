//! Open flags, the order of the checks, and what opening reports.

use super::counting_fs::CountingFs;
use super::*;
use crate::base::kind::InodeKind;
use crate::base::sync::Ordering;
use crate::vfs::{At, OpenHow, ResolveFlags};

const READ: OpenFlags = OpenFlags::READ;
const WRITE: OpenFlags = OpenFlags::WRITE;
const CREATE: OpenFlags = OpenFlags::CREATE;
const EXCL: OpenFlags = OpenFlags::EXCL;
const TRUNC: OpenFlags = OpenFlags::TRUNC;
const DIRECTORY: OpenFlags = OpenFlags::DIRECTORY;
const NOFOLLOW: OpenFlags = OpenFlags::NOFOLLOW;
const NEITHER: OpenFlags = OpenFlags::NEITHER;
const PATH: OpenFlags = OpenFlags::PATH;
const TMPFILE: OpenFlags = OpenFlags::TMPFILE;

/// Every row was seen on Linux 6.18 (tmpfs), in this order, on one tree.
#[test]
fn flags_meet_objects_as_on_linux() {
    use ErrorKind::{Exists, Invalid, IsDir, NoDevice, NotDir, NotFound, TooManyLinksFollowed};
    let stage = Stage::new();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mkdir(cx, "/D", 0o755).unwrap();
    stage.put("/ff", b"x");
    let links = [("L", "ff"), ("DL", "nowhere"), ("LD", "D"), ("mk", "made"), ("ndl", "nodir/x")];
    for (link, target) in links.into_iter().chain([("mks", "made2/")]) {
        vfs.symlink(cx, target, format!("/{link}")).unwrap();
    }
    vfs.mknod(cx, "/fifo", InodeKind::Fifo, 0o644, 0).unwrap();
    vfs.mknod(cx, "/sock", InodeKind::Socket, 0o644, 0).unwrap();
    let rows = [
        ("D", CREATE, Some(IsDir)),
        ("D", CREATE | EXCL, Some(Exists)),
        ("D", WRITE, Some(IsDir)),
        ("D", TRUNC, Some(IsDir)),
        ("D/", CREATE, Some(IsDir)),
        ("nx/", CREATE, Some(IsDir)),
        ("nx/", CREATE | EXCL, Some(IsDir)),
        ("ff/", CREATE, Some(IsDir)),
        ("ff/", READ, Some(NotDir)),
        ("ff/", CREATE | EXCL, Some(IsDir)),
        ("ff", DIRECTORY, Some(NotDir)),
        ("ff", DIRECTORY | WRITE, Some(NotDir)),
        ("ff", CREATE | DIRECTORY, Some(Invalid)),
        ("nx", CREATE | DIRECTORY, Some(Invalid)),
        ("L", NOFOLLOW, Some(TooManyLinksFollowed)),
        ("L", NOFOLLOW | CREATE, Some(TooManyLinksFollowed)),
        ("L", NOFOLLOW | CREATE | EXCL, Some(Exists)),
        ("L", CREATE | EXCL, Some(Exists)),
        ("DL", CREATE | EXCL, Some(Exists)),
        ("DL", READ, Some(NotFound)),
        ("DL", CREATE | NOFOLLOW, Some(TooManyLinksFollowed)),
        ("LD", NOFOLLOW, Some(TooManyLinksFollowed)),
        ("LD", NOFOLLOW | DIRECTORY, Some(NotDir)),
        ("LD/", NOFOLLOW, None),
        ("LD/", NOFOLLOW | DIRECTORY, None),
        ("L", DIRECTORY, Some(NotDir)),
        ("mk", CREATE | WRITE, None),
        ("ndl", CREATE, Some(NotFound)),
        ("mks", CREATE, Some(IsDir)),
        ("LD", CREATE, Some(IsDir)),
        ("LD", CREATE | NOFOLLOW, Some(TooManyLinksFollowed)),
        ("L", PATH | NOFOLLOW, None),
        ("L", PATH | NOFOLLOW | DIRECTORY, Some(NotDir)),
        ("ff", PATH | DIRECTORY, Some(NotDir)),
        ("ff", PATH | CREATE | WRITE | TRUNC, None),
        ("nx", PATH | CREATE, Some(NotFound)),
        ("sock", PATH, None),
        (".", TMPFILE | WRITE, None),
        (".", TMPFILE, Some(Invalid)),
        (".", TMPFILE | WRITE | CREATE, Some(Invalid)),
        (".", TMPFILE | WRITE | TRUNC, None),
        ("ff", TMPFILE | WRITE, Some(NotDir)),
        ("nx", TMPFILE | WRITE, Some(NotFound)),
        ("LD", TMPFILE | WRITE, None),
        ("LD", TMPFILE | WRITE | NOFOLLOW, Some(NotDir)),
        (".", CREATE, Some(IsDir)),
        ("..", CREATE | EXCL, Some(Exists)),
        ("/", CREATE, Some(IsDir)),
        ("/", CREATE | EXCL, Some(Exists)),
        ("nx/..", CREATE, Some(NotFound)),
        ("ff/..", CREATE, Some(NotDir)),
        ("ff/.", READ, Some(NotDir)),
        ("D/.", WRITE, Some(IsDir)),
        ("fifo", READ, None),
        ("fifo", WRITE, Some(NoDevice)),
        ("fifo", OpenFlags::READ_WRITE, None),
        ("fifo", TRUNC, None),
        ("fifo", NEITHER, Some(Invalid)),
        ("D", NEITHER, Some(IsDir)),
        ("ff", NEITHER | TRUNC, None),
        (".", NEITHER | TMPFILE, None),
        ("fifo", DIRECTORY, Some(NotDir)),
        ("fifo", CREATE, None),
        ("fifo", CREATE | EXCL, Some(Exists)),
        ("sock", READ, Some(NoDevice)),
        ("L", EXCL, None),
        ("nx", EXCL, Some(NotFound)),
        ("", CREATE, Some(NotFound)),
    ];
    for (path, flags, want) in rows {
        let got = vfs.open(cx, path, flags, 0o644).err().map(|error| error.kind());
        assert_eq!(got, want, "{path} {flags:?}");
    }
    let names: Vec<_> = vfs.list(cx, "/").unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(names.contains(&b"made".to_vec()) && !names.contains(&b"nx".to_vec()));
    assert_eq!(vfs.nr_open_files(), 0);
    vfs.verify().unwrap();
}

#[test]
fn mode_bits_stop_everybody_but_the_maker() {
    let stage = Stage::usual();
    let (vfs, user) = (&stage.vfs, stage.user(1000));
    vfs.chmod(&stage.cx, "/p/f", 0o444).unwrap();
    vfs.mkdir(&stage.cx, "/p/s", 0o755).unwrap();
    stage.heard();
    let denied = |path, flags| refusal(vfs.open(&user, path, flags, 0o644));
    assert_eq!(denied("/p/f", WRITE), ErrorKind::AccessDenied);
    assert_eq!(denied("/p/f", TRUNC), ErrorKind::AccessDenied);
    assert_eq!(denied("/p/f", CREATE | TRUNC), ErrorKind::AccessDenied);
    assert_eq!(denied("/p/f", CREATE | EXCL | WRITE), ErrorKind::Exists);
    assert_eq!(denied("/p/s/n", CREATE), ErrorKind::AccessDenied);
    assert_eq!(denied("/p/s", TMPFILE | WRITE), ErrorKind::AccessDenied);
    stage.expect(&[]);
    vfs.open(&user, "/p/f", PATH | WRITE, 0).unwrap();
    let made = vfs.open(&user, "/p/n", CREATE | WRITE, 0).unwrap();
    assert_eq!(made.write(b"mine"), Ok(4));
    assert_eq!(denied("/p/n", READ), ErrorKind::AccessDenied);
    stage.expect(&["P:CREATE n", "P:OPEN n", "P:MODIFY n"]);
}

/// As Linux 6.18 does (tmpfs).
#[test]
fn what_is_open_for_neither_can_be_asked_and_not_read_or_written() {
    let stage = Stage::usual();
    let (vfs, user) = (&stage.vfs, stage.user(1000));
    for mode in [0o644, 0o622] {
        vfs.chmod(&stage.cx, "/p/f", mode).unwrap();
        assert_eq!(refusal(vfs.open(&user, "/p/f", NEITHER, 0)), ErrorKind::AccessDenied);
    }
    stage.heard();
    let file = stage.open("/p/f", NEITHER);
    assert_eq!((file.flags(), file.flags().to_linux()), (NEITHER, 3));
    assert_eq!(refusal(file.read(&mut [0; 3])), ErrorKind::BadHandle);
    assert_eq!(refusal(file.write(b"x")), ErrorKind::BadHandle);
    assert_eq!(refusal(file.truncate(0)), ErrorKind::Invalid);
    assert_eq!(file.stat().unwrap().size, 5);
    drop(file);
    stage.expect(&["P:OPEN f", "F:OPEN", "P:CLOSE_NOWRITE f", "F:CLOSE_NOWRITE"]);
}

#[test]
fn a_file_that_cannot_be_cut_was_open_all_the_same() {
    let fs = CountingFs::default();
    let counts = fs.counts.clone();
    let stage = Stage::of(fs);
    stage.put("/f", b"hello");
    let stage = stage.watch("F", "/f");
    counts.fail_setattr.store(true, Ordering::Relaxed);
    assert_eq!(stage.refused("/f", WRITE | TRUNC), ErrorKind::Io);
    stage.expect(&["F:OPEN", "F:CLOSE_WRITE"]);
    counts.fail_open.store(true, Ordering::Relaxed);
    assert_eq!(stage.refused("/f", WRITE), ErrorKind::Io);
    stage.expect(&[]);
    assert_eq!(counts.handles.load(Ordering::Relaxed), 0);
}

#[test]
fn there_is_a_limit_on_open_files() {
    let vfs = Vfs::builder().max_open_files(2).build(MemFs::new()).unwrap();
    let cx = vfs.context();
    let one = vfs.open(&cx, "/", READ, 0).unwrap();
    let _same = one.dup();
    let named = vfs.open(&cx, "/", PATH, 0).unwrap();
    assert_eq!(refusal(vfs.open(&cx, "/none", READ, 0)), ErrorKind::TooManyOpenFiles);
    drop(named);
    assert_eq!(refusal(vfs.open(&cx, "/none", READ, 0)), ErrorKind::NotFound);
    vfs.open(&cx, "/", READ, 0).unwrap();
}

#[test]
fn a_path_may_be_kept_below_its_start() {
    let stage = Stage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.symlink(cx, "new", "/p/in").unwrap();
    vfs.symlink(cx, "../out", "/p/up").unwrap();
    vfs.symlink(cx, "/p/f", "/p/abs").unwrap();
    let dir = stage.open("/p", PATH);
    let open = |path: &str, flags, resolve| {
        let how = OpenHow { flags, mode: 0o644, resolve };
        vfs.open_with(cx, At::Dir(&dir), path, how).map(drop)
    };
    let beneath = ResolveFlags::BENEATH;
    for path in ["up", "abs", "../p/f", "/p/f"] {
        for flags in [READ, WRITE | CREATE] {
            assert_eq!(refusal(open(path, flags, beneath)), ErrorKind::CrossDevice, "{path}");
        }
    }
    open("f", READ, beneath).unwrap();
    open("in", WRITE | CREATE, beneath).unwrap();
    assert!(vfs.exists(cx, "/p/new").unwrap());
    let none = ResolveFlags::NO_SYMLINKS;
    assert_eq!(refusal(open("in", READ, none)), ErrorKind::TooManyLinksFollowed);
    assert_eq!(refusal(open("in", WRITE | CREATE, none)), ErrorKind::TooManyLinksFollowed);
    open("f", READ, none).unwrap();
    let file = stage.open("/p/f", PATH);
    let at = vfs.open_with(cx, At::Dir(&file), "x", OpenHow::new(READ));
    assert_eq!(refusal(at), ErrorKind::NotDir);
}

#[test]
fn what_is_only_named_cannot_be_used() {
    let stage = Stage::usual();
    let cx = &stage.cx;
    let file = stage.open("/p/f", PATH);
    let all = [
        refusal(file.read(&mut [0])),
        refusal(file.pread(&mut [0], 0)),
        refusal(file.write(b"x")),
        refusal(file.pwrite(b"x", 0)),
        refusal(file.truncate(0)),
        refusal(file.seek(std::io::SeekFrom::Start(0))),
        refusal(file.position()),
        refusal(file.fsync()),
        refusal(file.chmod(cx, 0)),
        refusal(file.chown(cx, None, None)),
        refusal(file.getxattr(cx, "user.a")),
        refusal(file.read_dir(100)),
    ];
    assert_eq!(all, [ErrorKind::BadHandle; 12]);
    assert_eq!(file.stat().unwrap().size, 5);
    file.statfs().unwrap();
    drop(file);
    stage.expect(&[]);
}

#[test]
fn a_read_only_mount_is_read_only() {
    use crate::base::sync::Arc;
    use crate::vfs::MountOptions;
    let stage = Stage::new();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mkdir(cx, "/m", 0o755).unwrap();
    let fs = MemFs::new();
    let new = crate::fs::NewNode {
        kind: InodeKind::Regular,
        mode: 0o644,
        uid: 0,
        gid: 0,
        rdev: 0,
        target: b"",
    };
    let root = fs.root().unwrap().attr.ino;
    fs.create(root, b"f", &new).unwrap();
    vfs.mount_with(cx, "/m", Arc::new(fs), MountOptions::default().read_only(true)).unwrap();
    assert_eq!(stage.refused("/m/f", WRITE), ErrorKind::ReadOnly);
    assert_eq!(stage.refused("/m/f", TRUNC), ErrorKind::ReadOnly);
    assert_eq!(stage.refused("/m/n", CREATE), ErrorKind::ReadOnly);
    assert_eq!(stage.refused("/m", TMPFILE | WRITE), ErrorKind::ReadOnly);
    stage.open("/m/f", CREATE);
    let file = stage.open("/m/f", READ);
    assert_eq!(refusal(file.chmod(cx, 0o600)), ErrorKind::ReadOnly);
    assert_eq!(refusal(vfs.truncate(cx, "/m/f", 0)), ErrorKind::ReadOnly);
    assert_eq!(vfs.stat(cx, "/m/f").unwrap().device, file.stat().unwrap().device);
    assert_ne!(vfs.stat(cx, "/").unwrap().device, file.stat().unwrap().device);
}

#[test]
fn threads_that_make_the_same_file_open_one() {
    let stage = Stage::new();
    let made = std::thread::scope(|scope| {
        let opened: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let flags = WRITE | CREATE | EXCL;
                    (0..50)
                        .filter(|n| {
                            stage.vfs.open(&stage.cx, format!("/{n}"), flags, 0o644).is_ok()
                        })
                        .count()
                })
            })
            .collect();
        opened.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(made, 50);
    stage.vfs.verify().unwrap();
}

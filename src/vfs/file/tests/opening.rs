//! Open flags, the order of the checks, and what opening reports.

use super::counting_fs::CountingFs;
use super::*;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::base::sync::Ordering;
use crate::fs::{NewNode, Request};
use crate::vfs::LookupFlags;

const READ: OpenFlags = OpenFlags::READ;
const WRITE: OpenFlags = OpenFlags::WRITE;
const CREATE: OpenFlags = OpenFlags::CREATE;
const EXCL: OpenFlags = OpenFlags::EXCL;
const TRUNC: OpenFlags = OpenFlags::TRUNC;
const DIRECTORY: OpenFlags = OpenFlags::DIRECTORY;
const NOFOLLOW: OpenFlags = OpenFlags::NOFOLLOW;
const NO_ACCESS: OpenFlags = OpenFlags::NO_ACCESS;
const PATH: OpenFlags = OpenFlags::PATH;
const TMPFILE: OpenFlags = OpenFlags::TMPFILE;

/// Every row was seen on Linux 6.18 (tmpfs), in this order, on one tree.
#[test]
fn flags_meet_objects_as_on_linux() {
    let stage = FileStage::new();
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
        ("D", CREATE, Some(Errno::EISDIR)),
        ("D", CREATE | EXCL, Some(Errno::EEXIST)),
        ("D", WRITE, Some(Errno::EISDIR)),
        ("D", TRUNC, Some(Errno::EISDIR)),
        ("D/", CREATE, Some(Errno::EISDIR)),
        ("nx/", CREATE, Some(Errno::EISDIR)),
        ("nx/", CREATE | EXCL, Some(Errno::EISDIR)),
        ("ff/", CREATE, Some(Errno::EISDIR)),
        ("ff/", READ, Some(Errno::ENOTDIR)),
        ("ff/", CREATE | EXCL, Some(Errno::EISDIR)),
        ("ff", DIRECTORY, Some(Errno::ENOTDIR)),
        ("ff", DIRECTORY | WRITE, Some(Errno::ENOTDIR)),
        ("ff", CREATE | DIRECTORY, Some(Errno::EINVAL)),
        ("nx", CREATE | DIRECTORY, Some(Errno::EINVAL)),
        ("L", NOFOLLOW, Some(Errno::ELOOP)),
        ("L", NOFOLLOW | CREATE, Some(Errno::ELOOP)),
        ("L", NOFOLLOW | CREATE | EXCL, Some(Errno::EEXIST)),
        ("L", CREATE | EXCL, Some(Errno::EEXIST)),
        ("DL", CREATE | EXCL, Some(Errno::EEXIST)),
        ("DL", READ, Some(Errno::ENOENT)),
        ("DL", CREATE | NOFOLLOW, Some(Errno::ELOOP)),
        ("LD", NOFOLLOW, Some(Errno::ELOOP)),
        ("LD", NOFOLLOW | DIRECTORY, Some(Errno::ENOTDIR)),
        ("LD/", NOFOLLOW, None),
        ("LD/", NOFOLLOW | DIRECTORY, None),
        ("L", DIRECTORY, Some(Errno::ENOTDIR)),
        ("mk", CREATE | WRITE, None),
        ("ndl", CREATE, Some(Errno::ENOENT)),
        ("mks", CREATE, Some(Errno::EISDIR)),
        ("LD", CREATE, Some(Errno::EISDIR)),
        ("LD", CREATE | NOFOLLOW, Some(Errno::ELOOP)),
        ("L", PATH | NOFOLLOW, None),
        ("L", PATH | NOFOLLOW | DIRECTORY, Some(Errno::ENOTDIR)),
        ("ff", PATH | DIRECTORY, Some(Errno::ENOTDIR)),
        ("ff", PATH | CREATE | WRITE | TRUNC, None),
        ("nx", PATH | CREATE, Some(Errno::ENOENT)),
        ("sock", PATH, None),
        (".", TMPFILE | WRITE, None),
        (".", TMPFILE, Some(Errno::EINVAL)),
        (".", TMPFILE | WRITE | CREATE, Some(Errno::EINVAL)),
        (".", TMPFILE | WRITE | TRUNC, None),
        ("ff", TMPFILE | WRITE, Some(Errno::ENOTDIR)),
        ("nx", TMPFILE | WRITE, Some(Errno::ENOENT)),
        ("LD", TMPFILE | WRITE, None),
        ("LD", TMPFILE | WRITE | NOFOLLOW, Some(Errno::ENOTDIR)),
        (".", CREATE, Some(Errno::EISDIR)),
        ("..", CREATE | EXCL, Some(Errno::EEXIST)),
        ("/", CREATE, Some(Errno::EISDIR)),
        ("/", CREATE | EXCL, Some(Errno::EEXIST)),
        ("nx/..", CREATE, Some(Errno::ENOENT)),
        ("ff/..", CREATE, Some(Errno::ENOTDIR)),
        ("ff/.", READ, Some(Errno::ENOTDIR)),
        ("D/.", WRITE, Some(Errno::EISDIR)),
        ("fifo", READ, None),
        ("fifo", WRITE, Some(Errno::ENXIO)),
        ("fifo", OpenFlags::READ_WRITE, None),
        ("fifo", TRUNC, None),
        ("fifo", NO_ACCESS, Some(Errno::EINVAL)),
        ("D", NO_ACCESS, Some(Errno::EISDIR)),
        ("ff", NO_ACCESS | TRUNC, None),
        (".", NO_ACCESS | TMPFILE, None),
        ("fifo", DIRECTORY, Some(Errno::ENOTDIR)),
        ("fifo", CREATE, None),
        ("fifo", CREATE | EXCL, Some(Errno::EEXIST)),
        ("sock", READ, Some(Errno::ENXIO)),
        ("L", EXCL, None),
        ("nx", EXCL, Some(Errno::ENOENT)),
        ("", CREATE, Some(Errno::ENOENT)),
    ];
    for (path, flags, want) in rows {
        let got = vfs.open(cx, path, flags, 0o644).err().map(|error| error.errno());
        assert_eq!(got, want, "{path} {flags:?}");
    }
    let names: Vec<_> = vfs.list(cx, "/").unwrap().into_iter().map(|entry| entry.name).collect();
    assert!(names.contains(&b"made".to_vec()) && !names.contains(&b"nx".to_vec()));
    assert_eq!(vfs.nr_open_files(), 0);
    vfs.verify().unwrap();
}

#[test]
fn mode_bits_stop_all_callers_but_the_maker() {
    let stage = FileStage::usual();
    let (vfs, user) = (&stage.vfs, stage.user(1000));
    vfs.chmod(&stage.cx, "/p/f", 0o444).unwrap();
    vfs.mkdir(&stage.cx, "/p/s", 0o755).unwrap();
    stage.take_events();
    let denied = |path, flags| refusal(vfs.open(&user, path, flags, 0o644));
    assert_eq!(denied("/p/f", WRITE), Errno::EACCES);
    assert_eq!(denied("/p/f", TRUNC), Errno::EACCES);
    assert_eq!(denied("/p/f", CREATE | TRUNC), Errno::EACCES);
    assert_eq!(denied("/p/f", CREATE | EXCL | WRITE), Errno::EEXIST);
    assert_eq!(denied("/p/s/n", CREATE), Errno::EACCES);
    assert_eq!(denied("/p/s", TMPFILE | WRITE), Errno::EACCES);
    stage.expect(&[]);
    vfs.open(&user, "/p/f", PATH | WRITE, 0).unwrap();
    let made = vfs.open(&user, "/p/n", CREATE | WRITE, 0).unwrap();
    assert_eq!(made.write(b"mine"), Ok(4));
    assert_eq!(denied("/p/n", READ), Errno::EACCES);
    stage.expect(&["P:CREATE n", "P:OPEN n", "P:MODIFY n"]);
}

/// As Linux 6.18 does (tmpfs).
#[test]
fn a_file_without_access_can_be_asked_and_not_read_or_written() {
    let stage = FileStage::usual();
    let (vfs, user) = (&stage.vfs, stage.user(1000));
    for mode in [0o644, 0o622] {
        vfs.chmod(&stage.cx, "/p/f", mode).unwrap();
        assert_eq!(refusal(vfs.open(&user, "/p/f", NO_ACCESS, 0)), Errno::EACCES);
    }
    stage.take_events();
    let file = stage.open("/p/f", NO_ACCESS);
    assert_eq!((file.flags(), file.flags().to_linux()), (NO_ACCESS, 3));
    assert_eq!(refusal(file.read(&mut [0; 3])), Errno::EBADF);
    assert_eq!(refusal(file.write(b"x")), Errno::EBADF);
    assert_eq!(refusal(file.truncate(0)), Errno::EINVAL);
    assert_eq!(file.stat().unwrap().size, 5);
    drop(file);
    stage.expect(&["P:OPEN f", "F:OPEN", "P:CLOSE_NOWRITE f", "F:CLOSE_NOWRITE"]);
}

#[test]
fn a_file_that_cannot_be_cut_was_open_all_the_same() {
    let fs = CountingFs::default();
    let counts = fs.counts.clone();
    let stage = FileStage::of(fs);
    stage.put("/f", b"hello");
    let stage = stage.watch("F", "/f");
    counts.fail_setattr.store(true, Ordering::Relaxed);
    assert_eq!(stage.refused("/f", WRITE | TRUNC), Errno::EIO);
    stage.expect(&["F:OPEN", "F:CLOSE_WRITE"]);
    counts.fail_open.store(true, Ordering::Relaxed);
    assert_eq!(stage.refused("/f", WRITE), Errno::EIO);
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
    assert_eq!(refusal(vfs.open(&cx, "/none", READ, 0)), Errno::ENFILE);
    drop(named);
    assert_eq!(refusal(vfs.open(&cx, "/none", READ, 0)), Errno::ENOENT);
    vfs.open(&cx, "/", READ, 0).unwrap();
}

#[test]
fn a_path_may_be_kept_below_its_start() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.symlink(cx, "new", "/p/in").unwrap();
    vfs.symlink(cx, "../out", "/p/up").unwrap();
    vfs.symlink(cx, "/p/f", "/p/abs").unwrap();
    let dir = stage.open("/p", PATH);
    let open = |path: &str, flags, resolve| {
        vfs.open(cx, dir.at(path).with_flags(resolve), flags, 0o644).map(drop)
    };
    let beneath = LookupFlags::BENEATH;
    for path in ["up", "abs", "../p/f", "/p/f"] {
        for flags in [READ, WRITE | CREATE] {
            assert_eq!(refusal(open(path, flags, beneath)), Errno::EXDEV, "{path}");
        }
    }
    open("f", READ, beneath).unwrap();
    open("in", WRITE | CREATE, beneath).unwrap();
    assert!(vfs.exists(cx, "/p/new").unwrap());
    let none = LookupFlags::NO_SYMLINKS;
    assert_eq!(refusal(open("in", READ, none)), Errno::ELOOP);
    assert_eq!(refusal(open("in", WRITE | CREATE, none)), Errno::ELOOP);
    open("f", READ, none).unwrap();
    let file = stage.open("/p/f", PATH);
    let at = vfs.open(cx, file.at("x"), READ, 0);
    assert_eq!(refusal(at), Errno::ENOTDIR);
}

#[test]
fn what_is_only_named_cannot_be_used() {
    let stage = FileStage::usual();
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
    assert_eq!(all, [Errno::EBADF; 12]);
    assert_eq!(file.stat().unwrap().size, 5);
    file.statfs().unwrap();
    drop(file);
    stage.expect(&[]);
}

#[test]
fn a_read_only_mount_is_read_only() {
    use crate::base::sync::Arc;
    use crate::vfs::MountOptions;
    let stage = FileStage::new();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mkdir(cx, "/m", 0o755).unwrap();
    let fs = MemFs::new();
    let new = NewNode::new(InodeKind::Regular, Mode::new(0o644));
    let root = fs.root().unwrap().attr.ino;
    fs.create(&Request::SUPERUSER, root, b"f", &new).unwrap();
    vfs.mount_with(cx, "/m", Arc::new(fs), MountOptions::default().read_only(true)).unwrap();
    assert_eq!(stage.refused("/m/f", WRITE), Errno::EROFS);
    assert_eq!(stage.refused("/m/f", TRUNC), Errno::EROFS);
    assert_eq!(stage.refused("/m/n", CREATE), Errno::EROFS);
    assert_eq!(stage.refused("/m", TMPFILE | WRITE), Errno::EROFS);
    stage.open("/m/f", CREATE);
    let file = stage.open("/m/f", READ);
    assert_eq!(refusal(file.chmod(cx, 0o600)), Errno::EROFS);
    assert_eq!(refusal(vfs.truncate(cx, "/m/f", 0)), Errno::EROFS);
    assert_eq!(vfs.stat(cx, "/m/f").unwrap().device, file.stat().unwrap().device);
    assert_ne!(vfs.stat(cx, "/").unwrap().device, file.stat().unwrap().device);
}

#[test]
fn threads_that_make_the_same_file_open_one() {
    let stage = FileStage::new();
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

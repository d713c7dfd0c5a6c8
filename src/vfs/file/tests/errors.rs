//! Which path the error of an open file is about.

use std::io::{IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

use super::*;
use crate::base::clock::Timestamp;
use crate::base::error::Error;
use crate::base::kind::InodeKind;
use crate::fs::{FallocateFlags, RenameFlags, TimeSetting, XattrMode};
use crate::vfs::Access;

fn path(error: &Error) -> Option<&str> {
    error.path().map(|path| std::str::from_utf8(path).unwrap())
}

/// Everything that can fail of a file that is only named, or open for too little.
#[test]
fn each_method_names_the_file_that_it_failed_on() {
    let stage = FileStage::usual();
    let (cx, other) = (&stage.cx, stage.open("/p/f", OpenFlags::READ));
    let named = stage.open("/p/f", OpenFlags::PATH);
    let mut byte = [0];
    let errors = [
        named.read(&mut byte).map(drop).unwrap_err(),
        named.readv(&mut [IoSliceMut::new(&mut [0])]).map(drop).unwrap_err(),
        named.pread(&mut byte, 0).map(drop).unwrap_err(),
        named.preadv(&mut [IoSliceMut::new(&mut [0])], 0).map(drop).unwrap_err(),
        other.write(b"x").map(drop).unwrap_err(),
        other.writev(&[IoSlice::new(b"x")]).map(drop).unwrap_err(),
        other.pwrite(b"x", 0).map(drop).unwrap_err(),
        other.pwritev(&[IoSlice::new(b"x")], 0).map(drop).unwrap_err(),
        other.seek(SeekFrom::Current(-9)).map(drop).unwrap_err(),
        named.position().map(drop).unwrap_err(),
        other.seek_data(9).map(drop).unwrap_err(),
        other.seek_hole(9).map(drop).unwrap_err(),
        other.read_dir(100).map(drop).unwrap_err(),
        other.truncate(u64::MAX).unwrap_err(),
        other.truncate(0).unwrap_err(),
        other.fallocate(FallocateFlags::empty(), 0, 1).unwrap_err(),
        named.fsync().unwrap_err(),
        named.chmod(cx, 0).unwrap_err(),
        named.chown(cx, None, None).unwrap_err(),
        other.getxattr(cx, "").map(drop).unwrap_err(),
        other.setxattr(cx, "user.a", &[0; 65_537], XattrMode::Set).unwrap_err(),
        other.removexattr(cx, "user.a").unwrap_err(),
        named.listxattr(cx).map(drop).unwrap_err(),
        named.splice_to(&mut byte).map(drop).unwrap_err(),
        other.splice_from(b"x").map(drop).unwrap_err(),
        named.sendfile(None, &other, 1).map(drop).unwrap_err(),
        named.copy_file_range(None, &other, None, 1).map(drop).unwrap_err(),
    ];
    for (at, error) in errors.iter().enumerate() {
        assert_eq!(path(error), Some("/p/f"), "number {at}: {error}");
    }
}

/// An error before any look-up has the path too.
#[test]
fn each_operation_names_the_path_that_it_was_given() {
    let stage = FileStage::usual();
    let (vfs, cx, none) = (&stage.vfs, &stage.cx, RenameFlags::from_bits_retain(1 << 30));
    let (now, never) =
        (TimeSetting::Now, TimeSetting::At(Timestamp { seconds: 0, nanoseconds: 1_000_000_000 }));
    let file = stage.open("/p/f", OpenFlags::PATH);
    let no_access = Access::from_bits_retain(64);
    for at in ["/p/f".to_path(), file.to_path()] {
        let errors = [
            vfs.getxattr(cx, at, "").map(drop).unwrap_err(),
            vfs.setxattr(cx, at, "user.a\0", b"", XattrMode::Set).unwrap_err(),
            vfs.setxattr(cx, at, "user.a", &[0; 65_537], XattrMode::Set).unwrap_err(),
            vfs.removexattr(cx, at, "x".repeat(256)).unwrap_err(),
            vfs.truncate(cx, at, u64::MAX).unwrap_err(),
            vfs.rename(cx, at, "/p/g", none).unwrap_err(),
            vfs.utimens(cx, at, Some(now), Some(never)).unwrap_err(),
            vfs.access(cx, at, no_access).unwrap_err(),
            vfs.mknod(cx, at, InodeKind::Directory, 0, 0).unwrap_err(),
            vfs.mknod(cx, at, InodeKind::Symlink, 0, 0).unwrap_err(),
            vfs.symlink(cx, "", at).unwrap_err(),
            vfs.open(cx, at, OpenFlags::TMPFILE, 0).map(drop).unwrap_err(),
        ];
        for (number, error) in errors.iter().enumerate() {
            assert_eq!(path(error), Some("/p/f"), "number {number}: {error}");
        }
    }
}

#[test]
fn a_copy_names_the_file_that_could_not_be_written_to() {
    let stage = FileStage::usual();
    stage.put("/p/to", b"");
    let from = stage.open("/p/f", OpenFlags::READ);
    let [to, appends] =
        [OpenFlags::READ, OpenFlags::WRITE | OpenFlags::APPEND].map(|how| stage.open("/p/to", how));
    for error in [
        from.sendfile(None, &to, 1).unwrap_err(),
        from.copy_file_range(None, &to, None, 1).unwrap_err(),
        from.copy_file_range(None, &appends, None, 1).unwrap_err(),
    ] {
        assert_eq!((path(&error), error.errno()), (Some("/p/to"), Errno::EBADF));
    }
}

#[test]
fn the_path_is_that_of_the_moment() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let file = stage.open("/p/f", OpenFlags::WRITE);
    let now = || file.read(&mut [0]).unwrap_err();
    assert_eq!(path(&now()), Some("/p/f"));
    vfs.rename(cx, "/p", "/q", RenameFlags::empty()).unwrap();
    assert_eq!(now().to_string(), "/q/f: bad file descriptor (EBADF)");
    vfs.unlink(cx, "/q/f").unwrap();
    assert_eq!(path(&now()), Some("/q/f"), "the last one that it had");
    let unnamed = stage.open("/q", OpenFlags::TMPFILE | OpenFlags::WRITE);
    let name = format!("/q/#{}", unnamed.stat().unwrap().ino);
    assert_eq!(path(&unnamed.read(&mut [0]).unwrap_err()), Some(&*name));
    vfs.mount(cx, "/q", MemFs::new()).unwrap();
    stage.put("/q/inside", b"");
    let inside = stage.open("/q/inside", OpenFlags::WRITE);
    assert_eq!(path(&inside.read(&mut [0]).unwrap_err()), Some("/q/inside"));
    let root = stage.open("/", OpenFlags::READ);
    assert_eq!(path(&root.read(&mut [0]).unwrap_err()), Some("/"));
    // From the first root of all, also where the caller has another one.
    let jailed = cx.clone().with_root(vfs, "/q").unwrap();
    let file = vfs.open(&jailed, "/inside", OpenFlags::WRITE, 0).unwrap();
    assert_eq!(path(&file.read(&mut [0]).unwrap_err()), Some("/q/inside"));
}

#[test]
fn a_path_that_is_too_long_is_left_out() {
    let stage = FileStage::new();
    let mut dir = stage.open("/", OpenFlags::PATH);
    let name = "n".repeat(255);
    for _ in 0..17 {
        let mut cx = stage.cx.clone();
        cx.chdir(&stage.vfs, &dir).unwrap();
        stage.vfs.mkdir(&cx, &name, 0o755).unwrap();
        dir = stage.vfs.open(&cx, &name, OpenFlags::PATH, 0).unwrap();
    }
    assert_eq!(path(&dir.read(&mut [0]).unwrap_err()), None);
}

/// A program that waits for a fifo asks again and again.
#[test]
fn an_answer_to_try_again_has_no_path() {
    let stage = FileStage::new();
    stage.vfs.mknod(&stage.cx, "/p", crate::InodeKind::Fifo, 0o644, 0).unwrap();
    let fifo = stage.open("/p", OpenFlags::READ_WRITE);
    let error = fifo.read(&mut [0]).unwrap_err();
    assert_eq!((path(&error), error.errno()), (None, Errno::EAGAIN));
}

/// Fails (a lock is taken against the order) if the way up takes more than `children`.
#[test]
fn a_path_is_found_while_renames_and_directories_are_locked() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", OpenFlags::WRITE);
    let inode = file.dentry().inode();
    let _rename = inode.superblock.lock_rename();
    let dirs = ["/", "/p"].map(|path| stage.vfs.open(&stage.cx, path, OpenFlags::PATH, 0));
    let slots = dirs.map(|dir| dir.unwrap().dentry().inode().dir());
    let _locks = crate::vfs::directory_locks::DirLocks::new(stage.vfs.tree(), &slots);
    assert_eq!(path(&file.read(&mut [0]).unwrap_err()), Some("/p/f"));
}

#[test]
fn the_traits_of_the_standard_library_work_on_a_shared_handle() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", OpenFlags::READ_WRITE | OpenFlags::APPEND);
    let mut shared = &file;
    assert_eq!(shared.write_vectored(&[IoSlice::new(b", "), IoSlice::new(b"world")]).unwrap(), 7);
    shared.flush().unwrap();
    Seek::seek(&mut shared, SeekFrom::Start(3)).unwrap();
    let (mut one, mut two) = ([0; 4], [0; 20]);
    let count =
        shared.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)]).unwrap();
    assert_eq!((count, &one, &two[..5]), (9, b"lo, ", &b"world"[..]));
    let mut owned = stage.open("/p/f", OpenFlags::WRITE);
    assert_eq!(owned.write_vectored(&[IoSlice::new(b"H"), IoSlice::new(b"E")]).unwrap(), 2);
    let error = owned.read_to_end(&mut Vec::new()).unwrap_err();
    let inner = error.downcast::<Error>().unwrap();
    assert_eq!((path(&inner), inner.errno()), (Some("/p/f"), Errno::EBADF));
}

/// Of two paths, the error has the one that it is about.
#[test]
fn an_operation_on_two_paths_names_the_one_that_it_failed_on() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    stage.put("/p/gone", b"");
    let gone = stage.open("/p/gone", OpenFlags::PATH);
    vfs.unlink(cx, "/p/gone").unwrap();
    let none = RenameFlags::empty();
    let errors = [
        (vfs.bind_mount(cx, "/none", "/p/f"), "/none"),
        (vfs.bind_mount(cx, "/p/f", "/none"), "/none"),
        (vfs.bind_mount(cx, "/p/f", &gone), "/p/gone"),
        (vfs.bind_mount(cx, &gone, "/p/f"), "/p/gone"),
        (vfs.link(cx, "/none", "/p/new"), "/none"),
        (vfs.link(cx, "/p/f", "/none/new"), "/none/new"),
        (vfs.rename(cx, "/none", "/p/new", none), "/none"),
        (vfs.rename(cx, "/p/f", "/none/new", none), "/none/new"),
        (vfs.rename(cx, &gone, "/p/new", none), "/p/gone"),
        (vfs.rename(cx, "/p/f", &gone, none), "/p/gone"),
    ];
    for (number, (result, named)) in errors.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!((path(&error), error.errno()), (Some(named), Errno::ENOENT), "number {number}");
    }
    let full = Vfs::builder().max_mounts(1).build(MemFs::new()).unwrap();
    full.mkdir(&full.context(), "/to", 0o755).unwrap();
    let error = full.bind_mount(&full.context(), "/", "/to").unwrap_err();
    assert_eq!((path(&error), error.errno()), (Some("/to"), Errno::ENOSPC));
}

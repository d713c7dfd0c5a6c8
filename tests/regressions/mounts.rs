//! Mounts, and what is over what.

use std::sync::Arc;

use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Access, Credentials, Errno, InodeKind, IntoPath, MemFs, MountOptions, OpenFlags, Vfs,
};

/// An empty source of a bind mount was looked up like a path, and said to be missing.
#[test]
fn an_empty_source_of_a_bind_mount_is_invalid() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let refused = |to| vfs.bind_mount(&cx, "", to).unwrap_err().errno();
    assert_eq!(refused("/d"), Errno::EINVAL);
    assert_eq!(refused("/missing"), Errno::ENOENT, "the target is looked up first");
}

/// Whatever is mounted over the place where a look-up begins is above it: umount("/") took the
/// first mount for what it was asked for, and was busy.
#[test]
fn unmount_of_a_covered_root_takes_away_what_covers_it() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let mut cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    vfs.mount(&cx, "/", MemFs::new()).expect("a mount over the root");
    assert!(vfs.exists(&cx, "/d").expect("a look-up"), "a look-up begins below it");
    vfs.unmount(&cx, "/").expect("it is not busy");
    assert_eq!(vfs.mounts(&cx).len(), 1);
    cx.chdir(&vfs, "/d").expect("a directory");
    vfs.mount(&cx, "/d", MemFs::new()).expect("a mount over the current directory");
    vfs.unmount(&cx, ".").expect("it is not busy");
    assert_eq!(vfs.unmount(&cx, ".").unwrap_err().errno(), Errno::EINVAL);
}

/// A file that may not be written to is EACCES, on a read-only mount too; that came second.
#[test]
fn permission_is_checked_before_the_read_only_mount() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mknod(&cx, "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    vfs.mknod(&cx, "/seen", InodeKind::Regular, 0, 0).expect("a file");
    let read_only = MountOptions::default().read_only(true);
    vfs.bind_mount_with(&cx, "/f", "/seen", read_only).expect("a mount");
    let bob = vfs.context().with_credentials(Credentials::new(1, 1));
    let open = |cx, flags| vfs.open(cx, "/seen", flags, 0).unwrap_err().errno();
    assert_eq!(open(&bob, OpenFlags::WRITE), Errno::EACCES);
    assert_eq!(open(&bob, OpenFlags::WRITE | OpenFlags::CREATE), Errno::EACCES);
    assert_eq!(open(&bob, OpenFlags::TRUNC), Errno::EROFS);
    assert_eq!(open(&cx, OpenFlags::WRITE), Errno::EROFS);
}

/// `mount_with` made the mount read-only and not the superblock: a bind mount of it was as any other, and
/// a caller without permission was told EACCES.
#[test]
fn a_read_only_superblock_is_read_only_through_every_mount() {
    let read_only = MountOptions::default().read_only(true);
    let fs = Arc::new(MemFs::new());
    let maker = Vfs::new(fs.clone()).expect("a VFS");
    maker.mknod(&maker.context(), "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    maker.mkdir(&maker.context(), "/d", 0o755).expect("a directory");
    drop(maker);
    let mounted = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = mounted.context();
    for dir in ["/m", "/whole"] {
        mounted.mkdir(&cx, dir, 0o755).expect("a directory");
    }
    mounted.mknod(&cx, "/file", InodeKind::Regular, 0o644, 0).expect("a file");
    mounted.mount_with(&cx, "/m", fs.clone(), read_only).expect("a mount");
    mounted.bind_mount(&cx, "/m", "/whole").expect("a mount");
    mounted.bind_mount(&cx, "/m/f", "/file").expect("a mount");
    let first = Vfs::builder().mount_options(read_only).build(fs).expect("a VFS");
    let all = [(&mounted, "/m/f"), (&mounted, "/whole/f"), (&mounted, "/file"), (&first, "/f")];
    for (vfs, path) in all {
        for user in [0, 1] {
            let cx = vfs.context().with_credentials(Credentials::new(user, user));
            let refused = [
                vfs.truncate(&cx, path, 0),
                vfs.access(&cx, path, Access::WRITE),
                vfs.open(&cx, path, OpenFlags::WRITE, 0).map(drop),
                vfs.open(&cx, path, OpenFlags::NO_ACCESS, 0).map(drop),
                vfs.chmod(&cx, path, 0o600),
            ];
            assert!(refused.iter().all(|done| kind(done) == Errno::EROFS), "{refused:?}");
        }
    }
    assert!(mounted.mounts(&cx)[1..].iter().all(|mount| mount.read_only));
    let bob = first.context().with_credentials(Credentials::new(1, 1));
    assert_eq!(kind(&first.access(&bob, "/d", Access::WRITE)), Errno::EROFS);
}

fn kind(done: &Result<(), vfsnotify::Error>) -> Errno {
    done.as_ref().expect_err("it is refused").errno()
}

/// truncate asked the mount before the mode bits, and the change of a link's mode never came to ask it.
#[test]
fn a_read_only_mount_is_asked_when_linux_asks_it() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    vfs.mknod(&cx, "/d/f", InodeKind::Regular, 0o644, 0).expect("a file");
    vfs.symlink(&cx, "f", "/d/l").expect("a link");
    assert_eq!(kind(&vfs.chmod(&cx, "/d/l".no_follow(), 0)), Errno::EOPNOTSUPP);
    let options = MountOptions::default().read_only(true);
    vfs.bind_mount_with(&cx, "/d", "/d", options).expect("a mount");
    let bob = vfs.context().with_credentials(Credentials::new(1, 1));
    assert_eq!(kind(&vfs.truncate(&bob, "/d/f", 0)), Errno::EACCES);
    assert_eq!(kind(&vfs.truncate(&cx, "/d/f", 0)), Errno::EROFS);
    assert_eq!(kind(&vfs.chmod(&cx, "/d/l".no_follow(), 0)), Errno::EROFS);
}

/// One that was unmounted, and of which an inode was in use, had every operation free all there was.
#[test]
fn an_unmounted_file_system_in_use_lets_no_operation_free_without_bound() {
    const NAMES: usize = 50_000;
    let vfs = Vfs::new(MemFs::new()).unwrap();
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).unwrap();
    vfs.mount(&cx, "/m", MemFs::new()).unwrap();
    vfs.mkdir(&cx, "/m/d", 0o755).unwrap();
    vfs.mkdir(&cx, "/m/d/child", 0o755).unwrap();
    let inotify = vfs.inotify(&cx).unwrap();
    let pending = vfs.start_watch(&cx, &inotify, "/m/d", WatchMask::MODIFY).unwrap();
    assert!(!pending.is_ready(), "it has the inode in use");
    vfs.unmount(&cx, "/m").unwrap();
    vfs.mkdir(&cx, "/big", 0o755).unwrap();
    for n in 0..NAMES {
        assert!(!vfs.exists(&cx, format!("/big/{n}")).unwrap());
    }
    vfs.rmdir(&cx, "/big").unwrap();
    let left = vfs.notifier().tree().negatives();
    assert!(left > NAMES / 2, "{left} names are left");
    drop(pending);
    vfs.reap();
    assert!(vfs.notifier().tree().negatives() < 10);
    assert_eq!(vfs.notifier().tree().live_inodes(), 2);
    vfs.verify().unwrap();
}

/// Objects not below the part that the last mount showed stayed in memory for ever, and with it the
/// file system.
#[test]
fn a_file_system_whose_last_mount_shows_a_part_is_freed() {
    let (vfs, fs) = (Vfs::new(MemFs::new()).unwrap(), Arc::new(MemFs::new()));
    let cx = vfs.context();
    let mkdir = |path: &str| vfs.mkdir(&cx, path, 0o755).unwrap();
    ["/all", "/part"].iter().for_each(|dir| mkdir(dir));
    vfs.mount_with(&cx, "/all", fs.clone(), MountOptions::default()).unwrap();
    ["/all/d", "/all/d/e", "/all/other", "/all/other/e"].iter().for_each(|dir| mkdir(dir));
    vfs.bind_mount(&cx, "/all/d", "/part").unwrap();
    vfs.unmount(&cx, "/all").unwrap();
    assert!(vfs.exists(&cx, "/part/e").unwrap(), "the part is still there");
    vfs.unmount(&cx, "/part").unwrap();
    assert_eq!(Arc::strong_count(&fs), 1, "something keeps the file system");
    assert_eq!((vfs.tree().live_dentries(), vfs.tree().live_inodes()), (3, 3));
    vfs.verify().unwrap();
}

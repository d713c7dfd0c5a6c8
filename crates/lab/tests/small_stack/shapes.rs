//! Deep trees, long paths, chains of links and of mounts, and a file system without a VFS.

use std::time::Duration;

use vfsnotify::fs::{Handle, NewNode, Request, SeekTo, SetAttr, WriteData};
use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Context, Errno, FallocateFlags, File, FileSystem, InodeKind, MemFs, Mode, OpenFlags,
    RenameFlags, Vfs, XattrMode,
};

use crate::on_a_small_stack;

/// How many directories are one below the other: more than a path can name.
const DEPTH: usize = 5_000;

fn new_vfs() -> (Vfs, Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    (vfs, cx)
}

/// A chain of directories `d` below `top`, and a handle on the last.
fn chain(vfs: &Vfs, cx: &Context, top: &str) -> File {
    vfs.mkdir(cx, top, 0o755).expect("a directory");
    let mut last = vfs.open(cx, top, OpenFlags::PATH, 0).expect("a handle");
    for _ in 0..DEPTH {
        vfs.mkdir(cx, last.at("d"), 0o755).expect("a directory");
        last = vfs.open(cx, last.at("d"), OpenFlags::PATH, 0).expect("a handle");
    }
    last
}

#[test]
fn a_deep_tree_comes_and_goes_on_a_small_stack() {
    on_a_small_stack("a deep tree", || {
        let (vfs, cx) = new_vfs();
        let deep = chain(&vfs, &cx, "/a");
        assert_eq!(deep.path(&cx).expect_err("too long").errno(), Errno::ENAMETOOLONG);
        vfs.mkdir(&cx, "/b", 0o755).expect("a directory");
        vfs.rename(&cx, "/b", deep.at("b"), RenameFlags::empty()).expect("a move below");
        let no_flags = RenameFlags::empty();
        let inside = vfs.rename(&cx, "/a", deep.at("b/a"), no_flags);
        assert_eq!(inside.expect_err("a loop").errno(), Errno::EINVAL);
        vfs.stat(&cx, format!("/a{}", "/d".repeat(2_000))).expect("the longest path");
        vfs.stat(&cx, deep.at(&"../".repeat(1_300))).expect("a way up");
        let mut jailed = cx.clone().with_root(&vfs, "/a").expect("a root");
        jailed.chdir(&vfs, &deep).expect("a directory");
        vfs.stat(&jailed, "../".repeat(1_300)).expect("a way up");
        drop((jailed, deep));
        vfs.reap();
        vfs.verify().expect("the invariants hold");
        // The tree is dropped with the VFS.
    });
    on_a_small_stack("a deep tree that is removed", || {
        let (vfs, cx) = new_vfs();
        let mut last = chain(&vfs, &cx, "/a");
        for _ in 0..DEPTH {
            last = vfs.open(&cx, last.at(".."), OpenFlags::PATH, 0).expect("a handle");
            vfs.rmdir(&cx, last.at("d")).expect("a removal");
        }
        drop(last);
        vfs.rmdir(&cx, "/a").expect("a removal");
        vfs.reap();
        assert_eq!(vfs.tree().live_dentries(), 1);
    });
    on_a_small_stack("a deep tree that is unmounted", || {
        let (vfs, cx) = new_vfs();
        vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
        vfs.mount(&cx, "/m", MemFs::new()).expect("a mount");
        drop(chain(&vfs, &cx, "/m/a"));
        vfs.unmount(&cx, "/m").expect("an unmount");
        vfs.reap();
        assert_eq!(vfs.tree().live_dentries(), 2);
    });
}

#[test]
fn links_and_mounts_are_followed_on_a_small_stack() {
    on_a_small_stack("forty links", || {
        let (vfs, cx) = new_vfs();
        vfs.mkdir(&cx, "/dir", 0o755).expect("a directory");
        vfs.symlink(&cx, "/dir", "/l0").expect("a link");
        for n in 0..40 {
            let target = format!("./{}l{n}", "dir/../".repeat(400));
            vfs.symlink(&cx, target, format!("/l{}", n + 1)).expect("a link");
        }
        assert_eq!(vfs.stat(&cx, "/l39").expect("a directory").attr.kind, InodeKind::Directory);
        let error = vfs.stat(&cx, "/l40").expect_err("one too many");
        assert_eq!(error.errno(), Errno::ELOOP);
        vfs.open(&cx, "/l39", OpenFlags::READ, 0).expect("a directory");
    });
    on_a_small_stack("a chain of mounts", || {
        const MOUNTS: usize = 300;
        let (vfs, cx) = new_vfs();
        for n in 0..MOUNTS {
            let at = format!("/{}", "m/".repeat(n + 1));
            vfs.mkdir(&cx, &at, 0o755).expect("a directory");
            vfs.mount(&cx, &at, MemFs::new()).expect("a mount");
        }
        let file = format!("/{}f", "m/".repeat(MOUNTS));
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        let file = vfs.open(&cx, file, flags, 0o644).expect("a file");
        file.path(&cx).expect("a path");
        drop(file);
        for _ in 0..MOUNTS {
            // All in one place: each covers the one before.
            vfs.bind_mount(&cx, "/m", "/m").expect("a mount");
        }
        for _ in 0..MOUNTS {
            vfs.unmount(&cx, "/m").expect("an unmount");
        }
        for n in (MOUNTS / 2..MOUNTS).rev() {
            vfs.unmount(&cx, format!("/{}", "m/".repeat(n + 1))).expect("an unmount");
        }
        vfs.verify().expect("the invariants hold");
        // The rest is dropped with the VFS.
    });
}

#[test]
fn large_files_and_directories_need_no_more_stack() {
    on_a_small_stack("a large file", || {
        let (vfs, cx) = new_vfs();
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
        let file = vfs.open(&cx, "/f", flags, 0o644).expect("a file");
        let other = vfs.open(&cx, "/g", flags, 0o644).expect("a file");
        let data = vec![7; 4 << 20];
        file.write(&data).expect("a write");
        file.copy_file_range(Some(&mut 0), &other, Some(&mut 0), 4 << 20).expect("a copy");
        file.sendfile(Some(&mut 0), &other, 4 << 20).expect("a copy");
        file.fallocate(FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 5, 2 << 20)
            .expect("a hole");
        file.truncate(3).expect("a truncation");
        file.setxattr(&cx, "user.large", &data[..65_536], XattrMode::Set).expect("an attribute");
        file.getxattr(&cx, "user.large").expect("an attribute");
    });
    on_a_small_stack("a large directory", || {
        let (vfs, cx) = new_vfs();
        let group = vfs.inotify(&cx).expect("an instance");
        for n in 0..3_000 {
            vfs.mknod(&cx, format!("/{n:0255}"), InodeKind::Regular, 0o644, 0).expect("a file");
            assert!(!vfs.exists(&cx, format!("/none{n}")).expect("a look-up"));
        }
        let mut watch = vfs.start_watch(&cx, &group, "/", WatchMask::ALL_EVENTS).expect("a watch");
        while !watch.step() {}
        watch.wait().expect("a watch");
        assert_eq!(vfs.list(&cx, "/").expect("a listing").len(), 3_000);
        for n in 0..3_000 {
            vfs.unlink(&cx, format!("/{n:0255}")).expect("a removal");
        }
        let mut buffer = vec![0; 1 << 16];
        group.read_wait(&mut buffer, Some(Duration::ZERO), None).expect("events");
        assert!(group.drain().len() > 1_000);
    });
}

#[test]
fn a_file_system_in_memory_runs_on_a_small_stack_without_a_vfs() {
    on_a_small_stack("a file system in memory", || {
        let (fs, me, none) = (MemFs::new(), &Request::SUPERUSER, Handle::default());
        let mut last = fs.root().expect("a root").attr.ino;
        let new = |kind| NewNode::new(kind, Mode::new(0o755));
        for _ in 0..DEPTH {
            let dir = fs.create(me, last, b"d", &new(InodeKind::Directory)).expect("a directory");
            last = dir.attr.ino;
        }
        let file = fs.create(me, last, b"f", &new(InodeKind::Regular)).expect("a file").attr.ino;
        fs.write(me, file, none, 1 << 40, WriteData::new(&[1; 5_000])).expect("a write");
        fs.append(me, file, none, b"end".into()).expect("a write");
        fs.seek(me, file, none, 0, SeekTo::Data).expect("data");
        fs.setattr(me, file, None, &SetAttr::default().with_size(0)).expect("a truncation");
        fs.link(me, file, last, b"g").expect("a link");
        fs.rename(me, last, b"g", last, b"h", RenameFlags::empty()).expect("a rename");
        fs.readdir(me, last, none, 0, &mut |_| true).expect("a listing");
        fs.unlink(me, last, b"h").expect("a removal");
    });
}

//! The figures that `MemFs` gives of itself.

use std::collections::HashSet;
use std::sync::Arc;

use vfsnotify::fs::FsFlags;
use vfsnotify::fs::{DirEntry, Handle, NewNode, Request};
use vfsnotify::{
    Errno, FileSystem, InodeKind, MemFs, Mode, MountOptions, OpenFlags, RenameFlags, Vfs,
};

const ME: &Request = &Request::SUPERUSER;

fn file(fs: &MemFs, name: &[u8]) -> u64 {
    let new = NewNode::new(InodeKind::Regular, Mode::new(0o644));
    let root = fs.root().expect("a root").attr.ino;
    fs.forget(root, 1);
    fs.create(ME, root, name, &new).expect("a file").attr.ino
}

#[test]
fn an_inode_is_found_by_its_handle_as_long_as_it_is_in_use() {
    let fs = MemFs::new();
    let root = fs.root().expect("a root").attr.ino;
    let ino = file(&fs, b"f");
    let found = |ino| fs.by_handle(ME, ino, 0).map(|node| node.attr.nlink);
    assert_eq!(found(ino), Ok(1));
    assert_eq!(fs.by_handle(ME, ino, 1).expect_err("another life"), Errno::ESTALE);
    assert_eq!(found(ino + 1).expect_err("nothing"), Errno::ESTALE);
    // It has three look-ups: of its creation, and two by its handle.
    fs.unlink(ME, root, b"f").expect("a removal");
    assert_eq!(found(ino), Ok(0), "without a name");
    fs.forget(ino, 2);
    assert_eq!(found(ino), Ok(0));
    fs.forget(ino, 2);
    assert_eq!(found(ino).expect_err("it was freed"), Errno::ESTALE);
}

/// A look-up by a handle counts: the inode stays while it is used.
#[test]
fn a_look_up_by_a_handle_keeps_the_inode() {
    let fs = MemFs::new();
    let root = fs.root().expect("a root").attr.ino;
    let ino = file(&fs, b"f");
    fs.by_handle(ME, ino, 0).expect("it is there");
    fs.unlink(ME, root, b"f").expect("a removal");
    fs.forget(ino, 1);
    assert_eq!(fs.stats().inodes, 2);
    fs.forget(ino, 1);
    assert_eq!(fs.stats().inodes, 1);
}

#[test]
fn a_removal_says_how_many_names_are_left() {
    let fs = MemFs::new();
    let root = fs.root().expect("a root").attr.ino;
    let (ino, other) = (file(&fs, b"a"), file(&fs, b"x"));
    for name in [b"b", b"c", b"d"] {
        fs.link(ME, ino, root, name).expect("a name");
    }
    let none = RenameFlags::empty();
    assert_eq!(fs.unlink(ME, root, b"a").expect("a removal").nlink, Some(3));
    assert_eq!(fs.rename(ME, root, b"x", root, b"b", none).expect("a rename").nlink, Some(2));
    assert_eq!(fs.rename(ME, root, b"b", root, b"y", none).expect("a rename").nlink, None);
    let exchange = RenameFlags::EXCHANGE;
    assert_eq!(fs.rename(ME, root, b"y", root, b"c", exchange).expect("a rename").nlink, None);
    assert_eq!(fs.unlink(ME, root, b"d").expect("a removal").nlink, Some(1));
    assert_eq!(fs.unlink(ME, root, b"y").expect("a removal").nlink, Some(0));
    fs.forget(ino, u64::MAX);
    assert_eq!(fs.getattr(ME, other, None).expect("it has a name").nlink, 1);
}

/// Linux, FUSE and 9p have 63 bits for an offset into a directory, and `.` and `..` come first.
#[test]
fn cursors_fit_what_carries_them() {
    let fs = Arc::new(MemFs::new());
    let vfs = Vfs::new(fs.clone()).expect("a root");
    let cx = vfs.context();
    for n in 0..200 {
        vfs.mknod(&cx, format!("/{n}"), InodeKind::Fifo, 0o644, 0).expect("a fifo");
        if n % 3 == 0 {
            vfs.unlink(&cx, format!("/{n}")).expect("a removal");
        }
    }
    let mut cursors = Vec::new();
    let mut emit = |entry: DirEntry<'_>| {
        cursors.push(entry.cursor);
        true
    };
    fs.readdir(ME, 1, Handle::default(), 0, &mut emit).expect("a listing");
    assert!(cursors.iter().all(|cursor| (3..=DirEntry::MAX_CURSOR).contains(cursor)));
    assert_eq!(cursors.iter().collect::<HashSet<_>>().len(), cursors.len());
    // Each position that the VFS makes of one is an offset, and leads behind the entry.
    let dir = vfs.open(&cx, "/", OpenFlags::READ, 0).expect("a directory");
    let all = dir.read_dir(1 << 20).expect("a listing");
    assert_eq!(all.len(), cursors.len() + 2);
    for pair in all.windows(2) {
        assert!(i64::try_from(pair[0].cursor).is_ok_and(|offset| offset > 0));
        dir.seek(std::io::SeekFrom::Start(pair[0].cursor)).expect("a position");
        assert_eq!(dir.read_dir(40).expect("one entry")[0], pair[1]);
    }
}

#[test]
fn the_birth_time_stays() {
    let vfs = Vfs::new(MemFs::new()).expect("a root");
    let cx = vfs.context();
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    let file = vfs.open(&cx, "/f", flags, 0o644).expect("a file");
    let born = file.stat().expect("attributes");
    assert_eq!(born.btime, Some(born.ctime));
    while file.stat().expect("attributes").ctime == born.ctime {
        file.write(b"x").expect("a write");
    }
    vfs.rename(&cx, "/f", "/g", RenameFlags::empty()).expect("a rename");
    assert_eq!(file.stat().expect("attributes").btime, born.btime);
}

#[test]
fn figures_tell_file_systems_apart_and_say_what_is_read_only() {
    let vfs = Vfs::new(MemFs::new()).expect("a root");
    let cx = vfs.context();
    for place in ["/m", "/n"] {
        vfs.mkdir(&cx, place, 0o755).expect("a place");
    }
    vfs.mount(&cx, "/m", MemFs::new()).expect("a mount");
    let read_only = MountOptions::default().read_only(true);
    vfs.bind_mount_with(&cx, "/m", "/n", read_only).expect("a bind mount");
    let [root, mounted, bound] =
        ["/", "/m", "/n"].map(|path| vfs.statfs(&cx, path).expect("figures"));
    // The number by which programs know tmpfs.
    assert_eq!((root.fs_type, root.blocks_available), (0x0102_1994, root.blocks_free));
    assert_eq!(root.fsid, vfs.stat(&cx, "/").expect("attributes").device);
    assert!(root.fsid != mounted.fsid && mounted.fsid == bound.fsid && root.fsid != 0);
    assert_eq!((root.flags, mounted.flags), (FsFlags::NO_ATIME, FsFlags::NO_ATIME));
    assert_eq!(bound.flags, FsFlags::NO_ATIME | FsFlags::READ_ONLY);
}

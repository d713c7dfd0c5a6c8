//! Names: create, link, unlink, rmdir, rename, and the times and counts they leave.

use super::*;

const KINDS: [InodeKind; 7] = [
    InodeKind::Regular,
    InodeKind::Directory,
    InodeKind::Symlink,
    InodeKind::Fifo,
    InodeKind::CharDevice,
    InodeKind::BlockDevice,
    InodeKind::Socket,
];

#[test]
fn every_kind_can_be_made_found_and_removed() {
    let world = MemFsWorld::new();
    for kind in KINDS {
        let before = world.attr(world.root);
        let made = world.fs.create(ME, world.root, b"x", &new_node(kind)).unwrap().attr;
        assert_eq!((made.kind, made.mode.bits(), made.uid, made.gid), (kind, 0o644, 1, 2));
        assert_eq!(made.nlink, if kind.is_dir() { 2 } else { 1 });
        let size = match kind {
            InodeKind::Symlink => 8,
            InodeKind::Directory => 40,
            _ => 0,
        };
        assert_eq!(made.size, size);
        let device = matches!(kind, InodeKind::CharDevice | InodeKind::BlockDevice);
        assert_eq!(made.rdev, if device { 0x0103 } else { 0 });
        assert_eq!((made.atime, made.mtime), (made.ctime, made.ctime));

        let parent = world.attr(world.root);
        assert_eq!((parent.mtime, parent.ctime), (made.ctime, made.ctime));
        assert_eq!(parent.nlink, before.nlink + u32::from(kind.is_dir()));
        assert_eq!(parent.size, before.size + 20);
        assert_eq!(world.fs.lookup(ME, world.root, b"x").unwrap().attr, made);
        fails(world.make(world.root, "x", InodeKind::Fifo), Errno::EEXIST);
        assert_eq!(world.attr(world.root), parent);

        if kind.is_dir() {
            fails(world.fs.unlink(ME, world.root, b"x"), Errno::EISDIR);
            world.fs.rmdir(ME, world.root, b"x").unwrap();
        } else {
            fails(world.fs.rmdir(ME, world.root, b"x"), Errno::ENOTDIR);
            world.fs.unlink(ME, world.root, b"x").unwrap();
        }
        let gone = world.attr(made.ino);
        assert_eq!((gone.nlink, gone.ctime > made.ctime), (0, true));
        let after = world.attr(world.root);
        assert_eq!((after.nlink, after.size), (before.nlink, before.size));
        assert_eq!((after.mtime, after.ctime), (gone.ctime, gone.ctime));
        world.fs.forget(made.ino, 2);
    }
    assert_eq!(world.stats().inodes, 1);
}

#[test]
fn a_missing_name_is_not_found() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    fails(world.fs.lookup(ME, world.root, b"x"), Errno::ENOENT);
    fails(world.fs.unlink(ME, world.root, b"x"), Errno::ENOENT);
    fails(world.fs.rmdir(ME, world.root, b"x"), Errno::ENOENT);
    fails(world.rename((world.root, "x"), (world.root, "y"), PLAIN), Errno::ENOENT);
    let exchange = RenameFlags::EXCHANGE;
    fails(world.rename((world.root, "f"), (world.root, "x"), exchange), Errno::ENOENT);
    fails(world.rename((world.root, "x"), (world.root, "f"), exchange), Errno::ENOENT);
    for parent in [file, 999] {
        let kind = if parent == file { Errno::ENOTDIR } else { Errno::ESTALE };
        fails(world.fs.lookup(ME, parent, b"x"), kind);
        fails(world.make(parent, "x", InodeKind::Regular), kind);
        fails(world.fs.tmpfile(ME, parent, &new_node(InodeKind::Regular)), kind);
        fails(world.fs.link(ME, file, parent, b"x"), kind);
        fails(world.fs.unlink(ME, parent, b"x"), kind);
        fails(world.fs.rmdir(ME, parent, b"x"), kind);
        fails(world.rename((world.root, "f"), (parent, "x"), PLAIN), kind);
        fails(world.rename((parent, "f"), (world.root, "x"), PLAIN), kind);
        fails(world.fs.readdir(ME, parent, NO, 0, &mut |_| true), kind);
    }
    fails(world.fs.getattr(ME, 999, None), Errno::ESTALE);
    assert_eq!((world.names(world.root), world.stats().inodes), (vec!["f".into()], 2));
}

#[test]
fn a_symlink_keeps_its_target() {
    let world = MemFsWorld::new();
    let link = world.make(world.root, "l", InodeKind::Symlink).unwrap();
    assert_eq!(world.fs.readlink(ME, link).unwrap(), b"to/there");
    fails(world.fs.readlink(ME, world.root), Errno::EINVAL);

    let long = new_node(InodeKind::Symlink).with_target(&[b'x'; 128]);
    let long = world.fs.create(ME, world.root, b"m", &long).unwrap().attr;
    assert_eq!((long.size, long.blocks, world.stats().bytes), (128, 8, 4096));
}

#[test]
fn hard_links_share_an_inode() {
    let world = MemFsWorld::new();
    let (file, dir) = (world.file("a"), world.dir(world.root, "d"));
    let linked = world.fs.link(ME, file, dir, b"b").unwrap().attr;
    assert_eq!((linked.ino, linked.nlink), (file, 2));
    assert_eq!(linked.ctime, world.attr(dir).mtime);
    assert!(linked.mtime < linked.ctime);
    fails(world.fs.link(ME, file, dir, b"b"), Errno::EEXIST);
    fails(world.fs.link(ME, dir, dir, b"e"), Errno::EPERM);
    assert_eq!(world.attr(file), linked);

    world.fs.write(ME, file, NO, 0, b"one".into()).unwrap();
    let other = world.peek(dir, "b").unwrap();
    assert_eq!(world.contents(other), b"one");
    world.fs.unlink(ME, world.root, b"a").unwrap();
    assert_eq!(world.attr(file).nlink, 1);
    world.fs.unlink(ME, dir, b"b").unwrap();
    fails(world.fs.link(ME, file, dir, b"c"), Errno::ENOENT);
    assert_eq!(world.contents(file), b"one");
}

#[test]
fn an_unnamed_file_can_be_named_once() {
    let world = MemFsWorld::new();
    let before = world.attr(world.root);
    let file = world.fs.tmpfile(ME, world.root, &new_node(InodeKind::Regular)).unwrap().attr;
    assert_eq!((file.nlink, world.attr(world.root)), (0, before));
    fails(world.fs.tmpfile(ME, world.root, &new_node(InodeKind::Fifo)), Errno::EINVAL);
    assert_eq!(world.fs.link(ME, file.ino, world.root, b"t").unwrap().attr.nlink, 1);
    world.fs.unlink(ME, world.root, b"t").unwrap();
    fails(world.fs.link(ME, file.ino, world.root, b"u"), Errno::ENOENT);
}

#[test]
fn only_an_empty_directory_is_removed_and_gets_no_more_names() {
    let world = MemFsWorld::new();
    let dir = world.dir(world.root, "d");
    let file = world.file("f");
    world.make(dir, "x", InodeKind::Regular).unwrap();
    fails(world.fs.rmdir(ME, world.root, b"d"), Errno::ENOTEMPTY);
    assert_eq!(world.attr(world.root).nlink, 3);
    world.fs.unlink(ME, dir, b"x").unwrap();
    world.fs.rmdir(ME, world.root, b"d").unwrap();
    assert_eq!((world.attr(dir).nlink, world.attr(world.root).nlink), (0, 2));

    fails(world.make(dir, "x", InodeKind::Regular), Errno::ENOENT);
    // A file without a name needs no existing directory, as on tmpfs.
    let unnamed = world.fs.tmpfile(ME, dir, &new_node(InodeKind::Regular)).unwrap();
    world.fs.forget(unnamed.attr.ino, 1);
    fails(world.fs.link(ME, file, dir, b"x"), Errno::ENOENT);
    fails(world.fs.lookup(ME, dir, b"x"), Errno::ENOENT);
    fails(world.rename((world.root, "f"), (dir, "x"), PLAIN), Errno::ENOENT);
    assert!(world.names(dir).is_empty());
    assert_eq!(world.attr(file).nlink, 1);
}

#[test]
fn a_rename_moves_and_stamps_both_parents_and_the_inode() {
    let world = MemFsWorld::new();
    let (from, to) = (world.dir(world.root, "from"), world.dir(world.root, "to"));
    let dir = world.dir(from, "d");
    let old = world.attr(dir);
    world.rename((from, "d"), (to, "e"), PLAIN).unwrap();
    assert_eq!((world.peek(from, "d"), world.peek(to, "e")), (None, Some(dir)));
    assert_eq!((world.attr(from).nlink, world.attr(to).nlink), (2, 3));
    assert_eq!((world.attr(from).size, world.attr(to).size), (40, 60));
    let new = world.attr(dir);
    assert!(new.ctime > old.ctime);
    assert_eq!((new.atime, new.mtime), (old.atime, old.mtime));
    for parent in [from, to] {
        let (_, mtime, ctime) = world.times(parent);
        assert_eq!((mtime, ctime), (new.ctime, new.ctime));
    }
}

#[test]
fn a_rename_replaces_a_file_or_an_empty_directory() {
    let world = MemFsWorld::new();
    let root = world.root;
    let (a, b) = (world.file("a"), world.file("b"));
    world.rename((root, "a"), (root, "b"), PLAIN).unwrap();
    assert_eq!((world.peek(root, "b"), world.names(root)), (Some(a), vec!["b".to_string()]));
    assert_eq!(world.attr(b).nlink, 0);
    assert_eq!(world.attr(b).ctime, world.attr(a).ctime);

    let (d, e) = (world.dir(root, "d"), world.dir(root, "e"));
    let inner = world.make(e, "x", InodeKind::Regular).unwrap();
    fails(world.rename((root, "d"), (root, "e"), PLAIN), Errno::ENOTEMPTY);
    fails(world.rename((root, "b"), (root, "d"), PLAIN), Errno::EISDIR);
    fails(world.rename((root, "d"), (root, "b"), PLAIN), Errno::ENOTDIR);
    fails(world.rename((root, "d"), (root, "b"), RenameFlags::NOREPLACE), Errno::EEXIST);
    fails(world.rename((root, "d"), (d, "z"), PLAIN), Errno::EINVAL);
    // The target directory contains the moved one.
    fails(world.rename((e, "x"), (root, "e"), PLAIN), Errno::EISDIR);
    let deep = world.dir(e, "deep");
    fails(world.rename((e, "deep"), (root, "e"), PLAIN), Errno::ENOTEMPTY);
    fails(world.rename((e, "deep"), (root, "e"), RenameFlags::EXCHANGE), Errno::EINVAL);
    assert_eq!((world.peek(e, "x"), world.peek(e, "deep")), (Some(inner), Some(deep)));
    assert_eq!((world.attr(root).nlink, world.attr(e).nlink), (4, 3));

    world.rename((e, "deep"), (root, "d"), PLAIN).unwrap();
    assert_eq!((world.attr(d).nlink, world.peek(root, "d")), (0, Some(deep)));
    assert_eq!((world.attr(root).nlink, world.attr(e).nlink), (4, 2));
    fails(world.make(d, "x", InodeKind::Regular), Errno::ENOENT);
    world.fs.forget(d, 1);
    fails(world.fs.getattr(ME, d, None), Errno::ESTALE);
}

#[test]
fn a_rename_onto_the_same_inode_changes_nothing() {
    let world = MemFsWorld::new();
    let root = world.root;
    let file = world.file("a");
    world.fs.link(ME, file, root, b"b").unwrap();
    let before = (world.attr(file), world.attr(root));
    world.rename((root, "a"), (root, "b"), PLAIN).unwrap();
    world.rename((root, "a"), (root, "a"), PLAIN).unwrap();
    world.rename((root, "a"), (root, "b"), RenameFlags::WHITEOUT).unwrap();
    world.rename((root, "a"), (root, "b"), RenameFlags::EXCHANGE).unwrap();
    fails(world.rename((root, "a"), (root, "b"), RenameFlags::NOREPLACE), Errno::EEXIST);
    assert_eq!((world.attr(file), world.attr(root)), before);
    assert_eq!((world.names(root).len(), world.stats().inodes), (2, 2));
}

#[test]
fn an_exchange_swaps_even_a_file_and_a_directory() {
    let world = MemFsWorld::new();
    let (d, e) = (world.dir(world.root, "d"), world.dir(world.root, "e"));
    let file = world.make(d, "x", InodeKind::Regular).unwrap();
    let dir = world.dir(e, "y");
    world.make(dir, "inner", InodeKind::Regular).unwrap();
    world.rename((d, "x"), (e, "y"), RenameFlags::EXCHANGE).unwrap();
    assert_eq!((world.peek(d, "x"), world.peek(e, "y")), (Some(dir), Some(file)));
    assert_eq!((world.attr(d).nlink, world.attr(e).nlink), (3, 2));
    assert_eq!((world.attr(file).nlink, world.attr(dir).nlink), (1, 2));
    let now = world.attr(file).ctime;
    assert_eq!([dir, d, e].map(|ino| world.attr(ino).ctime), [now; 3]);
    assert_eq!([d, e].map(|ino| world.attr(ino).mtime), [now; 2]);

    for other in [RenameFlags::NOREPLACE, RenameFlags::WHITEOUT] {
        let flags = RenameFlags::EXCHANGE | other;
        fails(world.rename((d, "x"), (e, "y"), flags), Errno::EINVAL);
    }
    // A directory and a name in it, in either order.
    let (outer, inner) = ((world.root, "d"), (d, "x"));
    fails(world.rename(inner, outer, RenameFlags::EXCHANGE), Errno::EINVAL);
    fails(world.rename(outer, inner, RenameFlags::EXCHANGE), Errno::EINVAL);
}

#[test]
fn a_whiteout_replaces_the_moved_name() {
    let world = MemFsWorld::new();
    let root = world.root;
    let (file, dir) = (world.file("f"), world.dir(root, "d"));
    world.rename((root, "f"), (dir, "g"), RenameFlags::WHITEOUT).unwrap();
    assert_eq!(world.peek(dir, "g"), Some(file));
    let whiteout = world.attr(world.peek(root, "f").unwrap());
    assert_eq!((whiteout.kind, whiteout.rdev, whiteout.mode.bits()), (InodeKind::CharDevice, 0, 0));
    assert_eq!((whiteout.nlink, whiteout.uid), (1, 0));
    assert_eq!(whiteout.ctime, world.attr(file).ctime);

    // Within one directory, and over an existing name.
    world.file("h");
    world.fs.forget(world.peek(root, "h").unwrap(), 1);
    world.rename((root, "f"), (root, "h"), RenameFlags::WHITEOUT).unwrap();
    assert_eq!(world.peek(root, "h"), Some(whiteout.ino));
    assert_ne!(world.peek(root, "f"), Some(whiteout.ino));
    world.rename((root, "h"), (root, "i"), RenameFlags::WHITEOUT).unwrap();
    assert_eq!(world.names(root), ["f", "d", "h", "i"]);
    assert_eq!((world.attr(root).nlink, world.attr(root).size), (3, 120));

    let before = world.stats();
    fails(world.rename((root, "no"), (root, "k"), RenameFlags::WHITEOUT), Errno::ENOENT);
    fails(world.rename((root, "f"), (root, "d"), RenameFlags::WHITEOUT), Errno::EISDIR);
    assert_eq!(world.stats(), before);
}

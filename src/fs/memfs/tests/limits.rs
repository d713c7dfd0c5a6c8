//! Behaviour at the limits: exactly as much as fits, and nothing half done.

use super::*;

const PAGE: u64 = 4096;

fn pages(count: u64) -> MemFsWorld {
    MemFsWorld::of(MemFs::builder().size_limit(count * PAGE))
}

#[test]
fn a_write_stops_at_the_limit_and_says_so() {
    let world = pages(2);
    let file = world.file("f");
    assert_eq!(world.fs.write(ME, file, NO, 0, WriteData::new(&vec![1; 8192])).unwrap(), 8192);
    fails(world.fs.write(ME, file, NO, 8192, WriteData::new(&[2])), Errno::ENOSPC);
    fails(world.fs.append(ME, file, NO, WriteData::new(&[2])), Errno::ENOSPC);
    assert_eq!(world.attr(file).size, 8192);

    world.fs.setattr(ME, file, None, &SetAttr { size: Some(100), ..SetAttr::default() }).unwrap();
    assert_eq!(world.stats().bytes, PAGE);
    assert_eq!(world.fs.append(ME, file, NO, WriteData::new(&vec![3; 8193])).unwrap(), (100, 8092));
    assert_eq!((world.attr(file).size, world.attr(file).blocks), (8192, 16));

    // Existing data can be overwritten when nothing more fits.
    let before = world.attr(file);
    assert_eq!(world.fs.write(ME, file, NO, 8190, b"ab12".into()).unwrap(), 2);
    assert_eq!(&world.contents(file)[8188..], b"\x03\x03ab");
    assert!(world.attr(file).mtime > before.mtime);
    let before = world.attr(file);
    fails(world.fs.write(ME, file, NO, 8192, b"x".into()), Errno::ENOSPC);
    assert_eq!(world.attr(file), before);
}

#[test]
fn fallocate_takes_all_or_nothing() {
    let world = pages(3);
    let file = world.file("f");
    world.fs.write(ME, file, NO, PAGE, b"x".into()).unwrap();
    let before = world.attr(file);
    fails(world.fs.fallocate(ME, file, NO, ALLOCATE, 0, 4 * PAGE), Errno::ENOSPC);
    fails(world.fs.fallocate(ME, file, NO, ZERO, 0, i64::MAX as u64), Errno::ENOSPC);
    assert_eq!((world.attr(file), world.stats().bytes), (before, PAGE));
    world.fs.fallocate(ME, file, NO, ALLOCATE, 0, 3 * PAGE).unwrap();
    assert_eq!((world.attr(file).size, world.stats().bytes), (3 * PAGE, 3 * PAGE));
    fails(world.fs.fallocate(ME, file, NO, KEEP, 0, 3 * PAGE + 1), Errno::ENOSPC);
}

#[test]
fn links_and_attributes_count_as_bytes() {
    let world = pages(1);
    let long = new_node(InodeKind::Symlink).with_target(&[b'x'; 4095]);
    world.fs.create(ME, world.root, b"l", &long).unwrap();
    let before = (world.attr(world.root), world.stats());
    fails(world.fs.create(ME, world.root, b"m", &long), Errno::ENOSPC);
    let set = |value: &[u8]| world.fs.setxattr(ME, world.root, b"a", value, XattrMode::Set);
    fails(set(b""), Errno::ENOSPC);
    assert_eq!((world.attr(world.root), world.stats()), before);
    // A short target takes no storage.
    world.make(world.root, "s", InodeKind::Symlink).unwrap();
}

#[test]
fn the_inode_limit_holds_for_inodes_and_for_further_names() {
    let world = MemFsWorld::of(MemFs::builder().inode_limit(3));
    let root = world.root;
    let file = world.file("f");
    let tmp = world.fs.tmpfile(ME, root, &new_node(InodeKind::Regular)).unwrap().attr.ino;
    let before = (world.attr(root), world.attr(file), world.stats());
    fails(world.make(root, "g", InodeKind::Regular), Errno::ENOSPC);
    fails(world.fs.tmpfile(ME, root, &new_node(InodeKind::Regular)), Errno::ENOSPC);
    fails(world.fs.link(ME, file, root, b"g"), Errno::ENOSPC);
    fails(world.rename((root, "f"), (root, "g"), RenameFlags::WHITEOUT), Errno::ENOSPC);
    assert_eq!((world.attr(root), world.attr(file), world.stats()), before);
    assert_eq!(world.fs.statfs(ME).unwrap().files_free, 0);

    // Its slot is charged already.
    world.fs.link(ME, tmp, root, b"t").unwrap();
    world.fs.unlink(ME, root, b"t").unwrap();
    world.fs.forget(tmp, 2);
    world.fs.link(ME, file, root, b"g").unwrap();
    assert_eq!(world.fs.statfs(ME).unwrap().files_free, 0);
    fails(world.fs.link(ME, file, root, b"h"), Errno::ENOSPC);
    world.fs.unlink(ME, root, b"f").unwrap();
    assert_eq!(world.fs.statfs(ME).unwrap().files_free, 1);
    world.rename((root, "g"), (root, "f"), RenameFlags::WHITEOUT).unwrap();
    fails(world.make(root, "h", InodeKind::Fifo), Errno::ENOSPC);
}

#[test]
fn a_failed_creation_gives_everything_back() {
    let world = pages(1);
    world.file("f");
    let long = new_node(InodeKind::Symlink).with_target(&[b'x'; 200]);
    let before = (world.stats(), world.fs.statfs(ME).unwrap(), world.attr(world.root));
    fails(world.fs.create(ME, world.root, b"f", &long), Errno::EEXIST);
    let huge = long.with_target(&[b'x'; 5000]);
    fails(world.fs.create(ME, world.root, b"g", &huge), Errno::ENOSPC);
    assert_eq!((world.stats(), world.fs.statfs(ME).unwrap(), world.attr(world.root)), before);
}

#[test]
fn there_is_a_greatest_size() {
    const MAX: u64 = i64::MAX as u64;
    let world = MemFsWorld::new();
    let file = world.file("f");
    assert_eq!(world.fs.write(ME, file, NO, MAX - 2, b"abcd".into()).unwrap(), 2);
    assert_eq!(world.attr(file).size, MAX);
    for offset in [MAX, MAX + 1, u64::MAX] {
        fails(world.fs.write(ME, file, NO, offset, b"x".into()), Errno::EFBIG);
        assert_eq!(world.fs.write(ME, file, NO, offset, b"".into()).unwrap(), 0);
        assert_eq!(world.fs.read(ME, file, NO, offset, &mut [0; 8]).unwrap(), 0);
        fails(world.fs.seek(ME, file, NO, offset, SeekTo::Data), Errno::ENXIO);
        fails(world.fs.fallocate(ME, file, NO, ALLOCATE, offset, 1), Errno::EFBIG);
    }
    fails(world.fs.append(ME, file, NO, b"x".into()), Errno::EFBIG);
    fails(world.fs.fallocate(ME, file, NO, ALLOCATE, 1, u64::MAX), Errno::EFBIG);
    let mut buf = [9; 4];
    assert_eq!(world.fs.read(ME, file, NO, MAX - 3, &mut buf).unwrap(), 3);
    assert_eq!(&buf, b"\0ab\x09");
    assert_eq!(world.fs.seek(ME, file, NO, 0, SeekTo::Data).unwrap(), MAX - MAX % PAGE);
    assert_eq!(world.fs.seek(ME, file, NO, MAX - 1, SeekTo::Hole).unwrap(), MAX);
    world.fs.fallocate(ME, file, NO, PUNCH | KEEP, 0, MAX).unwrap();
    assert_eq!((world.stats().bytes, world.attr(file).size), (PAGE, MAX));
    assert_eq!(world.fs.read(ME, file, NO, MAX - 3, &mut buf).unwrap(), 3);
    assert_eq!(&buf, b"\0\0\0\x09");
}

#[test]
fn statfs_shows_the_remaining_space() {
    let world = MemFsWorld::of(MemFs::builder().size_limit(10 * PAGE).inode_limit(5));
    let file = world.file("f");
    world.fs.write(ME, file, NO, 0, WriteData::new(&[1])).unwrap();
    let figures = world.fs.statfs(ME).unwrap();
    assert_eq!((figures.block_size, figures.name_max), (PAGE, 255));
    assert_eq!((figures.blocks, figures.blocks_free), (10, 9));
    assert_eq!((figures.files, figures.files_free), (5, 3));
    let none = MemFsWorld::of(MemFs::builder().inode_limit(0)).fs.statfs(ME).unwrap();
    assert_eq!((none.files, none.files_free), (1, 0));
}

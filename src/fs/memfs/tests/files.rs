//! The contents of regular files.

use super::*;

const PAGE: u64 = 4096;

fn size(size: u64) -> SetAttr {
    SetAttr::default().with_size(size)
}

#[test]
fn a_write_changes_the_times_and_a_read_does_not() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    let before = world.attr(file);
    assert_eq!(world.fs.write(ME, file, NO, 2, b"abc".into()).unwrap(), 3);
    let after = world.attr(file);
    assert_eq!((after.size, after.blocks, after.atime), (5, 8, before.atime));
    assert!(after.mtime > before.mtime && after.ctime == after.mtime);
    let mut buf = [9; 8];
    assert_eq!(world.fs.read(ME, file, NO, 1, &mut buf).unwrap(), 4);
    assert_eq!(&buf, b"\0abc\x09\x09\x09\x09");
    assert_eq!(world.fs.read(ME, file, NO, 5, &mut buf).unwrap(), 0);
    assert_eq!(world.fs.write(ME, file, NO, 90, b"".into()).unwrap(), 0);
    assert_eq!(world.attr(file), after);
    assert_eq!(world.fs.append(ME, file, NO, b"de".into()).unwrap(), (5, 2));
    assert_eq!(world.contents(file), b"\0\0abcde");
    assert_eq!(world.fs.open(ME, file, OpenFlags::WRITE).unwrap(), NO);
    world.fs.release(file, NO);
    world.fs.fsync(ME, file, NO, SyncScope::All).unwrap();
}

#[test]
fn only_regular_files_have_contents() {
    let world = MemFsWorld::new();
    let fifo = world.make(world.root, "p", InodeKind::Fifo).unwrap();
    for (ino, kind) in [(world.root, Errno::EISDIR), (fifo, Errno::EINVAL), (99, Errno::ESTALE)] {
        fails(world.fs.read(ME, ino, NO, 0, &mut [0]), kind);
        fails(world.fs.write(ME, ino, NO, 0, WriteData::new(&[0])), kind);
        fails(world.fs.append(ME, ino, NO, WriteData::new(&[0])), kind);
        fails(world.fs.fallocate(ME, ino, NO, ALLOCATE, 0, 1), kind);
        fails(world.fs.seek(ME, ino, NO, 0, SeekTo::Data), kind);
    }
}

#[test]
fn a_hole_takes_no_storage_and_reads_as_zeros() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    world.fs.write(ME, file, NO, 10 * PAGE + 5, b"x".into()).unwrap();
    assert_eq!((world.attr(file).size, world.attr(file).blocks), (10 * PAGE + 6, 8));
    world.fs.write(ME, file, NO, 2 * PAGE - 1, b"yy".into()).unwrap();
    assert_eq!((world.attr(file).blocks, world.stats().bytes), (24, 3 * PAGE));

    let seek = |offset, to| world.fs.seek(ME, file, NO, offset, to).unwrap();
    assert_eq!((seek(0, SeekTo::Data), seek(0, SeekTo::Hole)), (PAGE, 0));
    assert_eq!((seek(PAGE + 7, SeekTo::Data), seek(PAGE + 7, SeekTo::Hole)), (PAGE + 7, 3 * PAGE));
    assert_eq!((seek(3 * PAGE, SeekTo::Data), seek(3 * PAGE, SeekTo::Hole)), (10 * PAGE, 3 * PAGE));
    assert_eq!(seek(10 * PAGE + 1, SeekTo::Hole), 10 * PAGE + 6);
    fails(world.fs.seek(ME, file, NO, 10 * PAGE + 6, SeekTo::Hole), Errno::ENXIO);

    world.fs.setattr(ME, file, None, &size(20 * PAGE)).unwrap();
    assert_eq!((seek(11 * PAGE, SeekTo::Hole), world.stats().bytes), (11 * PAGE, 3 * PAGE));
    fails(world.fs.seek(ME, file, NO, 11 * PAGE, SeekTo::Data), Errno::ENXIO);
}

#[test]
fn truncating_and_growing_shows_zeros() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    world.fs.write(ME, file, NO, 0, WriteData::new(&[7; 10_000])).unwrap();
    let cut = world.fs.setattr(ME, file, None, &size(5_000)).unwrap();
    assert_eq!((cut.size, cut.blocks), (5_000, 16));
    assert_eq!(cut.mtime, cut.ctime);
    world.fs.setattr(ME, file, None, &size(9_000)).unwrap();
    let mut expected = vec![7; 5_000];
    expected.resize(9_000, 0);
    assert_eq!(world.contents(file), expected);
    let before = world.attr(file);
    let same = world.fs.setattr(ME, file, None, &size(9_000)).unwrap();
    assert!(same.mtime > before.mtime && same.ctime == same.mtime);
    world.fs.setattr(ME, file, None, &size(0)).unwrap();
    assert_eq!((world.stats().bytes, world.attr(file).blocks), (0, 0));
}

#[test]
fn fallocate_knows_its_modes() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    world.fs.write(ME, file, NO, 0, WriteData::new(&[7; 3 * PAGE as usize])).unwrap();
    let fallocate = |mode, offset, len| world.fs.fallocate(ME, file, NO, mode, offset, len);
    let shape = || (world.attr(file).size / PAGE, world.stats().bytes / PAGE);

    let before = world.attr(file);
    fallocate(KEEP, 0, 5 * PAGE).unwrap();
    assert_eq!(shape(), (3, 5));
    assert!(world.attr(file).mtime > before.mtime);
    fallocate(ALLOCATE, 0, 4 * PAGE).unwrap();
    assert_eq!(shape(), (4, 5));
    fallocate(PUNCH | KEEP, PAGE / 2, 2 * PAGE).unwrap();
    assert_eq!(shape(), (4, 4));
    let mut expected = vec![7; PAGE as usize / 2];
    expected.resize(2 * PAGE as usize + PAGE as usize / 2, 0);
    expected.resize(3 * PAGE as usize, 7);
    expected.resize(4 * PAGE as usize, 0);
    assert_eq!(world.contents(file), expected);

    fallocate(ZERO | KEEP, 2 * PAGE, 5 * PAGE).unwrap();
    assert_eq!(shape(), (4, 6));
    expected[2 * PAGE as usize..].fill(0);
    assert_eq!(world.contents(file), expected);
    fallocate(ZERO, 0, 7 * PAGE).unwrap();
    assert_eq!(shape(), (7, 7));
    assert_eq!(world.contents(file), vec![0; 7 * PAGE as usize]);
    // Truncating to the same size frees the pages past it.
    fallocate(KEEP, 0, 9 * PAGE).unwrap();
    world.fs.setattr(ME, file, None, &size(7 * PAGE)).unwrap();
    assert_eq!(shape(), (7, 7));

    let before = world.attr(file);
    let unknown = [0x04, 0x08, 0x20, 0x40, 0x80, u32::MAX].map(FallocateFlags::from_bits_retain);
    for mode in unknown.into_iter().chain([PUNCH, PUNCH | ZERO | KEEP, PUNCH | ZERO]) {
        fails(fallocate(mode, 0, PAGE), Errno::EOPNOTSUPP);
    }
    for mode in [ALLOCATE, KEEP, PUNCH | KEEP, ZERO] {
        fails(fallocate(mode, 0, 0), Errno::EINVAL);
        fails(fallocate(mode, u64::MAX, 2), Errno::EFBIG);
        fails(fallocate(mode, 1, i64::MAX as u64), Errno::EFBIG);
    }
    assert_eq!(world.attr(file), before);
}

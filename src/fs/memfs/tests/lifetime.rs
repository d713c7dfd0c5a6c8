//! The lifetime of an inode, and the memory that its end frees.

use super::*;

#[test]
fn an_inode_lives_as_long_as_a_link_or_a_lookup() {
    let world = MemFsWorld::new();
    let start = (world.stats(), world.fs.statfs(ME).unwrap());
    let file = world.file("f");
    world.fs.write(ME, file, NO, 0, b"contents".into()).unwrap();
    world.fs.setxattr(ME, file, b"user.x", b"value", XattrMode::Set).unwrap();
    world.fs.lookup(ME, world.root, b"f").unwrap();

    world.fs.unlink(ME, world.root, b"f").unwrap();
    assert_eq!(world.contents(file), b"contents");
    world.fs.forget(file, 1);
    assert_eq!(world.contents(file), b"contents");
    world.fs.forget(file, 1);
    fails(world.fs.getattr(ME, file, None), Errno::ESTALE);
    assert_eq!((world.stats(), world.fs.statfs(ME).unwrap()), start);
}

#[test]
fn an_inode_without_lookups_is_freed_with_its_last_name() {
    let world = MemFsWorld::new();
    let start = world.stats();
    let file = world.file("f");
    world.fs.link(ME, file, world.root, b"g").unwrap();
    world.fs.write(ME, file, NO, 0, WriteData::new(&[1; 50_000])).unwrap();
    world.fs.forget(file, 2);
    world.fs.unlink(ME, world.root, b"f").unwrap();
    assert_eq!(world.stats().inodes, 2);
    world.rename((world.root, "g"), (world.root, "h"), PLAIN).unwrap();
    let other = world.file("i");
    world.rename((world.root, "i"), (world.root, "h"), PLAIN).unwrap();
    fails(world.fs.getattr(ME, file, None), Errno::ESTALE);
    world.fs.unlink(ME, world.root, b"h").unwrap();
    world.fs.forget(other, 1);
    assert_eq!(world.stats(), start);
}

#[test]
fn directories_and_unnamed_files_end_too() {
    let world = MemFsWorld::new();
    let start = world.stats();
    let dir = world.dir(world.root, "d");
    let tmp = world.fs.tmpfile(ME, dir, &new_node(InodeKind::Regular)).unwrap().attr.ino;
    world.fs.write(ME, tmp, NO, 0, WriteData::new(&[1; 5000])).unwrap();
    world.fs.forget(tmp, 1);
    fails(world.fs.getattr(ME, tmp, None), Errno::ESTALE);

    world.fs.rmdir(ME, world.root, b"d").unwrap();
    assert_eq!(world.attr(dir).nlink, 0);
    world.fs.forget(dir, 1);
    assert_eq!(world.stats(), start);
    let dir = world.dir(world.root, "d");
    world.fs.forget(dir, 1);
    world.fs.rmdir(ME, world.root, b"d").unwrap();
    assert_eq!(world.stats(), start);
}

#[test]
fn forgetting_a_named_inode_keeps_it() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    world.fs.forget(file, 1);
    // Forgetting too many lookups, an unknown number, and the root: none of them does harm.
    world.fs.forget(file, u64::MAX);
    world.fs.forget(999, 1);
    world.fs.forget(world.root, 7);
    assert_eq!(world.peek(world.root, "f"), Some(file));
    assert_eq!(world.stats().inodes, 2);
}

#[test]
fn a_number_is_never_used_again() {
    let world = MemFsWorld::new();
    let mut last = world.root;
    for _ in 0..100 {
        let ino = world.file("f");
        assert!(ino > last);
        last = ino;
        world.fs.unlink(ME, world.root, b"f").unwrap();
        world.fs.forget(ino, 1);
    }
}

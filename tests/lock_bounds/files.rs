//! Large files.

use vfsnotify::{FallocateFlags, OpenFlags, XattrMode, lockdep};

use super::{World, longest, size};

const PAGE: u64 = 4096;

/// Freeing a large file's pages takes as long as there are pages. Only operations on that file may wait for
/// it; none that finds, makes or removes a name.
#[test]
fn the_end_of_a_large_file_delays_no_operation_on_names() {
    let world = World::new();
    let pages = size(100_000) as u64;
    let file = world.file("/large");
    let fill = || {
        let done = file.fallocate(FallocateFlags::empty(), 0, pages * PAGE);
        done.expect("room");
    };
    fill();
    assert!(lockdep::work_done() >= pages);
    world.assert_bounded("allocating");
    file.truncate(0).expect("a file");
    let freed = longest(&lockdep::longest_holds(), "attributes");
    assert!(freed >= pages, "{freed} items: what is freed is counted");
    world.assert_bounded("cutting it off");
    fill();
    world.vfs.truncate(&world.cx, "/large", 5).expect("a file");
    world.assert_bounded("cutting it off by its name");
    fill();
    drop(world.vfs.open(&world.cx, "/large", OpenFlags::WRITE | OpenFlags::TRUNC, 0));
    assert_eq!(file.stat().expect("a file").attr.blocks, 0);
    world.assert_bounded("opening it with TRUNCATE");
    fill();
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    file.fallocate(punch, PAGE, (pages - 2) * PAGE).expect("a file");
    world.assert_bounded("punching a hole");
    fill();
    let mut buf = vec![0; (pages * PAGE) as usize];
    assert_eq!(file.pread(&mut buf, 0).expect("a read"), buf.len());
    assert_eq!(file.pwrite(&buf, 0).expect("a write"), buf.len());
    world.assert_bounded("reading and writing all of it at once");
    world.vfs.unlink(&world.cx, "/large").expect("it is there");
    let before = lockdep::work_done();
    file.close();
    world.vfs.reap();
    assert!(lockdep::work_done() - before >= pages, "what is freed is counted");
    world.assert_bounded("its end");
}

#[test]
fn a_file_of_many_attributes_is_listed_without_delaying_names() {
    let world = World::new();
    let file = world.file("/f");
    for n in 0..1000 {
        let name = format!("user.{n}");
        file.setxattr(&world.cx, name, b"v", XattrMode::Set).expect("room");
    }
    assert_eq!(file.listxattr(&world.cx).expect("a list").len(), 1000);
    world.assert_bounded("attributes");
}

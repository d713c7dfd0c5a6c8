//! Open files, and what they keep.

use std::io::IoSlice;
use std::sync::Arc;

use vfsnotify::{
    Credentials, Errno, FallocateFlags, File, InodeKind, MemFs, OpenFlags, Vfs, XattrMode,
};

use crate::adversary::allocator::{live, take_peak};
use crate::adversary::costs;
use crate::adversary::world::{Allowed, Bounds, World, refusal, scale};

const NEW: OpenFlags = OpenFlags::READ_WRITE.union(OpenFlags::CREATE).union(OpenFlags::EXCL);

#[test]
fn open_unlinked_files_end_at_the_inode_limit() {
    let most = 3000 * scale();
    let world = World::new(&Bounds { inodes: most + 1, negatives: 10, ..Bounds::default() });
    let slots = costs::inodes(most) + costs::dentries(most);
    let each = costs::MEMFS_INODE + costs::child(2) + costs::INODE_TABLED + costs::OPEN_FILE;
    let allowed = Allowed { most: most * each + slots, kept: slots };
    let build = |world: &World| {
        let mut held: Vec<File> = Vec::with_capacity(most);
        for n in 0..most {
            held.push(world.open("/f", NEW).expect("a file"));
            world.vfs.unlink(&world.cx, "/f").expect("it is there");
            world.tick(n);
        }
        assert_eq!(refusal(world.open("/f", NEW)), Errno::ENOSPC);
        // Handles are shared: they take nothing from the limit, and keep what they are on.
        held.push(held[0].dup());
        held.push(held[0].clone());
        let one = held.swap_remove(1);
        drop(one);
        held.push(world.open("/f", NEW).expect("its place is free"));
        world.vfs.unlink(&world.cx, "/f").expect("it is there");
        held
    };
    world.attack("open unlinked files", allowed, build, |_, held| drop(held));
}

#[test]
fn temporary_files_that_are_never_linked_end_at_the_inode_limit() {
    let most = 3000 * scale();
    let world = World::new(&Bounds { inodes: most + 1, negatives: 10, ..Bounds::default() });
    let slots = costs::inodes(most) + costs::dentries(most);
    let each = costs::MEMFS_INODE + costs::child(6) + costs::INODE_TABLED + costs::OPEN_FILE;
    let allowed = Allowed { most: most * each + slots, kept: slots };
    let flags = OpenFlags::TMPFILE | OpenFlags::WRITE;
    let build = |world: &World| {
        let open = |n: usize| {
            world.tick(n);
            world.open("/", flags).expect("a temporary file")
        };
        let held: Vec<File> = (0..most).map(open).collect();
        assert_eq!(refusal(world.open("/", flags)), Errno::ENOSPC);
        held
    };
    world.attack("temporary files", allowed, build, |_, held| drop(held));
}

#[test]
fn open_files_end_at_the_users_limit_and_another_user_opens_more() {
    let most = 4000 * scale();
    let world = World::new(&Bounds { user_files: most, ..Bounds::default() });
    world.create("/f").expect("a file");
    let allowed = Allowed { most: most * costs::OPEN_FILE, kept: 0 };
    let build = |world: &World| {
        let mut held: Vec<File> = Vec::with_capacity(most);
        for n in 0..most {
            // Handles for listing too, in the middle of it.
            let file = match n % 3 {
                0 => world.open("/", OpenFlags::DIRECTORY),
                1 => world.open("/", OpenFlags::PATH),
                _ => world.open("/f", OpenFlags::READ),
            };
            held.push(file.expect("a handle"));
            if n % 3 == 0 {
                assert_eq!(held[n].read_dir(24).expect("a listing").len(), 1);
            }
            world.tick(n);
        }
        for flags in [OpenFlags::READ, OpenFlags::PATH, OpenFlags::READ_WRITE] {
            assert_eq!(refusal(world.open("/f", flags)), Errno::EMFILE);
        }
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        assert_eq!(refusal(world.open("/new", flags)), Errno::EMFILE);
        assert!(!world.vfs.exists(&world.cx, "/new").expect("a look-up"), "nothing half done");
        assert_eq!(refusal(world.vfs.list(&world.cx, "/")), Errno::EMFILE);
        held
    };
    world.attack("open files", allowed, build, |_, held| drop(held));
}

#[test]
fn open_files_of_all_users_end_at_the_limit_of_all() {
    let vfs = Vfs::builder().max_open_files(10).max_user_open_files(6).build(MemFs::new());
    let vfs = vfs.expect("a VFS");
    let (one, two) = (vfs.context().with_user(1), vfs.context().with_user(2));
    let open = |cx| vfs.open(cx, "/", OpenFlags::READ, 0);
    let first: Vec<File> = (0..6).map(|_| open(&one).expect("a handle")).collect();
    assert_eq!(refusal(open(&one)), Errno::EMFILE);
    let second: Vec<File> = (0..4).map(|_| open(&two).expect("a handle")).collect();
    assert_eq!(refusal(open(&two)), Errno::ENFILE);
    drop(first);
    // A file refused by the total limit was not charged to the user.
    let rest: Vec<File> = (0..2).map(|_| open(&two).expect("a handle")).collect();
    assert_eq!(refusal(open(&two)), Errno::EMFILE);
    drop((second, rest));
    assert_eq!(vfs.nr_open_files(), 0);
    (0..6).for_each(|_| drop(open(&two).expect("a handle")));
    let third: Vec<File> = (0..6).map(|_| open(&two).expect("a handle")).collect();
    assert_eq!(vfs.nr_open_files(), third.len());
}

#[test]
fn contents_end_at_the_size_limit_however_they_are_made() {
    let pages = 1000 * scale();
    let world = World::new(&Bounds { bytes: pages * 4096, ..Bounds::default() });
    let slots = costs::inodes(1) + costs::dentries(1);
    let allowed = Allowed { most: pages * (4096 + 48) + slots, kept: slots };
    for how in ["sparse", "whole", "allocated"] {
        let build = |world: &World| {
            let file = world.open("/f", NEW).expect("a file");
            match how {
                "sparse" => {
                    for page in 0..pages {
                        let at = page as u64 * (1 << 30);
                        assert_eq!(file.pwrite(b"x", at).expect("a write"), 1);
                        world.tick(page);
                    }
                }
                "whole" => {
                    let chunk = vec![1; 64 << 10];
                    for n in 0..pages * 4096 / chunk.len() {
                        assert_eq!(file.write(&chunk).expect("a write"), chunk.len());
                        world.tick(n);
                    }
                    while file.write(&[1; 4096]).is_ok() {}
                }
                _ => {
                    let all = pages as u64 * 4096;
                    let more = file.fallocate(FallocateFlags::empty(), 0, all + 1);
                    assert_eq!(refusal(more), Errno::ENOSPC);
                    file.fallocate(FallocateFlags::empty(), 0, all).expect("it fits");
                    // It takes the memory when it is written to.
                    let chunk = vec![1; 64 << 10];
                    while file.write(&chunk).is_ok_and(|count| count == chunk.len()) {
                        world.tick(0);
                    }
                }
            }
            let at = 1 << 50;
            assert_eq!(refusal(file.pwrite(b"x", at)), Errno::ENOSPC);
            assert_eq!(file.stat().expect("it is open").blocks as usize, pages * 8);
            world.vfs.unlink(&world.cx, "/f").expect("it is there");
            file
        };
        world.attack(how, allowed, build, |_, file| drop(file));
    }
}

#[test]
fn extended_attributes_end_at_the_limit_of_an_inode_and_at_that_of_the_size() {
    let bytes = (2 << 20) * scale();
    let world = World::new(&Bounds { bytes, negatives: 10, ..Bounds::default() });
    let inodes = bytes / (128 << 10) + 1;
    let slots = costs::inodes(inodes) + costs::dentries(inodes);
    let allowed = Allowed { most: bytes + inodes * costs::memfs_file(5) + slots, kept: slots };
    for value in [0, 1000, 60_000] {
        let value = vec![7; value];
        let build = |world: &World| {
            let mut files = 0;
            // One inode after the other is filled, until nothing is left for another.
            loop {
                let path = format!("/{files}");
                world.create(&path).expect("a file");
                files += 1;
                let mut attributes = 0;
                loop {
                    let name = format!("user.{attributes:0>200}");
                    let set = world.vfs.setxattr(&world.cx, &path, name, &value, XattrMode::Set);
                    if let Err(error) = set {
                        assert_eq!(error.errno(), Errno::ENOSPC);
                        break;
                    }
                    attributes += 1;
                    world.tick(attributes);
                }
                if attributes == 0 {
                    return files;
                }
                assert!(attributes <= 128 * 1024 / (264 + value.len()));
            }
        };
        let tear = |world: &World, files: usize| {
            for n in 0..files {
                world.vfs.unlink(&world.cx, format!("/{n}")).expect("it is there");
            }
        };
        world.attack(&format!("attributes of {}", value.len()), allowed, build, tear);
    }
}

/// One small attribute on each of many inodes, and a few: nothing takes more than it is charged.
#[test]
fn small_attributes_take_no_more_than_they_are_charged() {
    let files = 1000 * scale();
    let fs = Arc::new(MemFs::new());
    let vfs = Vfs::new(Arc::clone(&fs)).expect("a VFS");
    let cx = vfs.context();
    let path = |n: usize| format!("/{n}");
    for n in 0..files {
        vfs.mknod(&cx, path(n), InodeKind::Regular, 0o600, 0).expect("a file");
    }
    // An allocator adds about 16 bytes to each piece that it gives out.
    let taken = |before: isize, pieces: usize| live() - before + 16 * pieces.cast_signed();
    for each in [1, 2, 3, 5, 9] {
        let (before, charged) = (live(), fs.stats().bytes);
        for n in 0..files {
            for attribute in 0..each {
                let name = format!("user.{attribute}");
                let set = vfs.setxattr(&cx, path(n), name, b"", XattrMode::Create);
                set.expect("an attribute");
            }
        }
        let charge = || (fs.stats().bytes - charged).cast_signed() as isize;
        let taken_by_all = taken(before, files * (each + 1));
        // Nothing is printed: the captured output would be counted.
        assert!(
            taken_by_all <= charge(),
            "{each} each: {taken_by_all} taken, {} charged",
            charge()
        );
        for n in 0..files {
            for attribute in 0..each {
                let name = format!("user.{attribute}");
                vfs.removexattr(&cx, path(n), name).expect("it is there");
                if attribute == each / 2 && n == files - 1 {
                    let taken = live() - before;
                    assert!(taken <= charge(), "{taken} after some, {} charged", charge());
                }
            }
        }
        assert_eq!(charge(), 0);
    }
}

/// A write of many buffers is not copied together before a limit is asked.
#[test]
fn a_vectored_write_takes_no_more_than_the_file_system_has_room_for() {
    let pages = 16;
    let world = World::new(&Bounds { bytes: pages * 4096, ..Bounds::default() });
    let data = vec![1; 8 << 20];
    let bufs = [IoSlice::new(&data), IoSlice::new(&data), IoSlice::new(&data)];
    let file = world.open("/f", NEW).expect("a file");
    let appending = world.open("/f", OpenFlags::WRITE | OpenFlags::APPEND).expect("a file");
    take_peak();
    let before = live();
    assert_eq!(file.writev(&bufs).expect("as much as there is room for"), pages * 4096);
    assert_eq!(refusal(file.writev(&bufs)), Errno::ENOSPC);
    assert_eq!(refusal(appending.writev(&bufs)), Errno::ENOSPC);
    assert_eq!(file.pwritev(&bufs, 4096).expect("it is there"), (pages - 1) * 4096);
    let peak = take_peak() - before;
    let most = (pages * (4096 + 48) + costs::SMALL_CHANGE).cast_signed();
    assert!(peak <= most, "{peak} bytes were taken, {most} are allowed");
}

/// Contexts and open files share the groups of a user.
#[test]
fn open_files_of_a_user_with_many_groups_take_no_more_than_those_of_another() {
    let files = 200;
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let groups = 0..Credentials::MAX_GROUPS as u32;
    let cx = vfs.context().with_credentials(Credentials::new(1, 1).with_groups(groups));
    let before = live();
    let held: Vec<File> = (0..files)
        .map(|_| vfs.open(&cx.clone(), "/", OpenFlags::READ, 0).expect("a handle"))
        .collect();
    let taken = live() - before;
    let most = (files * costs::OPEN_FILE + costs::SMALL_CHANGE).cast_signed();
    assert!(taken <= most, "{taken} bytes were taken, {most} are allowed");
    drop(held);
}

/// An error may be kept for long, and the path that it is about is a guest's.
#[test]
fn an_error_about_a_path_that_is_too_long_does_not_keep_it() {
    let world = World::new(&Bounds::default());
    let path = vec![b'x'; 8 << 20];
    let before = live();
    let errors = [
        world.vfs.stat(&world.cx, &path).map(drop),
        world.vfs.mkdir(&world.cx, &path, 0o700),
        world.vfs.symlink(&world.cx, &path, "/l"),
        world.vfs.rename(&world.cx, &path, "/l", vfsnotify::RenameFlags::empty()),
        world.vfs.setxattr(&world.cx, "/", &path, b"", XattrMode::Set),
        world.vfs.setxattr(&world.cx, &path, "user.a", &path, XattrMode::Set),
        world
            .vfs
            .add_watch(&world.cx, &world.inotify(), &path, vfsnotify::inotify::WatchMask::OPEN)
            .map(drop),
        world.cx.clone().chdir(&world.vfs, &path),
    ];
    let kept = live() - before;
    assert!(errors.iter().all(std::result::Result::is_err));
    let most = 64 << 10;
    assert!(kept <= most, "{kept} bytes are kept, {most} may be");
}

#[test]
fn bytes_in_unread_fifos_are_bounded() {
    let (large, small) = (1024, 600 * scale());
    let pipes = large + small;
    let world = World::new(&Bounds { user_files: pipes, ..Bounds::default() });
    for n in 0..pipes {
        world.vfs.mknod(&world.cx, format!("/{n}"), InodeKind::Fifo, 0o600, 0).expect("a fifo");
    }
    let each = costs::OPEN_FILE + 300;
    // The table of open pipes does not shrink.
    let most = large * (64 << 10) + small * 8192 + pipes * each;
    let allowed = Allowed { most, kept: pipes * 48 };
    // With the first byte it fills whole pages.
    let data = vec![1; (100 << 10) - 1];
    let build = |world: &World| {
        let mut held: Vec<File> = Vec::with_capacity(pipes);
        for n in 0..pipes {
            let file = world.open(format!("/{n}"), OpenFlags::READ_WRITE).expect("a pipe");
            // A byte at first: what holds it grows.
            assert_eq!(file.write(&data[..1]).expect("there is room"), 1);
            let wanted = if n < large { 64 << 10 } else { 8192 };
            assert_eq!(file.write(&data).expect("there is room"), wanted - 1);
            assert_eq!(refusal(file.write(&data)), Errno::EAGAIN);
            held.push(file);
            world.tick(n);
        }
        assert_eq!(refusal(world.open("/0", OpenFlags::READ)), Errno::EMFILE);
        held
    };
    world.attack("pipes", allowed, build, |_, held| drop(held));
}

//! Names that do not exist, and names that do.

use std::sync::Arc;

use vfsnotify::fs::{NewNode, Request};
use vfsnotify::{Errno, FileSystem, InodeKind, MemFs, Mode, MountOptions, OpenFlags, RenameFlags};

use crate::adversary::costs;
use crate::adversary::world::{Allowed, Bounds, World, long_name, refusal, scale};

/// Looks for names that are not there.
fn miss(world: &World, dir: &str, names: std::ops::Range<usize>, len: usize) {
    for n in names {
        let path = format!("{dir}/{}", long_name(n, len));
        assert!(!world.vfs.exists(&world.cx, path).expect("a look-up"));
        world.tick(n);
    }
}

/// A guest looks at a tree that it did not make: what it finds keeps to the budget for dentries, its
/// inodes with it, and the neighbour, whose own names are few, goes on meanwhile.
#[test]
fn names_that_are_found_in_a_large_tree_end_at_the_budget() {
    let most = 8192 * scale();
    let world = World::new(&Bounds { dentries: most, ..Bounds::default() });
    let foreign = Arc::new(MemFs::new());
    let root = foreign.root().expect("a root").attr.ino;
    let kind = InodeKind::Regular;
    let new = NewNode::new(kind, Mode::new(0o644));
    for n in 0..4 * most {
        let made = foreign
            .create(&Request::SUPERUSER, root, long_name(n, 60).as_bytes(), &new)
            .expect("a file");
        foreign.forget(made.attr.ino, 1);
    }
    world.mkdir("/foreign");
    let host = world.vfs.context();
    // The clock lags by a 256th of the slots at most, and inodes by the steps of an operation.
    let cached = most + most / 64;
    let slots = costs::dentries(cached) + costs::inodes(cached);
    let each = costs::child(60) + costs::INODE_TABLED;
    let allowed = Allowed { most: slots + cached * each, kept: slots };
    let build = |world: &World| {
        let options = MountOptions::default();
        world.vfs.mount_with(&host, "/guest/foreign", foreign.clone(), options).expect("a mount");
        for n in 0..4 * most {
            world.vfs.stat(&world.cx, format!("/foreign/{}", long_name(n, 60))).expect("a file");
            world.tick(n);
        }
        assert!(world.vfs.tree().live_dentries() <= cached + 10);
        assert!(world.vfs.tree().live_dentries() * 10 >= most * 9);
    };
    let tear = |world: &World, ()| world.vfs.unmount(&host, "/guest/foreign").expect("not busy");
    world.attack("names of a foreign tree", allowed, build, tear);
}

fn negatives_in_one_directory(len: usize) {
    let most = 10_000 * scale();
    let world = World::new(&Bounds { negatives: most, ..Bounds::default() });
    let slots = costs::directories(1) + costs::inodes(1) + costs::dentries(1);
    let allowed = Allowed { most: most * costs::negative(len) + slots, kept: slots };
    let build = |world: &World| {
        world.mkdir("/d");
        miss(world, "/d", 0..3 * most, len);
        assert!(world.vfs.tree().negatives() <= most);
        assert!(world.vfs.tree().negatives() * 10 >= most * 9);
    };
    let tear = |world: &World, ()| world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    world.attack(&format!("negatives of {len} bytes"), allowed, build, tear);
}

#[test]
fn short_names_that_are_not_there_end_at_the_budget() {
    negatives_in_one_directory(20);
}

#[test]
fn long_names_that_are_not_there_end_at_the_budget() {
    negatives_in_one_directory(255);
}

#[test]
fn names_that_are_not_there_in_many_directories_end_at_the_budget() {
    let (most, dirs) = (10_000 * scale(), 200);
    let world = World::new(&Bounds { negatives: most, ..Bounds::default() });
    let slots = costs::directories(dirs) + costs::inodes(dirs) + costs::dentries(dirs);
    let each = costs::memfs_file(10) + 2000;
    // The first directories had more than what is left of it.
    let allowed = Allowed {
        most: most * costs::negative_of_fewer(255) + slots + dirs * each,
        kept: slots + 40 * dirs,
    };
    let build = |world: &World| {
        for dir in 0..dirs {
            let path = format!("/d{dir}");
            world.mkdir(&path);
            miss(world, &path, 0..3 * most / dirs, 255);
        }
    };
    let tear = |world: &World, ()| {
        (0..dirs).for_each(|dir| world.vfs.rmdir(&world.cx, format!("/d{dir}")).expect("empty"));
    };
    world.attack("negatives in many directories", allowed, build, tear);
}

#[test]
fn a_name_or_a_path_that_is_too_long_is_not_remembered() {
    let world = World::new(&Bounds::default());
    let before = world.vfs.tree().negatives();
    for n in 0..100 {
        let name = long_name(n, 256);
        assert_eq!(refusal(world.vfs.exists(&world.cx, &name)), Errno::ENAMETOOLONG);
        assert_eq!(refusal(world.create(&name)), Errno::ENAMETOOLONG);
        let path = format!("{}/{n}", "x/".repeat(2048));
        assert_eq!(refusal(world.vfs.exists(&world.cx, path)), Errno::ENAMETOOLONG);
    }
    assert_eq!(world.vfs.tree().negatives(), before);
}

#[test]
fn a_directory_of_very_many_children_ends_at_the_inode_limit() {
    let most = 8000 * scale();
    let world = World::new(&Bounds { inodes: most + 2, ..Bounds::default() });
    let slots = costs::directories(1) + costs::inodes(most) + costs::dentries(most);
    let allowed = Allowed { most: most * costs::memfs_file(255) + slots, kept: slots };
    let build = |world: &World| {
        world.mkdir("/d");
        for n in 0..most {
            world.create(format!("/d/{}", long_name(n, 255))).expect("a file");
            world.tick(n);
        }
        assert_eq!(refusal(world.create("/d/more")), Errno::ENOSPC);
        assert_eq!(refusal(world.vfs.mkdir(&world.cx, "/more", 0o700)), Errno::ENOSPC);
        assert_eq!(
            refusal(world.vfs.link(&world.cx, format!("/d/{}", long_name(0, 255)), "/more")),
            Errno::ENOSPC
        );
    };
    let tear = |world: &World, ()| {
        for n in 0..most {
            let path = format!("/d/{}", long_name(n, 255));
            world.vfs.unlink(&world.cx, path).expect("it is there");
        }
        world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    };
    // Names that are gone are remembered, which is another attack.
    world.vfs.exists(&world.cx, "/more").expect("a look-up");
    let negatives = most * costs::negative(255);
    let allowed = Allowed { most: allowed.most.max(negatives), ..allowed };
    world.attack("many children", allowed, build, tear);
}

#[test]
fn hard_links_end_at_the_inode_limit() {
    let most = 8000 * scale();
    let world = World::new(&Bounds { inodes: most + 3, negatives: 10, ..Bounds::default() });
    world.create("/one").expect("a file");
    let slots = costs::directories(1) + costs::inodes(1) + costs::dentries(most);
    let each = costs::memfs_name(200) + costs::child(200);
    let allowed = Allowed { most: most * each + slots, kept: slots };
    let path = |n: usize| format!("/d/{}", long_name(n, 200));
    let build = |world: &World| {
        world.mkdir("/d");
        for n in 0..most {
            world.vfs.link(&world.cx, "/one", path(n)).expect("a link");
            world.tick(n);
        }
        assert_eq!(refusal(world.vfs.link(&world.cx, "/one", "/more")), Errno::ENOSPC);
        assert_eq!(
            world.vfs.stat(&world.cx, "/one").expect("it is there").nlink as usize,
            most + 1
        );
    };
    let tear = |world: &World, ()| {
        (0..most).for_each(|n| world.vfs.unlink(&world.cx, path(n)).expect("it is there"));
        world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    };
    world.attack("hard links", allowed, build, tear);
}

#[test]
fn symlinks_with_long_targets_end_at_the_size_limit() {
    let most = 1000 * scale();
    let world = World::new(&Bounds { bytes: most * 4096, negatives: 10, ..Bounds::default() });
    let slots = costs::directories(1) + costs::inodes(most) + costs::dentries(most);
    let allowed = Allowed { most: most * (4096 + costs::memfs_file(20)) + slots, kept: slots };
    let path = |n: usize| format!("/d/{}", long_name(n, 20));
    let target = "t".repeat(4095);
    let build = |world: &World| {
        world.mkdir("/d");
        for n in 0..most {
            world.vfs.symlink(&world.cx, &target, path(n)).expect("a link");
            world.tick(n);
        }
        assert_eq!(refusal(world.vfs.symlink(&world.cx, &target, "/more")), Errno::ENOSPC);
        let huge = "t".repeat(4096);
        assert_eq!(refusal(world.vfs.symlink(&world.cx, &huge, "/more")), Errno::ENAMETOOLONG);
    };
    let tear = |world: &World, ()| {
        (0..most).for_each(|n| world.vfs.unlink(&world.cx, path(n)).expect("it is there"));
        world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    };
    world.attack("symlinks with long targets", allowed, build, tear);
}

#[test]
fn symlinks_with_short_targets_end_at_the_inode_limit() {
    let most = 5000 * scale();
    let world = World::new(&Bounds { inodes: most + 2, negatives: 10, ..Bounds::default() });
    let slots = costs::directories(1) + costs::inodes(most) + costs::dentries(most);
    let allowed = Allowed { most: most * (127 + costs::memfs_file(20)) + slots, kept: slots };
    let path = |n: usize| format!("/d/{}", long_name(n, 20));
    let target = "t".repeat(127);
    let build = |world: &World| {
        world.mkdir("/d");
        for n in 0..most {
            world.vfs.symlink(&world.cx, &target, path(n)).expect("a link");
            world.tick(n);
        }
        assert_eq!(refusal(world.vfs.symlink(&world.cx, &target, "/more")), Errno::ENOSPC);
    };
    let tear = |world: &World, ()| {
        (0..most).for_each(|n| world.vfs.unlink(&world.cx, path(n)).expect("it is there"));
        world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    };
    world.attack("symlinks with short targets", allowed, build, tear);
}

#[test]
fn chains_of_symlinks_that_grow_the_path_end_with_too_many() {
    let world = World::new(&Bounds::default());
    let (vfs, cx) = (&world.vfs, &world.cx);
    // Each link leads to itself, and longer: "l" is "./././.../l/x/x/x".
    let target = format!("{}l{}", "./".repeat(1000), "/x".repeat(1000));
    vfs.symlink(cx, target, "/l").expect("a link");
    crate::adversary::allocator::take_peak();
    let before = crate::adversary::allocator::live();
    assert_eq!(refusal(vfs.stat(cx, "/l")), Errno::ELOOP);
    let peak = crate::adversary::allocator::take_peak() - before;
    assert!(peak < 40 * 4096 * 4, "{peak} bytes");
    world.the_neighbour_works();
}

#[test]
fn renames_back_and_forth_take_nothing_and_what_they_leave_ends_at_the_budget() {
    let most = 2000 * scale();
    let world = World::new(&Bounds { inodes: 5, negatives: most, ..Bounds::default() });
    world.mkdir("/a");
    world.mkdir("/b");
    world.create("/a/f").expect("a file");
    // Either directory may have had more than its half.
    let allowed = Allowed { most: most * costs::negative_of_fewer(200), kept: 0 };
    let name = |n: usize| format!("/{}/{}", ["a", "b"][n % 2], long_name(n, 200));
    let build = |world: &World| {
        let rename = |from: &str, to: &str| {
            world.vfs.rename(&world.cx, from, to, RenameFlags::empty()).expect("a rename");
        };
        rename("/a/f", &name(0));
        for n in 0..3 * most {
            rename(&name(n), &name(n + 1));
            assert!(!world.vfs.exists(&world.cx, name(n)).expect("a look-up"));
            world.tick(n);
        }
        rename(&name(3 * most), "/a/f");
        // A whiteout takes an inode, of which there is one left.
        let flags = RenameFlags::WHITEOUT;
        let root = world.vfs.context().with_root(&world.vfs, "/guest").expect("a root");
        world.vfs.rename(&root, "/a/f", "/a/g", flags).expect("a whiteout");
        let more = world.vfs.rename(&root, "/a/g", "/a/h", flags);
        assert_eq!(refusal(more), Errno::ENOSPC);
        world.vfs.rename(&root, "/a/g", "/a/f", RenameFlags::empty()).expect("over the whiteout");
        assert!(world.vfs.tree().negatives() <= most);
    };
    let tear = |world: &World, ()| {
        // The directories go with what is remembered of them.
        for dir in ["/a", "/b"] {
            let moved = format!("{dir}-old");
            if dir == "/a" {
                world.vfs.rename(&world.cx, "/a/f", "/f", RenameFlags::empty()).expect("out");
            }
            world.vfs.rename(&world.cx, dir, &moved, RenameFlags::empty()).expect("a rename");
            world.vfs.rmdir(&world.cx, &moved).expect("it is empty");
            world.mkdir(dir);
        }
        world.vfs.rename(&world.cx, "/f", "/a/f", RenameFlags::empty()).expect("in");
    };
    world.attack("renames", allowed, build, tear);
}

#[test]
fn nodes_of_every_kind_count_as_inodes() {
    let world = World::new(&Bounds { inodes: 5, ..Bounds::default() });
    let (vfs, cx) = (&world.vfs, &world.cx);
    let kinds = [InodeKind::Regular, InodeKind::Fifo, InodeKind::Socket];
    for (n, kind) in kinds.into_iter().enumerate() {
        vfs.mknod(cx, format!("/{n}"), kind, 0o600, 0).expect("a node");
    }
    let device = vfs.mknod(cx, "/device", InodeKind::CharDevice, 0o600, 5);
    assert_eq!(refusal(device), Errno::EPERM);
    let tmp = world.open("/", OpenFlags::TMPFILE | OpenFlags::WRITE).expect("a temporary file");
    for kind in kinds {
        assert_eq!(refusal(vfs.mknod(cx, "/more", kind, 0o600, 0)), Errno::ENOSPC);
    }
    drop(tmp);
    vfs.mknod(cx, "/more", InodeKind::Fifo, 0o600, 0).expect("its place is free");
}

//! Deep trees.

use vfsnotify::{Context, Errno, File, MemFs, OpenFlags, Vfs};

use crate::adversary::costs;
use crate::adversary::world::{Allowed, Bounds, World, refusal, scale};

/// A name that makes paths long fast.
const NAME: &str = "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

/// Makes directories inside each other until the file system is full; where it came to.
fn dig(world: &World, depth: usize) -> Context {
    let mut deep = world.cx.clone();
    for n in 0..depth {
        world.vfs.mkdir(&deep, NAME, 0o700).expect("a directory");
        deep.chdir(&world.vfs, NAME).expect("it is there");
        world.tick(n);
    }
    deep
}

fn climb_and_remove(world: &World, mut deep: Context) {
    while world.vfs.exists(&deep, format!("../{NAME}")).expect("a look-up") {
        deep.chdir(&world.vfs, "..").expect("there is one above");
        world.vfs.rmdir(&deep, NAME).expect("it is empty");
    }
}

#[test]
fn a_chain_of_directories_ends_at_the_inode_limit_and_can_be_walked_and_removed() {
    let depth = 3000 * scale();
    let world = World::new(&Bounds { inodes: depth + 1, negatives: 10, ..Bounds::default() });
    let slots = costs::directories(depth) + costs::inodes(depth) + costs::dentries(depth);
    let allowed =
        Allowed { most: depth * costs::memfs_chain_link(NAME.len()) + slots, kept: slots };
    let build = |world: &World| {
        let mut deep = dig(world, depth);
        assert_eq!(refusal(world.vfs.mkdir(&deep, NAME, 0o700)), Errno::ENOSPC);
        // Up and down by path as far as a path reaches, and no further.
        let up = "../".repeat(1000);
        deep.chdir(&world.vfs, &up).expect("a thousand up");
        let down = format!("{NAME}/").repeat(4000 / (NAME.len() + 1));
        deep.chdir(&world.vfs, &down).expect("as many down as a path has room for");
        let long = format!("{NAME}/").repeat(4200 / (NAME.len() + 1));
        assert_eq!(refusal(deep.chdir(&world.vfs, long)), Errno::ENAMETOOLONG);
        deep
    };
    let tear = |world: &World, mut deep: Context| {
        while world.vfs.exists(&deep, NAME).expect("a look-up") {
            deep.chdir(&world.vfs, NAME).expect("it is there");
        }
        climb_and_remove(world, deep);
    };
    world.attack("a deep tree", allowed, build, tear);
}

#[test]
fn a_directory_that_is_deep_down_keeps_the_directories_above_it() {
    let depth = 2000;
    let world = World::new(&Bounds::default());
    let deep = dig(&world, depth);
    let file = world.vfs.open(&deep, ".", OpenFlags::PATH, 0).expect("a handle");
    assert_eq!(refusal(file.path(&world.cx)), Errno::ENAMETOOLONG);
    world.the_neighbour_works();
    climb_and_remove(&world, deep);
    // The handle keeps the whole chain: Linux's dentries do too.
    assert!(world.vfs.tree().live_dentries() > depth);
    drop(file);
    world.vfs.reap();
    assert!(world.vfs.tree().live_dentries() < 10);
    world.vfs.verify().expect("every invariant holds");
}

/// Nothing that goes through a chain does it by recursion: the stack would end first. A thread has
/// 2 MiB, and the chain is 30,000 long.
#[test]
fn a_chain_that_is_dropped_or_unmounted_as_a_whole_needs_no_stack() {
    let depth = 30_000;
    for unmount in [true, false] {
        let vfs = Vfs::new(MemFs::new()).expect("a VFS");
        let host = vfs.context();
        vfs.mkdir(&host, "/m", 0o755).expect("a directory");
        vfs.mount(&host, "/m", MemFs::new()).expect("a mount");
        let mut deep = vfs.context();
        deep.chdir(&vfs, "/m").expect("it is there");
        for _ in 0..depth {
            vfs.mkdir(&deep, "d", 0o755).expect("a directory");
            deep.chdir(&vfs, "d").expect("it is there");
        }
        let handle = vfs.open(&deep, ".", OpenFlags::READ, 0).expect("a handle");
        drop(deep);
        if unmount {
            assert_eq!(refusal(vfs.unmount(&host, "/m")), Errno::EBUSY);
            drop(handle);
            vfs.unmount(&host, "/m").expect("it is unused");
            assert!(vfs.tree().live_dentries() < 5);
            vfs.verify().expect("every invariant holds");
        } else {
            drop((vfs, host));
            drop(handle);
        }
    }
}

#[test]
fn dead_directories_that_are_held_end_at_the_inode_limit() {
    let most = 2000 * scale();
    let world = World::new(&Bounds { inodes: most + 1, negatives: 10, ..Bounds::default() });
    let slots = costs::directories(most) + costs::inodes(most) + costs::dentries(most);
    let each = costs::MEMFS_INODE + costs::child(5) + costs::INODE_TABLED + costs::OPEN_FILE;
    let allowed = Allowed { most: most * each + slots, kept: slots };
    let build = |world: &World| {
        let mut held: (Vec<File>, Vec<Context>) = Default::default();
        for n in 0..most {
            world.mkdir("/d");
            if n % 2 == 0 {
                held.0.push(world.open("/d", OpenFlags::READ).expect("a handle"));
            } else {
                let mut cx = world.cx.clone();
                cx.chdir(&world.vfs, "/d").expect("it is there");
                held.1.push(cx);
            }
            world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
            world.tick(n);
        }
        assert_eq!(refusal(world.vfs.mkdir(&world.cx, "/d", 0o700)), Errno::ENOSPC);
        let inside = world.vfs.mkdir(&held.1[0], "x", 0o700);
        assert_eq!(refusal(inside), Errno::ENOENT, "a dead directory takes nothing");
        held
    };
    world.attack("dead directories", allowed, build, |_, held| drop(held));
}

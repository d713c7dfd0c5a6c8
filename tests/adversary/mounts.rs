//! Mounts, where a guest is uid 0 in a root of its own; an ordinary one may not mount.

use vfsnotify::{Errno, MemFs, Vfs};

use crate::adversary::allocator::{live, take_peak};
use crate::adversary::world::{Bounds, World, refusal};

#[test]
fn a_guest_without_privilege_mounts_nothing() {
    let world = World::new(&Bounds::default());
    world.mkdir("/m");
    let (vfs, cx) = (&world.vfs, &world.cx);
    assert_eq!(refusal(vfs.mount(cx, "/m", MemFs::new())), Errno::EPERM);
    assert_eq!(refusal(vfs.bind_mount(cx, "/", "/m")), Errno::EPERM);
    assert_eq!(refusal(vfs.unmount(cx, "/m")), Errno::EPERM);
}

#[test]
fn mounts_of_a_privileged_guest_end_at_their_limit() {
    let most = 500;
    let world = World::new(&Bounds { mounts: most + 3, ..Bounds::default() });
    let (vfs, root) = (&world.vfs, world.vfs.context().with_root(&world.vfs, "/guest"));
    let root = root.expect("a root");
    vfs.mkdir(&root, "/m", 0o755).expect("a directory");
    let before = live();
    for round in 0..2 {
        take_peak();
        // Each on top of the last, and a look-up goes through all of them.
        for n in 0..most {
            if n % 2 == 0 {
                vfs.bind_mount(&root, "/m", "/m").expect("a mount");
            } else {
                vfs.mount(&root, "/m", MemFs::new()).expect("a mount");
            }
            world.tick(n);
        }
        assert_eq!(refusal(vfs.bind_mount(&root, "/m", "/m")), Errno::ENOSPC);
        let fs = MemFs::new();
        assert_eq!(refusal(vfs.mount(&root, "/m", fs)), Errno::ENOSPC);
        assert_eq!(vfs.mounts(&root).len(), most + 1);
        world.the_neighbour_works();
        // A MemFs has 64 tables and an inode; a mount and a superblock, some words.
        let (peak, each) = (take_peak() - before, 12_000);
        assert!(peak < (most * each) as isize, "{peak} bytes");
        for _ in 0..most {
            vfs.unmount(&root, "/m").expect("it is the topmost");
        }
        assert_eq!(refusal(vfs.unmount(&root, "/m")), Errno::EINVAL);
        vfs.verify().expect("every invariant holds");
        let left = live() - before;
        assert!(left < 400 << 10, "round {round}: {left} bytes left");
    }
}

/// A mount keeps the one it is on; dropped one inside the other, 20,000 of them ended the stack of
/// a thread, and with it the process.
#[test]
fn nested_mounts_are_dropped_without_recursion() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
    // Each is inside the last one: a look-up is short, and the chain is long.
    let mut inside = vfs.context();
    for _ in 0..20_000 {
        vfs.bind_mount(&inside, ".", "m").expect("a mount");
        inside.chdir(&vfs, "m").expect("it is there");
    }
    drop((cx, inside));
    drop(vfs);
}

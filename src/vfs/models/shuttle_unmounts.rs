//! Ends of file systems beside threads that free dead objects.

use super::shuttle_harness::{VfsWorld, check, thread, together};
use crate::base::sync::Arc;
use crate::{FileSystem, MemFs, OpenFlags, RenameFlags};

/// Another thread frees what is pruned. Fails (a reference to a dead object is taken) if
/// [`PruneWalk`](crate::tree::PruneWalk) keeps no reference to the directory it is in.
#[test]
fn shuttle_what_is_pruned_and_what_is_reaped_at_once_is_freed_once() {
    check(|| {
        let (world, fs) = (VfsWorld::new(), Arc::new(MemFs::new()));
        world.vfs.mount(&world.cx, "/b", fs.clone()).unwrap();
        let dirs = ["/b/d", "/b/d/d", "/b/d/d/d", "/b/d/d/d/d"];
        dirs.iter().for_each(|dir| world.vfs.mkdir(&world.cx, dir, 0o755).unwrap());
        let file = world.open(dirs[3], OpenFlags::PATH).unwrap();
        let bottom = world.vfs.notifier().reference(file.dentry()).unwrap();
        // An open file keeps the mount.
        drop(file);
        dirs.iter().rev().for_each(|dir| world.vfs.rmdir(&world.cx, dir).unwrap());
        together(vec![
            thread(&world, |world| world.vfs.unmount(&world.cx, "/b").unwrap()),
            thread(&world, move |world| {
                drop(bottom);
                world.vfs.reap();
            }),
            thread(&world, |world| {
                world.vfs.mkdir(&world.cx, "/a/d", 0o755).unwrap();
                world.vfs.rmdir(&world.cx, "/a/d").unwrap();
            }),
        ]);
        world.vfs.reap();
        world.vfs.verify().unwrap();
        assert!(Arc::into_inner(fs).is_some(), "the file system was not let go of");
        VfsWorld::end(world);
    });
}

/// The whiteout of a rename is forgotten at its end, and the file system may be unmounted before. Fails (it is
/// never forgotten) if `give_unwanted_back` in `instance.rs` looks the file system up by its superblock.
#[test]
fn shuttle_a_look_up_that_came_to_nothing_is_given_back_to_what_is_unmounted() {
    check(|| {
        let (world, fs) = (VfsWorld::new(), Arc::new(MemFs::new()));
        world.vfs.mount(&world.cx, "/b", fs.clone()).unwrap();
        world.make("/b/f").unwrap();
        together(vec![
            thread(&world, |world| {
                let flags = RenameFlags::WHITEOUT;
                let _ = world.vfs.rename(&world.cx, "/b/f", "/b/g", flags);
            }),
            thread(&world, |world| {
                let _ = world.vfs.unmount(&world.cx, "/b");
            }),
            thread(&world, |world| world.vfs.reap()),
        ]);
        let _ = world.vfs.unmount(&world.cx, "/b");
        world.vfs.reap();
        let root = fs.root().unwrap().attr.ino;
        fs.forget(root, 1);
        for name in [b"f", b"g"] {
            let _ = fs.unlink(&crate::fs::Request::SUPERUSER, root, name);
        }
        assert_eq!(fs.stats().inodes, 1, "one is looked up for ever");
        assert!(Arc::into_inner(fs).is_some(), "the file system was not let go of");
        VfsWorld::end(world);
    });
}

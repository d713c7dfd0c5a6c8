//! The object that an id, a device number or a handle names.

use vfsnotify::inotify::WatchMask;
use vfsnotify::tree::InodeSpec;
use vfsnotify::{Errno, InodeKind, MemFs, Vfs};

use super::world::World;

/// Objects of one tree on another's notifier hit whatever had their index there.
#[test]
fn objects_of_another_tree_are_refused_or_ignored() {
    let (one, two) = (World::new(), World::new());
    let (here, there) = (one.inotify(), two.inotify());
    here.add_watch(&one.root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    there.add_watch(&two.root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    let (mine, other) = (one.file(2, b"f"), two.file(2, b"f"));
    two.notifier.hooks().on_create(one.root.get(), b"x", one.root.get().inode());
    two.notifier.hooks().on_modify(mine.get());
    assert!(there.is_empty() && here.is_empty());
    two.notifier.on_unmount(&one.superblock);
    assert_eq!((here.watch_count(), there.watch_count()), (1, 1));
    drop(mine);
    two.notifier.reap(|_, _, _| {});
    assert!(other.get().is_hashed());
    let spec = InodeSpec::new(9, InodeKind::Regular, 1);
    let error = two.tree.make_inode(&one.superblock, spec).unwrap_err();
    assert_eq!(error.errno(), Errno::EINVAL);
    let inode = one.tree.make_inode(&one.superblock, spec).expect("an inode");
    let error = there.add_watch(&inode, WatchMask::MODIFY).unwrap_err();
    assert_eq!(error.errno(), Errno::EINVAL);
    let error = two.notifier.instantiate(two.root.get(), b"y", inode).unwrap_err();
    assert_eq!(error.errno(), Errno::EINVAL);
    two.notifier.verify().expect("the invariants");
}

/// A superblock's slot was free for another while its last inode was still being forgotten.
#[test]
fn a_forgotten_inode_names_its_own_superblock() {
    let World { notifier, superblock, root, .. } = World::new();
    let old = superblock.id();
    drop((superblock, root));
    let mut next = None;
    notifier.reap(|id, _, _| {
        assert_eq!(id, old);
        next = Some(notifier.add_superblock(99).expect("another file system"));
    });
    assert_ne!(next.expect("the root was forgotten").0.id(), old);
}

/// fdinfo's `sdev` was one less than the device that stat(2) shows, 0 for the first file system.
#[test]
fn a_watchs_fdinfo_names_the_device_of_its_object() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE).expect("a watch");
    let device = vfs.stat(&cx, "/").expect("the root").device;
    let line = inotify.watches()[0].to_string();
    assert!(line.contains(&format!(" sdev:{device:x} ")), "{line}");
}

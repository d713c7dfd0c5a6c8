//! Ids of what is gone.

use vfsnotify::inotify::{WatchDescriptor, WatchMask};
use vfsnotify::tree::{DentryId, InodeId, InodeSpec, SuperblockId};
use vfsnotify::{Errno, InodeKind, MemFs, OpenFlags, Tree, Vfs};

use crate::isolation::stage::{delivered, refusal};

const LIVES: usize = 3000;

/// How often a slot is used again, as the ids print it: the part before the generation.
fn reuses<T: std::fmt::Debug>(ids: &[T]) -> usize {
    let slot = |id: &T| format!("{id:?}").split('v').next().map(str::to_owned);
    let first = slot(&ids[0]);
    ids.iter().filter(|id| slot(id) == first).count()
}

#[test]
fn an_id_of_a_file_that_is_gone_is_stale_whatever_has_its_slot() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
    let mut gone: Vec<(DentryId, InodeId)> = Vec::new();
    for n in 0..LIVES {
        let file = vfs.open(&cx, "/f", flags, 0o644).expect("a file");
        let ids = (file.dentry().id(), file.dentry().inode().id());
        file.close();
        // Now and then it is kept open beyond its name, or a directory.
        let kept = (n % 3 == 0).then(|| vfs.open(&cx, "/f", OpenFlags::PATH, 0));
        vfs.unlink(&cx, "/f").expect("it is there");
        if let Some(kept) = kept {
            let kept = kept.expect("a handle");
            assert_eq!(vfs.notifier().dentry(ids.0).expect("it is open").get(), kept.dentry());
        }
        vfs.reap();
        gone.push(ids);
        for (dentry, inode) in gone.iter().rev().take(5).chain(&gone[..1]) {
            assert_eq!(refusal(vfs.notifier().dentry(*dentry)), Errno::ESTALE);
            assert_eq!(refusal(vfs.tree().inode(*inode)), Errno::ESTALE);
        }
    }
    let (dentries, inodes): (Vec<DentryId>, Vec<InodeId>) = gone.iter().copied().unzip();
    assert!(reuses(&dentries) > LIVES / 10 && reuses(&inodes) > LIVES / 10, "slots are reused");
    // All of them at once, with the slots in use by others.
    let last = vfs.open(&cx, "/last", flags, 0o644).expect("a file");
    for (dentry, inode) in &gone {
        assert_eq!(refusal(vfs.notifier().dentry(*dentry)), Errno::ESTALE);
        assert_eq!(refusal(vfs.tree().inode(*inode)), Errno::ESTALE);
    }
    let distinct: std::collections::HashSet<_> = gone.iter().collect();
    assert_eq!(distinct.len(), LIVES, "no id is given twice");
    assert!(vfs.notifier().dentry(last.dentry().id()).is_ok());
}

#[test]
fn an_id_of_a_directory_that_is_gone_is_stale_too() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let mut gone = Vec::new();
    for _ in 0..LIVES / 3 {
        vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
        let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0).expect("a handle");
        gone.push((dir.dentry().id(), dir.dentry().inode().id()));
        drop(dir);
        vfs.rmdir(&cx, "/d").expect("it is empty");
        vfs.reap();
    }
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    for (dentry, inode) in gone {
        assert_eq!(refusal(vfs.notifier().dentry(dentry)), Errno::ESTALE);
        assert_eq!(refusal(vfs.tree().inode(inode)), Errno::ESTALE);
    }
}

/// An id once was the number of a slot: a file system that was mounted later had that of one that was
/// gone.
#[test]
fn a_superblock_never_has_the_id_of_one_that_is_gone() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
    let mut seen: Vec<SuperblockId> = Vec::new();
    for _ in 0..500 {
        vfs.mount(&cx, "/m", MemFs::new()).expect("a mount");
        let id = vfs.mounts(&cx)[1].superblock;
        let inotify = vfs.inotify(&cx).expect("an instance");
        vfs.add_watch(&cx, &inotify, "/m", WatchMask::OPEN).expect("a watch");
        assert_eq!(inotify.watches()[0].superblock, id);
        let root = vfs.open(&cx, "/m", OpenFlags::PATH, 0).expect("a handle");
        assert_eq!((root.dentry().superblock(), root.dentry().inode().superblock()), (id, id));
        drop(root);
        vfs.unmount(&cx, "/m").expect("it is unused");
        assert!(!seen.contains(&id), "{id:?} again");
        seen.push(id);
    }
    assert!(reuses(&seen) > 100, "slots are reused: {:?}", &seen[490..]);
}

/// The inodes that the file system is told to forget are told by the id of their superblock, also
/// where the slot goes to another at once.
#[test]
fn a_dead_inode_is_reaped_for_its_own_superblock() {
    let tree = Tree::new(Default::default());
    let notifier = vfsnotify::notify::Notifier::new(&tree, Default::default()).expect("a notifier");
    let mut seen = Vec::new();
    for turn in 0..200 {
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        let spec = InodeSpec::new(100 + turn, InodeKind::Regular, 1);
        let inode = tree.make_inode(&superblock, spec).expect("an inode");
        let id = superblock.id();
        drop((root, superblock));
        drop(inode);
        let mut told = Vec::new();
        notifier.reap(|superblock, ino, lookups| told.push((superblock, ino, lookups)));
        told.sort_unstable();
        assert_eq!(told, [(id, 1, 1), (id, 100 + turn, 1)]);
        assert!(!seen.contains(&id));
        seen.push(id);
    }
}

#[test]
fn the_id_of_an_open_file_is_never_given_again() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..LIVES {
        let file = vfs.open(&cx, "/", OpenFlags::READ, 0).expect("a handle");
        assert!(seen.insert(file.id()));
        assert_eq!(file.dup().id(), file.id());
    }
}

#[test]
fn a_watch_descriptor_that_is_gone_is_an_error_until_its_number_comes_round() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    for n in 0..3 {
        vfs.mkdir(&cx, format!("/{n}"), 0o755).expect("a directory");
    }
    let inotify = vfs.inotify(&cx).expect("an instance");
    let add = |n: usize| {
        vfs.add_watch(&cx, &inotify, format!("/{n}"), WatchMask::CREATE).expect("a watch")
    };
    let first = add(0);
    inotify.rm_watch(first).expect("it is there");
    for n in 0..LIVES {
        let wd = add(n % 3);
        assert_eq!(refusal(inotify.rm_watch(first)), Errno::EINVAL);
        inotify.rm_watch(wd).expect("it is there");
        assert_eq!(refusal(inotify.rm_watch(wd)), Errno::EINVAL);
    }
    drop(inotify.drain());
    // It comes round only after 2^31 others, and never while it is in use: as on Linux.
    let kept = add(1);
    inotify.set_next_wd(WatchDescriptor::from_raw(i32::MAX)).expect("it is positive");
    assert_eq!(add(0).as_raw(), i32::MAX);
    inotify.set_next_wd(kept).expect("it is positive");
    assert_ne!(add(2), kept, "it is in use");
    vfs.mkdir(&cx, "/1/x", 0o755).expect("a directory");
    assert_eq!(delivered(&inotify), [format!("{}:CREATE|ISDIR x", kept.as_raw())]);
}

/// The mark of a watch that is gone may be another instance's by now; neither its number nor an
/// unfinished addition reaches that one.
#[test]
fn a_stale_watch_never_removes_another_watch() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    vfs.mkdir(&cx, "/d/child", 0o755).expect("a directory");
    for _ in 0..LIVES / 3 {
        let one = vfs.inotify(&cx).expect("an instance");
        let pending = vfs.start_watch(&cx, &one, "/d", WatchMask::MODIFY).expect("a watch");
        let wd = one.watches()[0].wd;
        one.rm_watch(wd).expect("it is there");
        // It gets the slots that have just become free.
        let two = vfs.inotify(&cx).expect("an instance");
        vfs.add_watch(&cx, &two, "/d", WatchMask::CREATE).expect("a watch");
        drop(pending);
        one.close();
        drop(one);
        assert_eq!(two.watch_count(), 1);
        vfs.mkdir(&cx, "/d/x", 0o755).expect("a directory");
        vfs.rmdir(&cx, "/d/x").expect("it is empty");
        assert_eq!(delivered(&two).len(), 1);
    }
    vfs.verify().expect("every invariant holds");
}

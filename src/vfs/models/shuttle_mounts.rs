//! Mounts that come and go while they are used.

use super::shuttle_harness::{
    VfsWorld, assert_ends_with_ignored, check, count, events, expect, remove, thread, together,
};
use crate::base::errno::Errno;
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, AtomicUsize, Ordering};
use crate::fs::{NewNode, Request};
use crate::inotify::WatchMask;
use crate::{FileSystem, InodeKind, MemFs, Mode, OpenFlags};

/// The number of the root of a `MemFs`.
const ROOT: u64 = 1;

/// A world with another file system, which has a file, on `/b`.
fn with_mount() -> (Arc<VfsWorld>, Arc<MemFs>) {
    let world = VfsWorld::new();
    let fs = Arc::new(MemFs::new());
    world.vfs.mount(&world.cx, "/b", fs.clone()).unwrap();
    world.make("/b/g").unwrap();
    (world, fs)
}

/// Asserts that a file system was let go of, and forgot what it was asked for.
fn assert_let_go(fs: Arc<MemFs>, inodes: u64) {
    assert_eq!(fs.stats().inodes, inodes);
    assert!(Arc::into_inner(fs).is_some(), "the file system was not let go of");
}

/// An unmount fails with `EBUSY`, or ends every watch with UNMOUNT and IGNORED.
/// Fails (a watch is left) if `retire` in `instance.rs` does not call `on_unmount`, and (an event after
/// UNMOUNT) if `detach` in `mount_table.rs` does not look at the references.
#[test]
fn shuttle_an_unmount_is_refused_while_files_are_open_and_ends_all_watches() {
    check(|| {
        let (world, fs) = with_mount();
        let inotify = world.inotify();
        let (early, late) = (world.inotify(), world.inotify());
        let root = world.watch(&early, "/b", WatchMask::OPEN);
        let below = world.watch(&inotify, "/", WatchMask::ALL_EVENTS);
        let unmounted = Arc::new(AtomicUsize::new(0));
        together(vec![
            thread(&world, {
                let unmounted = unmounted.clone();
                move |world| {
                    let done = expect(world.vfs.unmount(&world.cx, "/b"), &[Errno::EBUSY]);
                    unmounted.store(usize::from(done), Ordering::Relaxed);
                }
            }),
            thread(&world, |world| {
                let Ok(file) = world.open("/b/g", OpenFlags::WRITE) else { return };
                file.write(b"x").unwrap();
            }),
            thread(&world, {
                let late = late.clone();
                move |world| {
                    let mask = WatchMask::MODIFY;
                    let added = world.vfs.add_watch(&world.cx, &late, "/b/g", mask);
                    expect(added, &[Errno::ENOENT]);
                }
            }),
        ]);
        if unmounted.load(Ordering::Relaxed) == 0 {
            assert_eq!(count(&events(&early), EventMask::UNMOUNT, ""), 0);
            world.vfs.unmount(&world.cx, "/b").unwrap();
        }
        world.vfs.reap();
        let seen = events(&early);
        if !seen.is_empty() {
            let end = seen.len() - 2;
            assert_eq!(seen[end].1, EventMask::UNMOUNT | EventMask::ISDIR, "{seen:?}");
            assert_ends_with_ignored(&seen, root);
        }
        let seen = events(&late);
        if let Some(wd) = seen.first().map(|event| event.0) {
            assert_eq!(count(&seen, EventMask::UNMOUNT, ""), 1, "{seen:?}");
            assert_ends_with_ignored(&seen, wd);
        }
        assert_eq!((early.watch_count(), late.watch_count()), (0, 0));
        assert!(remove(&inotify, below), "that of the file system below stays");
        assert_let_go(fs, 2);
        drop((inotify, early, late, unmounted));
        VfsWorld::end(world);
    });
}

/// A directory is removed or becomes a mountpoint, and not both. Fails (something is mounted on what
/// has no name) if `attach` in `mount.rs` does not take the parent's lock, or does not ask
/// `is_hashed` under it.
#[test]
fn shuttle_a_mountpoint_is_not_removed_and_what_is_removed_is_no_mountpoint() {
    check(|| {
        let world = VfsWorld::new();
        let fs = Arc::new(MemFs::new());
        let done = Arc::new(AtomicUsize::new(0));
        together(vec![
            thread(&world, {
                let (fs, done) = (fs.clone(), done.clone());
                move |world| {
                    let mounted = world.vfs.mount(&world.cx, "/b", fs);
                    done.fetch_add(
                        usize::from(expect(mounted, &[Errno::ENOENT])),
                        Ordering::Relaxed,
                    );
                }
            }),
            thread(&world, {
                let done = done.clone();
                move |world| {
                    // Not empty, if what is mounted there is looked at: it is another's then.
                    let gone =
                        expect(world.vfs.rmdir(&world.cx, "/b"), &[Errno::EBUSY, Errno::ENOTEMPTY]);
                    done.fetch_add(usize::from(gone), Ordering::Relaxed);
                }
            }),
            thread(&world, |world| {
                expect(world.make("/b/g"), &[Errno::ENOENT]);
                expect(world.vfs.unlink(&world.cx, "/b/g"), &[Errno::ENOENT]);
            }),
        ]);
        world.vfs.verify().unwrap();
        if world.vfs.mounts(&world.cx).len() == 2 {
            world.vfs.unmount(&world.cx, "/b").unwrap();
        }
        assert!(done.load(Ordering::Relaxed) <= 1, "it was mounted on and removed");
        world.vfs.reap();
        drop(done);
        let inodes = fs.stats().inodes;
        assert_let_go(fs, inodes);
        VfsWorld::end(world);
    });
}

/// Of two that unmount one mount one does, and a third that mounts there again is not undone by the
/// other. Fails (one too many) if `detach` in `mount_table.rs` looks neither at the references nor at which
/// mount it takes off; either is enough by itself.
#[test]
fn shuttle_a_mount_is_taken_off_once() {
    check(|| {
        let (world, fs) = with_mount();
        let off = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(MemFs::new());
        let unmount = || {
            let off = off.clone();
            thread(&world, move |world| {
                if expect(world.vfs.unmount(&world.cx, "/b"), &[Errno::EBUSY, Errno::EINVAL]) {
                    off.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        together(vec![
            unmount(),
            unmount(),
            thread(&world, {
                let again = again.clone();
                move |world| world.vfs.mount(&world.cx, "/b", again).unwrap()
            }),
        ]);
        world.vfs.verify().unwrap();
        let left = world.vfs.mounts(&world.cx).len();
        assert_eq!(left + off.load(Ordering::Relaxed), 3);
        for _ in 1..left {
            world.vfs.unmount(&world.cx, "/b").unwrap();
        }
        world.vfs.reap();
        assert_let_go(again, 1);
        assert_let_go(fs, 2);
        drop(off);
        VfsWorld::end(world);
    });
}

/// A file system is asked for an inode while the last that knew it forgets it: it is given out whole, or
/// not at all, and freed once. Fails (`ESTALE` for what was just given out) if `look_up` in
/// `fs/memfs/inode.rs` does not ask whether the inode was freed.
#[test]
fn shuttle_an_inode_of_a_file_system_is_not_freed_while_it_is_looked_up() {
    check(|| {
        let fs = Arc::new(MemFs::new());
        let new = NewNode::new(InodeKind::Regular, Mode::new(0o644));
        let made = fs.create(&Request::SUPERUSER, ROOT, b"f", &new).unwrap().attr.ino;
        let look = || {
            thread(&fs, |fs| match fs.lookup(&Request::SUPERUSER, ROOT, b"f") {
                Ok(node) => {
                    assert_eq!(
                        fs.getattr(&Request::SUPERUSER, node.attr.ino, None).unwrap().ino,
                        node.attr.ino
                    );
                    fs.forget(node.attr.ino, 1);
                }
                Err(error) => assert_eq!(error.errno(), Errno::ENOENT),
            })
        };
        together(vec![
            look(),
            look(),
            thread(&fs, move |fs| {
                fs.forget(made, 1);
                fs.unlink(&Request::SUPERUSER, ROOT, b"f").unwrap();
            }),
        ]);
        assert_eq!(fs.stats().inodes, 1, "only the root is left");
    });
}

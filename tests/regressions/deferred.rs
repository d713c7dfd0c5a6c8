//! Work that operations leave to be done: whose it is, and which threads wait for it or panic with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;

use vfsnotify::inotify::{PendingWatch, WatchMask};
use vfsnotify::lockdep;
use vfsnotify::notify::DentryRef;
use vfsnotify::{Context, MemFs, MountOptions, OpenFlags, TreeConfig, Vfs};

use super::forgetful::Forgetful;

/// A `Vfs` with directories to mount on.
fn new_vfs() -> (Vfs, Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    for dir in ["/slow", "/other", "/d"] {
        vfs.mkdir(&cx, dir, 0o755).expect("a directory");
    }
    (vfs, cx)
}

fn mount(vfs: &Vfs, cx: &Context, at: &str, fs: Arc<Forgetful>) {
    vfs.mount_with(cx, at, fs, MountOptions::default()).expect("a mount");
}

/// A reference to a file, which no operation gives back.
fn hold(vfs: &Vfs, cx: &Context, path: &str) -> DentryRef {
    let file = vfs.open(cx, path, OpenFlags::WRITE | OpenFlags::CREATE, 0o644).expect("a file");
    vfs.notifier().reference(file.dentry()).expect("of this tree")
}

/// Leaves a dead inode on a file system, to be forgotten.
fn leave_dead(vfs: &Vfs, cx: &Context, path: &str) {
    let held = hold(vfs, cx, path);
    vfs.unlink(cx, path).expect("a file");
    drop(held);
}

/// Every kind of operation on the root file system, and on a second one.
fn operate_elsewhere(vfs: &Vfs, cx: &Context) {
    let mut cx = cx.clone();
    for base in ["/d", "/other"] {
        let (dir, file) = (format!("{base}/dir"), format!("{base}/file"));
        vfs.mkdir(&cx, &dir, 0o755).expect("mkdir");
        let open = vfs.open(&cx, &file, OpenFlags::WRITE | OpenFlags::CREATE, 0o644).expect("open");
        open.write(b"data").expect("write");
        open.truncate(1).expect("truncate");
        open.close();
        vfs.rename(&cx, &file, format!("{dir}/moved"), Default::default()).expect("rename");
        vfs.stat(&cx, format!("{dir}/moved")).expect("stat");
        vfs.chmod(&cx, &dir, 0o700).expect("chmod");
        cx.chdir(vfs, &dir).expect("chdir");
        vfs.unlink(&cx, "moved").expect("unlink");
        cx.chdir(vfs, "/").expect("chdir");
        vfs.rmdir(&cx, &dir).expect("rmdir");
        assert!(vfs.stat(&cx, &file).is_err());
    }
}

/// A `stat` on a MemFs took as long as the `forget` of each file that had died on another file system.
#[test]
fn an_operation_makes_no_other_file_system_forget() {
    let (vfs, cx) = new_vfs();
    let forgets = Arc::new(AtomicUsize::new(0));
    let count = forgets.clone();
    mount(
        &vfs,
        &cx,
        "/slow",
        Forgetful::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }),
    );
    vfs.mount(&cx, "/other", MemFs::new()).expect("a mount");
    for n in 0..20 {
        leave_dead(&vfs, &cx, &format!("/slow/{n}"));
    }
    let before = forgets.load(Ordering::Relaxed);
    operate_elsewhere(&vfs, &cx);
    assert_eq!(forgets.load(Ordering::Relaxed), before, "an operation elsewhere did the work");
    vfs.stat(&cx, "/slow").expect("stat");
    assert!(forgets.load(Ordering::Relaxed) > before, "an operation on it does a part");
    vfs.reap();
    assert_eq!(forgets.load(Ordering::Relaxed), 20, "and this does all of it");
}

/// A `mkdir` that had succeeded panicked with the `forget` of another file system.
#[test]
fn a_file_system_that_panics_in_forget_keeps_no_other_from_its_work() {
    let (vfs, cx) = new_vfs();
    let panics = Arc::new(AtomicBool::new(false));
    let armed = panics.clone();
    mount(
        &vfs,
        &cx,
        "/slow",
        Forgetful::new(move |_| {
            assert!(!armed.load(Ordering::Relaxed), "forget fails");
        }),
    );
    let forgets = Arc::new(AtomicUsize::new(0));
    let count = forgets.clone();
    let other = Forgetful::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    mount(&vfs, &cx, "/other", other);
    let held: Vec<_> = (0..3).map(|n| hold(&vfs, &cx, &format!("/slow/{n}"))).collect();
    for n in 0..3 {
        vfs.unlink(&cx, format!("/slow/{n}")).expect("a file");
    }
    panics.store(true, Ordering::Relaxed);
    drop(held);
    operate_elsewhere(&vfs, &cx);
    leave_dead(&vfs, &cx, "/other/dead");
    let before = forgets.load(Ordering::Relaxed);
    let reaped = catch_unwind(AssertUnwindSafe(|| vfs.reap()));
    assert!(reaped.is_err(), "a caller that reaps for all is told");
    assert_eq!(forgets.load(Ordering::Relaxed), before + 1, "the other was served all the same");
    vfs.reap();
    assert_eq!(forgets.load(Ordering::Relaxed), before + 1, "nothing is left, nor told twice");
    panics.store(false, Ordering::Relaxed);
    vfs.verify().expect("the invariants");
}

/// The end of a `Vfs` told no file system that came after one that panicked.
#[test]
fn the_end_of_a_vfs_tells_each_file_system_though_one_panics() {
    let (vfs, cx) = new_vfs();
    mount(&vfs, &cx, "/slow", Forgetful::new(|_| panic!("forget fails")));
    let (forgotten, told) = mpsc::channel();
    mount(&vfs, &cx, "/other", Forgetful::new(move |ino| forgotten.send(ino).unwrap()));
    for dir in ["/slow", "/other"] {
        for n in 0..3 {
            drop(hold(&vfs, &cx, &format!("{dir}/{n}")));
        }
    }
    drop(cx);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(vfs))).is_err());
    assert_eq!(told.try_iter().count(), 4, "three files and the root");
}

/// An operation that came by at an unmount did all of the pruning, and called the file system.
#[test]
fn an_unmount_does_its_own_work_while_others_operate() {
    let (vfs, cx) = new_vfs();
    vfs.mount(&cx, "/other", MemFs::new()).expect("a mount");
    let (caller, told) = mpsc::channel();
    let fs = Forgetful::new(move |_| caller.send(thread::current().id()).unwrap());
    mount(&vfs, &cx, "/slow", fs.clone());
    for n in 0..2000 {
        drop(hold(&vfs, &cx, &format!("/slow/{n}")));
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for _ in 0..20 {
                        vfs.stat(&cx, "/d").expect("stat");
                    }
                }
            });
        }
        vfs.unmount(&cx, "/slow").expect("an unmount");
        assert_eq!(Arc::strong_count(&fs), 1, "it is let go when the unmount returns");
        done.store(true, Ordering::Relaxed);
    });
    let callers: Vec<_> = told.try_iter().collect();
    assert_eq!(callers.len(), 2001);
    assert!(callers.iter().all(|caller| *caller == thread::current().id()));
}

/// With a thousand file systems that a pending watch kept after their unmount, each operation looked
/// through all of them: 9 us instead of 0.9.
#[test]
fn unmounted_file_systems_in_use_cost_an_operation_nothing() {
    const FILE_SYSTEMS: usize = 200;
    let (vfs, cx) = new_vfs();
    let inotify = vfs.inotify(&cx).expect("an instance");
    let cost = || {
        let before = (lockdep::work_done(), lockdep::longest_holds().len());
        vfs.stat(&cx, "/d").expect("stat");
        vfs.mkdir(&cx, "/d/new", 0o755).expect("mkdir");
        vfs.rmdir(&cx, "/d/new").expect("rmdir");
        lockdep::work_done() - before.0
    };
    cost();
    let before = cost();
    let mut kept: Vec<(Arc<Forgetful>, PendingWatch)> = Vec::new();
    for _ in 0..FILE_SYSTEMS {
        let fs = Forgetful::new(|_| {});
        mount(&vfs, &cx, "/slow", fs.clone());
        drop(hold(&vfs, &cx, "/slow/f"));
        let pending = vfs.start_watch(&cx, &inotify, "/slow", WatchMask::OPEN).expect("a watch");
        assert!(!pending.is_ready());
        vfs.unmount(&cx, "/slow").expect("watches keep no mount");
        kept.push((fs, pending));
    }
    let after = cost();
    assert!(after <= before + 8, "{after} items with {FILE_SYSTEMS} file systems, {before} before");
    // The object that keeps them goes; no operation elsewhere drops them.
    let file_systems: Vec<_> = kept.into_iter().map(|(fs, _)| fs).collect();
    operate_elsewhere(&vfs, &cx);
    assert!(file_systems.iter().all(|fs| Arc::strong_count(fs) > 1));
    vfs.reap();
    assert!(file_systems.iter().all(|fs| Arc::strong_count(fs) == 1));
    vfs.verify().expect("the invariants");
}

/// One call of an operation freed all the names of a directory that others had removed.
#[test]
fn an_operation_frees_a_bounded_part_of_a_directory_that_was_removed_behind_the_cache() {
    const NAMES: usize = 6000;
    let (vfs, cx) = new_vfs();
    let fs = Forgetful::new(|_| {});
    mount(&vfs, &cx, "/slow", fs.clone());
    vfs.mkdir(&cx, "/slow/d", 0o755).expect("a directory");
    for n in 0..NAMES {
        drop(hold(&vfs, &cx, &format!("/slow/d/{n}")));
    }
    let cached = vfs.tree().live_dentries();
    fs.remove_behind(b"d", NAMES);
    vfs.rmdir(&cx, "/slow/d").expect("empty to the file system");
    let left = vfs.tree().live_dentries();
    assert!(cached - left < NAMES / 2, "{} of {cached} went in one operation", cached - left);
    vfs.reap();
    assert!(vfs.tree().live_dentries() < 10, "{} are left", vfs.tree().live_dentries());
}

/// A path that only leads through a file system made work for it that no operation did: with a farm of symbolic
/// links the inodes that were taken away piled up without bound.
#[test]
fn a_file_system_that_paths_only_lead_through_keeps_no_dead_inodes() {
    const LINKS: usize = 200;
    let tree = TreeConfig::default().with_dentries(20);
    let vfs = Vfs::builder().tree(tree).build(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    for dir in ["/links", "/other"] {
        vfs.mkdir(&cx, dir, 0o755).expect("a directory");
        mount(&vfs, &cx, dir, Forgetful::new(|_| {}));
    }
    drop(hold(&vfs, &cx, "/other/f"));
    for n in 0..LINKS {
        vfs.symlink(&cx, "/other/f", format!("/links/{n}")).expect("a link");
    }
    for _ in 0..5 {
        for n in 0..LINKS {
            vfs.stat(&cx, format!("/links/{n}")).expect("a file");
        }
    }
    let inodes = vfs.tree().live_inodes();
    assert!(inodes < 60, "{inodes} inodes");
    vfs.verify().expect("the invariants");
}

/// A file system that the end of an operation still used when it was unmounted was not freed before the next
/// `Vfs::reap`, which a program need not call.
#[test]
fn the_last_operation_on_an_unmounted_file_system_frees_it() {
    let (vfs, cx) = new_vfs();
    let meeting = Arc::new(Barrier::new(2));
    let (is_first, forget) = (AtomicBool::new(true), meeting.clone());
    let fs = Forgetful::new(move |_| {
        if is_first.swap(false, Ordering::Relaxed) {
            forget.wait();
            forget.wait();
        }
    });
    mount(&vfs, &cx, "/slow", fs.clone());
    drop(hold(&vfs, &cx, "/slow/f"));
    thread::scope(|scope| {
        scope.spawn(|| vfs.unlink(&cx, "/slow/f").expect("a file"));
        meeting.wait();
        vfs.unmount(&cx, "/slow").expect("no mount is in use");
        meeting.wait();
    });
    assert_eq!(Arc::strong_count(&fs), 1, "nothing uses it any more");
    vfs.verify().expect("the invariants");
}

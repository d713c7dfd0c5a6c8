//! Dentries that are taken away to make room: nothing but memory may tell.

use std::sync::Arc;

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::{
    Context, Errno, InodeKind, MemFs, MountOptions, OpenFlags, RenameFlags, TreeConfig, TreeLimits,
    Vfs,
};

use super::forgetful::Forgetful;

/// A `Vfs` that caches this many dentries.
fn small(dentries: usize) -> (Vfs, Context) {
    let tree = TreeConfig::default().with_dentries(dentries);
    let vfs = Vfs::builder().tree(tree).build(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    (vfs, cx)
}

fn touch(vfs: &Vfs, cx: &Context, path: &str) {
    vfs.mknod(cx, path, InodeKind::Regular, 0o644, 0).expect("a file");
}

/// Looks so many names up that all others go.
fn flood(vfs: &Vfs, cx: &Context) {
    if !vfs.exists(cx, "/flood").expect("a look-up") {
        vfs.mkdir(cx, "/flood", 0o755).expect("a directory");
        for n in 0..200 {
            touch(vfs, cx, &format!("/flood/{n}"));
        }
    }
    for n in 0..200 {
        vfs.stat(cx, format!("/flood/{n}")).expect("stat");
    }
}

fn events(inotify: &Inotify) -> Vec<String> {
    let shown = |event| match event {
        Event::Fs(event) => {
            let name = String::from_utf8_lossy(&event.name).into_owned();
            let mask = format!("{:?}", event.mask);
            let bits = mask.trim_start_matches("EventMask(").trim_end_matches(')');
            format!("{} {bits} {name}", event.wd.as_raw())
        }
        Event::Overflow { .. } => "overflow".to_owned(),
    };
    inotify.drain().into_iter().map(shown).collect()
}

/// A guest that looked at a large foreign tree filled the cache, and its neighbour's creations failed.
#[test]
fn a_full_cache_makes_room_for_a_neighbour() {
    for limits in [
        TreeLimits::default().with_dentries(100),
        TreeLimits::default().with_inodes(100),
        TreeLimits::default().with_directories(100),
    ] {
        let foreign = Arc::new(MemFs::new());
        let maker = Vfs::new(foreign.clone()).expect("a VFS");
        for n in 0..1000 {
            maker.mkdir(&maker.context(), format!("/{n}"), 0o755).expect("a directory");
        }
        drop(maker);
        let vfs = Vfs::builder().tree_limits(limits).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        vfs.mkdir(&cx, "/foreign", 0o755).expect("a directory");
        vfs.mount_with(&cx, "/foreign", foreign, MountOptions::default()).expect("a mount");
        for n in 0..1000 {
            vfs.stat(&cx, format!("/foreign/{n}")).expect("it makes room for itself");
        }
        for n in 0..50 {
            vfs.mkdir(&cx, format!("/{n}"), 0o755).expect("a neighbour has room");
            vfs.stat(&cx, format!("/foreign/{n}")).expect("and the foreign tree");
        }
        vfs.verify().expect("the invariants");
    }
}

#[test]
fn a_watched_directory_reports_children_that_were_reclaimed_and_found_again() {
    let (vfs, cx) = small(20);
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    touch(&vfs, &cx, "/d/f");
    let inotify = vfs.inotify(&cx).expect("an instance");
    let mask = WatchMask::OPEN | WatchMask::CLOSE | WatchMask::DELETE | WatchMask::DELETE_SELF;
    vfs.add_watch(&cx, &inotify, "/d", mask).expect("a watch");
    for _ in 0..3 {
        flood(&vfs, &cx);
        assert_eq!(events(&inotify), [""; 0], "reclaim reports nothing");
        vfs.open(&cx, "/d/f", OpenFlags::READ, 0).expect("a file").close();
        assert_eq!(events(&inotify), ["1 OPEN f", "1 CLOSE_NOWRITE f"]);
    }
    flood(&vfs, &cx);
    vfs.unlink(&cx, "/d/f").expect("a file");
    vfs.rmdir(&cx, "/d").expect("a directory");
    let ends = ["1 DELETE f", "1 DELETE_SELF ", "1 IGNORED "];
    assert_eq!(events(&inotify), ends);
    vfs.verify().expect("the invariants");
}

#[test]
fn a_watched_file_of_two_names_dies_once_when_both_have_been_taken_away() {
    let (vfs, cx) = small(20);
    touch(&vfs, &cx, "/one");
    vfs.link(&cx, "/one", "/two").expect("a name");
    let inotify = vfs.inotify(&cx).expect("an instance");
    let mask = WatchMask::DELETE_SELF | WatchMask::ATTRIB | WatchMask::MOVE_SELF;
    let wd = vfs.add_watch(&cx, &inotify, "/one", mask).expect("a watch");
    flood(&vfs, &cx);
    assert_eq!(vfs.add_watch(&cx, &inotify, "/two", mask).expect("the same"), wd);
    flood(&vfs, &cx);
    vfs.rename(&cx, "/two", "/three", RenameFlags::empty()).expect("a rename");
    flood(&vfs, &cx);
    vfs.unlink(&cx, "/one").expect("a file");
    flood(&vfs, &cx);
    vfs.unlink(&cx, "/three").expect("a file");
    // Of the two ATTRIB, one for each name that went, the second merges with the first.
    let ends = ["1 MOVE_SELF ", "1 ATTRIB ", "1 DELETE_SELF ", "1 IGNORED "];
    assert_eq!(events(&inotify), ends);
    flood(&vfs, &cx);
    assert_eq!(events(&inotify), [""; 0]);
    vfs.verify().expect("the invariants");
}

#[test]
fn objects_in_use_are_not_reclaimed() {
    let (vfs, cx) = small(20);
    for dir in ["/m", "/cwd", "/open", "/bind"] {
        vfs.mkdir(&cx, dir, 0o755).expect("a directory");
    }
    touch(&vfs, &cx, "/open/f");
    vfs.mount(&cx, "/m", MemFs::new()).expect("a mount");
    vfs.mkdir(&cx, "/m/inner", 0o755).expect("a directory");
    vfs.bind_mount(&cx, "/m/inner", "/bind").expect("a mount");
    let mut standing = cx.clone();
    standing.chdir(&vfs, "/cwd").expect("a directory");
    let file = vfs.open(&cx, "/open/f", OpenFlags::READ_WRITE, 0).expect("a file");
    let dentry = file.dentry().id();
    flood(&vfs, &cx);
    assert_eq!(vfs.notifier().dentry(dentry).expect("it is open").get().name(), "f");
    assert_eq!(file.path(&cx).expect("a path"), b"/open/f");
    touch(&vfs, &standing, "here");
    assert!(vfs.exists(&cx, "/cwd/here").expect("a look-up"));
    vfs.mkdir(&cx, "/bind/x", 0o755).expect("a directory");
    assert!(vfs.exists(&cx, "/m/inner/x").expect("a look-up"));
    assert!(vfs.tree().live_dentries() < 60);
    vfs.verify().expect("the invariants");
}

/// A file system with so many files, called by their numbers.
fn with_files(files: usize) -> Arc<MemFs> {
    let fs = Arc::new(MemFs::new());
    let maker = Vfs::new(fs.clone()).expect("a VFS");
    for n in 0..files {
        touch(&maker, &maker.context(), &format!("/{n}"));
    }
    fs
}

/// The clock that makes room found that each of the names it came by had been looked up lately, took none away,
/// and the creation failed.
#[test]
fn a_full_cache_of_names_that_were_all_looked_up_lately_makes_room() {
    const FILES: usize = 20_000;
    let limits = TreeLimits::default().with_dentries(FILES);
    let vfs = Vfs::builder().tree_limits(limits).build(with_files(FILES)).expect("a VFS");
    let cx = vfs.context();
    for _ in 0..2 {
        for n in 0..FILES - 1 {
            vfs.stat(&cx, n.to_string()).expect("a file");
        }
    }
    touch(&vfs, &cx, "/new");
    vfs.stat(&cx, (FILES - 1).to_string()).expect("a file");
    vfs.verify().expect("the invariants");
}

/// Where another file system had more, all of it open, a file system could not even give up names of its own.
#[test]
fn a_file_system_below_the_average_makes_room_for_itself() {
    let limits = TreeLimits::default().with_dentries(100);
    let vfs = Vfs::builder().tree_limits(limits).build(with_files(80)).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
    let open = |n| vfs.open(&cx, format!("/{n}"), OpenFlags::READ, 0).expect("a file");
    let files: Vec<_> = (0..70).map(open).collect();
    vfs.mount_with(&cx, "/m", with_files(80), MountOptions::default()).expect("a mount");
    for n in 0..80 {
        vfs.stat(&cx, format!("/m/{n}")).expect("it makes room for itself");
    }
    touch(&vfs, &cx, "/m/new");
    vfs.rename(&cx, "/m/new", "/m/newer", RenameFlags::empty()).expect("a rename");
    vfs.unlink(&cx, "/m/newer").expect("a file");
    drop(files);
    vfs.verify().expect("the invariants");
}

/// Reclaim took names of files, of which there was no lack.
#[test]
fn a_directory_is_reclaimed_when_directories_are_scarce() {
    let limits = TreeLimits::default().with_directories(60);
    let vfs = Vfs::builder().tree_limits(limits).build(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    for n in 0..5000 {
        touch(&vfs, &cx, &format!("/{n}"));
    }
    for dir in 0..200 {
        vfs.mkdir(&cx, format!("/d{dir}"), 0o755).expect("room for a directory");
        for n in 0..80 {
            touch(&vfs, &cx, &format!("/d{dir}/{n}"));
        }
    }
    vfs.verify().expect("the invariants");
}

/// A file system that has no memory is believed: it was asked again, and each time the cache lost names of others.
#[test]
fn a_file_system_without_memory_takes_no_names_from_the_cache() {
    let (vfs, cx) = small(1000);
    for n in 0..100 {
        touch(&vfs, &cx, &format!("/{n}"));
    }
    vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
    vfs.mount_with(&cx, "/m", Forgetful::without_memory(), MountOptions::default())
        .expect("a mount");
    let before = vfs.tree().live_dentries();
    for n in 0..100 {
        let error = vfs.stat(&cx, format!("/m/{n}")).expect_err("it has none");
        assert_eq!(error.errno(), Errno::ENOMEM);
    }
    assert_eq!(vfs.tree().live_dentries(), before);
    vfs.verify().expect("the invariants");
}

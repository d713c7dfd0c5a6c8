//! Dentries that are taken away to make room: nothing but memory may tell.

use std::sync::Arc;

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::{
    Context, InodeKind, MemFs, MountOptions, OpenFlags, RenameFlags, TreeConfig, TreeLimits, Vfs,
};

/// A `Vfs` that caches this many dentries.
fn small(dentries: usize) -> (Vfs, Context) {
    let tree = TreeConfig { dentries, ..TreeConfig::default() };
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
        Event::Happened(event) => {
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
        TreeLimits { dentries: 100, ..TreeLimits::default() },
        TreeLimits { inodes: 100, ..TreeLimits::default() },
        TreeLimits { directories: 100, ..TreeLimits::default() },
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
fn a_watched_directory_hears_of_children_that_were_taken_away_and_found_again() {
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
    vfs.link(&cx, "/one", "/two", false).expect("a name");
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
fn what_is_in_use_stays_where_it_is() {
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
    assert_eq!(vfs.tree().dentry(dentry).expect("it is open").get().name(), "f");
    assert_eq!(file.path(&cx).expect("a path"), b"/open/f");
    touch(&vfs, &standing, "here");
    assert!(vfs.exists(&cx, "/cwd/here").expect("a look-up"));
    vfs.mkdir(&cx, "/bind/x", 0o755).expect("a directory");
    assert!(vfs.exists(&cx, "/m/inner/x").expect("a look-up"));
    assert!(vfs.tree().live_dentries() < 60);
    vfs.verify().expect("the invariants");
}

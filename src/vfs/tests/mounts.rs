//! Mounts.

use super::*;
use crate::base::sync::{AtomicBool, Ordering};
use crate::fs::OpenFlags;
use crate::vfs::{Credentials, MountOptions};

#[test]
fn a_mount_covers_and_uncovers() {
    let stage = VfsStage::new().with(&["/g/", "/g/m/", "/g/m/under"]);
    let stage = stage.watch("G", "/g").watch("M", "/g/m").watch("U", "/g/m/under");
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mount(cx, "/g/m", MemFs::new()).unwrap();
    stage.file("/g/m/x").unwrap();
    assert!(!vfs.exists(cx, "/g/m/under").unwrap());
    assert!(vfs.exists(cx, "/g/m/../m/x").unwrap());
    vfs.unmount(cx, "/g/m").unwrap();
    stage.expect(&[]);
    stage.file("/g/m/z").unwrap();
    stage.expect(&["M:CREATE z"]);
}

#[test]
fn the_last_unmount_is_reported_whatever_the_mask() {
    let stage = VfsStage::new().with(&["/m/", "/n/"]);
    stage.vfs.mount(&stage.cx, "/m", MemFs::new()).unwrap();
    let stage =
        stage.with(&["/m/d/", "/m/f"]).watch("M", "/m").watch("D", "/m/d").watch("F", "/m/f");
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.bind_mount(cx, "/m", "/n").unwrap();
    vfs.unmount(cx, "/m").unwrap();
    stage.expect(&[]);
    vfs.unmount(cx, "/n").unwrap();
    let mut events = stage.take_events();
    assert!(events.chunks(2).all(|pair| pair[1].ends_with(":IGNORED")), "{events:?}");
    events.sort();
    let all = ["D:IGNORED", "D:UNMOUNT|ISDIR", "F:IGNORED", "F:UNMOUNT", "M:IGNORED"];
    assert_eq!(events[..5], all);
    assert_eq!(events[5..], ["M:UNMOUNT|ISDIR"]);
    vfs.verify().unwrap();
}

#[test]
fn what_is_in_use_is_busy() {
    let stage = VfsStage::new().with(&["/g/", "/g/m/", "/g/e/", "/g/f"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mount(cx, "/g/m", MemFs::new()).unwrap();
    let plain = RenameFlags::empty();
    assert_eq!(refusal(vfs.rmdir(cx, "/g/m")), Errno::EBUSY);
    assert_eq!(refusal(stage.rename("/g/m", "/g/n", plain)), Errno::EBUSY);
    assert_eq!(refusal(stage.rename("/g/e", "/g/m", plain)), Errno::EBUSY);
    assert_eq!(refusal(stage.rename("/g/e", "/g/m", RenameFlags::EXCHANGE)), Errno::EBUSY);
    // A directory with a mount below moves with it.
    stage.rename("/g", "/h", plain).unwrap();
    stage.rename("/h", "/g", plain).unwrap();

    vfs.mkdir(cx, "/g/m/n", 0o755).unwrap();
    vfs.mount(cx, "/g/m/n", MemFs::new()).unwrap();
    assert_eq!(refusal(vfs.unmount(cx, "/g/m")), Errno::EBUSY);
    let open = vfs.resolve(cx, "/g/m/n".follow()).unwrap();
    assert_eq!(refusal(vfs.unmount(cx, "/g/m/n")), Errno::EBUSY);
    drop(open);
    vfs.unmount(cx, "/g/m/n").unwrap();
    assert_eq!(refusal(vfs.unmount(cx, "/g/m/n")), Errno::EINVAL);
    vfs.unmount(cx, "/g/m").unwrap();
    vfs.rmdir(cx, "/g/m").unwrap();
    assert_eq!(refusal(vfs.unmount(cx, "/")), Errno::EBUSY);
    vfs.verify().unwrap();
}

#[test]
fn names_do_not_cross_mounts() {
    let stage = VfsStage::new().with(&["/a/", "/a/s/", "/a/f", "/b/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.bind_mount(cx, "/a", "/b").unwrap();
    let plain = RenameFlags::empty();
    assert_eq!(refusal(stage.rename("/a/f", "/b/g", plain)), Errno::EXDEV);
    assert_eq!(refusal(vfs.link(cx, "/a/f", "/b/g")), Errno::EXDEV);
    assert_eq!(refusal(vfs.link(cx, "/a/f", "/b/s")), Errno::EEXIST);
    assert!(vfs.exists(cx, "/b/s/../f").unwrap());
    assert!(vfs.exists(cx, "/b/../a").unwrap());
}

#[test]
fn files_can_be_mounted_on() {
    let stage = VfsStage::new().with(&["/a/", "/a/f", "/b/", "/b/t"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    assert_eq!(refusal(vfs.bind_mount(cx, "/a", "/b/t")), Errno::ENOTDIR);
    vfs.bind_mount(cx, "/a/f", "/b/t").unwrap();
    let ino = |path: &[u8]| vfs.resolve(cx, path.follow()).unwrap().ino();
    assert_eq!(ino(b"/a/f"), ino(b"/b/t"));
    assert_eq!(refusal(vfs.unlink(cx, "/b/t")), Errno::EBUSY);
    vfs.unlink(cx, "/a/f").unwrap();
    vfs.unmount(cx, "/b/t").unwrap();
    vfs.unlink(cx, "/b/t").unwrap();
    vfs.verify().unwrap();
}

#[test]
fn mounts_are_listed_as_they_are_seen() {
    let stage = VfsStage::new().with(&["/j/", "/j/m/", "/o/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mount(cx, "/o", MemFs::new()).unwrap();
    vfs.mount(cx, "/j/m", MemFs::new()).unwrap();
    vfs.mount(cx, "/j/m", MemFs::new()).unwrap();
    let paths =
        |cx: &Context| vfs.mounts(cx).into_iter().map(|mount| mount.path).collect::<Vec<_>>();
    assert_eq!(paths(cx), [&b"/"[..], b"/o", b"/j/m", b"/j/m"]);
    let jail = cx.clone().with_root(vfs, "/j").unwrap();
    assert_eq!(paths(&jail), [&b"/m"[..], b"/m"]);
    vfs.unmount(cx, "/j/m").unwrap();
    vfs.unmount(cx, "/j/m").unwrap();
    assert_eq!(paths(cx).len(), 2);
}

#[test]
fn a_read_only_mount_refuses_changes_in_linuxs_order() {
    let stage = VfsStage::new().with(&["/a/", "/a/d/", "/a/f", "/b/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.bind_mount_with(cx, "/a", "/b", MountOptions::default().read_only(true)).unwrap();
    assert_eq!(refusal(vfs.mkdir(cx, "/b/d", 0o755)), Errno::EEXIST);
    assert_eq!(refusal(vfs.mkdir(cx, "/b/n", 0o755)), Errno::EROFS);
    assert_eq!(refusal(vfs.unlink(cx, "/b/none")), Errno::EROFS);
    assert_eq!(refusal(vfs.rmdir(cx, "/b/d")), Errno::EROFS);
    let plain = RenameFlags::empty();
    assert_eq!(refusal(stage.rename("/b/f", "/b/g", plain)), Errno::EROFS);
    assert_eq!(refusal(vfs.link(cx, "/b/f", "/b/g")), Errno::EROFS);
    vfs.unlink(cx, "/a/f").unwrap();
}

#[test]
fn a_bind_mount_of_a_read_only_mount_is_read_only() {
    let stage = VfsStage::new().with(&["/a/", "/b/", "/c/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.bind_mount_with(cx, "/a", "/b", MountOptions::default().read_only(true)).unwrap();
    vfs.bind_mount(cx, "/b", "/c").unwrap();
    assert_eq!(refusal(vfs.mkdir(cx, "/c/d", 0o755)), Errno::EROFS);
    vfs.mkdir(cx, "/a/d", 0o755).unwrap();
}

#[test]
fn a_removed_directory_is_not_bind_mounted() {
    let stage = VfsStage::new().with(&["/a/", "/b/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let open = vfs.open(cx, "/a", OpenFlags::READ, 0).unwrap();
    vfs.rmdir(cx, "/a").unwrap();
    assert_eq!(refusal(vfs.bind_mount(cx, &open, "/b")), Errno::ENOENT);
}

#[test]
fn only_the_superuser_mounts() {
    let stage = VfsStage::new().with(&["/m/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let user = cx.clone().with_credentials(Credentials::new(1000, 1000));
    assert_eq!(refusal(vfs.mount(&user, "/m", MemFs::new())), Errno::EPERM);
    assert_eq!(refusal(vfs.mount(&user, "/x", MemFs::new())), Errno::ENOENT);
    vfs.mount(cx, "/m", MemFs::new()).unwrap();
    assert_eq!(refusal(vfs.unmount(&user, "/m")), Errno::EPERM);
}

#[test]
fn dot_dot_never_leaves_a_bind_mount_after_a_move_out_of_it() {
    let stage = VfsStage::new().with(&["/a/", "/a/s/", "/a/s/d/", "/b/", "/c/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.bind_mount(cx, "/a/s", "/b").unwrap();
    let mut inside = cx.clone().with_root(vfs, "/b").unwrap();
    inside.chdir(vfs, "d").unwrap();
    stage.rename("/a/s/d", "/c/d", RenameFlags::empty()).unwrap();
    assert_eq!(refusal(vfs.access(&inside, "..", Default::default())), Errno::ENOENT);
}

#[test]
fn everything_may_be_dropped_in_any_order() {
    let fs = crate::base::sync::Arc::new(MemFs::new());
    let stage = VfsStage::new().with(&["/m/"]);
    stage.vfs.mount_with(&stage.cx, "/m", fs.clone(), Default::default()).unwrap();
    let stage = stage.with(&["/m/f"]).watch("F", "/m/f");
    let open = stage.vfs.resolve(&stage.cx, "/m/f".follow()).unwrap();
    let VfsStage { vfs, cx, inotify, .. } = stage;
    drop(vfs);
    drop(cx);
    open.release();
    drop(inotify);
    assert_eq!(crate::base::sync::Arc::strong_count(&fs), 1);
}

#[test]
fn a_listing_of_mounts_makes_none_busy() {
    let stage = VfsStage::new().with(&["/m/", "/other/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    for _ in 0..50 {
        vfs.bind_mount(cx, "/other", "/other").unwrap();
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cx = vfs.context();
            while !ended.load(Ordering::Relaxed) {
                assert!(vfs.mounts(&cx).len() > 50);
            }
        });
        let results: Vec<_> = (0..200)
            .map(|_| {
                vfs.mount(cx, "/m", MemFs::new())?;
                vfs.unmount(cx, "/m")
            })
            .collect();
        ended.store(true, Ordering::Relaxed);
        assert_eq!(results, vec![Ok(()); 200]);
    });
    vfs.verify().unwrap();
}

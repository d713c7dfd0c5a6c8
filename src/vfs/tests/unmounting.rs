//! The end of a file system: what is told, and what is left.

use super::*;
use crate::base::sync::Arc;
use crate::base::sync::lockdep;
use crate::fs::OpenFlags;
use crate::notify::DentryRef;

/// A reference to what a path names.
fn hold(stage: &VfsStage, path: &str) -> DentryRef {
    let file = stage.vfs.open(&stage.cx, path, OpenFlags::PATH, 0).unwrap();
    stage.vfs.notifier().reference(file.dentry()).unwrap()
}

/// A stage with a file system on `/m`.
fn mounted() -> (VfsStage, Arc<MemFs>) {
    let stage = VfsStage::new().with(&["/m/", "/p/"]);
    let fs = Arc::new(MemFs::new());
    stage.vfs.mount(&stage.cx, "/m", fs.clone()).unwrap();
    (stage, fs)
}

/// It was told that it was unmounted.
#[test]
fn what_has_died_before_an_unmount_is_told_so() {
    let (stage, _fs) = mounted();
    let stage = stage.with(&["/m/f"]).watch("F", "/m/f");
    let held = hold(&stage, "/m/f");
    stage.vfs.unlink(&stage.cx, "/m/f").unwrap();
    held.drop_deferred();
    stage.vfs.unmount(&stage.cx, "/m").unwrap();
    stage.expect(&["F:ATTRIB", "F:DELETE_SELF", "F:IGNORED"]);
}

/// As on Linux 6.18. Those that one hook leaves to the reaper were told that they were unmounted.
#[test]
fn a_removed_chain_that_ends_with_the_last_mount_dies_of_it_from_end_to_end() {
    const DEPTH: usize = 300;
    let (stage, _fs) = mounted();
    let path = |depth: usize| format!("/m{}", "/d".repeat(depth));
    for depth in 1..=DEPTH {
        stage.vfs.mkdir(&stage.cx, path(depth), 0o755).unwrap();
    }
    stage.vfs.bind_mount(&stage.cx, path(DEPTH), "/p").unwrap();
    let stage = stage.watch("top", "/m/d").watch("middle", &path(30)).watch("bottom", "/p");
    for depth in (1..=DEPTH).rev() {
        stage.vfs.rmdir(&stage.cx, path(depth)).unwrap();
    }
    stage.vfs.unmount(&stage.cx, "/m").unwrap();
    stage.take_events();
    stage.vfs.unmount(&stage.cx, "/p").unwrap();
    let ends = |who: &str| [format!("{who}:DELETE_SELF"), format!("{who}:IGNORED")];
    assert_eq!(stage.take_events(), ["bottom", "middle", "top"].map(ends).concat());
}

/// The first ended the pruning, and it was never resumed.
#[test]
fn what_is_dead_and_not_yet_freed_is_not_in_the_way_of_an_unmount() {
    for dead in [1, 8, 20, 300] {
        let (stage, fs) = mounted();
        stage.file("/m/keep").unwrap();
        let held: Vec<_> = (0..dead)
            .map(|file| {
                let path = format!("/m/{file}");
                stage.file(&path).unwrap();
                let held = hold(&stage, &path);
                stage.vfs.unlink(&stage.cx, &path).unwrap();
                held
            })
            .collect();
        held.into_iter().for_each(DentryRef::drop_deferred);
        stage.vfs.unmount(&stage.cx, "/m").unwrap();
        assert_eq!(Arc::strong_count(&fs), 1, "{dead} files");
        assert_eq!((stage.vfs.tree().live_dentries(), stage.vfs.tree().live_inodes()), (3, 3));
    }
}

/// It took a second call: the first met the dead before it freed them.
#[test]
fn one_reaping_lets_go_of_a_file_system_whose_last_users_have_gone() {
    let (stage, fs) = mounted();
    let stage = stage.with(&["/m/keep", "/m/f", "/m/g"]);
    let held = ["/m/f", "/m/g"].map(|path| hold(&stage, path));
    ["/m/f", "/m/g"].iter().for_each(|path| stage.vfs.unlink(&stage.cx, path).unwrap());
    stage.vfs.unmount(&stage.cx, "/m").unwrap();
    assert_ne!(Arc::strong_count(&fs), 1, "it is in use");
    held.into_iter().for_each(DentryRef::drop_deferred);
    stage.vfs.reap();
    assert_eq!(Arc::strong_count(&fs), 1);
}

/// Every operation went down to it again from the root.
#[test]
fn a_deep_directory_of_an_unmounted_file_system_in_use_costs_operations_nothing() {
    const DEPTH: usize = 2000;
    let (stage, fs) = mounted();
    let (vfs, mut cx) = (&stage.vfs, stage.cx.clone());
    cx.chdir(vfs, "/m").unwrap();
    for _ in 0..DEPTH {
        vfs.mkdir(&cx, "d", 0o755).unwrap();
        cx.chdir(vfs, "d").unwrap();
    }
    let file = vfs.open(&cx, ".", OpenFlags::PATH, 0).unwrap();
    let held = vfs.notifier().reference(file.dentry()).unwrap();
    file.close();
    cx.chdir(vfs, "/").unwrap();
    vfs.unmount(&cx, "/m").unwrap();
    let before = lockdep::work_done();
    vfs.exists(&cx, "/m").unwrap();
    assert!(lockdep::work_done() - before < 100, "{} items", lockdep::work_done() - before);
    drop(held);
    vfs.reap();
    assert_eq!(Arc::strong_count(&fs), 1);
}

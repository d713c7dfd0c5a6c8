//! The events of each operation, in Linux's order (the table in `docs/rules.md`).

use super::*;
use crate::fs::OpenFlags;

fn tree() -> VfsStage {
    VfsStage::new()
        .with(&["/p/", "/p/f", "/p/g", "/p/sub/", "/q/", "/q/h", "/q/e/"])
        .watch("P", "/p")
        .watch("Q", "/q")
        .watch("f", "/p/f")
        .watch("g", "/p/g")
        .watch("h", "/q/h")
        .watch("sub", "/p/sub")
        .watch("e", "/q/e")
}

#[test]
fn making_names() {
    let stage = tree();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mkdir(cx, "/p/d", 0o755).unwrap();
    stage.file("/p/n").unwrap();
    vfs.symlink(cx, "f", "/p/s").unwrap();
    stage.expect(&["P:CREATE|ISDIR d", "P:CREATE n", "P:CREATE s"]);
    vfs.link(cx, "/p/f", "/q/l").unwrap();
    stage.expect(&["f:ATTRIB", "Q:CREATE l"]);
}

#[test]
fn unlinking_the_last_name_and_another() {
    let stage = tree();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.link(cx, "/p/f", "/q/l").unwrap();
    stage.take_events();
    vfs.unlink(cx, "/p/f").unwrap();
    stage.expect(&["f:ATTRIB", "P:DELETE f"]);
    vfs.unlink(cx, "/q/l").unwrap();
    stage.expect(&["f:ATTRIB", "f:DELETE_SELF", "f:IGNORED", "Q:DELETE l"]);
}

#[test]
fn unlinking_what_is_in_use() {
    let stage = tree();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let open = vfs.resolve(cx, "/p/f".follow()).unwrap();
    vfs.unlink(cx, "/p/f").unwrap();
    stage.expect(&["f:ATTRIB", "P:DELETE f"]);
    vfs.notifier().hooks().on_modify(open.event_path());
    stage.expect(&["P:MODIFY f", "f:MODIFY"]);
    open.release();
    stage.expect(&["f:DELETE_SELF", "f:IGNORED"]);
}

#[test]
fn removing_a_directory() {
    let stage = tree();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.rmdir(cx, "/p/sub").unwrap();
    stage.expect(&["sub:DELETE_SELF", "sub:IGNORED", "P:DELETE|ISDIR sub"]);

    let mut inside = cx.clone();
    inside.chdir(vfs, "/q/e").unwrap();
    vfs.rmdir(cx, "/q/e").unwrap();
    stage.expect(&["Q:DELETE|ISDIR e"]);
    assert_eq!(refusal(vfs.mkdir(&inside, "x", 0o755)), Errno::ENOENT);
    assert_eq!(refusal(vfs.symlink(&inside, "t", "x")), Errno::ENOENT);
    assert_eq!(refusal(vfs.mkdir(&inside, "n".repeat(300), 0)), Errno::ENOENT);
    assert!(vfs.exists(&inside, "../h").unwrap());
    inside.chdir(vfs, "..").unwrap();
    stage.expect(&["e:DELETE_SELF", "e:IGNORED"]);
}

#[test]
fn renaming() {
    let stage = tree();
    stage.rename("/p/f", "/p/x", RenameFlags::empty()).unwrap();
    stage.expect(&["P:MOVED_FROM f c1", "P:MOVED_TO x c1", "f:MOVE_SELF"]);
    stage.rename("/p/x", "/q/h", RenameFlags::empty()).unwrap();
    stage.expect(&[
        "P:MOVED_FROM x c1",
        "Q:MOVED_TO h c1",
        "h:ATTRIB",
        "f:MOVE_SELF",
        "h:DELETE_SELF",
        "h:IGNORED",
    ]);
    stage.rename("/p/sub", "/q/e", RenameFlags::empty()).unwrap();
    stage.expect(&[
        "P:MOVED_FROM|ISDIR sub c1",
        "Q:MOVED_TO|ISDIR e c1",
        "e:ATTRIB|ISDIR",
        "sub:MOVE_SELF",
        "e:DELETE_SELF",
        "e:IGNORED",
    ]);
}

#[test]
fn renaming_over_what_is_in_use() {
    let stage = tree();
    let open = stage.vfs.resolve(&stage.cx, "/p/g".follow()).unwrap();
    stage.rename("/p/f", "/p/g", RenameFlags::empty()).unwrap();
    stage.expect(&["P:MOVED_FROM f c1", "P:MOVED_TO g c1", "g:ATTRIB", "f:MOVE_SELF"]);
    open.release();
    stage.expect(&["g:DELETE_SELF", "g:IGNORED"]);
}

/// RULE rename-exchange, RULE rename-whiteout.
#[test]
fn exchanging_and_leaving_a_whiteout() {
    let stage = tree();
    stage.rename("/p/f", "/q/e", RenameFlags::EXCHANGE).unwrap();
    stage.expect(&[
        "P:MOVED_FROM f c1",
        "Q:MOVED_TO e c1",
        "f:MOVE_SELF",
        "Q:MOVED_FROM|ISDIR e c2",
        "P:MOVED_TO|ISDIR f c2",
        "e:MOVE_SELF",
    ]);
    stage.rename("/p/g", "/p/w", RenameFlags::WHITEOUT).unwrap();
    stage.expect(&["P:MOVED_FROM g c1", "P:MOVED_TO w c1", "g:MOVE_SELF"]);
    assert!(stage.vfs.exists(&stage.cx, "/p/g").unwrap());
}

#[test]
fn renaming_onto_the_same_inode_does_nothing() {
    let stage = tree();
    stage.vfs.link(&stage.cx, "/p/f", "/q/l").unwrap();
    stage.take_events();
    stage.rename("/p/f", "/q/l", RenameFlags::empty()).unwrap();
    stage.rename("/p/f", "/p/f", RenameFlags::empty()).unwrap();
    stage.rename("/p/f", "/q/l", RenameFlags::EXCHANGE).unwrap();
    stage.expect(&[]);
    assert!(stage.vfs.exists(&stage.cx, "/p/f").unwrap());
}

#[test]
fn a_temporary_file_and_its_first_name() {
    let stage = tree();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let flags = OpenFlags::TMPFILE | OpenFlags::WRITE;
    let never = vfs.open(cx, "/p", flags | OpenFlags::EXCL, 0o600).unwrap();
    assert_eq!(refusal(vfs.link(cx, &never, "/q/l")), Errno::ENOENT);
    drop(never);
    stage.take_events();
    let file = vfs.open(cx, "/p", flags, 0o600).unwrap();
    let hidden = format!("#{}", file.stat().unwrap().ino);
    stage.expect(&[&format!("P:OPEN {hidden}")]);
    vfs.link(cx, &file, "/q/l").unwrap();
    stage.expect(&["Q:CREATE l"]);
    file.write(b"x").unwrap();
    stage.expect(&[&format!("P:MODIFY {hidden}")]);
    drop(file);
    stage.expect(&[&format!("P:CLOSE_WRITE {hidden}")]);
    vfs.unlink(cx, "/q/l").unwrap();
    stage.expect(&["Q:DELETE l"]);
}

#[test]
fn failures_are_silent_and_change_nothing() {
    let stage = tree();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let plain = RenameFlags::empty();
    assert_eq!(refusal(vfs.mkdir(cx, "/p/f", 0o755)), Errno::EEXIST);
    assert_eq!(refusal(vfs.unlink(cx, "/p/sub")), Errno::EISDIR);
    assert_eq!(refusal(vfs.rmdir(cx, "/q")), Errno::ENOTEMPTY);
    assert_eq!(refusal(stage.rename("/p/f", "/q/e", plain)), Errno::EISDIR);
    assert_eq!(refusal(stage.rename("/p/sub", "/q/h", plain)), Errno::ENOTDIR);
    assert_eq!(refusal(stage.rename("/p/sub", "/q", plain)), Errno::ENOTEMPTY);
    assert_eq!(refusal(vfs.link(cx, "/p", "/q/l")), Errno::EPERM);
    stage.expect(&[]);
}

#[test]
fn a_full_cycle_frees_everything() {
    let fs = crate::base::sync::Arc::new(MemFs::new());
    let vfs = Vfs::new(MemFs::new()).unwrap();
    let stage = VfsStage::of(vfs).with(&["/m/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let (dentries, inodes) = (vfs.tree().live_dentries(), vfs.tree().live_inodes());
    vfs.mount_with(cx, "/m", fs.clone(), Default::default()).unwrap();
    for round in 0..3 {
        vfs.mkdir(cx, "/m/d", 0o755).unwrap();
        stage.file("/m/d/f").unwrap();
        vfs.link(cx, "/m/d/f", "/m/d/g").unwrap();
        stage.rename("/m/d/g", "/m/d/f", RenameFlags::empty()).unwrap();
        stage.rename("/m/d", "/m/e", RenameFlags::empty()).unwrap();
        vfs.unlink(cx, "/m/e/f").unwrap();
        vfs.unlink(cx, "/m/e/g").unwrap();
        vfs.rmdir(cx, "/m/e").unwrap();
        assert_eq!(fs.stats().inodes, 1, "round {round}");
    }
    stage.file("/m/left").unwrap();
    vfs.unmount(cx, "/m").unwrap();
    assert_eq!(vfs.tree().live_dentries(), dentries);
    assert_eq!(vfs.tree().live_inodes(), inodes);
    assert_eq!(crate::base::sync::Arc::strong_count(&fs), 1, "the file system is dropped");
    stage.expect(&[]);
}

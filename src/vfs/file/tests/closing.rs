//! The end of handles.

use super::counting_fs::CountingFs;
use super::*;
use crate::base::sync::Ordering;

#[test]
fn the_last_handle_closes() {
    let fs = CountingFs::default();
    let counts = fs.counts.clone();
    let stage = FileStage::of(fs);
    stage.put("/f", b"");
    let stage = stage.watch("F", "/f");
    let file = stage.open("/f", OpenFlags::WRITE);
    let (second, third) = (file.dup(), file.clone());
    file.close();
    drop(third);
    assert_eq!(second.write(b"x"), Ok(1));
    stage.expect(&["F:OPEN", "F:MODIFY"]);
    assert_eq!(counts.handles.load(Ordering::Relaxed), 1);
    second.close();
    stage.expect(&["F:CLOSE_WRITE"]);
    assert_eq!((counts.handles.load(Ordering::Relaxed), stage.vfs.nr_open_files()), (0, 0));
}

#[test]
fn an_unlinked_file_dies_with_its_last_close() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", OpenFlags::READ_WRITE);
    stage.vfs.unlink(&stage.cx, "/p/f").unwrap();
    file.write(b"x").unwrap();
    stage.take_events();
    drop(file);
    stage.expect(&["P:CLOSE_WRITE f", "F:CLOSE_WRITE", "F:DELETE_SELF", "F:IGNORED"]);
    assert_eq!(stage.vfs.tree().live_dentries(), 2);
    assert_eq!(stage.vfs.tree().live_inodes(), 2);
}

#[test]
fn a_named_only_handle_keeps_a_file_and_says_nothing() {
    let stage = FileStage::usual();
    let file = stage.open("/p/f", OpenFlags::PATH);
    stage.vfs.unlink(&stage.cx, "/p/f").unwrap();
    stage.expect(&["F:ATTRIB", "P:DELETE f"]);
    drop(file);
    stage.expect(&["F:DELETE_SELF", "F:IGNORED"]);
}

#[test]
fn an_unnamed_file_can_get_a_name() {
    let stage = FileStage::usual();
    let flags = OpenFlags::TMPFILE | OpenFlags::WRITE;
    let file = stage.open("/p", flags);
    let number = format!("#{}", file.stat().unwrap().ino);
    file.write(b"x").unwrap();
    stage.expect(&[&format!("P:OPEN {number}"), &format!("P:MODIFY {number}")]);
    stage.vfs.link(&stage.cx, &file, "/p/n").unwrap();
    file.write(b"x").unwrap();
    drop(file);
    stage.expect(&[
        "P:CREATE n",
        &format!("P:MODIFY {number}"),
        &format!("P:CLOSE_WRITE {number}"),
    ]);
    assert_eq!(stage.vfs.stat(&stage.cx, "/p/n").unwrap().nlink, 1);
    let never = stage.open("/p", flags | OpenFlags::EXCL);
    let refused = stage.vfs.link(&stage.cx, &never, "/p/m");
    assert_eq!(refusal(refused), Errno::ENOENT);
    let file = stage.open("/p/f", OpenFlags::READ);
    stage.vfs.unlink(&stage.cx, "/p/f").unwrap();
    let refused = stage.vfs.link(&stage.cx, &file, "/p/m");
    assert_eq!(refusal(refused), Errno::ENOENT);
}

#[test]
fn handles_outlive_the_vfs_the_context_and_the_instance() {
    let fs = CountingFs::default();
    let counts = fs.counts.clone();
    let stage = FileStage::of(fs);
    stage.put("/f", b"hello");
    let file = stage.open("/f", OpenFlags::READ_WRITE);
    let FileStage { vfs, cx, inotify, .. } = stage;
    drop((vfs, cx));
    assert_eq!(file.pread(&mut [0; 9], 0), Ok(5));
    drop(inotify);
    file.close();
    assert_eq!(counts.handles.load(Ordering::Relaxed), 0);
    // The file system, and all that was mounted, is gone.
    assert_eq!(crate::base::sync::Arc::strong_count(&counts), 1);
}

#[test]
fn threads_that_close_and_unlink_lose_nothing() {
    let stage = FileStage::usual();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let stage = &stage;
            scope.spawn(move || {
                for n in 0..60 {
                    let path = format!("/p/{}", (n + thread) % 4);
                    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
                    let file = stage.vfs.open(&stage.cx, &path, flags, 0o644).unwrap();
                    file.write(b"x").unwrap();
                    let _ = stage.vfs.unlink(&stage.cx, &path);
                    file.truncate(0).unwrap();
                }
            });
        }
    });
    stage.take_events();
    for n in 0..4 {
        let _ = stage.vfs.unlink(&stage.cx, format!("/p/{n}"));
    }
    stage.vfs.reap();
    stage.vfs.verify().unwrap();
    assert_eq!((stage.vfs.nr_open_files(), stage.vfs.tree().live_inodes()), (0, 3));
}

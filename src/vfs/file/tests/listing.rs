//! Listing directories.

use std::io::SeekFrom;

use super::counting_fs::CountingFs;
use super::*;
use crate::base::sync::Ordering;

fn with_names(count: usize) -> FileStage {
    let stage = FileStage::new();
    stage.vfs.mkdir(&stage.cx, "/d", 0o755).unwrap();
    for n in 0..count {
        stage.vfs.mkdir(&stage.cx, format!("/d/name{n:03}"), 0o755).unwrap();
    }
    stage.watch("R", "/").watch("D", "/d")
}

fn names(page: Vec<crate::DirEntryBuf>) -> Vec<String> {
    page.into_iter().map(|entry| String::from_utf8(entry.name).unwrap()).collect()
}

#[test]
fn each_call_reports_also_the_last() {
    let stage = with_names(3);
    assert_eq!(stage.vfs.list(&stage.cx, "/d").unwrap().len(), 3);
    stage.expect(&[
        "R:OPEN|ISDIR d",
        "D:OPEN|ISDIR",
        "R:ACCESS|ISDIR d",
        "D:ACCESS|ISDIR",
        "R:ACCESS|ISDIR d",
        "D:ACCESS|ISDIR",
        "R:CLOSE_NOWRITE|ISDIR d",
        "D:CLOSE_NOWRITE|ISDIR",
    ]);
}

#[test]
fn a_budget_cuts_a_listing_into_pages() {
    let stage = with_names(10);
    let dir = stage.open("/d", OpenFlags::DIRECTORY);
    // `.` and `..` take 24 bytes, each name of 7 letters 32.
    assert_eq!(refusal(dir.read_dir(23)), Errno::EINVAL);
    assert_eq!(names(dir.read_dir(24 + 24 + 32).unwrap()), [".", "..", "name000"]);
    assert_eq!(names(dir.read_dir(95).unwrap()), ["name001", "name002"]);
    let at = dir.position().unwrap();
    assert_eq!(names(dir.read_dir(1000).unwrap()).len(), 7);
    assert!(dir.read_dir(1000).unwrap().is_empty());
    dir.seek(SeekFrom::Start(at)).unwrap();
    assert_eq!(names(dir.read_dir(32).unwrap()), ["name003"]);
    dir.seek(SeekFrom::Start(1)).unwrap();
    assert_eq!(names(dir.read_dir(60).unwrap()), ["..", "name000"]);
    dir.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(names(dir.read_dir(1000).unwrap()).len(), 12);
}

#[test]
fn dots_have_numbers() {
    let stage = with_names(0);
    let ino = |path: &str| stage.vfs.stat(&stage.cx, path).unwrap().ino;
    let inos = |path| {
        let page = stage.open(path, OpenFlags::READ).read_dir(1000).unwrap();
        page.iter().map(|entry| entry.ino).collect::<Vec<_>>()
    };
    assert_eq!(inos("/d"), [ino("/d"), ino("/")]);
    assert_eq!(inos("/"), [ino("/"), ino("/"), ino("/d")]);
}

#[test]
fn a_listing_goes_on_while_names_come_and_go() {
    let stage = with_names(20);
    let dir = stage.open("/d", OpenFlags::DIRECTORY);
    let mut seen = Vec::new();
    let mut turn = 0;
    loop {
        let page = names(dir.read_dir(100).unwrap());
        if page.is_empty() {
            break;
        }
        seen.extend(page);
        stage.vfs.rmdir(&stage.cx, format!("/d/name{turn:03}")).unwrap();
        stage.vfs.rmdir(&stage.cx, format!("/d/name{:03}", 19 - turn)).unwrap();
        turn += 1;
    }
    let stayed = (turn..20 - turn).map(|n| format!("name{n:03}"));
    for name in stayed {
        assert_eq!(seen.iter().filter(|seen| **seen == name).count(), 1, "{name}");
    }
}

#[test]
fn a_removed_directory_has_no_listing() {
    let stage = with_names(0);
    let dir = stage.open("/d", OpenFlags::DIRECTORY);
    stage.vfs.rmdir(&stage.cx, "/d").unwrap();
    stage.take_events();
    assert_eq!(refusal(dir.read_dir(1000)), Errno::ENOENT);
    stage.expect(&[]);
    drop(dir);
    stage.expect(&[
        "R:CLOSE_NOWRITE|ISDIR d",
        "D:CLOSE_NOWRITE|ISDIR",
        "D:DELETE_SELF",
        "D:IGNORED",
    ]);
}

/// As the offsets of getdents(2) on ext4 are.
#[test]
fn the_last_entry_may_have_the_greatest_offset_for_a_cursor() {
    let fs = CountingFs::default();
    fs.counts.ends_as_ext4.store(true, Ordering::Relaxed);
    let vfs = Vfs::new(fs).unwrap();
    let cx = vfs.context();
    for n in 0..3 {
        vfs.mkdir(&cx, format!("/{n}"), 0o755).unwrap();
    }
    assert_eq!(names(vfs.list(&cx, "/").unwrap()), ["0", "1", "2"]);
    let dir = vfs.open(&cx, "/", OpenFlags::DIRECTORY, 0).unwrap();
    let mut pages = Vec::new();
    loop {
        let page = dir.read_dir(24).unwrap();
        let Some(last) = page.last() else { break };
        assert_eq!(dir.position().unwrap(), last.cursor);
        pages.push((page[0].cursor, page[0].name.clone()));
    }
    assert_eq!(pages.len(), 5);
    assert_eq!(pages[4], (i64::MAX.unsigned_abs(), b"2".to_vec()));
    assert!(dir.read_dir(1000).unwrap().is_empty(), "and it stays so");
    for (n, (behind, _)) in pages.iter().enumerate().rev() {
        dir.seek(SeekFrom::Start(*behind)).unwrap();
        let next = dir.read_dir(24).unwrap();
        assert_eq!(next.first().map(|entry| &entry.name), pages.get(n + 1).map(|(_, name)| name));
    }
}

//! Each oddity of an archive comes to the same in the VFS as in a directory that `tar` extracts it to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags, utimensat};
use tempfile::TempDir;

use super::support::{Member, has_tar, is_gnu_tar, members, tar, temp_dir, written};
use super::trees::{Nodes, of_machine, unpacked};
use crate::archive::Extracted;

/// Compares both, and gives what is in the VFS.
fn compared(archive: &Path) -> Nodes {
    let dir = temp_dir();
    // `--numeric-owner`: names of owners would be looked up on this machine.
    tar(dir.path(), &format!("-x -p --numeric-owner --xattrs -f {}", archive.display()));
    let (mut theirs, mut ours) = (of_machine(dir.path()), unpacked(archive));
    // The top was made at different times, unless the archive has it.
    let top = Path::new("");
    let times = [&theirs, &ours].map(|nodes| nodes[top].mtime);
    if times[0] != times[1] {
        let top_of_both = [theirs.remove(top), ours.remove(top)];
        assert!(top_of_both.iter().flatten().all(|node| node.mtime.0 > 1_700_000_000));
    }
    assert_eq!(ours, theirs);
    ours
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn set_mtime(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("a time");
}

/// A tree `t` with all kinds of files, old times and odd modes.
fn tree() -> (TempDir, PathBuf) {
    let dir = temp_dir();
    let top = dir.path().join("t");
    fs::create_dir_all(top.join("empty")).expect("a directory");
    fs::create_dir_all(top.join("full/below")).expect("a directory");
    fs::write(top.join("full/below/file"), "contents").expect("a file");
    fs::write(top.join("script"), "#!/bin/sh\n").expect("a file");
    fs::hard_link(top.join("script"), top.join("full/other name")).expect("a link");
    symlink("../nowhere", top.join("dangling")).expect("a link");
    symlink("/", top.join("full/absolute")).expect("a link");
    rustix::fs::mknodat(CWD, top.join("fifo"), rustix::fs::FileType::Fifo, 0o640.into(), 0)
        .expect("a fifo");
    set_mode(&top.join("script"), 0o4755);
    set_mode(&top.join("empty"), 0o7777);
    set_mode(&top.join("full/below"), 0o2750);
    set_mode(&top.join("full"), 0o1555);
    for (n, path) in
        ["fifo", "dangling", "script", "empty", "full/below", "full"].iter().enumerate()
    {
        set_mtime(&top.join(path), 1_000_000_000 + i64::try_from(n).expect("small"), 123_456_789);
    }
    (dir, top)
}

#[test]
fn all_kinds_of_files_keep_what_they_have() {
    if !is_gnu_tar() {
        return;
    }
    let (dir, _) = tree();
    for (args, name) in [
        // It has no fifos.
        ("--format=v7 --exclude=t/fifo", "v7.tar"),
        ("--format=ustar", "ustar.tar"),
        ("--format=gnu", "gnu.tar"),
        ("--format=posix", "posix.tar"),
        ("--format=gnu -z", "gzip.crate"),
        ("--format=gnu -V a-label", "label.tar"),
    ] {
        tar(dir.path(), &format!("-c {args} -f {name} t"));
        let ours = compared(&dir.path().join(name));
        assert_eq!(ours[Path::new("t/empty")].mode, 0o7777, "{name}");
        assert_eq!(ours[Path::new("t/script")].mode, 0o4755, "{name}");
        assert_eq!(ours[Path::new("t/script")].nlink, 2, "{name}");
        let nanoseconds = if name == "posix.tar" { 123_456_789 } else { 0 };
        assert_eq!(ours[Path::new("t/full")].mtime, (1_000_000_005, nanoseconds), "{name}");
    }
}

#[test]
fn the_top_has_the_attributes_of_the_archive() {
    // bsdtar leaves a top that exists as it is.
    if !is_gnu_tar() {
        return;
    }
    let (dir, top) = tree();
    set_mode(&top, 0o2711);
    set_mtime(&top, 1_000_000_000, 0);
    tar(&top, "-cf ../top.tar .");
    let ours = compared(&dir.path().join("top.tar"));
    assert_eq!((ours[Path::new("")].mode, ours[Path::new("")].mtime), (0o2711, (1_000_000_000, 0)));
}

#[test]
fn later_entries_replace_earlier_ones() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    let path = |name| dir.path().join(name);
    let archive = "again.tar";
    fs::write(path("file"), "first").expect("a file");
    fs::write(path("kept"), "kept").expect("a file");
    fs::hard_link(path("file"), path("other")).expect("a link");
    fs::create_dir(path("d")).expect("a directory");
    fs::write(path("d/below"), "").expect("a file");
    tar(dir.path(), &format!("-cf {archive} file other kept d"));
    fs::remove_file(path("file")).expect("a file");
    fs::write(path("file"), "the second, longer").expect("a file");
    set_mode(&path("d"), 0o2500);
    // The directory a second time, with another mode.
    tar(dir.path(), &format!("-rf {archive} file d"));
    fs::remove_file(path("file")).expect("a file");
    symlink("kept", path("file")).expect("a link");
    tar(dir.path(), &format!("-rf {archive} file"));
    let ours = compared(&path(archive));
    assert_eq!(ours[Path::new("file")].data, b"kept");
    assert_eq!(ours[Path::new("other")].data, b"first");
    assert_eq!(ours[Path::new("d")].mode, 0o2500);
    set_mode(&path("d"), 0o700);
}

#[test]
fn an_empty_field_for_the_time_is_1970() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    let archive = members(&[
        Member { mtime: &[0; 12], contents: b"contents", ..Member::default() },
        Member { name: "second", ..Member::default() },
    ]);
    let ours = compared(&written(&dir, "empty-time.tar", &archive));
    assert_eq!(ours[Path::new("file")].mtime, (0, 0));
    assert_eq!(ours[Path::new("second")].mtime, (1_000_000_000, 0));
}

#[test]
fn a_sparse_file_has_its_holes_and_its_data() {
    if !is_gnu_tar() {
        return;
    }
    let dir = temp_dir();
    let sparse = fs::File::create(dir.path().join("sparse")).expect("a file");
    let put = |data: &[u8], offset| {
        std::os::unix::fs::FileExt::write_all_at(&sparse, data, offset).expect("data");
    };
    put(b"in the middle", 5 << 20);
    put(b"further on", 9 << 20);
    sparse.set_len(20 << 20).expect("a length");
    fs::File::create(dir.path().join("hole"))
        .and_then(|file| file.set_len(1 << 20))
        .expect("a file");
    for args in [
        "--format=posix --sparse-version=0.1",
        "--format=posix --sparse-version=1.0",
        "--format=gnu",
    ] {
        tar(dir.path(), &format!("-c {args} --sparse -f sparse.tar sparse hole"));
        let archive = dir.path().join("sparse.tar");
        assert_eq!(compared(&archive)[Path::new("sparse")].data.len(), 20 << 20);
        let extracted = Extracted::new(&archive, &AtomicBool::new(false)).expect("an archive");
        // All its contents, 21 MiB, would not fit.
        let small = vfsnotify::MemFs::builder().size_limit(4 << 20).build();
        let (_, _, copied) = super::trees::copied(&extracted.tree(), small, true);
        assert_eq!(copied.failures, [""; 0]);
    }
}

#[test]
fn extended_attributes_are_kept() {
    let dir = temp_dir();
    let file = written(&dir, "file", b"");
    let set = |name| rustix::fs::lsetxattr(&file, name, b"a value", XattrFlags::empty());
    if !is_gnu_tar() || set("user.comment").is_err() {
        println!("skipped: no extended attributes here");
        return;
    }
    let is_root = set("security.project").is_ok();
    tar(dir.path(), "-c --format=posix --xattrs --xattrs-include=* -f xattrs.tar file");
    let ours = unpacked(&dir.path().join("xattrs.tar"));
    let xattrs = &ours[Path::new("file")].xattrs;
    assert!(xattrs.contains(&(b"user.comment".to_vec(), b"a value".to_vec())), "{xattrs:?}");
    assert_eq!(xattrs.len(), 1 + usize::from(is_root), "{xattrs:?}");
}

#[test]
fn a_deep_tree_without_permissions_can_be_removed() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    let archive = written(&dir, "file.tar", &members(&[Member::default()]));
    let extracted = Extracted::new(&archive, &AtomicBool::new(false)).expect("an archive");
    // More levels than a process has file descriptors.
    let mut deep = vec![extracted.tree()];
    for _ in 0..1900 {
        let below = deep[deep.len() - 1].join("d");
        fs::create_dir(&below).expect("a directory");
        deep.push(below);
    }
    deep.iter().rev().for_each(|path| set_mode(path, 0));
    let folder = extracted.tree().parent().expect("a folder").to_owned();
    extracted.remove().expect("it can be removed");
    assert!(!folder.exists());
}

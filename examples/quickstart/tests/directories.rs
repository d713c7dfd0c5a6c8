//! Directories of the machine: what is kept of them, and what happens to a copy that fails in part.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Timespec, Timestamps, mknodat, utimensat};
use vfsnotify::{IntoPath, MemFs};

use super::support::{
    complaints, open_to_all, quickstart_unprivileged, row, tells, temp_dir, text, written,
};
use super::trees::{copied, of_machine, of_vfs};

#[test]
fn a_directory_is_copied_as_it_is() {
    let dir = temp_dir();
    let path = |name| dir.path().join(name);
    let file = written(&dir, "file", b"contents");
    fs::create_dir(path("sub")).expect("a directory");
    fs::hard_link(&file, path("sub/link")).expect("a link");
    drop(UnixListener::bind(path("socket")).expect("a socket"));
    if rustix::process::geteuid().is_root() {
        // Not allowed in every container.
        let null = rustix::fs::makedev(1, 3);
        let _ = mknodat(CWD, path("null"), FileType::CharacterDevice, 0o666.into(), null);
        std::os::unix::fs::chown(&file, Some(12), Some(34)).expect("an owner");
        std::os::unix::fs::chown(path("sub"), Some(56), Some(78)).expect("an owner");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o6711)).expect("a mode");
        fs::set_permissions(path("sub"), fs::Permissions::from_mode(0o3070)).expect("a mode");
    }
    let time = |tv_sec| Timespec { tv_sec, tv_nsec: 987_654_321 };
    let times = Timestamps { last_access: time(-5), last_modification: time(1_234_567_890) };
    utimensat(CWD, &file, &times, AtFlags::empty()).expect("times");
    utimensat(CWD, dir.path(), &times, AtFlags::empty()).expect("times");
    let (vfs, cx, copied) = copied(dir.path(), MemFs::new(), false);
    assert_eq!(copied.failures, [""; 0]);
    let atime = vfs.stat(&cx, "/unpacked/file".no_follow()).expect("the file").atime;
    assert_eq!((atime.seconds, atime.nanoseconds), (-5, 987_654_321));
    assert_eq!(of_vfs(&vfs, &cx), of_machine(dir.path()));
}

#[test]
fn a_full_vfs_costs_the_files_that_do_not_fit() {
    let dir = temp_dir();
    written(&dir, "a small", &[1; 5000]);
    written(&dir, "big", &[2; 200_000]);
    written(&dir, "small", &[3; 5000]);
    let fs = MemFs::builder().size_limit(100_000).build();
    let (vfs, cx, copied) = copied(dir.path(), fs, false);
    assert_eq!(copied.failures, ["big: no space left on device (ENOSPC)"]);
    let mut machine = of_machine(dir.path());
    machine.remove(Path::new("big"));
    assert_eq!(of_vfs(&vfs, &cx), machine);
}

#[test]
fn each_inode_that_does_not_fit_is_reported() {
    let dir = temp_dir();
    fs::create_dir(dir.path().join("b")).expect("a directory");
    written(&dir, "a", b"");
    written(&dir, "b/below", b"");
    written(&dir, "c", b"");
    // The root, the destination, and one more.
    let (_, _, copied) = copied(dir.path(), MemFs::builder().inode_limit(3).build(), false);
    assert_eq!(
        copied.failures,
        ["b: no space left on device (ENOSPC)", "c: no space left on device (ENOSPC)"]
    );
}

#[test]
fn unreadable_files_are_reported_and_the_rest_is_copied() {
    let dir = temp_dir();
    open_to_all(&dir);
    for name in ["a", "closed", "z"] {
        fs::create_dir(dir.path().join(name)).expect("a directory");
        written(&dir, &format!("{name}/file"), b"contents");
    }
    let secret = written(&dir, "secret", b"contents");
    let closed = dir.path().join("closed");
    for path in [&secret, &closed] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o0)).expect("a mode");
    }
    let output = quickstart_unprivileged(&[dir.path()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let denied = "permission denied (EACCES)";
    let expected = [format!("closed: {denied}"), format!("secret: {denied}")];
    assert_eq!(complaints(&output, dir.path()), expected);
    assert!(row(&output, "unpacked").starts_with("3 directories, 2 files"));
    assert!(tells(&output, "/unpacked/z", "file"));
    // It is not ours to change.
    assert_eq!(fs::metadata(&closed).expect("it is there").mode() & 0o7777, 0);
}

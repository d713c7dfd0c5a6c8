//! A watched directory that is moved out of its watcher's root.
//!
//! A watch is on an inode, here as on Linux, and stays with it wherever it goes: the group goes on
//! getting the names of the directory's children, which are names outside its root by then. That is
//! no more than the guest can see anyway: its current directory or an open handle go along just so,
//! and with them it can list the directory. So the watch is not where this can be prevented. What prevents it is a root that is a file system of its own: no name of it can
//! be moved anywhere else. To move something that a guest may hold, copy it.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{Errno, OpenFlags, RenameFlags};

use crate::isolation::stage::{Root, Stage, delivered, refusal};

#[test]
fn a_watched_directory_that_is_moved_out_of_the_root_goes_on_reporting_its_children() {
    let stage = Stage::new(Root::Directory);
    let (vfs, host, guest) = (&stage.vfs, &stage.host, &stage.guest);
    let inotify = stage.group(&["/d"]);
    vfs.rename(host, "/guest/d", "/secret/evidence", RenameFlags::empty()).expect("a rename");
    assert_eq!(delivered(&inotify), ["1:MOVE_SELF"], "not where to, not under which name");

    // The guest learns from then on the names of children of this one directory, as on Linux.
    stage.host_creates("/secret/evidence/later");
    assert_eq!(delivered(&inotify), ["1:CREATE later", "1:OPEN later", "1:CLOSE_WRITE later"]);
    vfs.rename(host, "/secret/evidence/later", "/secret/named", RenameFlags::empty()).expect("out");
    assert_eq!(delivered(&inotify), ["1:MOVED_FROM later"]);

    // It does not learn of anything beside it, above it, or deeper.
    vfs.mkdir(host, "/secret/evidence/deep", 0o755).expect("a directory");
    assert_eq!(delivered(&inotify), ["1:CREATE|ISDIR deep"]);
    stage.host_creates("/secret/evidence/deep/er");
    stage.host_creates("/secret/beside");
    assert!(delivered(&inotify).is_empty());
    vfs.rename(host, "/secret", "/renamed", RenameFlags::empty()).expect("a rename");
    assert!(delivered(&inotify).is_empty(), "nor that a directory above was moved");

    // By path the guest comes there no more, and can put no new watch on it.
    let again = vfs.add_watch(guest, &inotify, "/d", WatchMask::OPEN);
    assert_eq!(refusal(again), Errno::ENOENT);

    // The embedder can act afterwards: the list of watches names inodes, and a watch can be
    // removed.
    let moved = vfs.open(host, "/renamed/evidence", OpenFlags::PATH, 0).expect("a handle");
    let inode = moved.dentry().inode().id();
    for watch in inotify.watches() {
        if watch.inode == inode {
            inotify.rm_watch(watch.wd).expect("it is there");
        }
    }
    assert_eq!(delivered(&inotify), ["1:IGNORED"]);
    stage.host_creates("/renamed/evidence/unreported");
    assert!(delivered(&inotify).is_empty());
}

#[test]
fn a_handle_that_is_moved_out_shows_as_much_as_a_watch_and_does_not_climb() {
    let stage = Stage::new(Root::Directory);
    let (vfs, host) = (&stage.vfs, &stage.host);
    let mut inside = stage.guest.clone();
    inside.chdir(vfs, "/d").expect("it is there");
    let handle = vfs.open(&stage.guest, "/d", OpenFlags::DIRECTORY, 0).expect("a handle");
    vfs.rename(host, "/guest/d", "/secret/evidence", RenameFlags::empty()).expect("a rename");
    stage.host_creates("/secret/evidence/later");
    let names = |entries: Vec<vfsnotify::DirEntryBuf>| -> Vec<Vec<u8>> {
        entries.into_iter().map(|entry| entry.name).collect()
    };
    assert!(names(handle.read_dir(4096).expect("a listing")).contains(&b"later".to_vec()));
    assert!(names(vfs.list(&inside, ".").expect("a listing")).contains(&b"later".to_vec()));
    // The well-known way out of a chroot is none here.
    for path in ["..", "../classified", "../nothing"] {
        assert_eq!(refusal(vfs.stat(&inside, path)), Errno::ENOENT, "{path}");
    }
    assert_eq!(handle.shown_path(&inside).expect("short"), b"(unreachable)");
}

#[test]
fn a_handle_does_not_climb_out_of_a_bind_mount() {
    let stage = Stage::new(Root::Bind);
    let (vfs, host) = (&stage.vfs, &stage.host);
    let mut inside = stage.guest.clone();
    inside.chdir(vfs, "/d").expect("it is there");
    vfs.rename(host, "/guest/d", "/secret/evidence", RenameFlags::empty()).expect("a rename");
    assert_eq!(refusal(vfs.stat(&inside, "..")), Errno::ENOENT);
    assert_eq!(refusal(vfs.stat(&inside, "../classified")), Errno::ENOENT);
    assert_eq!(refusal(vfs.stat(&inside, "../nothing")), Errno::ENOENT);
}

#[test]
fn nothing_can_be_moved_out_of_a_root_that_is_a_file_system_of_its_own() {
    let stage = Stage::new(Root::Own);
    let (vfs, host) = (&stage.vfs, &stage.host);
    let inotify = stage.group(&["/", "/d", "/d/inside"]);
    let rename = |from: &str, to: &str, flags| refusal(vfs.rename(host, from, to, flags));
    for flags in [RenameFlags::empty(), RenameFlags::NOREPLACE] {
        assert_eq!(rename("/guest/d", "/secret/d", flags), Errno::EXDEV);
        assert_eq!(rename("/guest/d/inside", "/secret/f", flags), Errno::EXDEV);
    }
    let exchange = RenameFlags::EXCHANGE;
    assert_eq!(rename("/guest/d", "/secret/plans", exchange), Errno::EXDEV);
    let link = vfs.link(host, "/guest/d/inside", "/secret/f");
    assert_eq!(refusal(link), Errno::EXDEV);
    assert!(delivered(&inotify).is_empty(), "what fails is not reported");
}

//! The knowledge of outside that the events of a guest's group give.

use vfsnotify::{OpenFlags, RenameFlags};

use crate::isolation::stage::{ROOTS, Root, Stage, delivered};

/// The host's path of something below the guest's root.
fn below(path: &str) -> String {
    format!("/guest{path}")
}

#[test]
fn a_name_that_leaves_or_enters_the_root_is_reported_by_its_inner_name_alone() {
    // Out of a file system of its own no name can be moved.
    for root in [Root::Directory, Root::Bind] {
        let stage = Stage::new(root);
        let (vfs, host) = (&stage.vfs, &stage.host);
        let inotify = stage.group(&["/d", "/d/inside"]);
        let rename = |from: &str, to: &str| {
            vfs.rename(host, from, to, RenameFlags::empty()).expect("a rename");
        };
        rename(&below("/d/inside"), "/secret/stolen");
        assert_eq!(delivered(&inotify), ["1:MOVED_FROM inside", "2:MOVE_SELF"], "{root:?}");
        rename("/secret/stolen", "/secret/stolen-again");
        assert_eq!(delivered(&inotify), ["2:MOVE_SELF"], "that it moved, not what it is called");
        rename("/secret/classified", &below("/d/gift"));
        assert_eq!(delivered(&inotify), ["1:MOVED_TO gift"], "{root:?}: not what it was called");
        vfs.rename(host, below("/d/gift"), "/secret/stolen-again", RenameFlags::EXCHANGE)
            .expect("an exchange");
        let expected = ["1:MOVED_FROM gift", "1:MOVED_TO gift", "2:MOVE_SELF"];
        let mut events = delivered(&inotify);
        events.sort();
        assert_eq!(events, expected, "{root:?}");
        rename(&below("/d/gift"), "/secret/plans/back");
        assert_eq!(delivered(&inotify), ["1:MOVED_FROM gift", "2:MOVE_SELF"], "{root:?}");
    }
}

#[test]
fn a_second_name_outside_is_never_reported() {
    for root in [Root::Directory, Root::Bind] {
        let stage = Stage::new(root);
        let (vfs, host) = (&stage.vfs, &stage.host);
        let inotify = stage.group(&["/d", "/d/inside"]);
        vfs.link(host, below("/d/inside"), "/secret/second").expect("a link");
        assert_eq!(delivered(&inotify), ["2:ATTRIB"], "that there is another name, not which");
        // Opened by its outer name, the outer directory is told of it, and the file itself.
        vfs.open(host, "/secret/second", OpenFlags::WRITE, 0).expect("a handle").close();
        assert_eq!(delivered(&inotify), ["2:OPEN", "2:CLOSE_WRITE"], "{root:?}");
        vfs.rename(host, "/secret/second", "/secret/third", RenameFlags::empty())
            .expect("a rename");
        assert_eq!(delivered(&inotify), ["2:MOVE_SELF"], "{root:?}");
        vfs.unlink(host, "/secret/third").expect("it is there");
        assert_eq!(delivered(&inotify), ["2:ATTRIB"], "{root:?}");
        // By its inner name, both do.
        vfs.open(host, below("/d/inside"), OpenFlags::READ, 0).expect("a handle").close();
        let expected = ["1:OPEN inside", "2:OPEN", "1:CLOSE_NOWRITE inside", "2:CLOSE_NOWRITE"];
        assert_eq!(delivered(&inotify), expected, "{root:?}");
    }
}

#[test]
fn events_beside_and_above_the_root_are_never_reported() {
    for root in ROOTS {
        let stage = Stage::new(root);
        let (vfs, host) = (&stage.vfs, &stage.host);
        let inotify = stage.group(&["/", "/d"]);
        stage.host_creates("/secret/plans/x");
        vfs.mkdir(host, "/beside", 0o755).expect("a directory");
        vfs.rename(host, "/beside", "/secret/beside", RenameFlags::empty()).expect("a rename");
        vfs.list(host, "/").expect("a listing");
        vfs.list(host, "/secret").expect("a listing");
        vfs.unlink(host, "/secret/plans/x").expect("it is there");
        vfs.symlink(host, "/guest/d", "/secret/link").expect("a link");
        assert!(delivered(&inotify).is_empty(), "{root:?}");
        // The root itself is the guest's: what happens to it is reported, without its name outside.
        vfs.chmod(host, "/guest", 0o700).expect("a change of mode");
        assert_eq!(delivered(&inotify), ["1:ATTRIB|ISDIR"], "{root:?}");
    }
}

#[test]
fn a_root_that_is_renamed_is_reported_without_its_name() {
    let stage = Stage::new(Root::Directory);
    let inotify = stage.group(&["/", "/d"]);
    stage
        .vfs
        .rename(&stage.host, "/guest", "/secret/guest", RenameFlags::empty())
        .expect("a rename");
    assert_eq!(delivered(&inotify), ["1:MOVE_SELF"]);
    stage.create("/d/new");
    let expected = ["2:CREATE new", "2:OPEN new", "2:CLOSE_WRITE new"];
    assert_eq!(delivered(&inotify), expected, "and goes on working");
}

#[test]
fn a_bind_mount_into_the_root_shows_what_is_in_it_and_nothing_beside_it() {
    let stage = Stage::new(Root::Own);
    let (vfs, host) = (&stage.vfs, &stage.host);
    vfs.bind_mount(host, "/secret/plans", "/guest/d").expect("a mount");
    let inotify = stage.group(&["/d", "/d/.."]);
    stage.host_creates("/secret/plans/shared");
    assert_eq!(
        delivered(&inotify),
        ["1:CREATE shared", "1:OPEN shared", "1:CLOSE_WRITE shared"],
        "by whatever path it was made: it has that name inside too"
    );
    stage.host_creates("/secret/beside");
    vfs.rename(host, "/secret/plans/shared", "/secret/taken", RenameFlags::empty())
        .expect("a rename");
    assert_eq!(delivered(&inotify), ["1:MOVED_FROM shared"]);
    // `..` of the bind mount's root is the guest's own directory.
    let own = vfs.stat(&stage.guest, "/").expect("it is there").ino;
    assert_eq!(vfs.stat(&stage.guest, "/d/..").expect("it is there").ino, own);
    let handle = vfs.open(&stage.guest, "/d", OpenFlags::PATH, 0).expect("a handle");
    let up = vfs.stat(&stage.guest, handle.at("../..")).expect("it is there");
    assert_eq!(up.ino, own);
}

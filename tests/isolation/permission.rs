//! Adding a watch needs permission to read.

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::{Context, Credentials, Errno, File, InodeKind, MemFs, OpenFlags, Result, Vfs};

use crate::isolation::stage::{delivered, refusal};

const OWNER: u32 = 10;
const GROUP: u32 = 20;

struct Stage {
    vfs: Vfs,
    host: Context,
    inotify: Inotify,
}

impl Stage {
    /// One object of each kind, of `OWNER` and `GROUP`, by the name of its kind.
    fn new() -> Self {
        let vfs = Vfs::new(MemFs::new()).expect("a VFS");
        let host = vfs.context().with_umask(0);
        vfs.mkdir(&host, "/dir", 0o777).expect("a directory");
        for (name, kind) in [
            ("/file", InodeKind::Regular),
            ("/fifo", InodeKind::Fifo),
            ("/socket", InodeKind::Socket),
            ("/char", InodeKind::CharDevice),
            ("/block", InodeKind::BlockDevice),
        ] {
            vfs.mknod(&host, name, kind, 0o777, 0x103).expect("a node");
        }
        for name in KINDS {
            vfs.chown(&host, name, Some(OWNER), Some(GROUP)).expect("a new owner");
        }
        let inotify = vfs.inotify(&host).expect("an instance");
        Self { vfs, host, inotify }
    }

    fn user(&self, uid: u32, gid: u32) -> Context {
        self.vfs.context().with_credentials(Credentials::new(uid, gid))
    }

    fn watch(&self, cx: &Context, path: &str) -> Result<()> {
        self.vfs.add_watch(cx, &self.inotify, path, WatchMask::ATTRIB).map(drop)
    }

    fn chmod(&self, path: &str, mode: u32) {
        self.vfs.chmod(&self.host, path, mode).expect("a change of mode");
    }
}

const KINDS: [&str; 6] = ["/dir", "/file", "/fifo", "/socket", "/char", "/block"];

#[test]
fn the_bits_of_the_one_class_that_fits_first_decide_for_each_kind() {
    let stage = Stage::new();
    let extra = Credentials::new(99, 98).with_groups([5, GROUP]);
    let extra = stage.vfs.context().with_credentials(extra);
    let classes = [
        ("the owner", stage.user(OWNER, 1), 0o400),
        ("the group", stage.user(99, GROUP), 0o040),
        ("a further group", extra, 0o040),
        ("others", stage.user(99, 98), 0o004),
    ];
    for path in KINDS {
        for (label, cx, bit) in &classes {
            stage.chmod(path, *bit);
            stage.watch(cx, path).unwrap_or_else(|error| panic!("{label} at {path}: {error}"));
            stage.chmod(path, 0o777 & !bit);
            assert_eq!(refusal(stage.watch(cx, path)), Errno::EACCES, "{label}, {path}");
        }
        // Permission to write or to execute is none to read.
        stage.chmod(path, 0o333);
        for (label, cx, _) in &classes {
            assert_eq!(refusal(stage.watch(cx, path)), Errno::EACCES, "{label}, {path}");
        }
        stage.chmod(path, 0);
        stage.watch(&stage.host, path).expect("mode bits do not stop uid 0");
        // The uid counts, not the user that the watch is charged to.
        let cx = stage.user(99, 98).with_user(0);
        assert_eq!(refusal(stage.watch(&cx, path)), Errno::EACCES);
    }
}

#[test]
fn a_symbolic_link_itself_may_be_watched_by_all_and_what_it_leads_to_as_its_bits_say() {
    let stage = Stage::new();
    let user = stage.user(99, 98);
    stage.vfs.symlink(&stage.host, "/file", "/link").expect("a link");
    stage.chmod("/file", 0o600);
    assert_eq!(refusal(stage.watch(&user, "/link")), Errno::EACCES);
    let mask = WatchMask::ATTRIB | WatchMask::DONT_FOLLOW;
    stage.vfs.add_watch(&user, &stage.inotify, "/link", mask).expect("its mode is 0777");
}

#[test]
fn a_path_to_a_watch_must_be_searchable_and_need_not_be_readable() {
    let stage = Stage::new();
    let user = stage.user(99, 98);
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    stage.vfs.open(&stage.host, "/dir/open", flags, 0o644).expect("a file").close();
    stage.chmod("/dir", 0o711);
    stage.watch(&user, "/dir/open").expect("search is enough");
    assert_eq!(refusal(stage.watch(&user, "/dir")), Errno::EACCES);
    stage.chmod("/dir", 0o744);
    assert_eq!(refusal(stage.watch(&user, "/dir/open")), Errno::EACCES);
    assert_eq!(refusal(stage.watch(&user, "/dir/none")), Errno::EACCES, "no oracle");
    stage.watch(&user, "/dir").expect("reading it is allowed");
}

/// A handle is a right to the object and to what it was opened for, but a watch asks anew, as on
/// Linux by way of `/proc/self/fd`.
#[test]
fn a_handle_is_no_permission_to_watch() {
    let stage = Stage::new();
    let (vfs, user) = (&stage.vfs, stage.user(99, 98));
    stage.chmod("/file", 0o600);
    stage.chmod("/dir", 0o700);
    let watch = |cx: &Context, file: &File| {
        vfs.add_watch(cx, &stage.inotify, file, WatchMask::ATTRIB).map(drop)
    };
    for (path, flags) in [
        ("/file", OpenFlags::PATH),
        ("/file", OpenFlags::READ),
        ("/file", OpenFlags::READ_WRITE),
        ("/dir", OpenFlags::PATH),
        ("/dir", OpenFlags::DIRECTORY),
    ] {
        let file = vfs.open(&stage.host, path, flags, 0).expect("a handle");
        assert_eq!(refusal(watch(&user, &file)), Errno::EACCES, "{path} {flags:?}");
        watch(&stage.host, &file).expect("uid 0 may");
        watch(&stage.user(OWNER, 1), &file).expect("the owner may");
    }
    // An O_PATH handle needs no permission on the object, and gives none.
    let own = vfs.open(&user, "/file", OpenFlags::PATH, 0).expect("a handle");
    assert_eq!(refusal(watch(&user, &own)), Errno::EACCES);
    stage.chmod("/file", 0o604);
    watch(&user, &own).expect("now all may read it");
}

#[test]
fn a_watch_stays_when_permission_is_taken_away_and_cannot_be_changed_then() {
    let stage = Stage::new();
    let (vfs, user) = (&stage.vfs, stage.user(99, 98));
    let inotify = vfs.inotify(&user).expect("an instance");
    let mask = WatchMask::CREATE;
    let wd = vfs.add_watch(&user, &inotify, "/dir", mask).expect("a watch");
    stage.chmod("/dir", 0o700);
    vfs.mkdir(&stage.host, "/dir/new", 0o755).expect("a directory");
    assert_eq!(delivered(&inotify), ["1:CREATE|ISDIR new"], "as on Linux");
    let wider = vfs.add_watch(&user, &inotify, "/dir", WatchMask::ALL_EVENTS);
    assert_eq!(refusal(wider), Errno::EACCES);
    vfs.rmdir(&stage.host, "/dir/new").expect("it is empty");
    assert!(delivered(&inotify).is_empty(), "the mask is what it was");
    inotify.rm_watch(wd).expect("removing needs no permission");
    let again = vfs.add_watch(&user, &inotify, "/dir", mask);
    assert_eq!(refusal(again), Errno::EACCES);
}

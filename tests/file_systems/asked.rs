//! The caller of each call, by which handle, and with which flags.

use std::sync::Arc;

use vfsnotify::fs::{Handle, Request};
use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Access, Context, Credentials, Errno, FallocateFlags, InodeKind, OpenFlags, RenameFlags,
    TimeSetting, Vfs, XattrMode,
};

use super::recorder::{Notes, Recorder};

const READ_WRITE: OpenFlags = OpenFlags::READ_WRITE;

/// A VFS over a recorder whose root all may write to, and contexts of two users.
struct Stage {
    vfs: Vfs,
    notes: Arc<Notes>,
    alice: Context,
    bob: Context,
}

const ALICE: Request = Request::new(1000, 100).with_process(7, 7);
const BOB: Request = Request::new(2000, 200).with_process(8, 8);

impl Stage {
    fn of(fs: Recorder) -> Self {
        let notes = fs.notes.clone();
        let vfs = Vfs::new(fs).expect("a root");
        vfs.chmod(&vfs.context(), "/", 0o777).expect("a mode");
        let context = |of: Request| {
            let cx = vfs.context().with_umask(0).with_process(of.pid, of.pid);
            cx.with_credentials(Credentials::new(of.uid, of.gid))
        };
        let (alice, bob) = (context(ALICE), context(BOB));
        notes.take();
        notes.opened();
        Self { vfs, notes, alice, bob }
    }

    fn new() -> Self {
        Self::of(Recorder::default())
    }

    /// The calls that an operation makes are all from one user, and this one is among them.
    #[track_caller]
    fn expect(&self, call: &str, by: Request) {
        let calls = self.notes.take();
        assert!(calls.iter().any(|made| made.what == call), "{call} of {calls:?}");
        let others = calls.iter().filter(|made| made.what != "release" && made.by != by);
        assert_eq!(others.count(), 0, "{calls:?}");
    }
}

#[test]
fn every_call_carries_its_caller() {
    let stage = Stage::new();
    let (vfs, cx) = (&stage.vfs, &stage.alice);
    vfs.mkdir(cx, "/d", 0o777).expect("a directory");
    stage.expect("create", ALICE);
    vfs.mknod(cx, "/d/f", InodeKind::Regular, 0o666, 0).expect("a file");
    stage.expect("create", ALICE);
    vfs.symlink(cx, "f", "/d/l").expect("a link");
    stage.expect("create", ALICE);
    vfs.readlink(cx, "/d/l").expect("a target");
    stage.expect("readlink", ALICE);
    vfs.stat(cx, "/d/l").expect("attributes");
    stage.expect("readlink", ALICE);
    vfs.link(cx, "/d/f", "/d/g").expect("a name");
    stage.expect("link", ALICE);
    vfs.chmod(cx, "/d/f", 0o600).expect("a mode");
    stage.expect("setattr", ALICE);
    vfs.chown(cx, "/d/f", None, Some(100)).expect("a group");
    stage.expect("setattr", ALICE);
    vfs.utimens(cx, "/d/f", Some(TimeSetting::Now), None).expect("a time");
    stage.expect("setattr", ALICE);
    vfs.truncate(cx, "/d/f", 10).expect("a size");
    stage.expect("setattr", ALICE);
    vfs.access(cx, "/d/f", Access::READ).expect("hers");
    stage.expect("getattr", ALICE);
    vfs.setxattr(cx, "/d/f", "user.a", b"x", XattrMode::Set).expect("an attribute");
    stage.expect("setxattr", ALICE);
    vfs.getxattr(cx, "/d/f", "user.a").expect("an attribute");
    stage.expect("getxattr", ALICE);
    vfs.listxattr(cx, "/d/f").expect("a list");
    stage.expect("listxattr", ALICE);
    vfs.removexattr(cx, "/d/f", "user.a").expect("an attribute");
    stage.expect("removexattr", ALICE);
    vfs.statfs(cx, "/d").expect("figures");
    stage.expect("statfs", ALICE);
    assert!(!vfs.exists(cx, "/d/none").expect("an answer"));
    stage.expect("lookup", ALICE);
    vfs.rename(cx, "/d/g", "/d/f2", RenameFlags::WHITEOUT).expect("a rename");
    stage.expect("rename", ALICE);
    vfs.list(cx, "/d").expect("a listing");
    stage.expect("readdir", ALICE);
    vfs.open(cx, "/d", OpenFlags::TMPFILE | READ_WRITE, 0o600).expect("a file").close();
    stage.expect("tmpfile", ALICE);
    vfs.unlink(cx, "/d/l").expect("a removal");
    stage.expect("unlink", ALICE);
    vfs.mkdir(cx, "/d/e", 0o755).expect("a directory");
    stage.expect("create", ALICE);
    vfs.rmdir(cx, "/d/e").expect("a removal");
    stage.expect("rmdir", ALICE);
    // Another process of the same user.
    let other = cx.clone().with_process(9, 9);
    vfs.stat(&other, "/d").expect("attributes");
    stage.expect("getattr", ALICE.with_process(9, 9));
    // Other credentials keep the process.
    let other = other.with_credentials(Credentials::new(1, 2));
    vfs.stat(&other, "/d").expect("attributes");
    stage.expect("getattr", Request::new(1, 2).with_process(9, 9));
}

#[test]
fn an_open_file_acts_for_its_opener_and_for_a_context_that_is_given() {
    let stage = Stage::new();
    let flags = READ_WRITE | OpenFlags::CREATE;
    let file = stage.vfs.open(&stage.alice, "/f", flags, 0o666).expect("a file");
    stage.expect("open", ALICE);
    file.write(b"hello").expect("a write");
    stage.expect("write", ALICE);
    file.pread(&mut [0; 3], 0).expect("a read");
    stage.expect("read", ALICE);
    file.fallocate(FallocateFlags::empty(), 0, 9).expect("storage");
    stage.expect("fallocate", ALICE);
    file.truncate(4).expect("a size");
    stage.expect("setattr", ALICE);
    file.seek_data(0).expect("data");
    stage.expect("seek", ALICE);
    file.stat().expect("attributes");
    stage.expect("getattr", ALICE);
    file.statfs().expect("figures");
    stage.expect("statfs", ALICE);
    file.fsync().expect("durable");
    stage.expect("fsync", ALICE);
    file.chmod(&stage.vfs.context().with_process(3, 3), 0o666).expect("a mode");
    stage.expect("setattr", Request::SUPERUSER.with_process(3, 3));
    file.getxattr(&stage.bob, "user.a").expect_err("there is none");
    stage.expect("getxattr", BOB);
    // Handed to another process, it is still hers.
    let same = file.dup();
    drop(file);
    same.pwrite(b"x", 0).expect("a write");
    stage.expect("write", ALICE);
    same.set_status(&stage.bob, OpenFlags::APPEND).expect("it is open");
    same.write(b"x").expect("a write");
    stage.expect("append", ALICE);
}

/// The handle goes with everything that is about an open file, and with nothing else.
#[test]
fn calls_on_an_open_file_carry_its_handle() {
    let stage = Stage::new();
    let (vfs, cx) = (&stage.vfs, &stage.vfs.context());
    let flags = READ_WRITE | OpenFlags::CREATE;
    let first = vfs.open(cx, "/f", flags, 0o666).expect("a file");
    let second = vfs.open(cx, "/f", READ_WRITE | OpenFlags::TRUNC, 0).expect("the same file");
    let dir = vfs.open(cx, "/", OpenFlags::READ, 0).expect("a directory");
    let truncated = stage.notes.take();
    let of = |what: &str| truncated.iter().rfind(|call| call.what == what).copied();
    assert_eq!(of("setattr").expect("a truncation").handle, Some(Handle::new(2)));
    let handles = |handle: Option<u64>| {
        let calls = stage.notes.take();
        assert!(!calls.is_empty());
        for call in calls.iter().filter(|call| !matches!(call.what, "lookup" | "open")) {
            assert_eq!(call.handle, handle.map(Handle::new), "{calls:?}");
        }
    };
    for (file, handle) in [(&first, 1), (&second, 2)] {
        file.write(b"hello").expect("a write");
        file.pread(&mut [0; 3], 0).expect("a read");
        file.stat().expect("attributes");
        file.seek(std::io::SeekFrom::End(0)).expect("a place");
        file.seek_hole(0).expect("a hole");
        file.truncate(3).expect("a size");
        file.fallocate(FallocateFlags::KEEP_SIZE, 0, 9).expect("storage");
        file.chmod(cx, 0o6777).expect("a mode");
        file.chown(cx, Some(0), None).expect("an owner");
        file.utimens(cx, Some(TimeSetting::Now), None).expect("a time");
        file.fdatasync().expect("durable");
        handles(Some(handle));
    }
    assert!(!dir.read_dir(4096).expect("a listing").is_empty());
    dir.stat().expect("attributes");
    dir.fsync().expect("durable");
    handles(Some(3));
    // The file in the place of a path is the open file too, for every caller.
    let (alice, now) = (&stage.alice, Some(TimeSetting::Now));
    for (file, handle) in [(&first, 1), (&second, 2)] {
        vfs.stat(cx, file).expect("attributes");
        vfs.chmod(cx, file, 0o6666).expect("a mode");
        vfs.truncate(alice, file, 3).expect("all may write, and two bits are stripped");
        vfs.access(alice, file, Access::WRITE).expect("all may write");
        vfs.utimens(alice, file, now, now).expect("all may write");
        vfs.utimens(alice, file, now, None).expect_err("it is another's");
        vfs.chmod(alice, file, 0o666).expect_err("it is another's");
        vfs.chown(alice, file, None, Some(100)).expect_err("it is another's");
        vfs.chown(cx, file, Some(0), None).expect("an owner");
        let inotify = vfs.inotify(alice).expect("an instance");
        vfs.add_watch(alice, &inotify, file, WatchMask::OPEN).expect("all may read");
        handles(Some(handle));
        // These have no handle themselves; the checks before them have.
        vfs.setxattr(alice, file, "user.a", b"x", XattrMode::Set).expect("all may write");
        file.getxattr(alice, "user.a").expect("all may read");
        vfs.removexattr(alice, file, "user.a").expect("all may write");
        vfs.link(cx, file, "/g").expect("a name");
        vfs.unlink(cx, "/g").expect("it is there");
        let again = file.reopen(alice, OpenFlags::PATH).expect("it lives");
        file.reopen(alice, READ_WRITE | OpenFlags::NOATIME).expect_err("it is another's");
        let calls = stage.notes.take();
        let mut asked = calls.iter().filter(|call| call.what == "getattr").peekable();
        assert!(asked.peek().is_some());
        assert!(asked.all(|call| call.handle == Some(Handle::new(handle))), "{calls:?}");
        vfs.stat(cx, &again).expect("attributes");
        handles(None);
    }
    alice.clone().chdir(vfs, &dir).expect("all may search");
    handles(Some(3));
    vfs.stat(cx, "/f").expect("attributes");
    vfs.truncate(cx, "/f", 0).expect("a size");
    vfs.chmod(cx, "/f", 0o666).expect("a mode");
    vfs.open(cx, "/f", OpenFlags::PATH, 0).expect("a name").stat().expect("attributes");
    handles(None);
    // A writer who is not privileged strips set-id bits through the open file.
    vfs.chmod(cx, "/f", 0o6777).expect("a mode");
    let file = vfs.open(&stage.alice, "/f", OpenFlags::WRITE, 0).expect("all may write");
    stage.notes.take();
    file.write(b"x").expect("a write");
    assert_eq!(vfs.stat(cx, "/f").expect("attributes").mode, 0o777);
    let calls = stage.notes.take();
    let stripped = calls.iter().find(|call| call.what == "setattr").expect("bits to strip");
    assert_eq!((stripped.handle, stripped.by), (Some(Handle::new(4)), ALICE));
    drop((first, second, dir, file));
    let released: Vec<_> = stage.notes.take().into_iter().filter_map(|call| call.handle).collect();
    assert_eq!(released, [1, 2, 3, 4].map(Handle::new));
}

/// The rule is the VFS's, as on Linux: a file system need not know which file may get a first name.
#[test]
fn a_file_that_had_a_name_is_not_given_another_first_one() {
    let stage = Stage::new();
    let (vfs, cx) = (&stage.vfs, &stage.alice);
    let made = vfs.open(cx, "/", OpenFlags::TMPFILE | READ_WRITE, 0o600).expect("a file");
    let handle = made.reopen(cx, OpenFlags::PATH).expect("it lives");
    let later = made.reopen(cx, OpenFlags::READ).expect("it lives");
    vfs.link(cx, &handle, "/a").expect("its first name");
    vfs.link(cx, &made, "/b").expect("a further one");
    assert_eq!(stage.notes.count("link"), 2);
    vfs.unlink(cx, "/a").expect("it is there");
    vfs.unlink(cx, "/b").expect("it is there");
    for file in [&made, &handle, &later] {
        let error = vfs.link(cx, file, "/c").expect_err("it had names");
        assert_eq!(error, Errno::ENOENT);
    }
    assert_eq!(stage.notes.count("link"), 0);
    // A refusal takes nothing away.
    let made = vfs.open(cx, "/", OpenFlags::TMPFILE | READ_WRITE, 0o600).expect("a file");
    vfs.mkdir(cx, "/d", 0o755).expect("a directory");
    assert_eq!(vfs.link(cx, &made, "/d").expect_err("it is there"), Errno::EEXIST);
    vfs.link(cx, &made, "/c").expect("its first name");
}

#[test]
fn a_file_system_is_told_how_a_file_is_open_and_not_how_it_was_opened() {
    let stage = Stage::new();
    let (vfs, cx) = (&stage.vfs, &stage.alice);
    let open = |path: &str, flags| {
        vfs.open(cx, path, flags, 0o666).expect("an open file");
        stage.notes.opened()
    };
    let opening = OpenFlags::CREATE | OpenFlags::EXCL | OpenFlags::TRUNC | OpenFlags::NOFOLLOW;
    assert_eq!(open("/f", OpenFlags::WRITE | opening), [OpenFlags::WRITE]);
    assert_eq!(open("/f", OpenFlags::empty()), [OpenFlags::READ]);
    let status = READ_WRITE | OpenFlags::APPEND | OpenFlags::NONBLOCK;
    assert_eq!(open("/f", status), [status]);
    let directory = OpenFlags::READ | OpenFlags::DIRECTORY;
    assert_eq!(open("/", directory), [directory]);
    assert_eq!(open("/", OpenFlags::TMPFILE | READ_WRITE), [READ_WRITE]);
    assert_eq!(open("/f", OpenFlags::PATH), []);
}

/// On Linux the file system counts names itself; here it is asked only if it has not said.
#[test]
fn a_removal_asks_for_attributes_only_where_the_count_is_not_said() {
    for keeps_counts_to_itself in [false, true] {
        let stage = Stage::of(Recorder { keeps_counts_to_itself, ..Recorder::default() });
        let (vfs, cx) = (&stage.vfs, &stage.vfs.context());
        for path in ["/a", "/b", "/c"] {
            vfs.mknod(cx, path, InodeKind::Regular, 0o666, 0).expect("a file");
        }
        vfs.link(cx, "/a", "/a2").expect("a name");
        let open = vfs.open(cx, "/b", OpenFlags::READ, 0).expect("a file");
        let inotify = vfs.inotify(cx).expect("an instance");
        vfs.add_watch(cx, &inotify, "/b", WatchMask::DELETE_SELF).expect("a watch");
        stage.notes.take();
        let asked = usize::from(keeps_counts_to_itself);
        vfs.unlink(cx, "/a").expect("a removal");
        assert_eq!(stage.notes.count("getattr"), asked);
        vfs.rename(cx, "/c", "/b", RenameFlags::empty()).expect("a rename");
        assert_eq!(stage.notes.count("getattr"), asked);
        assert_eq!(vfs.stat(cx, "/a2").expect("one is left").nlink, 1);
        assert_eq!(open.stat().expect("it is open").nlink, 0);
        assert!(inotify.is_empty(), "it is open");
        drop(open);
        assert_eq!(inotify.drain().len(), 2, "its death, and the end of the watch");
        drop(stage.alice);
        vfs.verify().expect("the invariants");
    }
}

//! Operations that are one step to other threads, and operations that do not wait for each other.

use std::io::Write;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use vfsnotify::fs::Request;
use vfsnotify::{
    Context, Credentials, Errno, FallocateFlags, File, FileSystem, InodeKind, OpenFlags, Vfs,
    XattrMode,
};

use super::gate::{Call, GateFs, LONG, SHORT};

const GUEST: u32 = 1000;

/// A `Vfs` over a [`GateFs`] with the files `/f`, to which all may write, and `/source`.
struct Stage {
    fs: GateFs,
    vfs: Vfs,
    root: Context,
    guest: Context,
}

impl Stage {
    fn new() -> Self {
        let fs = GateFs::new();
        let vfs = Vfs::new(fs.clone()).expect("a VFS");
        let root = vfs.context().with_umask(0);
        let guest = root.clone().with_credentials(Credentials::new(GUEST, GUEST));
        let stage = Self { fs, vfs, root, guest };
        stage.make("/f", 0o777);
        stage.make("/source", 0o666);
        let source = stage.vfs.open(&stage.root, "/source", OpenFlags::WRITE, 0).expect("a file");
        source.write(b"contents").expect("a write");
        stage
    }

    fn make(&self, path: &str, mode: u32) {
        self.vfs.mknod(&self.root, path, InodeKind::Regular, mode, 0).expect("a file");
    }

    fn ino(&self, path: &str) -> u64 {
        self.vfs.stat(&self.root, path).expect("attributes").ino
    }

    fn mode(&self, path: &str) -> u32 {
        self.vfs.stat(&self.root, path).expect("attributes").mode.into()
    }

    fn chmod(&self, path: &str, mode: u32) {
        self.vfs.chmod(&self.root, path, mode).expect("a change of mode");
    }

    /// Stops `slow` in a call that names `path`, runs `other` beside it, lets `slow` go on, and says
    /// whether `other` was done before that.
    fn beside<T: Send>(
        &self,
        at: (Call, &str),
        slow: impl FnOnce() -> T + Send,
        other: impl FnOnce() + Send,
    ) -> (T, bool) {
        self.beside_for(SHORT, at, slow, other)
    }

    /// [`Stage::beside`] where `other` should be done before: it is given time for that.
    fn not_stopped_by<T: Send>(
        &self,
        at: (Call, &str),
        slow: impl FnOnce() -> T + Send,
        other: impl FnOnce() + Send,
    ) -> bool {
        self.beside_for(LONG / 3, at, slow, other).1
    }

    fn beside_for<T: Send>(
        &self,
        timeout: Duration,
        (call, path): (Call, &str),
        slow: impl FnOnce() -> T + Send,
        other: impl FnOnce() + Send,
    ) -> (T, bool) {
        let stop = self.fs.stop(call, self.ino(path));
        let (done, is_done) = channel();
        thread::scope(|scope| {
            let slow = scope.spawn(slow);
            stop.wait();
            scope.spawn(move || {
                other();
                done.send(()).expect("the test waits");
            });
            let was_first = is_done.recv_timeout(timeout).is_ok();
            stop.go_on();
            (slow.join().expect("no panic"), was_first)
        })
    }
}

type Act = fn(&Stage, &File, &File);

fn set_status(stage: &Stage, file: &File, flags: OpenFlags) {
    file.set_status(&stage.root, flags).expect("it is open");
}

/// The ways to change contents, and the call to the file system that does it. Each is given a file that is
/// open for writing and one that is open for reading.
const WRITES: [(&str, Call, Act); 15] = [
    ("write", Call::Write, |_, file, _| {
        file.write(b"x").expect("a write");
    }),
    ("pwrite", Call::Write, |_, file, _| {
        file.pwrite(b"x", 3).expect("a write");
    }),
    ("writev", Call::Write, |_, file, _| {
        file.writev(&[std::io::IoSlice::new(b"x")]).expect("a write");
    }),
    ("pwritev", Call::Write, |_, file, _| {
        file.pwritev(&[std::io::IoSlice::new(b"x")], 3).expect("a write");
    }),
    ("writev of two", Call::Write, |_, file, _| {
        let bufs = [std::io::IoSlice::new(b"x"), std::io::IoSlice::new(b"y")];
        file.writev(&bufs).expect("a write");
    }),
    ("append of two", Call::Append, |stage, file, _| {
        set_status(stage, file, OpenFlags::APPEND);
        let bufs = [std::io::IoSlice::new(b"x"), std::io::IoSlice::new(b"y")];
        file.writev(&bufs).expect("a write");
        set_status(stage, file, OpenFlags::empty());
    }),
    ("io::Write", Call::Write, |_, file, _| {
        let mut file = file;
        file.write_all(b"x").expect("a write");
    }),
    ("append", Call::Append, |stage, file, _| {
        set_status(stage, file, OpenFlags::APPEND);
        file.write(b"x").expect("a write");
        set_status(stage, file, OpenFlags::empty());
    }),
    ("copy_file_range", Call::Write, |_, file, source| {
        source.copy_file_range(Some(&mut 0), file, None, 8).expect("a copy");
    }),
    ("sendfile", Call::Write, |_, file, source| {
        source.sendfile(Some(&mut 0), file, 8).expect("a copy");
    }),
    ("splice_from", Call::Write, |_, file, _| {
        file.splice_from(b"x").expect("a write");
    }),
    ("fallocate", Call::Fallocate, |_, file, _| {
        file.fallocate(FallocateFlags::empty(), 0, 9).expect("space");
    }),
    ("ftruncate", Call::Setattr, |_, file, _| file.truncate(5).expect("a change of size")),
    ("truncate", Call::Setattr, |stage, _, _| {
        stage.vfs.truncate(&stage.guest, "/f", 6).expect("a change of size");
    }),
    ("O_TRUNC", Call::Setattr, |stage, _, _| {
        let flags = OpenFlags::WRITE | OpenFlags::TRUNC;
        stage.vfs.open(&stage.guest, "/f", flags, 0).expect("a file");
    }),
];

/// The contents of a user without privileges came into a file that had got its set-user-id bit
/// meanwhile, and the bit stayed.
#[test]
fn a_set_id_bit_is_stripped_by_a_write_that_comes_after_it() {
    for (name, call, write) in WRITES {
        for has_written in [false, true] {
            let stage = Stage::new();
            let open = |path, flags| stage.vfs.open(&stage.guest, path, flags, 0).expect("a file");
            let file = open("/f", OpenFlags::WRITE);
            let source = open("/source", OpenFlags::READ);
            if has_written {
                // Now the description knows that there is nothing to strip.
                file.write(b"first").expect("a write");
            }
            let chmod = || stage.chmod("/f", 0o4777);
            let write = || write(&stage, &file, &source);
            let ((), chmod_was_first) = stage.beside((call, "/f"), write, chmod);
            let mode = if chmod_was_first { 0o777 } else { 0o4777 };
            assert_eq!(stage.mode("/f"), mode, "{name}, has written: {has_written}");
            // Whatever was remembered meanwhile, the next one strips.
            write();
            assert_eq!(stage.mode("/f"), 0o777, "{name}, has written: {has_written}");
        }
    }
}

/// Writers hold each other up no more than the file system makes them, the first write of a handle
/// included.
#[test]
fn users_without_privileges_write_to_one_file_side_by_side() {
    let stage = Stage::new();
    let open = || stage.vfs.open(&stage.guest, "/f", OpenFlags::WRITE, 0).expect("a file");
    let (one, two) = (open(), open());
    let write = |file: &File| {
        file.write(b"x").expect("a write");
    };
    assert!(stage.not_stopped_by((Call::Write, "/f"), || write(&one), || write(&two)));
}

/// A mode that was found from attributes of before a `chmod` was put in the place of the `chmod`'s.
#[test]
fn a_change_of_group_does_not_undo_a_change_of_mode_beside_it() {
    let stage = Stage::new();
    stage.chmod("/f", 0o4777);
    stage.vfs.chown(&stage.root, "/f", Some(GUEST), None).expect("an owner");
    stage.chmod("/f", 0o4777);
    let chown = || stage.vfs.chown(&stage.guest, "/f", None, Some(GUEST)).expect("a group");
    let chmod = || stage.chmod("/f", 0o700);
    stage.beside((Call::Setattr, "/f"), chown, chmod);
    assert_eq!(stage.mode("/f"), 0o700);
}

/// Permission is looked at, and the attribute set or removed, in one step: a `chown` that has returned
/// leaves the old owner no change that comes later.
#[test]
fn the_old_owner_changes_no_extended_attribute_after_a_chown() {
    for call in [Call::Setxattr, Call::Removexattr] {
        for path in ["/f", "/d"] {
            let stage = Stage::new();
            stage.vfs.mkdir(&stage.root, "/d", 0o777).expect("a directory");
            stage.vfs.setxattr(&stage.root, path, "user.a", b"x", XattrMode::Set).expect("room");
            stage.vfs.chown(&stage.root, path, Some(GUEST), None).expect("an owner");
            stage.chmod(path, 0o600);
            let change = || {
                let (vfs, guest) = (&stage.vfs, &stage.guest);
                match call {
                    Call::Setxattr => vfs.setxattr(guest, path, "user.a", b"y", XattrMode::Set),
                    _ => vfs.removexattr(guest, path, "user.a"),
                }
            };
            let chown = || stage.vfs.chown(&stage.root, path, Some(0), None).expect("an owner");
            let (changed, chown_was_first) = stage.beside((call, path), change, chown);
            changed.expect("it was the owner");
            assert!(!chown_was_first, "{call:?} {path}");
            assert_eq!(change().unwrap_err().errno(), Errno::EACCES);
        }
    }
}

/// The file was truncated by a user who had lost the permission to write to it.
#[test]
fn a_truncate_needs_the_permission_of_its_own_moment() {
    let truncate = |stage: &Stage| stage.vfs.truncate(&stage.guest, "/source", 0);
    let open = |stage: &Stage| {
        let flags = OpenFlags::WRITE | OpenFlags::TRUNC;
        stage.vfs.open(&stage.guest, "/source", flags, 0).map(drop)
    };
    type Cut<'a> = &'a (dyn Fn(&Stage) -> vfsnotify::Result<()> + Sync);
    let rows: [(Call, Cut<'_>); 2] = [(Call::Getattr, &truncate), (Call::Open, &open)];
    for (call, cut) in rows {
        let stage = Stage::new();
        let chmod = || stage.chmod("/source", 0o600);
        let (cut, _) = stage.beside((call, "/source"), || cut(&stage), chmod);
        assert_eq!(cut.unwrap_err().errno(), Errno::EACCES, "{call:?}");
        assert_eq!(stage.vfs.stat(&stage.root, "/source").expect("attributes").size, 8);
    }
}

/// The answer of a look-up, which was older than a link, took the link from the count.
#[test]
fn a_look_up_does_not_undo_a_change_of_the_link_count() {
    for unlinks in [false, true] {
        let stage = Stage::new();
        let (vfs, root) = (&stage.vfs, &stage.root);
        for dir in ["/one", "/two"] {
            vfs.mkdir(root, dir, 0o755).expect("a directory");
        }
        vfs.link(root, "/f", "/one/f").expect("a link");
        // A name that the cache does not know.
        let two = stage.ino("/two");
        stage.fs.inner.link(&Request::SUPERUSER, stage.ino("/f"), two, b"f").expect("a link");
        let nlink = || {
            let file = vfs.open(root, "/f", OpenFlags::PATH, 0).expect("a file");
            file.dentry().inode().nlink()
        };
        let lookup = || vfs.stat(root, "/two/f").expect("it is there").nlink;
        let change = || match unlinks {
            true => vfs.unlink(root, "/one/f").expect("it is there"),
            false => vfs.link(root, "/f", "/one/g").expect("a link"),
        };
        assert!(stage.not_stopped_by((Call::Lookup, "/two"), lookup, change));
        assert_eq!(nlink(), if unlinks { 2 } else { 4 });
        // One that was made behind the VFS's back counts when it is found.
        stage.fs.inner.link(&Request::SUPERUSER, stage.ino("/f"), two, b"g").expect("a link");
        vfs.stat(root, "/two/g").expect("it is there");
        assert_eq!(nlink(), if unlinks { 3 } else { 5 });
        vfs.verify().expect("every invariant holds");
    }
}

/// The inode left the tree with its last cached name while the answer of a look-up was on its way, and was
/// made anew with the count in that.
#[test]
fn a_look_up_that_makes_the_inode_anew_has_the_count_after_an_unlink() {
    let stage = Stage::new();
    let (vfs, root) = (&stage.vfs, &stage.root);
    vfs.mkdir(root, "/two", 0o755).expect("a directory");
    let (ino, two) = (stage.ino("/f"), stage.ino("/two"));
    stage.fs.inner.link(&Request::SUPERUSER, ino, two, b"f").expect("a link");
    let lookup = || vfs.open(root, "/two/f", OpenFlags::PATH, 0).expect("it is there");
    let unlink = || vfs.unlink(root, "/f").expect("it is there");
    let at = (Call::Lookup, "/two");
    let (file, was_beside) = stage.beside_for(LONG / 3, at, lookup, unlink);
    assert!(was_beside);
    assert_eq!((file.dentry().inode().nlink(), file.stat().expect("attributes").nlink), (1, 1));
}

/// A file without names, and open, is not dead any more when it gets a name again.
#[test]
fn a_file_that_gets_a_name_again_has_a_link_count_again() {
    let stage = Stage::new();
    let (vfs, root) = (&stage.vfs, &stage.root);
    let flags = OpenFlags::TMPFILE | OpenFlags::WRITE;
    let unnamed = || vfs.open(root, "/", flags, 0o600).expect("an unnamed file");
    let nlink = |file: &File| file.dentry().inode().nlink();
    let file = unnamed();
    assert_eq!(nlink(&file), 0);
    vfs.link(root, &file, "/linked").expect("a name");
    assert_eq!(nlink(&file), 1);
    vfs.unlink(root, "/linked").expect("it is there");
    assert_eq!(nlink(&file), 0);
    // Behind the VFS's back.
    let file = unnamed();
    let (ino, dir) = (file.dentry().inode().ino(), stage.ino("/"));
    stage.fs.inner.link(&Request::SUPERUSER, ino, dir, b"found").expect("a link");
    vfs.stat(root, "/found").expect("it is there");
    assert_eq!(nlink(&file), 1);
    vfs.verify().expect("every invariant holds");
}

/// Every 64th file of every file system waited for a file system that hung.
#[test]
fn a_file_system_that_hangs_stops_no_other() {
    type Change = fn(&Stage, &str);
    let unlink: Change = |stage, path| stage.vfs.unlink(&stage.root, path).expect("a file");
    let chmod: Change = |stage, path| stage.chmod(path, 0o600);
    for (call, slow, change) in [(Call::Unlink, "/", unlink), (Call::Setattr, "/f", chmod)] {
        let stage = Stage::new();
        stage.vfs.mkdir(&stage.root, "/m", 0o777).expect("a directory");
        stage.vfs.mount(&stage.root, "/m", vfsnotify::MemFs::new()).expect("a mount");
        let paths: Vec<_> = (0..200).map(|n| format!("/m/{n}")).collect();
        for path in &paths {
            stage.make(path, 0o644);
        }
        let all = || paths.iter().for_each(|path| change(&stage, path));
        let stop = stage.fs.stop(call, stage.ino(slow));
        let (done, is_done) = channel();
        thread::scope(|scope| {
            scope.spawn(|| change(&stage, "/f"));
            stop.wait();
            scope.spawn(move || {
                all();
                done.send(()).expect("the test waits");
            });
            let went_through = is_done.recv_timeout(LONG / 3).is_ok();
            stop.go_on();
            assert!(went_through, "{call:?}");
        });
    }
}

/// One `chmod u+s` made each writer of every file system ask for the attributes of its file again.
#[test]
fn a_set_id_bit_is_looked_for_by_the_writers_of_its_file_only() {
    let stage = Stage::new();
    stage.make("/other", 0o777);
    stage.vfs.mkdir(&stage.root, "/m", 0o777).expect("a directory");
    stage.vfs.mount(&stage.root, "/m", vfsnotify::MemFs::new()).expect("a mount");
    stage.make("/m/f", 0o777);
    let file = stage.vfs.open(&stage.guest, "/f", OpenFlags::WRITE, 0).expect("a file");
    let looks = || {
        let before = stage.fs.getattrs();
        file.write(b"x").expect("a write");
        stage.fs.getattrs() - before
    };
    assert_eq!((looks(), looks()), (1, 0));
    for path in ["/other", "/m/f", "/m"] {
        stage.chmod(path, 0o4777);
        assert_eq!(looks(), 0, "{path}");
    }
    stage.chmod("/f", 0o4777);
    assert!(looks() > 0);
    assert_eq!((stage.mode("/f"), looks()), (0o777, 0));
}

/// Two files are copied into each other while their modes change: no order of the files' locks is held to.
#[test]
fn two_files_copied_into_each_other_by_two_threads_hold_nothing_up() {
    let stage = Stage::new();
    stage.make("/other", 0o777);
    stage.vfs.truncate(&stage.root, "/f", 100_000).expect("a size");
    stage.vfs.truncate(&stage.root, "/other", 100_000).expect("a size");
    let flags = OpenFlags::READ_WRITE;
    let open = |path| stage.vfs.open(&stage.guest, path, flags, 0).expect("a file");
    let copy = |from: &File, to: &File| {
        for _ in 0..200 {
            from.copy_file_range(Some(&mut 0), to, Some(&mut 0), 100_000).expect("a copy");
            from.sendfile(Some(&mut 0), to, 10).expect("a copy");
        }
    };
    let (one, two) = (open("/f"), open("/other"));
    thread::scope(|scope| {
        scope.spawn(|| copy(&one, &two));
        scope.spawn(|| copy(&two, &one));
        for _ in 0..200 {
            stage.chmod("/f", 0o4777);
            stage.chmod("/other", 0o4777);
        }
    });
    one.write(b"x").expect("a write");
    two.write(b"x").expect("a write");
    assert_eq!((stage.mode("/f"), stage.mode("/other")), (0o777, 0o777));
    stage.vfs.verify().expect("every invariant holds");
}

/// Only changes of attributes, and writes that may have to strip, wait for a change of attributes.
#[test]
fn a_change_of_attributes_that_hangs_stops_no_name_and_no_reader_of_its_file() {
    let stage = Stage::new();
    let (vfs, root) = (&stage.vfs, &stage.root);
    let privileged = vfs.open(root, "/f", OpenFlags::READ_WRITE, 0).expect("a file");
    let unlinks = || {
        vfs.stat(&stage.guest, "/f").expect("attributes");
        let reader = vfs.open(&stage.guest, "/f", OpenFlags::READ_WRITE, 0).expect("a file");
        assert_eq!(reader.read(&mut [0; 4]).expect("a read"), 0);
        privileged.write(b"x").expect("a write");
        vfs.link(root, "/f", "/g").expect("a link");
        vfs.rename(root, "/g", "/h", vfsnotify::RenameFlags::empty()).expect("a rename");
        vfs.getxattr(root, "/f", "user.none").expect_err("there is none");
        vfs.unlink(root, "/f").expect("it is there");
        stage.chmod("/source", 0o600);
    };
    for (call, change) in [
        (Call::Setattr, (|stage| stage.chmod("/f", 0o4777)) as fn(&Stage)),
        (Call::Setxattr, |stage| {
            let (vfs, root) = (&stage.vfs, &stage.root);
            vfs.setxattr(root, "/f", "user.a", b"", XattrMode::Set).expect("room");
        }),
    ] {
        assert!(stage.not_stopped_by((call, "/f"), || change(&stage), unlinks), "{call:?}");
        vfs.rename(root, "/h", "/f", vfsnotify::RenameFlags::empty()).expect("a rename");
        vfs.truncate(root, "/f", 0).expect("a size");
        let _ = vfs.removexattr(root, "/f", "user.a");
        privileged.seek(std::io::SeekFrom::Start(0)).expect("a position");
    }
}

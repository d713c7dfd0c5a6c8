//! An open file in the place of a path: the object that it holds.

use std::io::SeekFrom;

use super::*;
use crate::base::clock::Timestamp;
use crate::base::kind::InodeKind;
use crate::fs::{RenameFlags, TimeSetting, XattrMode};
use crate::vfs::{Access, LookupFlags};

const PATH: OpenFlags = OpenFlags::PATH;

/// Every change of an object by its handle alone; the events of the object's own watch for each.
fn change_all(stage: &FileStage, file: &File) -> [&'static str; 6] {
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let time = TimeSetting::At(Timestamp::from_seconds(7));
    vfs.chmod(cx, file, 0o600).unwrap();
    vfs.chown(cx, file, Some(5), Some(6)).unwrap();
    vfs.utimens(cx, file, None, Some(time)).unwrap();
    vfs.setxattr(cx, file, "user.a", b"x", XattrMode::Create).unwrap();
    vfs.removexattr(cx, file, "user.a").unwrap();
    vfs.truncate(cx, file, 3).unwrap();
    ["ATTRIB", "ATTRIB", "MODIFY", "ATTRIB", "ATTRIB", "MODIFY"]
}

#[test]
fn what_is_done_to_an_object_is_done_wherever_its_name_has_gone() {
    let stage = FileStage::usual();
    stage.vfs.mkdir(&stage.cx, "/q", 0o755).unwrap();
    let stage = stage.watch("Q", "/q");
    let file = stage.open("/p/f", PATH);
    stage.vfs.rename(&stage.cx, "/p/f", "/q/g", RenameFlags::empty()).unwrap();
    stage.put("/p/f", b"another");
    stage.take_events();
    let events = change_all(&stage, &file);
    let both = events.iter().flat_map(|event| [format!("Q:{event} g"), format!("F:{event}")]);
    assert_eq!(stage.take_events(), both.collect::<Vec<_>>());
    let found = stage.vfs.stat(&stage.cx, "/q/g").unwrap();
    assert_eq!((found.mode.bits(), found.uid, found.gid, found.size), (0o600, 5, 6, 3));
    assert_eq!(stage.vfs.stat(&stage.cx, &file).unwrap(), found);
    assert_eq!(stage.vfs.stat(&stage.cx, "/p/f").unwrap().size, 7, "another is left alone");
}

#[test]
fn an_object_without_a_name_can_be_used_as_any_other() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let file = stage.open("/p/f", PATH);
    vfs.unlink(cx, "/p/f").unwrap();
    stage.expect(&["F:ATTRIB", "P:DELETE f"]);
    let events = change_all(&stage, &file);
    // As on Linux, the directory still gets the events under the name that it had.
    let both = events.iter().flat_map(|event| [format!("P:{event} f"), format!("F:{event}")]);
    assert_eq!(stage.take_events(), both.collect::<Vec<_>>());
    vfs.access(cx, &file, Access::READ | Access::WRITE).unwrap();
    assert_eq!(vfs.stat(cx, &file).unwrap().nlink, 0);
    assert_eq!(vfs.statfs(cx, &file).unwrap().name_max, 255);
    assert!(vfs.exists(cx, &file).unwrap());
    let wd = vfs.add_watch(cx, &stage.inotify, &file, WatchMask::OPEN | WatchMask::MODIFY).unwrap();
    assert_eq!(stage.watches[1].0, wd, "that of the object");
    let open = file.reopen(cx, OpenFlags::READ_WRITE).unwrap();
    open.write(b"new").unwrap();
    let mut buf = [0; 9];
    assert_eq!(open.pread(&mut buf, 0), Ok(3));
    assert_eq!(&buf[..3], b"new");
    assert_eq!(refusal(vfs.link(cx, &open, "/p/again")), Errno::ENOENT);
    drop((open, file));
    let reported = stage.take_events();
    assert_eq!(reported.last().unwrap(), "F:IGNORED", "{reported:?}");
}

#[test]
fn an_object_is_looked_at_without_a_search() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let bob = stage.user(1000);
    vfs.chmod(cx, "/p", 0o700).unwrap();
    let (dir, file) = (stage.open("/p", PATH), stage.open("/p/f", PATH));
    assert_eq!(refusal(vfs.stat(&bob, "/p/f")), Errno::EACCES);
    assert_eq!(refusal(vfs.stat(&bob, dir.at("."))), Errno::EACCES, "a name is searched for");
    vfs.stat(&bob, &file).unwrap();
    vfs.stat(&bob, &dir).unwrap();
    file.reopen(&bob, OpenFlags::READ).unwrap();
    // The object's own mode bits count.
    assert_eq!(refusal(file.reopen(&bob, OpenFlags::WRITE)), Errno::EACCES);
    assert_eq!(refusal(vfs.list(&bob, &dir)), Errno::EACCES);
    assert_eq!(refusal(bob.clone().chdir(vfs, &dir)), Errno::EACCES);
    assert_eq!(refusal(vfs.chmod(&bob, &file, 0o777)), Errno::EPERM);
}

#[test]
fn what_is_mounted_on_an_object_does_not_cover_it() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let dir = stage.open("/p", PATH);
    let below = vfs.stat(cx, &dir).unwrap();
    vfs.mount(cx, "/p", MemFs::new()).unwrap();
    assert_ne!(vfs.stat(cx, "/p").unwrap().device, below.device);
    assert_eq!(vfs.stat(cx, &dir).unwrap(), below);
    assert_eq!(vfs.list(cx, &dir).unwrap().len(), 1);
    // A mount goes on top of all that is there.
    assert_eq!(vfs.mounts(cx).len(), 2);
    vfs.mount(cx, &dir, MemFs::new()).unwrap();
    assert_eq!(vfs.mounts(cx).last().unwrap().path, b"/p");
    for _ in 0..2 {
        vfs.unmount(cx, &dir).unwrap();
    }
    assert_eq!(refusal(vfs.unmount(cx, &dir)), Errno::EINVAL);
}

#[test]
fn an_empty_path_is_an_object_only_if_it_may_be() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, stage.cx.clone());
    let (dir, file) = (stage.open("/p", PATH), stage.open("/p/f", PATH));
    let found = vfs.stat(&cx, "/p").unwrap();
    assert_eq!(refusal(vfs.stat(&cx, dir.at(""))), Errno::ENOENT);
    assert_eq!(vfs.stat(&cx, dir.at("").empty_path()), Ok(found));
    assert_eq!(vfs.stat(&cx, dir.at("f").empty_path()), vfs.stat(&cx, "/p/f"));
    let mut inside = cx.clone();
    inside.chdir(vfs, &dir).unwrap();
    assert_eq!(vfs.stat(&inside, "".empty_path()), Ok(found));
    assert_eq!(vfs.stat(&inside, "".with_flags(LookupFlags::EMPTY_PATH)), Ok(found));
    // A path that says where it starts from does.
    assert_eq!(vfs.stat(&cx, file.at(&dir.at("f"))), vfs.stat(&cx, &file));
    let is_dir = LookupFlags::DIRECTORY;
    assert_eq!(refusal(vfs.stat(&cx, file.with_flags(is_dir))), Errno::ENOTDIR);
    assert_eq!(vfs.stat(&cx, dir.with_flags(is_dir)), Ok(found));
}

#[test]
fn flags_that_there_are_not_are_refused_before_the_path() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let unknown = LookupFlags::from_bits_retain(1 << 31);
    let both = LookupFlags::BENEATH | LookupFlags::IN_ROOT;
    let file = stage.open("/p/f", PATH);
    for flags in [unknown, both] {
        for path in ["/p/f".with_flags(flags), "/none".with_flags(flags), file.with_flags(flags)] {
            assert_eq!(refusal(vfs.stat(cx, path)), Errno::EINVAL);
            assert_eq!(refusal(vfs.open(cx, path, PATH, 0)), Errno::EINVAL);
            assert_eq!(refusal(vfs.link(cx, path, "/new")), Errno::EINVAL);
        }
        assert_eq!(refusal(vfs.mkdir(cx, "/new".with_flags(flags), 0o755)), Errno::EINVAL);
    }
    assert_eq!(refusal(vfs.open(cx, "".with_flags(both), PATH, 0)), Errno::EINVAL);
}

#[test]
fn an_object_has_no_name_to_be_made_or_taken_away() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let (dir, file) = (stage.open("/p", PATH), stage.open("/p/f", PATH));
    let none = RenameFlags::empty();
    let all = [
        vfs.mkdir(cx, &dir, 0o755),
        vfs.mknod(cx, &file, InodeKind::Regular, 0o644, 0),
        vfs.symlink(cx, "target", &file),
        vfs.unlink(cx, &file),
        vfs.rmdir(cx, &dir),
        vfs.rename(cx, &file, "/new", none),
        vfs.rename(cx, "/p/f", &file, none),
        vfs.link(cx, "/p/f", &file),
    ];
    for refused in all {
        assert_eq!(refusal(refused), Errno::ENOENT);
    }
    // And none to be the target of a link.
    for target in [file.to_path(), dir.at("f"), "f".no_follow()] {
        assert_eq!(refusal(vfs.symlink(cx, target, "/new")), Errno::EINVAL);
    }
}

trait ErrorPath {
    fn unwrap_err_path(self) -> Option<Vec<u8>>;
}

impl<T> ErrorPath for Result<T> {
    /// The path of an error, if it is one that has a path.
    fn unwrap_err_path(self) -> Option<Vec<u8>> {
        self.err().and_then(|error| error.path().map(<[u8]>::to_vec))
    }
}

#[test]
fn an_error_about_an_object_has_the_path_of_the_file() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let (dir, file) = (stage.open("/p", PATH), stage.open("/p/f", PATH));
    assert_eq!(vfs.list(cx, &file).unwrap_err_path(), Some(b"/p/f".to_vec()));
    assert_eq!(vfs.stat(cx, dir.at("")).unwrap_err_path(), Some(b"".to_vec()));
    assert_eq!(vfs.stat(cx, dir.at("x")).unwrap_err_path(), Some(b"x".to_vec()));
    assert_eq!(vfs.link(cx, &file, "/p/f").unwrap_err_path(), Some(b"/p/f".to_vec()));
}

#[test]
fn a_file_made_without_a_name_may_get_one_by_any_handle_on_it() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let flags = OpenFlags::TMPFILE | OpenFlags::READ_WRITE;
    let file = stage.open("/p", flags);
    let handle = file.reopen(cx, PATH).unwrap();
    let again = handle.reopen(cx, OpenFlags::READ).unwrap();
    assert!(!again.flags().contains(OpenFlags::TMPFILE), "it was opened, not made");
    drop((file, handle));
    vfs.link(cx, &again, "/p/new").unwrap();
    // Its first name only, as on Linux.
    vfs.unlink(cx, "/p/new").unwrap();
    assert_eq!(refusal(vfs.link(cx, &again, "/p/new")), Errno::ENOENT);
    let never = stage.open("/p", flags | OpenFlags::EXCL);
    let handle = never.reopen(cx, PATH).unwrap();
    assert_eq!(refusal(vfs.link(cx, &handle, "/p/new")), Errno::ENOENT);
    let named = stage.open("/p/f", PATH);
    vfs.link(cx, &named, "/p/second").unwrap();
    assert_eq!(vfs.stat(cx, &named).unwrap().nlink, 2);
}

#[test]
fn what_is_opened_again_is_open_by_itself() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let first = stage.open("/p/f", OpenFlags::READ);
    first.seek(SeekFrom::Start(3)).unwrap();
    let second = first.reopen(cx, OpenFlags::WRITE | OpenFlags::APPEND).unwrap();
    assert_ne!(first.id(), second.id());
    second.write(b"!").unwrap();
    let mut buf = [0; 9];
    assert_eq!(first.read(&mut buf), Ok(3));
    assert_eq!(&buf[..3], b"lo!");
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    first.reopen(cx, flags).unwrap();
    assert_eq!(refusal(first.reopen(cx, flags | OpenFlags::EXCL)), Errno::EEXIST);
    assert_eq!(refusal(first.reopen(cx, OpenFlags::DIRECTORY)), Errno::ENOTDIR);
    vfs.symlink(cx, "f", "/p/l").unwrap();
    let link = stage.open("/p/l", PATH | OpenFlags::NOFOLLOW);
    assert_eq!(refusal(link.reopen(cx, OpenFlags::READ)), Errno::ELOOP);
    assert_eq!(link.reopen(cx, PATH).unwrap().kind(), InodeKind::Symlink);
    assert_eq!(vfs.stat(cx, &link).unwrap().kind, InodeKind::Symlink);
    let dir = stage.open("/p", PATH);
    assert_eq!(refusal(dir.reopen(cx, flags)), Errno::EISDIR);
    assert_eq!(dir.reopen(cx, OpenFlags::READ).unwrap().read_dir(4096).unwrap().len(), 4);
    let unnamed = dir.reopen(cx, OpenFlags::TMPFILE | OpenFlags::WRITE).unwrap();
    assert_eq!(vfs.stat(cx, &unnamed).unwrap().nlink, 0);
}

#[test]
fn an_object_outside_the_root_can_be_used_and_shows_no_way_out() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.mkdir(cx, "/jail", 0o755).unwrap();
    let jail = cx.clone().with_root(vfs, "/jail").unwrap();
    let (dir, file) = (stage.open("/p", PATH), stage.open("/p/f", PATH));
    vfs.stat(&jail, &file).unwrap();
    vfs.stat(&jail, dir.at("f").beneath()).unwrap();
    assert_eq!(refusal(vfs.stat(&jail, dir.at(".."))), Errno::ENOENT);
    let mut moved = jail.clone();
    moved.chdir(vfs, &dir).unwrap();
    assert_eq!(refusal(vfs.stat(&moved, "..")), Errno::ENOENT);
}

#[test]
fn nothing_but_a_directory_is_the_start_of_a_path() {
    let stage = FileStage::usual();
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    vfs.symlink(cx, "p", "/l").unwrap();
    let link = stage.open("/l", PATH | OpenFlags::NOFOLLOW);
    for start in [stage.open("/p/f", PATH), link] {
        for path in ["/", "//", ".", "..", "x", "/x"] {
            let path = start.at(path);
            assert_eq!(refusal(vfs.stat(cx, path.in_root())), Errno::ENOTDIR, "{path:?}");
            assert_eq!(refusal(vfs.mkdir(cx, path.in_root(), 0o755)), Errno::ENOTDIR, "{path:?}");
            assert_eq!(refusal(vfs.rmdir(cx, path.in_root())), Errno::ENOTDIR, "{path:?}");
            let flags = OpenFlags::CREATE | OpenFlags::WRITE;
            let opened = vfs.open(cx, path.in_root(), flags, 0o644);
            assert_eq!(refusal(opened), Errno::ENOTDIR, "{path:?}");
        }
        assert_eq!(refusal(vfs.stat(cx, start.at("/").beneath())), Errno::EXDEV);
        assert_eq!(refusal(vfs.stat(cx, start.at(".").beneath())), Errno::ENOTDIR);
        assert!(vfs.stat(cx, start.at("/")).unwrap().kind.is_dir(), "the context's root");
    }
}

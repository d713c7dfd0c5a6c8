//! A file system that says what it must, and nothing else.

use std::io::SeekFrom;

use vfsnotify::fs::{Attr, FsFlags, FsStat};
use vfsnotify::fs::{
    Caching, ContentAccess, DirEntry, Handle, NewNode, Node, Request, SeekTo, SetAttr, Sink,
    SyncScope,
};
use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Access, Errno, Error, FallocateFlags, FileSystem, InodeKind, Mode, OpenFlags, RenameFlags,
    Result, TimeSetting, Vfs, XattrMode,
};

const ME: &Request = &Request::SUPERUSER;
const NO: Handle = Handle::new(0);
const TEXT: &[u8] = b"hello, world";

/// A directory with a directory, a file and a link in it.
#[derive(Debug)]
struct Minimal;

const ENTRIES: [(&[u8], u64, InodeKind); 3] = [
    (b"dir", 2, InodeKind::Directory),
    (b"file", 3, InodeKind::Regular),
    (b"link", 4, InodeKind::Symlink),
];

impl FileSystem for Minimal {
    fn root(&self) -> Result<Node> {
        self.getattr(ME, 1, None).map(Node::new)
    }

    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        let mut entries = ENTRIES.iter().filter(|_| parent == 1);
        let (_, ino, _) = entries.find(|(known, ..)| *known == name).ok_or(Errno::ENOENT)?;
        self.getattr(request, *ino, None).map(Node::new)
    }

    fn getattr(&self, _: &Request, ino: u64, _: Option<Handle>) -> Result<Attr> {
        if ino == 1 {
            return Ok(Attr::new(1, InodeKind::Directory, Mode::new(0o777)));
        }
        let (.., kind) = ENTRIES.iter().find(|(_, known, _)| *known == ino).ok_or(Errno::ESTALE)?;
        let mut attr = Attr::new(ino, *kind, Mode::new(0o777));
        if *kind == InodeKind::Regular {
            attr.size = TEXT.len() as u64;
        }
        Ok(attr)
    }

    fn readdir(
        &self,
        _: &Request,
        ino: u64,
        _: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        let entries = ENTRIES.iter().zip(1_u64..).filter(|(_, at)| ino == 1 && *at > cursor);
        for ((name, ino, kind), at) in entries {
            if !emit(DirEntry::new(*ino, *kind, name, at)) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, _: &Request, _: u64, _: Handle, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let rest = TEXT.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// The same, but that it can be written to. So it says; it lacks all that it would take.
#[derive(Debug)]
struct Lacking;

impl FileSystem for Lacking {
    fn is_read_only(&self) -> bool {
        false
    }
    fn root(&self) -> Result<Node> {
        Minimal.root()
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        Minimal.lookup(request, parent, name)
    }
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr> {
        Minimal.getattr(request, ino, handle)
    }
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        Minimal.readdir(request, ino, handle, cursor, emit)
    }
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize> {
        Minimal.read(request, ino, handle, offset, buf)
    }
}

fn errno<T: std::fmt::Debug>(result: Result<T>) -> Errno {
    result.as_ref().map_err(Error::errno).expect_err("a refusal")
}

#[test]
fn five_methods_make_a_file_system_that_can_be_read() {
    let vfs = Vfs::new(Minimal).expect("a root");
    let cx = vfs.context();
    let names: Vec<_> =
        vfs.list(&cx, "/").expect("a listing").into_iter().map(|e| e.name).collect();
    assert_eq!(names, ENTRIES.map(|(name, ..)| name));
    assert!(vfs.list(&cx, "/dir").expect("a listing").is_empty());
    let file = vfs.open(&cx, "/file", OpenFlags::READ, 0).expect("it is there");
    let mut buf = [0; 100];
    assert_eq!(file.read(&mut buf[..5]), Ok(5));
    assert_eq!(file.read(&mut buf[5..]), Ok(TEXT.len() - 5));
    assert_eq!(&buf[..TEXT.len()], TEXT);
    assert_eq!(file.seek(SeekFrom::End(0)), Ok(TEXT.len() as u64));
    assert_eq!((file.seek_data(3), file.seek_hole(3)), (Ok(3), Ok(TEXT.len() as u64)));
    assert_eq!(errno(file.seek_data(TEXT.len() as u64)), Errno::ENXIO);
    file.fsync().expect("nothing to do");
    assert_eq!(file.stat().expect("attributes").nlink, 1);
    assert_eq!(errno(vfs.readlink(&cx, "/link")), Errno::EINVAL);
    assert_eq!(errno(vfs.getxattr(&cx, "/file", "user.a")), Errno::EOPNOTSUPP);
    assert!(vfs.listxattr(&cx, "/file").expect("none").is_empty());
    assert!(!vfs.exists(&cx, "/none").expect("an answer"));
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/", WatchMask::OPEN).expect("a watch");
    vfs.open(&cx, "/file", OpenFlags::READ, 0).expect("it is there").close();
    assert_eq!(inotify.drain().len(), 1);
    let stat = vfs.statfs(&cx, "/").expect("figures");
    assert_eq!((stat.block_size, stat.name_max, stat.blocks, stat.files), (4096, 255, 0, 0));
    assert!(stat.flags.contains(FsFlags::READ_ONLY));
    assert!(vfs.mounts(&cx)[0].read_only);
    drop((file, inotify, cx));
    vfs.verify().expect("the invariants");
}

/// Each is refused where Linux refuses it on a read-only superblock.
#[test]
fn a_file_system_without_methods_that_write_is_read_only() {
    let vfs = Vfs::new(Minimal).expect("a root");
    let cx = vfs.context();
    let none = RenameFlags::empty();
    let now = Some(TimeSetting::Now);
    let refusals = [
        errno(vfs.mkdir(&cx, "/new", 0o755)),
        errno(vfs.mknod(&cx, "/new", InodeKind::Regular, 0o644, 0)),
        errno(vfs.symlink(&cx, "target", "/new")),
        errno(vfs.link(&cx, "/file", "/new")),
        errno(vfs.unlink(&cx, "/file")),
        errno(vfs.rmdir(&cx, "/dir")),
        errno(vfs.rename(&cx, "/file", "/new", none)),
        errno(vfs.rename(&cx, "/file", "/link", RenameFlags::EXCHANGE)),
        errno(vfs.open(&cx, "/file", OpenFlags::WRITE, 0)),
        errno(vfs.open(&cx, "/file", OpenFlags::READ | OpenFlags::TRUNC, 0)),
        errno(vfs.open(&cx, "/new", OpenFlags::READ | OpenFlags::CREATE, 0o644)),
        errno(vfs.open(&cx, "/", OpenFlags::TMPFILE | OpenFlags::WRITE, 0o644)),
        errno(vfs.truncate(&cx, "/file", 0)),
        errno(vfs.chmod(&cx, "/file", 0o600)),
        errno(vfs.chown(&cx, "/file", Some(1), None)),
        errno(vfs.utimens(&cx, "/file", now, now)),
        errno(vfs.setxattr(&cx, "/file", "user.a", b"", XattrMode::Set)),
        errno(vfs.removexattr(&cx, "/file", "user.a")),
        errno(vfs.access(&cx, "/file", Access::WRITE)),
    ];
    assert_eq!(refusals, [Errno::EROFS; 19]);
    // An existing name is found, and not made.
    assert_eq!(errno(vfs.mkdir(&cx, "/dir", 0o755)), Errno::EEXIST);
    vfs.open(&cx, "/file", OpenFlags::READ | OpenFlags::CREATE, 0o644).expect("it is there");
}

/// The default of each method, called without a VFS.
fn changes(fs: &dyn FileSystem) -> Vec<(&'static str, Errno)> {
    let new = NewNode::new(InodeKind::Regular, Mode::new(0o644));
    vec![
        ("setattr", errno(fs.setattr(ME, 3, None, &SetAttr::default().with_size(0)))),
        ("create", errno(fs.create(ME, 1, b"new", &new))),
        ("link", errno(fs.link(ME, 3, 1, b"new"))),
        ("unlink", errno(fs.unlink(ME, 1, b"file"))),
        ("rmdir", errno(fs.rmdir(ME, 1, b"dir"))),
        ("rename", errno(fs.rename(ME, 1, b"file", 1, b"new", RenameFlags::empty()))),
        ("write", errno(fs.write(ME, 3, NO, 0, b"x".into()))),
        ("append", errno(fs.append(ME, 3, NO, b"x".into()))),
        ("tmpfile", errno(fs.tmpfile(ME, 1, &new))),
        ("fallocate", errno(fs.fallocate(ME, 3, NO, FallocateFlags::empty(), 0, 1))),
        ("setxattr", errno(fs.setxattr(ME, 3, b"user.a", b"", XattrMode::Set))),
        ("removexattr", errno(fs.removexattr(ME, 3, b"user.a"))),
    ]
}

#[test]
fn every_change_is_refused_by_default() {
    for (what, errno) in changes(&Minimal) {
        assert_eq!(errno, Errno::EROFS, "{what}");
    }
}

#[test]
fn missing_operations_of_a_writable_file_system_fail_as_on_linux() {
    let expected =
        [[Errno::EPERM; 6].as_slice(), &[Errno::EINVAL; 2], &[Errno::EOPNOTSUPP; 4]].concat();
    let refused: Vec<_> = changes(&Lacking).into_iter().map(|(_, errno)| errno).collect();
    assert_eq!(refused, expected);
    let vfs = Vfs::new(Lacking).expect("a root");
    let cx = vfs.context();
    assert_eq!(errno(vfs.mkdir(&cx, "/new", 0o755)), Errno::EPERM);
    let file = vfs.open(&cx, "/file", OpenFlags::WRITE, 0).expect("it can be written to");
    assert_eq!(errno(file.write(b"x")), Errno::EINVAL);
    let unnamed = OpenFlags::TMPFILE | OpenFlags::WRITE;
    assert_eq!(errno(vfs.open(&cx, "/", unnamed, 0o644)), Errno::EOPNOTSUPP);
    assert!(!vfs.statfs(&cx, "/").expect("figures").flags.contains(FsFlags::READ_ONLY));
    drop((file, cx));
    vfs.verify().expect("the invariants");
}

#[test]
fn operations_that_change_nothing_have_a_default() {
    let fs: &dyn FileSystem = &Minimal;
    fs.attach(&Sink::unattached()).expect("nothing to know");
    assert_eq!(fs.caching(), Caching::default());
    assert!(fs.caching().entries && fs.caching().attributes && fs.is_read_only());
    assert!(!fs.revalidate(ME, 1, b"file", Some(3)), "asked, it does not know");
    assert_eq!(errno(fs.by_handle(ME, 3, 0)), Errno::ESTALE);
    fs.forget(3, 1);
    assert_eq!(errno(fs.readlink(ME, 4)), Errno::EINVAL);
    assert_eq!(fs.open(ME, 3, OpenFlags::READ), Ok(NO));
    fs.release(3, NO);
    fs.pre_content(ME, 3, 0..1, ContentAccess::Read).expect("it is there");
    assert_eq!(fs.seek(ME, 3, NO, 2, SeekTo::Data), Ok(2));
    assert_eq!(fs.seek(ME, 3, NO, 2, SeekTo::Hole), Ok(TEXT.len() as u64));
    assert_eq!(errno(fs.seek(ME, 3, NO, 12, SeekTo::Hole)), Errno::ENXIO);
    assert_eq!(errno(fs.getxattr(ME, 3, b"user.a")), Errno::EOPNOTSUPP);
    assert_eq!(fs.listxattr(ME, 3), Ok(Vec::new()));
    assert_eq!(fs.statfs(ME), Ok(FsStat::default()));
    fs.fsync(ME, 3, NO, SyncScope::All).expect("nothing to do");
}

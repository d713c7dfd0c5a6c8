//! The whole of `MemFs` through its trait.

mod files;
mod lifetime;
mod limits;
mod listing;
mod names;
mod threads;

use std::time::Duration;

use super::{MemFs, MemFsBuilder, MemFsStats};
use crate::base::clock::{Clock, Timestamp};
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::fs::{
    Attr, FallocateFlags, FileSystem, Handle, NewNode, OpenFlags, RenameFlags, Request, SeekTo,
    SetAttr, SyncScope, TimeSetting, WriteData, XattrMode,
};

/// The caller of the tests' requests, without an open file.
const ME: &Request = &Request::SUPERUSER;
const NO: Handle = Handle::new(0);

const ALLOCATE: FallocateFlags = FallocateFlags::empty();
const KEEP: FallocateFlags = FallocateFlags::KEEP_SIZE;
const PUNCH: FallocateFlags = FallocateFlags::PUNCH_HOLE;
const ZERO: FallocateFlags = FallocateFlags::ZERO_RANGE;

pub(super) const PLAIN: RenameFlags = RenameFlags::empty();

/// A clock that advances by a second each time it is read.
#[derive(Debug, Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.fetch_add(1, Ordering::Relaxed) as i64)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// A file system, its root, and short forms of the tests' operations.
struct MemFsWorld {
    fs: MemFs,
    root: u64,
}

impl MemFsWorld {
    fn new() -> Self {
        Self::of(MemFs::builder())
    }

    fn of(builder: MemFsBuilder) -> Self {
        let fs = builder.clock(Arc::new(Ticks::default())).build();
        let root = fs.root().unwrap().attr.ino;
        fs.forget(root, 1);
        Self { fs, root }
    }

    fn make(&self, parent: u64, name: &str, kind: InodeKind) -> Result<u64> {
        Ok(self.fs.create(ME, parent, name.as_bytes(), &new_node(kind))?.attr.ino)
    }

    /// A new file in the root, with one lookup.
    fn file(&self, name: &str) -> u64 {
        self.make(self.root, name, InodeKind::Regular).unwrap()
    }

    /// A new directory, with one lookup.
    fn dir(&self, parent: u64, name: &str) -> u64 {
        self.make(parent, name, InodeKind::Directory).unwrap()
    }

    fn attr(&self, ino: u64) -> Attr {
        self.fs.getattr(ME, ino, None).unwrap()
    }

    fn times(&self, ino: u64) -> (Timestamp, Timestamp, Timestamp) {
        let attr = self.attr(ino);
        (attr.atime, attr.mtime, attr.ctime)
    }

    /// The inode of a name, without leaving a lookup behind.
    fn peek(&self, parent: u64, name: &str) -> Option<u64> {
        match self.fs.lookup(ME, parent, name.as_bytes()) {
            Ok(node) => {
                self.fs.forget(node.attr.ino, 1);
                Some(node.attr.ino)
            }
            Err(error) => {
                assert_eq!(error.errno(), Errno::ENOENT);
                None
            }
        }
    }

    fn rename(&self, from: (u64, &str), to: (u64, &str), flags: RenameFlags) -> Result<()> {
        let (old, new) = (from.1.as_bytes(), to.1.as_bytes());
        self.fs.rename(ME, from.0, old, to.0, new, flags).map(drop)
    }

    /// The names of a directory from a cursor on, at most `most` of them, and the last cursor.
    fn list(&self, ino: u64, cursor: u64, most: usize) -> (Vec<String>, u64) {
        let (mut names, mut last) = (Vec::new(), cursor);
        let mut emit = |entry: crate::fs::DirEntry<'_>| {
            names.push(String::from_utf8(entry.name.to_vec()).unwrap());
            last = entry.cursor;
            names.len() < most
        };
        self.fs.readdir(ME, ino, NO, cursor, &mut emit).unwrap();
        (names, last)
    }

    fn names(&self, ino: u64) -> Vec<String> {
        self.list(ino, 0, usize::MAX).0
    }

    fn contents(&self, ino: u64) -> Vec<u8> {
        let mut buf = vec![0xee; self.attr(ino).size as usize + 1];
        let count = self.fs.read(ME, ino, NO, 0, &mut buf).unwrap();
        buf.truncate(count);
        buf
    }

    fn stats(&self) -> MemFsStats {
        self.fs.stats()
    }
}

fn new_node(kind: InodeKind) -> NewNode<'static> {
    let target: &[u8] = if kind == InodeKind::Symlink { b"to/there" } else { b"" };
    NewNode::new(kind, Mode::new(0o644)).with_owner(1, 2).with_rdev(0x0103).with_target(target)
}

#[track_caller]
fn fails<T>(result: Result<T>, kind: Errno) {
    assert_eq!(result.err().map(|error| error.errno()), Some(kind));
}

#[test]
fn the_root_has_the_attributes_of_the_builder() {
    let world = MemFsWorld::of(MemFs::builder().root_mode(0o141_777).root_owner(5, 6));
    let root = world.attr(world.root);
    assert_eq!((root.st_mode(), root.uid, root.gid), (0o041_777, 5, 6));
    assert_eq!((root.nlink, root.size, root.blocks, root.generation), (2, 40, 0, 0));
    assert_eq!(format!("{:?}", world.fs), "MemFs { inodes: 1, bytes: 0, .. }");
    assert_eq!(MemFs::default().stats(), MemFs::new().stats());
}

#[test]
fn setattr_changes_the_given_attributes_and_ctime() {
    let world = MemFsWorld::new();
    let file = world.file("f");
    let before = world.attr(file);
    assert_eq!(world.fs.setattr(ME, file, None, &SetAttr::default()).unwrap(), before);

    let change = SetAttr::default().with_mode(Mode::new(0o106_755));
    let after = world.fs.setattr(ME, file, None, &change).unwrap();
    assert!(after.ctime > before.ctime);
    assert_eq!(after, Attr { mode: Mode::new(0o6755), ctime: after.ctime, ..before });

    let time = Timestamp { seconds: -9, nanoseconds: 8 };
    let change = SetAttr {
        uid: Some(7),
        gid: Some(8),
        atime: Some(TimeSetting::At(time)),
        mtime: Some(TimeSetting::Now),
        ..SetAttr::default()
    };
    let last = world.fs.setattr(ME, file, None, &change).unwrap();
    assert_eq!((last.uid, last.gid, last.atime, last.mode.bits()), (7, 8, time, 0o6755));
    assert_eq!(last.mtime, last.ctime);
    assert_eq!(world.attr(file), last);

    let change = SetAttr { size: Some(3), mtime: Some(TimeSetting::At(time)), ..change };
    let cut = world.fs.setattr(ME, file, None, &change).unwrap();
    assert_eq!((cut.size, cut.mtime), (3, time));
}

#[test]
fn setattr_changes_all_or_nothing() {
    let world = MemFsWorld::new();
    let (file, dir, fifo) = (world.file("f"), world.dir(world.root, "d"), {
        world.make(world.root, "p", InodeKind::Fifo).unwrap()
    });
    let change = |size| SetAttr::default().with_mode(Mode::empty()).with_size(size);
    let rows = [
        (file, i64::MAX as u64 + 1, Errno::EFBIG),
        (dir, 0, Errno::EISDIR),
        (fifo, 0, Errno::EINVAL),
        (12345, 0, Errno::ESTALE),
    ];
    for (ino, size, kind) in rows {
        let before = world.fs.getattr(ME, ino, None).ok();
        fails(world.fs.setattr(ME, ino, None, &change(size)), kind);
        assert_eq!(world.fs.getattr(ME, ino, None).ok(), before);
    }
}

#[test]
fn xattrs_belong_to_any_inode_and_change_ctime() {
    let world = MemFsWorld::new();
    for kind in [InodeKind::Regular, InodeKind::Directory, InodeKind::Symlink, InodeKind::Socket] {
        let ino = world.make(world.root, &format!("{kind:?}"), kind).unwrap();
        let before = world.attr(ino);
        let set = |value: &[u8]| world.fs.setxattr(ME, ino, b"user.x", value, XattrMode::Set);
        set(b"1").unwrap();
        let after = world.attr(ino);
        assert!(after.ctime > before.ctime);
        assert_eq!(after.mtime, before.mtime);
        assert_eq!(world.fs.getxattr(ME, ino, b"user.x").unwrap(), b"1");
        assert_eq!(world.fs.listxattr(ME, ino).unwrap(), [b"user.x"]);
        fails(set(&[0; 65_537]), Errno::ENOSPC);
        fails(world.fs.setxattr(ME, ino, b"", b"", XattrMode::Set), Errno::ERANGE);
        fails(world.fs.removexattr(ME, ino, b"user.y"), Errno::ENODATA);
        assert_eq!(world.attr(ino), after);
        world.fs.removexattr(ME, ino, b"user.x").unwrap();
        assert!(world.attr(ino).ctime > after.ctime);
        fails(world.fs.getxattr(ME, ino, b"user.x"), Errno::ENODATA);
        assert!(world.fs.listxattr(ME, ino).unwrap().is_empty());
    }
    assert_eq!(world.stats().bytes, 0);
}

//! `MemFs` against a vector, a map and itself, through its trait, by random operations.

mod files;
mod listing;

use std::sync::Arc;
use std::time::Duration;

use vfsnotify::fs::{
    Attr, DirEntry, FileSystem, Handle, MemFs, MemFsBuilder, MemFsStats, NewNode, RenameFlags,
    Request,
};
use vfsnotify::{Clock, InodeKind, Mode, Result, Timestamp};

/// A clock that stands, so that equal operations give equal attributes.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// The caller, by no open file in particular.
const ME: &Request = &Request::SUPERUSER;
const NO: Handle = Handle::new(0);

/// A file system and its root.
struct World {
    fs: MemFs,
    root: u64,
}

impl World {
    fn new() -> Self {
        Self::of(MemFs::builder())
    }

    fn of(builder: MemFsBuilder) -> Self {
        let fs = builder.clock(Arc::new(Stopped)).build();
        let root = fs.root().expect("a root").attr.ino;
        fs.forget(root, 1);
        Self { fs, root }
    }

    fn make(&self, name: &str) -> Result<u64> {
        let kind = InodeKind::Regular;
        let node = NewNode::new(kind, Mode::new(0o644)).with_owner(1, 2);
        Ok(self.fs.create(ME, self.root, name.as_bytes(), &node)?.attr.ino)
    }

    /// A new file in the root, with one lookup.
    fn file(&self, name: &str) -> u64 {
        self.make(name).expect("a file")
    }

    fn rename(&self, old: &str, new: &str, flags: RenameFlags) -> Result<()> {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        self.fs.rename(ME, self.root, old, self.root, new, flags).map(drop)
    }

    fn attr(&self, ino: u64) -> Attr {
        self.fs.getattr(ME, ino, None).expect("attributes")
    }

    /// The names of the root from a cursor on, at most `most` of them, and the last cursor.
    fn list(&self, cursor: u64, most: usize) -> (Vec<String>, u64) {
        let (mut names, mut last) = (Vec::new(), cursor);
        let mut emit = |entry: DirEntry<'_>| {
            names.push(String::from_utf8(entry.name.to_vec()).expect("text"));
            last = entry.cursor;
            names.len() < most
        };
        self.fs.readdir(ME, self.root, NO, cursor, &mut emit).expect("a listing");
        (names, last)
    }

    fn contents(&self, ino: u64) -> Vec<u8> {
        let mut buf = vec![0xee; self.attr(ino).size as usize + 1];
        let count = self.fs.read(ME, ino, NO, 0, &mut buf).expect("contents");
        buf.truncate(count);
        buf
    }

    fn stats(&self) -> MemFsStats {
        self.fs.stats()
    }
}

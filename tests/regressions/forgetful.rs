//! A MemFs that says when it is to forget an inode.

use std::fmt;
use std::sync::Arc;

use vfsnotify::{
    Attr, DirEntry, Errno, FileSystem, FsStat, MemFs, NewNode, Node, RenameFlags, Result, SetAttr,
};

/// Calls a function before each `forget`.
pub(super) struct Forgetful {
    inner: MemFs,
    /// Whether a look-up finds no memory.
    full: bool,
    forget: Box<dyn Fn(u64) + Send + Sync>,
}

impl Forgetful {
    pub(super) fn new(forget: impl Fn(u64) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { inner: MemFs::new(), full: false, forget: Box::new(forget) })
    }

    /// One that never finds the memory to look a name up.
    pub(super) fn without_memory() -> Arc<Self> {
        Arc::new(Self { inner: MemFs::new(), full: true, forget: Box::new(|_| {}) })
    }

    /// Empties a directory of the root, whose files are called by their numbers, behind the VFS's back.
    pub(super) fn remove_behind(&self, name: &[u8], files: usize) {
        let root = self.inner.root().expect("a root").attr.ino;
        let dir = self.inner.lookup(root, name).expect("a directory").attr.ino;
        for n in 0..files {
            self.inner.unlink(dir, n.to_string().as_bytes()).expect("a file");
        }
        self.inner.forget(dir, 1);
        self.inner.forget(root, 1);
    }
}

impl fmt::Debug for Forgetful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forgetful")
    }
}

impl FileSystem for Forgetful {
    fn root(&self) -> Result<Node> {
        self.inner.root()
    }

    fn lookup(&self, parent: u64, name: &[u8]) -> Result<Node> {
        if self.full {
            return Err(Errno::ENOMEM.into());
        }
        self.inner.lookup(parent, name)
    }

    fn forget(&self, ino: u64, lookups: u64) {
        (self.forget)(ino);
        self.inner.forget(ino, lookups);
    }

    fn getattr(&self, ino: u64) -> Result<Attr> {
        self.inner.getattr(ino)
    }

    fn setattr(&self, ino: u64, change: &SetAttr) -> Result<Attr> {
        self.inner.setattr(ino, change)
    }

    fn readlink(&self, ino: u64) -> Result<Vec<u8>> {
        self.inner.readlink(ino)
    }

    fn create(&self, parent: u64, name: &[u8], new: &NewNode<'_>) -> Result<Node> {
        self.inner.create(parent, name, new)
    }

    fn link(&self, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        self.inner.link(ino, parent, name)
    }

    fn unlink(&self, parent: u64, name: &[u8]) -> Result<()> {
        self.inner.unlink(parent, name)
    }

    fn rmdir(&self, parent: u64, name: &[u8]) -> Result<()> {
        self.inner.rmdir(parent, name)
    }

    fn rename(
        &self,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<()> {
        self.inner.rename(parent, name, new_parent, new_name, flags)
    }

    fn read(&self, ino: u64, handle: u64, offset: u64, buf: &mut [u8]) -> Result<usize> {
        self.inner.read(ino, handle, offset, buf)
    }

    fn write(&self, ino: u64, handle: u64, offset: u64, data: &[u8]) -> Result<usize> {
        self.inner.write(ino, handle, offset, data)
    }

    fn append(&self, ino: u64, handle: u64, data: &[u8]) -> Result<(u64, usize)> {
        self.inner.append(ino, handle, data)
    }

    fn readdir(
        &self,
        ino: u64,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        self.inner.readdir(ino, cursor, emit)
    }

    fn statfs(&self) -> Result<FsStat> {
        self.inner.statfs()
    }
}

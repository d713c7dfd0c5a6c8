//! A MemFs that says when it is to forget an inode.

use std::fmt;
use std::sync::Arc;

use vfsnotify::fs::{FileSystem, Layer, MemFs, Node, Request};
use vfsnotify::{Errno, Result};

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
        let dir = self.inner.lookup(&Request::SUPERUSER, root, name).expect("a directory").attr.ino;
        for n in 0..files {
            self.inner.unlink(&Request::SUPERUSER, dir, n.to_string().as_bytes()).expect("a file");
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

impl Layer for Forgetful {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        if self.full {
            return Err(Errno::ENOMEM.into());
        }
        self.inner.lookup(request, parent, name)
    }

    fn forget(&self, ino: u64, lookups: u64) {
        (self.forget)(ino);
        self.inner.forget(ino, lookups);
    }
}

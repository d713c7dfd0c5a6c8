//! A layer that notes the caller of each call, and by which handle.

#![expect(clippy::disallowed_types, reason = "a test has no lock of the crate")]

use std::sync::{Arc, Mutex};

use vfsnotify::Result;
use vfsnotify::fs::Attr;
use vfsnotify::fs::{
    Caching, DirEntry, FallocateFlags, FileSystem, FsStat, Handle, Layer, MemFs, NewNode, Node,
    OpenFlags, RenameFlags, Request, SeekTo, SetAttr, SyncScope, Unlinked, WriteData, XattrMode,
};

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) what: &'static str,
    pub(super) by: Request,
    pub(super) handle: Option<Handle>,
}

/// The state shared with the test.
#[derive(Debug, Default)]
pub(super) struct Notes {
    calls: Mutex<Vec<Call>>,
    flags: Mutex<Vec<OpenFlags>>,
}

impl Notes {
    /// The calls since the last time.
    pub(super) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().expect("no panic"))
    }

    /// How often something was asked since the last time.
    pub(super) fn count(&self, what: &str) -> usize {
        self.take().iter().filter(|call| call.what == what).count()
    }

    /// How files were opened since the last time.
    pub(super) fn opened(&self) -> Vec<OpenFlags> {
        std::mem::take(&mut *self.flags.lock().expect("no panic"))
    }

    fn note(&self, what: &'static str, by: &Request, handle: Option<Handle>) {
        self.calls.lock().expect("no panic").push(Call { what, by: *by, handle });
    }
}

/// A `MemFs` whose open files are numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) inner: MemFs,
    pub(super) notes: Arc<Notes>,
    pub(super) caching: Caching,
    /// Whether it does not say how many names are left.
    pub(super) keeps_counts_to_itself: bool,
    pub(super) handles: Mutex<u64>,
}

impl Layer for Recorder {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn caching(&self) -> Caching {
        self.caching
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        self.notes.note("lookup", request, None);
        self.inner.lookup(request, parent, name)
    }
    /// Trusts what is remembered, once it was asked.
    fn revalidate(&self, request: &Request, _: u64, _: &[u8], _: Option<u64>) -> bool {
        self.notes.note("revalidate", request, None);
        true
    }
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr> {
        self.notes.note("getattr", request, handle);
        self.inner.getattr(request, ino, handle)
    }
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr> {
        self.notes.note("setattr", request, handle);
        self.inner.setattr(request, ino, handle, change)
    }
    fn readlink(&self, request: &Request, ino: u64) -> Result<Vec<u8>> {
        self.notes.note("readlink", request, None);
        self.inner.readlink(request, ino)
    }
    fn create(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new: &NewNode<'_>,
    ) -> Result<Node> {
        self.notes.note("create", request, None);
        self.inner.create(request, parent, name, new)
    }
    fn tmpfile(&self, request: &Request, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        self.notes.note("tmpfile", request, None);
        self.inner.tmpfile(request, parent, new)
    }
    fn link(&self, request: &Request, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        self.notes.note("link", request, None);
        self.inner.link(request, ino, parent, name)
    }
    fn unlink(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Unlinked> {
        self.notes.note("unlink", request, None);
        let unlinked = self.inner.unlink(request, parent, name)?;
        Ok(if self.keeps_counts_to_itself { Unlinked::UNKNOWN } else { unlinked })
    }
    fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()> {
        self.notes.note("rmdir", request, None);
        self.inner.rmdir(request, parent, name)
    }
    fn rename(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Unlinked> {
        self.notes.note("rename", request, None);
        let unlinked = self.inner.rename(request, parent, name, new_parent, new_name, flags)?;
        Ok(if self.keeps_counts_to_itself { Unlinked::UNKNOWN } else { unlinked })
    }
    fn open(&self, request: &Request, _: u64, flags: OpenFlags) -> Result<Handle> {
        self.notes.note("open", request, None);
        self.notes.flags.lock().expect("no panic").push(flags);
        let mut handles = self.handles.lock().expect("no panic");
        *handles += 1;
        Ok(Handle::new(*handles))
    }
    fn release(&self, _: u64, handle: Handle) {
        // It is told of no caller.
        self.notes.note("release", &Request::SUPERUSER, Some(handle));
    }
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize> {
        self.notes.note("read", request, Some(handle));
        self.inner.read(request, ino, handle, offset, buf)
    }
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        self.notes.note("write", request, Some(handle));
        self.inner.write(request, ino, handle, offset, data)
    }
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        self.notes.note("append", request, Some(handle));
        self.inner.append(request, ino, handle, data)
    }
    fn fallocate(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        self.notes.note("fallocate", request, Some(handle));
        self.inner.fallocate(request, ino, handle, mode, offset, len)
    }
    fn seek(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        to: SeekTo,
    ) -> Result<u64> {
        self.notes.note("seek", request, Some(handle));
        self.inner.seek(request, ino, handle, offset, to)
    }
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        self.notes.note("readdir", request, Some(handle));
        self.inner.readdir(request, ino, handle, cursor, emit)
    }
    fn getxattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        self.notes.note("getxattr", request, None);
        self.inner.getxattr(request, ino, name)
    }
    fn setxattr(
        &self,
        request: &Request,
        ino: u64,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        self.notes.note("setxattr", request, None);
        self.inner.setxattr(request, ino, name, value, mode)
    }
    fn listxattr(&self, request: &Request, ino: u64) -> Result<Vec<Vec<u8>>> {
        self.notes.note("listxattr", request, None);
        self.inner.listxattr(request, ino)
    }
    fn removexattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<()> {
        self.notes.note("removexattr", request, None);
        self.inner.removexattr(request, ino, name)
    }
    fn statfs(&self, request: &Request) -> Result<FsStat> {
        self.notes.note("statfs", request, None);
        self.inner.statfs(request)
    }
    fn fsync(&self, request: &Request, ino: u64, handle: Handle, scope: SyncScope) -> Result<()> {
        self.notes.note("fsync", request, Some(handle));
        self.inner.fsync(request, ino, handle, scope)
    }
}

//! A file system that counts what it is asked, can be told to fail, and takes one buffer of a write.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::fs::{
    Attr, DirEntry, FileSystem, Handle, Layer, MemFs, OpenFlags, Request, SetAttr, WriteData,
};

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) getattrs: AtomicUsize,
    pub(super) handles: AtomicUsize,
    pub(super) fail_setattr: AtomicBool,
    pub(super) fail_open: AtomicBool,
    /// Each read says that it has filled the buffer, and does not touch it.
    pub(super) endless: AtomicBool,
    /// The last entry of each directory has the cursor that ext4 gives it.
    pub(super) ends_as_ext4: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct CountingFs {
    inner: MemFs,
    pub(super) counts: Arc<Counts>,
}

/// The handle of every open file.
const HANDLE: Handle = Handle::new(77);

impl Layer for CountingFs {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr> {
        self.counts.getattrs.fetch_add(1, Ordering::Relaxed);
        self.inner.getattr(request, ino, handle)
    }
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr> {
        if self.counts.fail_setattr.load(Ordering::Relaxed) {
            return Err(Errno::EIO.into());
        }
        self.inner.setattr(request, ino, handle, change)
    }
    fn open(&self, _: &Request, _: u64, _: OpenFlags) -> Result<Handle> {
        if self.counts.fail_open.load(Ordering::Relaxed) {
            return Err(Errno::EIO.into());
        }
        self.counts.handles.fetch_add(1, Ordering::Relaxed);
        Ok(HANDLE)
    }
    fn release(&self, _ino: u64, handle: Handle) {
        assert_eq!(handle, HANDLE);
        self.counts.handles.fetch_sub(1, Ordering::Relaxed);
    }
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize> {
        assert_eq!(handle, HANDLE);
        if self.counts.endless.load(Ordering::Relaxed) {
            return Ok(buf.len());
        }
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
        assert_eq!(handle, HANDLE);
        self.inner.write(request, ino, handle, offset, WriteData::new(&data.gathered(1 << 20)))
    }
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        assert_eq!(handle, HANDLE);
        self.inner.append(request, ino, handle, WriteData::new(&data.gathered(1 << 20)))
    }
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        if !self.counts.ends_as_ext4.load(Ordering::Relaxed) {
            return self.inner.readdir(request, ino, handle, cursor, emit);
        }
        let mut all = Vec::new();
        self.inner.readdir(request, ino, handle, cursor, &mut |entry| {
            all.push((entry.ino, entry.kind, entry.name.to_vec(), entry.cursor));
            true
        })?;
        if let Some((.., cursor)) = all.last_mut() {
            *cursor = DirEntry::END_CURSOR;
        }
        let mut entries = all.iter();
        let mut more = true;
        while let Some((ino, kind, name, cursor)) = entries.next().filter(|_| more) {
            more = emit(DirEntry::new(*ino, *kind, name, *cursor));
        }
        Ok(())
    }
}

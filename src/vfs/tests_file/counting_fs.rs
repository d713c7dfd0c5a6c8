//! A file system that counts what it is asked, can be told to fail, and takes one buffer of a write.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::fs::{Attr, DirEntry, FileSystem, Layer, MemFs, SetAttr, WriteData};

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

impl Layer for CountingFs {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn getattr(&self, ino: u64) -> Result<Attr> {
        self.counts.getattrs.fetch_add(1, Ordering::Relaxed);
        self.inner.getattr(ino)
    }
    fn setattr(&self, ino: u64, change: &SetAttr) -> Result<Attr> {
        if self.counts.fail_setattr.load(Ordering::Relaxed) {
            return Err(Errno::EIO.into());
        }
        self.inner.setattr(ino, change)
    }
    fn open(&self, _ino: u64, _writable: bool) -> Result<u64> {
        if self.counts.fail_open.load(Ordering::Relaxed) {
            return Err(Errno::EIO.into());
        }
        self.counts.handles.fetch_add(1, Ordering::Relaxed);
        Ok(77)
    }
    fn release(&self, _ino: u64, handle: u64) {
        assert_eq!(handle, 77);
        self.counts.handles.fetch_sub(1, Ordering::Relaxed);
    }
    fn read(&self, ino: u64, handle: u64, offset: u64, buf: &mut [u8]) -> Result<usize> {
        assert_eq!(handle, 77);
        if self.counts.endless.load(Ordering::Relaxed) {
            return Ok(buf.len());
        }
        self.inner.read(ino, 0, offset, buf)
    }
    fn write(&self, ino: u64, handle: u64, offset: u64, data: WriteData<'_>) -> Result<usize> {
        assert_eq!(handle, 77);
        self.inner.write(ino, 0, offset, WriteData::new(&data.gathered(1 << 20)))
    }
    fn append(&self, ino: u64, handle: u64, data: WriteData<'_>) -> Result<(u64, usize)> {
        assert_eq!(handle, 77);
        self.inner.append(ino, 0, WriteData::new(&data.gathered(1 << 20)))
    }
    fn readdir(
        &self,
        ino: u64,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        if !self.counts.ends_as_ext4.load(Ordering::Relaxed) {
            return self.inner.readdir(ino, cursor, emit);
        }
        let mut all = Vec::new();
        self.inner.readdir(ino, cursor, &mut |entry| {
            all.push((entry.ino, entry.kind, entry.name.to_vec(), entry.cursor));
            true
        })?;
        if let Some((.., cursor)) = all.last_mut() {
            *cursor = DirEntry::END_CURSOR;
        }
        let mut entries = all.iter();
        let mut more = true;
        while let Some((ino, kind, name, cursor)) = entries.next().filter(|_| more) {
            more = emit(DirEntry { ino: *ino, kind: *kind, name, cursor: *cursor });
        }
        Ok(())
    }
}

//! Reading and writing.

use std::io::{self, IoSlice, IoSliceMut};

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::{Handle, WriteData};
use crate::vfs::current_operations::Nested;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::open_file::{Description, File};

/// The greatest offset, as on Linux.
pub(crate) const MAX_OFFSET: u64 = i64::MAX as u64;
/// More is never read or written by one call, as on Linux.
pub(crate) const MAX_COUNT: usize = 0x7fff_f000;

/// More than one write to a fifo can take is not copied together for it.
const MAX_FOR_PIPE: usize = 128 * 1024;

/// The data of a vectored write. What one call does not write of the only buffer that is not empty is left
/// out, since it does not count there.
fn vectored<'a>(bufs: &'a [IoSlice<'a>]) -> WriteData<'a> {
    let data = WriteData::vectored(bufs);
    match data.buffers().next() {
        Some(only) if data.is_one() => WriteData::new(&only[..only.len().min(MAX_COUNT)]),
        _ => data,
    }
}

/// How many bytes count where the range is checked: all of one buffer, also what one call does not write,
/// and of several what one call writes, as on Linux.
#[inline]
fn range_len(data: WriteData<'_>) -> usize {
    if data.is_one() { data.len() } else { data.len().min(MAX_COUNT) }
}

/// # Errors
/// `EINVAL` for an offset that is negative to Linux.
#[inline]
pub(crate) fn check_offset(offset: u64) -> Result<()> {
    if offset > MAX_OFFSET { Err(Errno::EINVAL.into()) } else { Ok(()) }
}

/// The number of bytes that a file system says it has moved, if that is possible.
///
/// # Errors
/// `EIO` if it says that it has moved more than it was given.
#[inline]
fn checked_count(count: usize, len: usize) -> Result<usize> {
    if count > len { Err(Errno::EIO.into()) } else { Ok(count) }
}

/// # Errors
/// `EINVAL` if the range does not end at an offset.
#[inline]
pub(crate) fn check_range(offset: u64, len: usize) -> Result<()> {
    match offset.checked_add(len as u64) {
        Some(end) if end <= MAX_OFFSET => Ok(()),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// # Reading and writing
///
/// As on Linux, a read that returns something reports ACCESS, and so does every vectored read,
/// even at the end of the file; a write that has written something reports MODIFY. Reading does
/// not change the access time (as on a file system mounted `noatime`). A writer who is not
/// privileged strips the set-user-id bit, and the set-group-id bit where Linux does, which is
/// reported as ATTRIB before MODIFY.
///
/// A fifo has a buffer of 64 KiB; an operation never waits for it. A device gives nothing and takes
/// everything.
///
/// The cost is that of the file system's; the crate's own is O(1). Where no mark matches it allocates
/// nothing and takes no lock, but for the position's and, in a write of an opener who is not
/// privileged, the lock of the file's attributes, for reading: such a write and a change of mode or
/// owner wait for each other.
impl File {
    /// Reads at the position and moves it on. 0 is the end of the file.
    ///
    /// # Errors
    /// `EBADF` if it is not open for reading, `EISDIR`, `EAGAIN` for a fifo that is empty
    /// but has writers, and whatever the file system reports.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// file.seek(std::io::SeekFrom::Start(1))?;
    /// let mut buf = [0; 10];
    /// assert_eq!(file.read(&mut buf)?, 4);
    /// assert_eq!(&buf[..4], b"ello");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn read(&self, buf: &mut [u8]) -> Result<usize> {
        self.act(|open| open.read(buf))
    }

    /// Reads at an offset and leaves the position alone.
    ///
    /// # Errors
    /// As [`File::read`]; `EINVAL` for an offset that is negative to Linux, and if offset and length
    /// together are, `ESPIPE` for a fifo.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// let mut buf = [0; 2];
    /// assert_eq!(file.pread(&mut buf, 3)?, 2);
    /// assert_eq!(&buf, b"lo");
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn pread(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.act(|open| open.pread(buf, offset))
    }

    /// Reads at the position into several buffers, one after the other: at most `0x7fff_f000` bytes, as
    /// any read.
    ///
    /// # Errors
    /// As [`File::read`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use std::io::IoSliceMut;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.pwrite(b"hello", 0)?;
    /// let (mut one, mut two) = ([0; 3], [0; 3]);
    /// let count = file.readv(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)])?;
    /// assert_eq!((count, &one, &two), (5, b"hel", b"lo\0"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn readv(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.act(|open| {
            open.check_reads()?;
            if let FileKind::Pipe(_) = open.kind {
                return open.read_all_and_report(0, bufs);
            }
            let _nested = Nested::enter();
            let mut position = open.position().lock();
            let count = open.read_all_and_report(*position, bufs)?;
            *position += count as u64;
            Ok(count)
        })
    }

    /// Reads at an offset into several buffers, one after the other.
    ///
    /// # Errors
    /// As [`File::pread`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use std::io::IoSliceMut;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// let mut buf = [0; 9];
    /// assert_eq!(file.preadv(&mut [IoSliceMut::new(&mut buf)], 1)?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn preadv(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.act(|open| {
            open.check_seekable_io(offset)?;
            open.check_reads()?;
            open.read_all_and_report(offset, bufs)
        })
    }

    /// Writes at the position and moves it on; with `APPEND` at the end of the file, in one step.
    ///
    /// # Errors
    /// `EBADF` if it is not open for writing; for a fifo `EPIPE` if it has no reader and
    /// `EAGAIN` if it is full; whatever the file system reports, such as `ENOSPC`, where not
    /// one byte was written.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let flags = OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::CREATE;
    /// let file = vfs.open(&cx, "/log", flags, 0o644)?;
    /// assert_eq!(file.write(b"line")?, 4);
    /// assert_eq!(file.stat()?.attr.size, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn write(&self, data: &[u8]) -> Result<usize> {
        self.write_data(WriteData::new(data))
    }

    fn write_data(&self, data: WriteData<'_>) -> Result<usize> {
        self.act(|open| open.write(data))
    }

    /// Writes at an offset and leaves the position alone. With `APPEND` it writes at the end of
    /// the file all the same, as on Linux.
    ///
    /// # Errors
    /// As [`File::write`]; `EINVAL` for an offset that is negative to Linux, `ESPIPE` for a
    /// fifo.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.pwrite(b"far out", 1 << 30)?;
    /// assert_eq!(file.stat()?.attr.size, (1 << 30) + 7);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn pwrite(&self, data: &[u8], offset: u64) -> Result<usize> {
        self.pwrite_data(WriteData::new(data), offset)
    }

    #[inline]
    fn pwrite_data(&self, data: WriteData<'_>, offset: u64) -> Result<usize> {
        self.act(|open| open.pwrite(data, offset))
    }

    /// Writes several buffers at the position, as one write. [`MemFs`](crate::MemFs) takes them as they are;
    /// another file system may write only the first of several at once, see
    /// [`WriteData::gathered`].
    ///
    /// # Errors
    /// As [`File::write`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use std::io::IoSlice;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// assert_eq!(file.writev(&[IoSlice::new(b"key="), IoSlice::new(b"value")])?, 9);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn writev(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.write_data(vectored(bufs))
    }

    /// Writes several buffers at an offset, as one write; see [`File::writev`].
    ///
    /// # Errors
    /// As [`File::pwrite`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use std::io::IoSlice;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// assert_eq!(file.pwritev(&[IoSlice::new(b"a"), IoSlice::new(b"b")], 3)?, 2);
    /// assert_eq!(file.stat()?.size, 5);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn pwritev(&self, bufs: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        self.pwrite_data(vectored(bufs), offset)
    }
}

impl Description {
    #[inline(always)]
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        self.check_reads()?;
        if let FileKind::Pipe(_) = self.kind {
            return self.read_and_report(0, buf);
        }
        let _nested = Nested::enter();
        let mut position = self.position().lock();
        let count = self.read_and_report(*position, buf)?;
        *position += count as u64;
        Ok(count)
    }

    #[inline(always)]
    fn pread(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.check_seekable_io(offset)?;
        self.check_reads()?;
        self.read_and_report(offset, buf)
    }

    #[inline(always)]
    fn write(&self, data: WriteData<'_>) -> Result<usize> {
        self.check_writes()?;
        if let FileKind::Pipe(_) = self.kind {
            return self.write_and_report(0, data).map(|(_, count)| count);
        }
        let _nested = Nested::enter();
        let mut position = self.position().lock();
        let (start, count) = self.write_and_report(*position, data)?;
        if count > 0 {
            *position = start + count as u64;
        }
        Ok(count)
    }

    #[inline(always)]
    fn pwrite(&self, data: WriteData<'_>, offset: u64) -> Result<usize> {
        self.check_seekable_io(offset)?;
        self.check_writes()?;
        self.write_and_report(offset, data).map(|(_, count)| count)
    }

    /// The checks that come first where an offset is given.
    #[inline]
    fn check_seekable_io(&self, offset: u64) -> Result<()> {
        check_offset(offset)?;
        match self.kind {
            FileKind::PathOnly => Err(Errno::EBADF.into()),
            FileKind::Pipe(_) => Err(Errno::ESPIPE.into()),
            _ => Ok(()),
        }
    }

    /// Reads, and reports ACCESS if there was something.
    #[inline]
    pub(crate) fn read_and_report(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let count = self.read_at(offset, buf)?;
        if count > 0 {
            self.hooks().on_access(self.event_path());
        }
        Ok(count)
    }

    /// Reads into several buffers, and reports ACCESS whatever there was.
    fn read_all_and_report(&self, offset: u64, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        // The buffers together take no more than one does, and what they do not take does not count.
        let asked = bufs.iter().fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
        let asked = asked.min(MAX_COUNT);
        if asked > 0 && !matches!(self.kind, FileKind::Pipe(_)) {
            check_range(offset, asked)?;
        }
        let mut total = 0;
        for buf in bufs.iter_mut().filter(|buf| !buf.is_empty()) {
            let len = buf.len().min(asked - total);
            if len == 0 {
                break;
            }
            match self.read_at(offset + total as u64, &mut buf[..len]) {
                Ok(count) => {
                    total += count;
                    if count < len {
                        break;
                    }
                }
                Err(_) if total > 0 => break,
                Err(error) => return Err(error),
            }
        }
        self.hooks().on_access(self.event_path());
        Ok(total)
    }

    /// Reads, and reports nothing.
    #[inline]
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        if !matches!(self.kind, FileKind::Pipe(_) | FileKind::PathOnly) {
            // All that was asked for, also what is more than one call reads; and before the kind.
            check_range(offset, buf.len())?;
        }
        let len = buf.len().min(MAX_COUNT);
        let buf = &mut buf[..len];
        match &self.kind {
            FileKind::Regular(handle) => {
                if len == 0 {
                    return Ok(0);
                }
                checked_count(self.fs.read(&self.request, self.ino, *handle, offset, buf)?, len)
            }
            FileKind::Pipe(pipe) => pipe.read(buf),
            FileKind::Device => Ok(0),
            FileKind::Directory(_) => Err(Errno::EISDIR.into()),
            FileKind::PathOnly => Err(Errno::EBADF.into()),
        }
    }

    /// Writes, and reports MODIFY if there was something to write. Returns where and how much.
    #[inline]
    pub(crate) fn write_and_report(
        &self,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        let (start, count) = self.write_at(offset, data)?;
        if count > 0 {
            self.hooks().on_modify(self.event_path());
        }
        Ok((start, count))
    }

    /// Writes, and reports nothing but the loss of set-id bits.
    #[inline]
    pub(crate) fn write_at(&self, offset: u64, data: WriteData<'_>) -> Result<(u64, usize)> {
        if !matches!(self.kind, FileKind::Pipe(_)) {
            check_range(offset, range_len(data))?;
        }
        let mut room = Vec::new();
        let data = data.cut(MAX_COUNT, &mut room);
        match &self.kind {
            FileKind::Regular(handle) => {
                if data.is_empty() {
                    return Ok((offset, 0));
                }
                self.strip_then(|| self.write_regular(*handle, offset, data))
            }
            FileKind::Pipe(pipe) => Ok((offset, pipe.write(&data.gathered(MAX_FOR_PIPE))?)),
            FileKind::Device => Ok((offset, data.len())),
            FileKind::Directory(_) | FileKind::PathOnly => Err(Errno::EBADF.into()),
        }
    }

    fn write_regular(
        &self,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        if self.appends() {
            let (start, count) = self.fs.append(&self.request, self.ino, handle, data)?;
            let count = checked_count(count, data.len())?;
            check_range(start, count).map_err(|_| Errno::EIO)?;
            return Ok((start, count));
        }
        let count = self.fs.write(&self.request, self.ino, handle, offset, data)?;
        Ok((offset, checked_count(count, data.len())?))
    }
}

impl io::Read for &File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(File::read(self, buf)?)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(self.readv(bufs)?)
    }
}

impl io::Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(File::read(self, buf)?)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(self.readv(bufs)?)
    }
}

impl io::Write for &File {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(File::write(self, data)?)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.writev(bufs)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Write for File {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(File::write(self, data)?)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.writev(bufs)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Copying data from one open file to another.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::WriteData;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::open_file::{Description, File};
use crate::vfs::file::read_write::{MAX_COUNT, MAX_OFFSET, check_offset, check_range};

/// How much is moved at a time.
const PIECE: usize = 64 * 1024;

/// Where a copy reads or writes: at an offset of the caller's, which it moves on, or at the
/// file's own position.
struct Cursor<'a> {
    open: &'a Description,
    offset: Option<&'a mut u64>,
}

impl<'a> Cursor<'a> {
    fn new(file: &'a File, offset: Option<&'a mut u64>) -> Result<Self> {
        if let Some(offset) = &offset {
            check_offset(**offset)?;
        }
        Ok(Self { open: file.description(), offset })
    }

    fn get(&self) -> u64 {
        match &self.offset {
            Some(offset) => **offset,
            None => *self.open.position().lock(),
        }
    }

    fn set(&mut self, at: u64) {
        match &mut self.offset {
            Some(offset) => **offset = at,
            None => *self.open.position().lock() = at,
        }
    }
}

/// # Copying
///
/// Where an offset is given, the copy begins there and moves it on; else it begins at the file's
/// position and moves that on. As on Linux, two positions are not locked together: copies that
/// use the same ones at the same time may copy the same range. The path of an error is that of the file
/// that could not be written to, else of the one that is copied from.
impl File {
    /// Copies up to `len` bytes from this file to another, as copy_file_range(2) does. If there
    /// was something, reports ACCESS for this file, then MODIFY for the other, once each.
    ///
    /// # Errors
    /// `EISDIR`; `EINVAL` if one is no regular file, or if both are the same and the ranges
    /// overlap; `EBADF` if this one is not open for reading or `to` not for writing, or
    /// with `APPEND`; `EXDEV` if they are on two file systems; `EOVERFLOW` for a range without an
    /// end; `EFBIG`; what the file systems report where not one byte was copied.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    /// let (from, to) = (vfs.open(&cx, "/a", flags, 0o644)?, vfs.open(&cx, "/b", flags, 0o644)?);
    /// from.write(b"hello")?;
    /// assert_eq!(from.copy_file_range(Some(&mut 1), &to, None, 100)?, 4);
    /// assert_eq!(to.position()?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn copy_file_range(
        &self,
        from_offset: Option<&mut u64>,
        to: &Self,
        to_offset: Option<&mut u64>,
        len: usize,
    ) -> Result<usize> {
        self.act(|open| {
            open.check_open()?;
            to.act(Description::check_open)?;
            let mut source = Cursor::new(self, from_offset)?;
            let mut sink = Cursor::new(to, to_offset)?;
            check_copy(source.open, sink.open)?;
            let (start, target) = (source.get(), sink.get());
            let len = copy_len(source.open, start, sink.open, target, len)?;
            let count = transfer(source.open, start, sink.open, target, len)?;
            source.set(start + count as u64);
            sink.set(target + count as u64);
            Ok(count)
        })
    }

    /// Copies up to `len` bytes from this file to the position of another file, or into a fifo, as
    /// sendfile(2) does. Reports as [`File::copy_file_range`] does.
    ///
    /// # Errors
    /// `EBADF` if this one is not open for reading or `to` not for writing; `EINVAL` if this
    /// one is no regular file or `to` appends; what the file systems or the fifo report where not
    /// one byte was copied.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    /// let (from, to) = (vfs.open(&cx, "/a", flags, 0o644)?, vfs.open(&cx, "/b", flags, 0o644)?);
    /// from.pwrite(b"hello", 0)?;
    /// assert_eq!(from.sendfile(None, &to, 3)?, 3);
    /// assert_eq!(from.position()?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn sendfile(&self, offset: Option<&mut u64>, to: &Self, len: usize) -> Result<usize> {
        self.act(|open| {
            let other = to.description();
            open.check_reads()?;
            if offset.is_some() && matches!(open.kind, FileKind::Pipe(_)) {
                return Err(Errno::ESPIPE.into());
            }
            let mut source = Cursor::new(self, offset)?;
            let start = source.get();
            check_range(start, len)?;
            to.act(Description::check_writes)?;
            match &other.kind {
                // A full fifo is reported before a file that cannot be sent to it.
                FileKind::Pipe(pipe) => pipe.check_space()?,
                _ if other.appends() || matches!(open.kind, FileKind::Pipe(_)) => {
                    return Err(Errno::EINVAL.into());
                }
                _ => {}
            }
            if len == 0 {
                return Ok(0);
            }
            if !matches!(open.kind, FileKind::Regular(_)) {
                return Err(Errno::EINVAL.into());
            }
            let mut sink = Cursor::new(to, None)?;
            let target = sink.get();
            let count = transfer(open, start, other, target, len.min(MAX_COUNT))?;
            source.set(start + count as u64);
            if let FileKind::Regular(_) = other.kind {
                sink.set(target + count as u64);
            }
            Ok(count)
        })
    }

    /// Reads at the position, as a splice(2) into a pipe does: like [`File::read`], but a
    /// directory or a device is `EINVAL`. Reports ACCESS if there was something.
    ///
    /// # Errors
    /// `EBADF` if it is not open for reading, `EINVAL`. None where nothing is asked for.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.pwrite(b"hello", 0)?;
    /// let mut buf = [0; 3];
    /// assert_eq!((file.splice_to(&mut buf)?, file.position()?), (3, 3));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn splice_to(&self, buf: &mut [u8]) -> Result<usize> {
        self.act(|open| {
            if buf.is_empty() {
                return Ok(0);
            }
            open.check_reads()?;
            if !matches!(open.kind, FileKind::Regular(_) | FileKind::Pipe(_)) {
                return Err(Errno::EINVAL.into());
            }
            self.read(buf)
        })
    }

    /// Writes at the position, as a splice(2) out of a pipe does: like [`File::write`], but not
    /// at the end of a file that appends. Reports MODIFY if there was something.
    ///
    /// # Errors
    /// `EBADF` if it is not open for writing, `EINVAL` with `APPEND`, as [`File::write`].
    /// None where there is nothing to write.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// assert_eq!((file.splice_from(b"data")?, file.position()?), (4, 4));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn splice_from(&self, data: &[u8]) -> Result<usize> {
        self.act(|open| {
            if data.is_empty() {
                return Ok(0);
            }
            open.check_writes()?;
            if open.appends() && !matches!(open.kind, FileKind::Pipe(_)) {
                return Err(Errno::EINVAL.into());
            }
            self.write(data)
        })
    }
}

/// The checks of copy_file_range(2), in its order.
fn check_copy(from: &Description, to: &Description) -> Result<()> {
    let is = |wanted: fn(&FileKind) -> bool| wanted(&from.kind) || wanted(&to.kind);
    if is(|kind| matches!(kind, FileKind::Directory(_))) {
        return Err(Errno::EISDIR.into());
    }
    if is(|kind| !matches!(kind, FileKind::Regular(_))) {
        return Err(Errno::EINVAL.into());
    }
    from.check_reads()?;
    to.check_writes().map_err(|error| to.name_error(error))?;
    if to.appends() {
        return Err(to.name_error(Errno::EBADF.into()));
    }
    if from.dentry().superblock() != to.dentry().superblock() {
        return Err(Errno::EXDEV.into());
    }
    Ok(())
}

/// How much copy_file_range(2) copies of what is asked for.
fn copy_len(
    from: &Description,
    start: u64,
    to: &Description,
    target: u64,
    len: usize,
) -> Result<usize> {
    let asked = len as u64;
    if start.checked_add(asked).is_none() || target.checked_add(asked).is_none() {
        return Err(Errno::EOVERFLOW.into());
    }
    let left = from.attr()?.size.saturating_sub(start);
    if target >= MAX_OFFSET {
        return Err(Errno::EFBIG.into());
    }
    let count = asked.min(left).min(MAX_OFFSET - target);
    let same = from.dentry().inode().id() == to.dentry().inode().id();
    if same && target + count > start && target < start + count {
        return Err(Errno::EINVAL.into());
    }
    Ok(usize::try_from(count).unwrap_or(usize::MAX).min(MAX_COUNT))
}

/// Copies data piece by piece and reports what was copied.
fn transfer(
    from: &Description,
    start: u64,
    to: &Description,
    target: u64,
    len: usize,
) -> Result<usize> {
    let mut buf = vec![0; len.min(PIECE)];
    let mut done = 0;
    while done < len {
        let piece = buf.len().min(len - done);
        let moved = from.read_at(start + done as u64, &mut buf[..piece]).and_then(|count| {
            to.write_at(target + done as u64, WriteData::new(&buf[..count]))
                .map(|(_, written)| written)
                .map_err(|error| to.name_error(error))
        });
        match moved {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    if done > 0 {
        from.hooks().on_access(from.event_path());
        to.hooks().on_modify(to.event_path());
    }
    Ok(done)
}

//! The position of an open file.

use std::io::{self, SeekFrom};

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::fs::SeekTo;
use crate::vfs::current_operations::Nested;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::open_file::{Description, File};
use crate::vfs::file::read_write::{MAX_OFFSET, check_offset};

/// # The position
///
/// It belongs to the description: all clones of a handle share it. Moving it reports nothing.
impl File {
    /// Moves the position and returns where it is now. It may be past the end.
    ///
    /// In a directory a position is 0 or one that [`File::position`] or
    /// [`DirEntryBuf::cursor`](crate::DirEntryBuf::cursor) gave.
    ///
    /// # Errors
    /// `EINVAL` for a place before the start or past any offset, and for the end of a directory;
    /// `ESPIPE` for a fifo; `EBADF` if the object is only named.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// use std::io::SeekFrom;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// assert_eq!(file.seek(SeekFrom::End(-2))?, 3);
    /// assert_eq!(file.seek(SeekFrom::Current(10))?, 13);
    /// assert!(file.seek(SeekFrom::Current(-14)).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn seek(&self, to: SeekFrom) -> Result<u64> {
        self.act(|open| {
            open.check_seekable()?;
            if let FileKind::Device = open.kind {
                return Ok(0);
            }
            let _nested = Nested::enter();
            let mut position = open.position().lock();
            let (base, offset) = match (to, &open.kind) {
                (SeekFrom::Start(offset), _) => {
                    check_offset(offset)?;
                    (offset, 0)
                }
                (SeekFrom::Current(offset), _) => (*position, offset),
                (SeekFrom::End(_), FileKind::Directory(_)) => return Err(Errno::EINVAL.into()),
                (SeekFrom::End(offset), _) => (open.attr()?.size, offset),
            };
            let place = base.checked_add_signed(offset).filter(|place| *place <= MAX_OFFSET);
            *position = place.ok_or(Errno::EINVAL)?;
            Ok(*position)
        })
    }

    /// Where the next read or write begins.
    ///
    /// # Errors
    /// `ESPIPE` for a fifo, `EBADF` if the object is only named.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// assert_eq!(file.position()?, 5);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn position(&self) -> Result<u64> {
        self.act(|open| {
            open.check_seekable()?;
            Ok(*open.position().lock())
        })
    }

    /// Moves the position to the next data at or after `offset` (`SEEK_DATA`).
    ///
    /// # Errors
    /// `ENXIO` if there is none; `EINVAL` if it is a directory; as [`File::seek`]. In a device every
    /// place is 0, as on Linux in `/dev/null`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.pwrite(b"x", 1 << 20)?;
    /// assert_eq!(file.seek_data(0)?, 1 << 20);
    /// assert_eq!(file.seek_hole(0)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn seek_data(&self, offset: u64) -> Result<u64> {
        self.seek_contents(offset, SeekTo::Data)
    }

    /// Moves the position to the next hole at or after `offset` (`SEEK_HOLE`); the end of the
    /// file is one.
    ///
    /// # Errors
    /// `ENXIO` if `offset` is not inside the file; as [`File::seek_data`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"hello")?;
    /// assert_eq!(file.seek_hole(0)?, 5);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn seek_hole(&self, offset: u64) -> Result<u64> {
        self.seek_contents(offset, SeekTo::Hole)
    }

    fn seek_contents(&self, offset: u64, to: SeekTo) -> Result<u64> {
        self.act(|open| {
            open.check_seekable()?;
            let handle = match open.kind {
                FileKind::Regular(handle) => handle,
                // As with any other way to seek there.
                FileKind::Device => return Ok(0),
                _ => return Err(Errno::EINVAL.into()),
            };
            if offset > MAX_OFFSET {
                return Err(Errno::ENXIO.into());
            }
            let _nested = Nested::enter();
            let mut position = open.position().lock();
            let found = open.fs.seek(&open.request, open.ino, handle, offset, to)?;
            if found < offset || found > MAX_OFFSET {
                return Err(Errno::EIO.into());
            }
            *position = found;
            Ok(found)
        })
    }
}

impl Description {
    fn check_seekable(&self) -> Result<()> {
        match self.kind {
            FileKind::PathOnly => Err(Errno::EBADF.into()),
            FileKind::Pipe(_) => Err(Errno::ESPIPE.into()),
            _ => Ok(()),
        }
    }
}

impl io::Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Ok(File::seek(self, to)?)
    }
}

impl io::Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        Ok(File::seek(self, to)?)
    }
}

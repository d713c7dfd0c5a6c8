//! What a write writes: one buffer, or several.

use std::io::IoSlice;

use crate::base::error::Result;
use crate::fs::{FileSystem, gather};
use crate::vfs::pipe::Pipe;
use crate::vfs::read_write::MAX_COUNT;

/// More than one write to a fifo can take is not copied together for it.
const MAX_FOR_PIPE: usize = 128 * 1024;

/// The data of one write. Several buffers are handed on as they are: their sizes are a guest's, and one that
/// holds them all would be charged to no user.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    One(&'a [u8]),
    /// At least two that are not empty.
    Many(&'a [IoSlice<'a>]),
}

impl<'a> Source<'a> {
    /// The data in several buffers. What one call does not write of the only one that is not empty is left
    /// out, since it does not count in a vectored write.
    pub(super) fn of(bufs: &'a [IoSlice<'a>]) -> Self {
        let mut full = bufs.iter().filter(|buf| !buf.is_empty());
        match (full.next(), full.next()) {
            (None, _) => Self::One(&[]),
            (Some(only), None) => Self::One(&only[..only.len().min(MAX_COUNT)]),
            _ => Self::Many(bufs),
        }
    }

    /// How many bytes there are, or the greatest number if that is more.
    pub(super) fn len(self) -> usize {
        match self {
            Self::One(data) => data.len(),
            Self::Many(bufs) => bufs.iter().fold(0, |sum, buf| sum.saturating_add(buf.len())),
        }
    }

    /// How many bytes count where the range is checked: all of one buffer, also what one call does not
    /// write, and of several what one call writes, as on Linux.
    pub(super) fn range_len(self) -> usize {
        match self {
            Self::One(data) => data.len(),
            Self::Many(_) => self.len().min(MAX_COUNT),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        matches!(self, Self::One([]))
    }

    /// As much of it as one call writes. `room` is for the buffers of a part.
    pub(super) fn cut<'b>(self, room: &'b mut Vec<IoSlice<'a>>) -> Source<'b>
    where
        'a: 'b,
    {
        match self {
            Self::One(data) => Source::One(&data[..data.len().min(MAX_COUNT)]),
            Self::Many(bufs) if self.len() <= MAX_COUNT => Source::Many(bufs),
            Self::Many(bufs) => {
                let mut left = MAX_COUNT;
                for buf in bufs {
                    let buf: &'a [u8] = &buf[..buf.len().min(left)];
                    left -= buf.len();
                    room.push(IoSlice::new(buf));
                    if left == 0 {
                        break;
                    }
                }
                Source::of(room)
            }
        }
    }

    pub(super) fn write_to(
        self,
        fs: &dyn FileSystem,
        ino: u64,
        handle: u64,
        offset: u64,
    ) -> Result<usize> {
        match self {
            Self::One(data) => fs.write(ino, handle, offset, data),
            Self::Many(bufs) => fs.write_vectored(ino, handle, offset, bufs),
        }
    }

    pub(super) fn append_to(
        self,
        fs: &dyn FileSystem,
        ino: u64,
        handle: u64,
    ) -> Result<(u64, usize)> {
        match self {
            Self::One(data) => fs.append(ino, handle, data),
            Self::Many(bufs) => fs.append_vectored(ino, handle, bufs),
        }
    }

    /// Writes it to a fifo.
    pub(super) fn fill(self, pipe: &Pipe) -> Result<usize> {
        match self {
            Self::One(data) => pipe.write(data),
            Self::Many(bufs) => pipe.write(&gather(bufs, MAX_FOR_PIPE)),
        }
    }
}

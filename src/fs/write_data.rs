//! The data of one write.

use std::borrow::Cow;
use std::io::IoSlice;

/// The data of a write: one buffer, or several in order.
///
/// Several buffers are passed on as they are: a guest chooses their sizes, and no user would be charged
/// for a buffer that holds them all. A file system that cannot use several calls
/// [`WriteData::gathered`].
///
/// ```
/// use std::io::IoSlice;
/// use vfsnotify::fs::WriteData;
/// let bufs = [IoSlice::new(b"key="), IoSlice::new(b""), IoSlice::new(b"value")];
/// let data = WriteData::vectored(&bufs);
/// assert_eq!((data.len(), data.buffers().count()), (9, 2));
/// assert_eq!(&*data.gathered(6), b"key=va");
/// assert_eq!(&*WriteData::from(b"one buffer").gathered(6), b"one buffer");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WriteData<'a>(Buffers<'a>);

#[derive(Clone, Copy, Debug)]
enum Buffers<'a> {
    One(&'a [u8]),
    Many(&'a [IoSlice<'a>]),
}

impl<'a> WriteData<'a> {
    /// One buffer.
    #[must_use]
    #[inline]
    pub const fn new(data: &'a [u8]) -> Self {
        Self(Buffers::One(data))
    }

    /// Several buffers, one after the other. Some may be empty. O(empty ones before the second that is not).
    #[must_use]
    pub fn vectored(bufs: &'a [IoSlice<'a>]) -> Self {
        let mut full = bufs.iter().filter(|buf| !buf.is_empty());
        match (full.next(), full.next()) {
            (None, _) => Self::new(&[]),
            (Some(only), None) => Self::new(only),
            _ => Self(Buffers::Many(bufs)),
        }
    }

    /// How many bytes there are, or the greatest number if that is more. O(buffers).
    #[must_use]
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            Buffers::One(data) => data.len(),
            Buffers::Many(bufs) => bufs.iter().fold(0, |sum, buf| sum.saturating_add(buf.len())),
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    #[inline]
    pub fn is_empty(self) -> bool {
        matches!(self.0, Buffers::One([]))
    }

    /// Whether there is one buffer.
    pub(crate) fn is_one(self) -> bool {
        matches!(self.0, Buffers::One(_))
    }

    /// The buffers that are not empty.
    #[inline]
    pub fn buffers(self) -> impl Iterator<Item = &'a [u8]> {
        let (one, many) = match self.0 {
            Buffers::One(data) => (Some(data), &[][..]),
            Buffers::Many(bufs) => (None, bufs),
        };
        let many = many.iter().map(|buf: &'a IoSlice<'a>| &**buf);
        one.into_iter().chain(many).filter(|buf| !buf.is_empty())
    }

    /// The bytes in one piece: one buffer as it is, or a copy of the first `most` bytes of several. The
    /// rest is not written, which is a short write to the caller. O(`most`).
    #[must_use]
    pub fn gathered(self, most: usize) -> Cow<'a, [u8]> {
        let bufs = match self.0 {
            Buffers::One(data) => return Cow::Borrowed(data),
            Buffers::Many(bufs) => bufs,
        };
        let mut all = Vec::with_capacity(self.len().min(most));
        for buf in bufs {
            if all.len() == most {
                break;
            }
            all.extend_from_slice(&buf[..buf.len().min(most - all.len())]);
        }
        Cow::Owned(all)
    }

    /// The first `most` bytes of it. `room` holds the buffers of the part.
    #[inline]
    pub(crate) fn cut<'b>(self, most: usize, room: &'b mut Vec<IoSlice<'a>>) -> WriteData<'b>
    where
        'a: 'b,
    {
        match self.0 {
            Buffers::One(data) => WriteData::new(&data[..data.len().min(most)]),
            Buffers::Many(bufs) if self.len() <= most => WriteData(Buffers::Many(bufs)),
            Buffers::Many(bufs) => {
                let mut left = most;
                for buf in bufs {
                    let buf: &'a [u8] = &buf[..buf.len().min(left)];
                    left -= buf.len();
                    room.push(IoSlice::new(buf));
                    if left == 0 {
                        break;
                    }
                }
                WriteData::vectored(room)
            }
        }
    }
}

impl<'a> From<&'a [u8]> for WriteData<'a> {
    #[inline]
    fn from(data: &'a [u8]) -> Self {
        Self::new(data)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for WriteData<'a> {
    #[inline]
    fn from(data: &'a [u8; N]) -> Self {
        Self::new(data)
    }
}

impl<'a> From<&'a Vec<u8>> for WriteData<'a> {
    #[inline]
    fn from(data: &'a Vec<u8>) -> Self {
        Self::new(data)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn bytes(data: WriteData<'_>) -> Vec<u8> {
        data.buffers().flatten().copied().collect()
    }

    #[test]
    fn empty_buffers_do_not_count() {
        let none: [&[u8]; 3] = [b"", b"", b""];
        let one: [&[u8]; 3] = [b"", b"abc", b""];
        let two: [&[u8]; 4] = [b"a", b"", b"bc", b""];
        for (bufs, expected, is_one) in
            [(&none[..], &b""[..], true), (&one, b"abc", true), (&two, b"abc", false)]
        {
            let slices: Vec<_> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
            let data = WriteData::vectored(&slices);
            assert_eq!((bytes(data), data.len()), (expected.to_vec(), expected.len()));
            assert_eq!((data.is_one(), data.is_empty()), (is_one, expected.is_empty()));
            for most in 0..5 {
                let first = &expected[..expected.len().min(most)];
                assert_eq!(&*data.gathered(most), if is_one { expected } else { first });
                assert_eq!(bytes(data.cut(most, &mut Vec::new())), first);
            }
        }
    }

    #[test]
    fn one_buffer_is_not_copied() {
        let data = b"abcdef";
        let Cow::Borrowed(same) = WriteData::from(data).gathered(3) else { panic!("copied") };
        assert_eq!((same, same.as_ptr()), (&data[..], data.as_ptr()));
    }
}

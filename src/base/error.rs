//! The one error type of the crate.

use std::fmt;
use std::io;

use crate::base::errno::Errno;
use crate::base::path_limits::PATH_MAX;

/// How many bytes of an overlong path an error keeps.
const KEPT_OF_TOO_LONG: usize = 255;

/// A limit of the crate that an operation ran into; see [`Error::limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// The watches of a user.
    Watches,
    /// The inotify instances of a user.
    Instances,
    /// The open files of a user, or of the whole VFS.
    OpenFiles,
    /// The mounts of the VFS.
    Mounts,
    /// The slots of the dentry cache, or its memory for names.
    Dentries,
    /// The slots for inodes.
    Inodes,
    /// The slots for directories.
    Directories,
    /// The slots for superblocks.
    Superblocks,
    /// The children of one directory.
    Children,
    /// The marks of one object, or the slots for marks, connectors and groups of the notifier.
    Marks,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Watches => "watches",
            Self::Instances => "inotify instances",
            Self::OpenFiles => "open files",
            Self::Mounts => "mounts",
            Self::Dentries => "dentries",
            Self::Inodes => "inodes",
            Self::Directories => "directories",
            Self::Superblocks => "superblocks",
            Self::Children => "children of a directory",
            Self::Marks => "marks",
        })
    }
}

/// The error of every operation of the crate: an [`Errno`], the path that the operation was about if
/// there is one, and the limit that was reached if that is the cause.
///
/// It is two words wide, so a `Result` of a small value stays small.
///
/// ```
/// use vfsnotify::{Errno, Error, Limit};
/// let error = Error::from(Errno::ENOENT).with_path("/no/such");
/// assert_eq!(error.errno(), Errno::ENOENT);
/// assert_eq!(error.to_string(), "/no/such: no such file or directory (ENOENT)");
/// let error = Error::from(Errno::ENOSPC).with_limit(Limit::Watches);
/// assert_eq!(error.to_string(), "no space left on device (ENOSPC): limit of watches");
///
/// let io: std::io::Error = Error::from(Errno::ENOENT).into();
/// assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
/// assert_eq!(Error::from(io), Errno::ENOENT);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    errno: Errno,
    limit: Option<Limit>,
    #[expect(clippy::box_collection, reason = "an error must stay two words wide")]
    path: Option<Box<Vec<u8>>>,
}

/// A `Result` with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The error number; a guest gets its [`Errno::raw_os_error`].
    #[must_use]
    pub const fn errno(&self) -> Errno {
        self.errno
    }

    /// The number of [`Error::errno`], as Linux returns it to a guest.
    ///
    /// ```
    /// use vfsnotify::{Errno, Error};
    /// assert_eq!(Error::from(Errno::EBADF).raw_os_error(), 9);
    /// ```
    #[must_use]
    pub const fn raw_os_error(&self) -> i32 {
        self.errno.raw_os_error()
    }

    /// The path that the operation was about, if there is one. Of a path longer than 4095 bytes, the
    /// limit, it is the first 255 bytes and `...`.
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        self.path.as_deref().map(Vec::as_slice)
    }

    /// The limit that was reached, if that is the cause.
    #[must_use]
    pub const fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// The same error about this path; a path that it has already stays. Only the beginning of an
    /// overlong path is kept, see [`Error::path`]: a guest chooses it, and the error may be kept for
    /// long.
    #[must_use]
    pub fn with_path(mut self, path: impl AsRef<[u8]>) -> Self {
        if self.path.is_none() {
            let path = path.as_ref();
            let kept = if path.len() < PATH_MAX {
                path.to_vec()
            } else {
                [&path[..KEPT_OF_TOO_LONG], b"..."].concat()
            };
            self.path = Some(Box::new(kept));
        }
        self
    }

    /// The same error with the limit that was reached.
    #[must_use]
    pub const fn with_limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self { errno, limit: None, path: None }
    }
}

impl PartialEq<Errno> for Error {
    fn eq(&self, errno: &Errno) -> bool {
        self.errno == *errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            None => {}
            // Without the quotes, an empty path would give a line that begins with a colon.
            Some(b"") => f.write_str("\"\": ")?,
            Some(path) => write!(f, "{}: ", path.escape_ascii())?,
        }
        self.errno.fmt(f)?;
        match self.limit {
            None => Ok(()),
            Some(limit) => write!(f, ": limit of {limit}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    /// An error of the standard library with the same number (on Linux, without path and limit), else one
    /// of the number's kind around this one.
    fn from(error: Error) -> Self {
        if error.path.is_none() && error.limit.is_none() && cfg!(target_os = "linux") {
            return Self::from_raw_os_error(error.errno.raw_os_error());
        }
        Self::new(error.errno.io_kind(), error)
    }
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        Error::from(errno).into()
    }
}

impl From<io::Error> for Error {
    /// The crate's error inside, if there is one. Else the errno of the host's number, if the host is
    /// Linux; else the errno of the kind, `EIO` if no number has it.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Errno::of_io(&error).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() <= 16);
        assert!(size_of::<Result<()>>() <= 16);
    }

    #[test]
    fn a_path_that_is_there_stays() {
        let error = Error::from(Errno::EEXIST).with_path("a").with_path("b");
        assert_eq!(error.path(), Some(&b"a"[..]));
    }

    #[test]
    fn a_path_that_is_too_long_is_not_kept_whole() {
        let kept = |len: usize| {
            let error = Error::from(Errno::ENAMETOOLONG).with_path(vec![b'x'; len]);
            error.path().map(<[u8]>::to_vec)
        };
        assert_eq!(kept(4095).unwrap().len(), 4095);
        let short = kept(1 << 20).unwrap();
        assert_eq!((short.len(), &short[254..]), (258, &b"x..."[..]));
    }

    #[test]
    fn texts_name_path_and_limit() {
        let error = Error::from(Errno::EMFILE).with_limit(Limit::OpenFiles);
        assert_eq!(error.to_string(), "too many open files (EMFILE): limit of open files");
        let error = Error::from(Errno::ENOENT).with_path("");
        assert_eq!(error.to_string(), "\"\": no such file or directory (ENOENT)");
    }

    #[test]
    fn an_error_goes_through_the_standard_library_and_back() {
        for errno in (0..256).filter_map(Errno::from_raw_os_error) {
            let bare = Error::from(errno);
            let full = bare.clone().with_path("/a").with_limit(Limit::Mounts);
            for error in [bare, full] {
                assert_eq!(Error::from(io::Error::from(error.clone())), error);
            }
        }
        let other = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(Error::from(other), Errno::ENOENT);
        assert_eq!(Error::from(io::Error::other("?")), Errno::EIO);
    }
}

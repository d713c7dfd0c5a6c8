//! The one error type of the crate.

use std::fmt;
use std::io;

use crate::base::path_limits::PATH_MAX;

/// How much of a path that is too long an error keeps.
const KEPT_OF_TOO_LONG: usize = 255;

/// What went wrong, named after the meaning of the `errno` it stands for.
///
/// [`Error::errno`] gives the number a guest would see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `EPERM`: the operation is not permitted, whatever the mode bits say.
    NotPermitted,
    /// `ENOENT`: no such file or directory.
    NotFound,
    /// `EINTR`: the wait was cancelled.
    Interrupted,
    /// `EIO`: the file system failed.
    Io,
    /// `ENXIO`: no such device or address; a seek past the data.
    NoDevice,
    /// `E2BIG`: an argument, such as the value of an attribute, is too large.
    TooBig,
    /// `EBADF`: the handle is not open, or not for this.
    BadHandle,
    /// `EAGAIN`: nothing to read now.
    WouldBlock,
    /// `ENOMEM`: out of memory, or a limit of the crate on memory.
    NoMemory,
    /// `EACCES`: the mode bits forbid it.
    AccessDenied,
    /// `EBUSY`: in use.
    Busy,
    /// `EEXIST`: it exists already.
    Exists,
    /// `EXDEV`: the two names are on different mounts or file systems.
    CrossDevice,
    /// `ENODEV`: the file system is gone.
    NoSuchDevice,
    /// `ENOTDIR`: a component is not a directory.
    NotDir,
    /// `EISDIR`: it is a directory.
    IsDir,
    /// `EINVAL`: the arguments make no sense.
    Invalid,
    /// `ENFILE`: a limit on open files of the whole VFS.
    TooManyOpenFiles,
    /// `EMFILE`: a limit per user or process, such as inotify instances.
    TooManyInstances,
    /// `ETXTBSY`: the text file is busy.
    TextBusy,
    /// `EFBIG`: the file would become too large.
    FileTooLarge,
    /// `ENOSPC`: no space left, or a limit such as that on watches is reached.
    NoSpace,
    /// `ESPIPE`: not seekable.
    NotSeekable,
    /// `EROFS`: the file system is read-only.
    ReadOnly,
    /// `EMLINK`: too many links.
    TooManyLinks,
    /// `EPIPE`: nobody reads.
    BrokenPipe,
    /// `ERANGE`: the result does not fit the buffer.
    Range,
    /// `ENAMETOOLONG`: a component or a path is too long.
    NameTooLong,
    /// `ENOSYS`: the file system does not implement this.
    NotImplemented,
    /// `ENOTEMPTY`: the directory is not empty.
    NotEmpty,
    /// `ELOOP`: too many symbolic links.
    TooManyLinksFollowed,
    /// `ENODATA`: no such attribute.
    NoData,
    /// `EOVERFLOW`: the value does not fit.
    Overflow,
    /// `EOPNOTSUPP`: this object does not support it.
    NotSupported,
    /// `EDQUOT`: over quota.
    OverQuota,
    /// `ESTALE`: the id or handle belongs to an object that is gone.
    Stale,
    /// `ESHUTDOWN`: the group or the VFS has been closed.
    Shutdown,
}

impl ErrorKind {
    /// The Linux error number.
    ///
    /// ```
    /// assert_eq!(vfsnotify::ErrorKind::NotFound.errno(), 2);
    /// ```
    #[must_use]
    pub const fn errno(self) -> i32 {
        self.row().0
    }

    /// The symbolic name of the error number, such as `"ENOENT"`.
    ///
    /// ```
    /// assert_eq!(vfsnotify::ErrorKind::NotFound.errno_name(), "ENOENT");
    /// ```
    #[must_use]
    pub const fn errno_name(self) -> &'static str {
        self.row().1
    }

    /// The kind that stands for a Linux error number, if there is one.
    ///
    /// ```
    /// use vfsnotify::ErrorKind;
    /// assert_eq!(ErrorKind::from_errno(17), Some(ErrorKind::Exists));
    /// ```
    #[must_use]
    pub fn from_errno(errno: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.errno() == errno)
    }

    const ALL: [Self; 37] = [
        Self::NotPermitted,
        Self::NotFound,
        Self::Interrupted,
        Self::Io,
        Self::NoDevice,
        Self::TooBig,
        Self::BadHandle,
        Self::WouldBlock,
        Self::NoMemory,
        Self::AccessDenied,
        Self::Busy,
        Self::Exists,
        Self::CrossDevice,
        Self::NoSuchDevice,
        Self::NotDir,
        Self::IsDir,
        Self::Invalid,
        Self::TooManyOpenFiles,
        Self::TooManyInstances,
        Self::TextBusy,
        Self::FileTooLarge,
        Self::NoSpace,
        Self::NotSeekable,
        Self::ReadOnly,
        Self::TooManyLinks,
        Self::BrokenPipe,
        Self::Range,
        Self::NameTooLong,
        Self::NotImplemented,
        Self::NotEmpty,
        Self::TooManyLinksFollowed,
        Self::NoData,
        Self::Overflow,
        Self::NotSupported,
        Self::OverQuota,
        Self::Stale,
        Self::Shutdown,
    ];

    const fn row(self) -> (i32, &'static str, &'static str) {
        match self {
            Self::NotPermitted => (1, "EPERM", "operation not permitted"),
            Self::NotFound => (2, "ENOENT", "no such file or directory"),
            Self::Interrupted => (4, "EINTR", "the wait was cancelled"),
            Self::Io => (5, "EIO", "input/output error"),
            Self::NoDevice => (6, "ENXIO", "no such device or address"),
            Self::TooBig => (7, "E2BIG", "argument too large"),
            Self::BadHandle => (9, "EBADF", "the handle is not open for this"),
            Self::WouldBlock => (11, "EAGAIN", "nothing available now"),
            Self::NoMemory => (12, "ENOMEM", "out of memory"),
            Self::AccessDenied => (13, "EACCES", "permission denied"),
            Self::Busy => (16, "EBUSY", "device or resource busy"),
            Self::Exists => (17, "EEXIST", "file exists"),
            Self::CrossDevice => (18, "EXDEV", "link across mounts or file systems"),
            Self::NoSuchDevice => (19, "ENODEV", "no such device"),
            Self::NotDir => (20, "ENOTDIR", "not a directory"),
            Self::IsDir => (21, "EISDIR", "is a directory"),
            Self::Invalid => (22, "EINVAL", "invalid argument"),
            Self::TooManyOpenFiles => (23, "ENFILE", "too many open files"),
            Self::TooManyInstances => (24, "EMFILE", "too many instances of this user"),
            Self::TextBusy => (26, "ETXTBSY", "text file busy"),
            Self::FileTooLarge => (27, "EFBIG", "file too large"),
            Self::NoSpace => (28, "ENOSPC", "no space left"),
            Self::NotSeekable => (29, "ESPIPE", "illegal seek"),
            Self::ReadOnly => (30, "EROFS", "read-only file system"),
            Self::TooManyLinks => (31, "EMLINK", "too many links"),
            Self::BrokenPipe => (32, "EPIPE", "broken pipe"),
            Self::Range => (34, "ERANGE", "result does not fit"),
            Self::NameTooLong => (36, "ENAMETOOLONG", "file name too long"),
            Self::NotImplemented => (38, "ENOSYS", "not implemented by the file system"),
            Self::NotEmpty => (39, "ENOTEMPTY", "directory not empty"),
            Self::TooManyLinksFollowed => (40, "ELOOP", "too many levels of symbolic links"),
            Self::NoData => (61, "ENODATA", "no such attribute"),
            Self::Overflow => (75, "EOVERFLOW", "value too large"),
            Self::NotSupported => (95, "EOPNOTSUPP", "operation not supported"),
            Self::OverQuota => (122, "EDQUOT", "quota exceeded"),
            Self::Stale => (116, "ESTALE", "the object is gone"),
            Self::Shutdown => (108, "ESHUTDOWN", "closed"),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

/// The error of every operation of the crate.
///
/// It is two words wide, so a `Result` of a small value stays small.
///
/// ```
/// use vfsnotify::{Error, ErrorKind};
/// let error = Error::from(ErrorKind::NotFound).with_path("/no/such");
/// assert_eq!(error.errno(), 2);
/// assert_eq!(error.to_string(), "/no/such: no such file or directory");
/// let io: std::io::Error = error.into();
/// assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", Shown(*.kind, .path.as_deref().map(Vec::as_slice)))]
pub struct Error {
    kind: ErrorKind,
    #[expect(clippy::box_collection, reason = "an error must stay two words wide")]
    path: Option<Box<Vec<u8>>>,
}

struct Shown<'a>(ErrorKind, Option<&'a [u8]>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.1 {
            write!(f, "{}: ", path.escape_ascii())?;
        }
        self.0.fmt(f)
    }
}

/// A `Result` with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The Linux error number, to hand to a guest.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        self.kind.errno()
    }

    /// The path the operation was about, where there is one; of a path longer than one may be (4095
    /// bytes), the first 255 bytes and `...`.
    #[must_use]
    pub fn path(&self) -> Option<&[u8]> {
        self.path.as_deref().map(Vec::as_slice)
    }

    /// The same error about this path; a path that is already there stays. Only the beginning of one that
    /// is too long is kept, see [`Error::path`]: a guest chooses it, and the error may be kept for long.
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
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, path: None }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", self.kind.errno_name())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        if error.path.is_none() && cfg!(target_os = "linux") {
            return Self::from_raw_os_error(error.errno());
        }
        let kind = match error.kind {
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::NotPermitted | ErrorKind::AccessDenied => io::ErrorKind::PermissionDenied,
            ErrorKind::Exists => io::ErrorKind::AlreadyExists,
            ErrorKind::WouldBlock => io::ErrorKind::WouldBlock,
            ErrorKind::Interrupted => io::ErrorKind::Interrupted,
            ErrorKind::Invalid => io::ErrorKind::InvalidInput,
            ErrorKind::NotDir => io::ErrorKind::NotADirectory,
            ErrorKind::IsDir => io::ErrorKind::IsADirectory,
            ErrorKind::NotEmpty => io::ErrorKind::DirectoryNotEmpty,
            ErrorKind::ReadOnly => io::ErrorKind::ReadOnlyFilesystem,
            ErrorKind::NoSpace => io::ErrorKind::StorageFull,
            ErrorKind::CrossDevice => io::ErrorKind::CrossesDevices,
            ErrorKind::NotImplemented | ErrorKind::NotSupported => io::ErrorKind::Unsupported,
            ErrorKind::NoMemory => io::ErrorKind::OutOfMemory,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_errno_and_comes_back_from_it() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_errno(kind.errno()), Some(kind));
            assert!(kind.errno_name().starts_with('E'));
        }
    }

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<Error>() <= 16);
        assert!(size_of::<Result<()>>() <= 16);
    }

    #[test]
    fn a_path_that_is_there_stays() {
        let error = Error::from(ErrorKind::Exists).with_path("a").with_path("b");
        assert_eq!(error.path(), Some(&b"a"[..]));
    }

    #[test]
    fn a_path_that_is_too_long_is_not_kept_whole() {
        let kept = |len: usize| {
            let error = Error::from(ErrorKind::NameTooLong).with_path(vec![b'x'; len]);
            error.path().map(<[u8]>::to_vec)
        };
        assert_eq!(kept(4095).unwrap().len(), 4095);
        let short = kept(1 << 20).unwrap();
        assert_eq!((short.len(), &short[254..]), (258, &b"x..."[..]));
    }
}

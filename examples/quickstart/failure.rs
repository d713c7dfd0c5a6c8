//! Why something of a source is not in the VFS.

use std::io;

use rustix::io::Errno;
use vfsnotify::ErrorKind;

/// The text of an error with the name of its errno, without control characters: it goes to a terminal.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl From<vfsnotify::Error> for Failure {
    fn from(error: vfsnotify::Error) -> Self {
        Self(format!("{} ({})", error.kind(), error.kind().errno_name()))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().and_then(ErrorKind::from_errno) {
            Some(kind) => Self::from(vfsnotify::Error::from(kind)),
            None => Self(printable(&error.to_string())),
        }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// A text without control characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

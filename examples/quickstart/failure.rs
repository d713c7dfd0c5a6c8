//! Why something of a source is not in the VFS.

use std::io;

use vfsnotify::Errno;

/// The text of an error with the name of its errno, without control characters: it goes to a terminal.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl From<vfsnotify::Error> for Failure {
    fn from(error: vfsnotify::Error) -> Self {
        Self(error.errno().to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().and_then(Errno::from_raw_os_error) {
            Some(errno) => Self(errno.to_string()),
            None => Self(printable(&error.to_string())),
        }
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(errno: rustix::io::Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// A text without control characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

//! Why something of a source is not in the VFS.

use std::io;

use vfsnotify::ErrorKind;

/// Why an entry was not unpacked.
pub(crate) enum Failure {
    Refused(&'static str),
    Vfs(vfsnotify::Error),
    Read(io::Error),
}

impl From<vfsnotify::Error> for Failure {
    fn from(error: vfsnotify::Error) -> Self {
        if error.kind() == ErrorKind::CrossDevice {
            return Self::Refused("leads out of the archive's own directory");
        }
        Self::Vfs(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl Failure {
    /// The line about it, and whether the next entry may do better.
    pub(crate) fn describe(self, path: &[u8]) -> (String, bool) {
        let shown = path.escape_ascii();
        match self {
            Self::Refused(why) => (format!("{shown}: refused: {why}"), true),
            Self::Read(error) => (format!("{shown}: {}", causes(&error)), true),
            Self::Vfs(error) if error.kind() == ErrorKind::NoSpace => {
                (format!("{shown}: no space left in the VFS: the rest is not unpacked"), false)
            }
            Self::Vfs(error) => (format!("{shown}: {}", error.kind()), true),
        }
    }
}

/// An error and what is behind it, on one line that a terminal can stand.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

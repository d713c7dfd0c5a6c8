//! Standard output that may be closed at any time, as by `| head`: `println!` panics then.

use std::fmt::Display;
use std::io::{self, Write};

/// Standard output until the first error; later lines are dropped.
#[derive(Debug, Default)]
pub(crate) struct Output {
    error: Option<io::Error>,
}

impl Output {
    /// Prints one line or several, and a newline after them. False once standard output has failed.
    pub(crate) fn line(&mut self, text: impl Display) -> bool {
        if self.error.is_none() {
            let mut stdout = io::stdout().lock();
            self.error = writeln!(stdout, "{text}").and_then(|()| stdout.flush()).err();
        }
        self.error.is_none()
    }

    /// The error that ended the output. A reader that went away is not an error.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.error {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(io::Error::new(error.kind(), format!("standard output: {error}")))
            }
            _ => Ok(()),
        }
    }
}

//! How far the copying is: one line on standard error, if that is a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Counts the names that are copied, and shows the count.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) names: AtomicU64,
    start: Instant,
    is_shown: bool,
}

impl Default for Progress {
    fn default() -> Self {
        let is_shown = io::stderr().is_terminal();
        Self { names: AtomicU64::new(0), start: Instant::now(), is_shown }
    }
}

impl Progress {
    /// Prints something else, with the line out of the way.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.erase();
        print();
        let (names, seconds) = (self.names.load(Ordering::Relaxed), self.start.elapsed().as_secs());
        self.write(&format!("{names} names, {seconds} s"));
    }

    /// Removes the line.
    pub(crate) fn erase(&self) {
        self.write("\r\x1b[K");
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            // The terminal may be gone by now.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

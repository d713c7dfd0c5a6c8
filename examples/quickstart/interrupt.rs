//! Signals that would end the process before its temporary folder is removed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the process is to end early, and by which signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    pub(crate) stop: Arc<AtomicBool>,
    /// 0 if there was none.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Takes SIGHUP, SIGINT and SIGTERM from here on. The programs that it runs get them as usual.
    pub(crate) fn catch(&self) -> io::Result<()> {
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // In this order: a thread that sees `stop` finds the signal.
            flag::register_usize(signal, Arc::clone(&self.signal), signal.unsigned_abs() as usize)?;
            flag::register(signal, Arc::clone(&self.stop))?;
        }
        Ok(())
    }

    /// The exit status that a shell gives to a program which this signal ended.
    pub(crate) fn status(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Relaxed);
        (signal != 0).then(|| u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
}

//! Signals that would end the process before its temporary folder is removed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

/// Whether the process is to end early, and by which signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    pub(crate) stop: Arc<AtomicBool>,
    /// 0 if there was none.
    signal: Arc<AtomicI32>,
}

impl Interrupt {
    /// Takes SIGHUP, SIGINT and SIGTERM from here on. To be called before the first other thread: the
    /// signals are blocked in this one and those that it starts. The programs that it runs get them.
    pub(crate) fn catch(&self) -> io::Result<()> {
        let signals = SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]);
        signals.thread_block()?;
        let Self { stop, signal } = self.clone();
        thread::spawn(move || {
            if let Ok(caught) = signals.wait() {
                signal.store(caught as i32, Ordering::Relaxed);
                stop.store(true, Ordering::Relaxed);
            }
        });
        Ok(())
    }

    /// The exit status that a shell gives to a program which this signal ended.
    pub(crate) fn status(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Relaxed);
        (signal != 0).then(|| u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
}

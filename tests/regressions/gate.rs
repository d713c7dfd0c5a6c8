//! A file system that stops in one call until the test lets it go on, and counts `getattr`.

#![expect(clippy::disallowed_types, reason = "a test has no lock of the crate")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vfsnotify::Result;
use vfsnotify::fs::{
    Attr, FallocateFlags, FileSystem, Handle, Layer, MemFs, Node, OpenFlags, Request, SetAttr,
    Unlinked, WriteData, XattrMode,
};

/// Longer than any test runs that passes.
pub(super) const LONG: Duration = Duration::from_secs(30);
/// How long a call has to show that it does not wait.
pub(super) const SHORT: Duration = Duration::from_millis(100);

/// The calls that can be stopped. `Lookup` and `Getattr` stop with the answer in hand, the others
/// before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Lookup,
    Getattr,
    Setattr,
    Open,
    Write,
    Append,
    Fallocate,
    Unlink,
    Rmdir,
    Setxattr,
    Removexattr,
}

#[derive(Debug)]
struct Trap {
    call: Call,
    ino: u64,
    stopped: Sender<()>,
    go_on: Receiver<()>,
}

/// A `MemFs` behind a gate.
#[derive(Clone, Debug)]
pub(super) struct GateFs {
    pub(super) inner: Arc<MemFs>,
    trap: Arc<Mutex<Option<Trap>>>,
    getattrs: Arc<AtomicUsize>,
}

/// A call that will be stopped. It goes on at the latest when this is dropped.
pub(super) struct Stop {
    stopped: Receiver<()>,
    go_on: Sender<()>,
}

impl Stop {
    /// Waits until the call has come.
    pub(super) fn wait(&self) {
        self.stopped.recv_timeout(LONG).expect("the call comes");
    }

    /// Lets the call go on.
    pub(super) fn go_on(self) {
        // It may have been dropped with its file system.
        let _ = self.go_on.send(());
    }
}

impl GateFs {
    pub(super) fn new() -> Self {
        Self { inner: Arc::new(MemFs::new()), trap: Arc::default(), getattrs: Arc::default() }
    }

    /// Stops the next call of this kind that names this inode (of a name: its directory).
    pub(super) fn stop(&self, call: Call, ino: u64) -> Stop {
        let (stopped, has_stopped) = channel();
        let (sender, go_on) = channel();
        *self.trap.lock().expect("a lock") = Some(Trap { call, ino, stopped, go_on });
        Stop { stopped: has_stopped, go_on: sender }
    }

    /// How often `getattr` was called.
    pub(super) fn getattrs(&self) -> usize {
        self.getattrs.load(Ordering::Relaxed)
    }

    fn pass(&self, call: Call, ino: u64) {
        let is_it = |trap: &mut Trap| trap.call == call && trap.ino == ino;
        let trap = self.trap.lock().expect("a lock").take_if(is_it);
        if let Some(trap) = trap {
            // The test may have failed and gone.
            let _ = trap.stopped.send(());
            let waited = trap.go_on.recv_timeout(LONG);
            assert_ne!(waited, Err(RecvTimeoutError::Timeout), "the test did not let it go on");
        }
    }
}

impl Layer for GateFs {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        let answer = self.inner.lookup(request, parent, name);
        self.pass(Call::Lookup, parent);
        answer
    }
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr> {
        self.getattrs.fetch_add(1, Ordering::Relaxed);
        let answer = self.inner.getattr(request, ino, handle);
        self.pass(Call::Getattr, ino);
        answer
    }
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr> {
        self.pass(Call::Setattr, ino);
        self.inner.setattr(request, ino, handle, change)
    }
    fn unlink(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Unlinked> {
        self.pass(Call::Unlink, parent);
        self.inner.unlink(request, parent, name)
    }
    fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()> {
        self.pass(Call::Rmdir, parent);
        self.inner.rmdir(request, parent, name)
    }
    fn open(&self, _: &Request, ino: u64, _: OpenFlags) -> Result<Handle> {
        self.pass(Call::Open, ino);
        Ok(Handle::default())
    }
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        self.pass(Call::Write, ino);
        self.inner.write(request, ino, handle, offset, data)
    }
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        self.pass(Call::Append, ino);
        self.inner.append(request, ino, handle, data)
    }
    fn fallocate(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        self.pass(Call::Fallocate, ino);
        self.inner.fallocate(request, ino, handle, mode, offset, len)
    }
    fn setxattr(
        &self,
        request: &Request,
        ino: u64,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        self.pass(Call::Setxattr, ino);
        self.inner.setxattr(request, ino, name, value, mode)
    }
    fn removexattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<()> {
        self.pass(Call::Removexattr, ino);
        self.inner.removexattr(request, ino, name)
    }
}

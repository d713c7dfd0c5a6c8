//! A file system over a `MemFs` that fails, panics or blocks when it is told to, and counts what it
//! gives out and gets back.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Receiver, Sender, bounded};
use vfsnotify::fs::{
    Attr, Caching, DirEntry, FallocateFlags, FileSystem, FsStat, Handle, Layer, MemFs, NewNode,
    Node, OpenFlags, RenameFlags, Request, SeekTo, SetAttr, SyncScope, Unlinked, WriteData,
    XattrMode,
};
use vfsnotify::{Errno, Result};

use super::threads::{meant, wait};

/// The methods of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Call {
    Root = 1,
    Lookup,
    Forget,
    Revalidate,
    Getattr,
    Setattr,
    Readlink,
    Create,
    Tmpfile,
    Link,
    Unlink,
    Rmdir,
    Rename,
    Open,
    Release,
    Read,
    Write,
    Append,
    Fallocate,
    SeekData,
    Readdir,
    Getxattr,
    Setxattr,
    Listxattr,
    Removexattr,
    Statfs,
    Fsync,
}

impl Call {
    /// Whether it changes something that an operation could not do twice.
    fn changes(self) -> bool {
        matches!(
            self,
            Self::Setattr
                | Self::Create
                | Self::Link
                | Self::Unlink
                | Self::Rmdir
                | Self::Rename
                | Self::Write
                | Self::Append
                | Self::Fallocate
                | Self::Setxattr
                | Self::Removexattr
        )
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Error(Errno),
    Panic,
}

/// Whether it fails before or after it has done what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// The errors that file systems return, and some that they should not.
pub const ERRORS: [Errno; 12] = [
    Errno::EIO,
    Errno::ENOSPC,
    Errno::EDQUOT,
    Errno::EROFS,
    Errno::EINTR,
    Errno::ESTALE,
    Errno::EOPNOTSUPP,
    Errno::ENOENT,
    Errno::EEXIST,
    Errno::ENOTEMPTY,
    Errno::EAGAIN,
    Errno::ESHUTDOWN,
];

const INODES: usize = 256;

/// Something of the embedder's that a file system does.
pub struct Hook(Box<dyn Fn(Call) + Send + Sync>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

/// The orders of a test to a [`FaultyFs`], and its queries afterwards.
#[derive(Debug)]
pub struct Control {
    armed: AtomicBool,
    /// Calls since it was armed, and which of them fails.
    calls: AtomicUsize,
    nth: AtomicUsize,
    /// The only kind of call that counts; 0 for all.
    only: AtomicUsize,
    /// The index of the error among [`ERRORS`]; past them, a panic.
    fault: AtomicUsize,
    after: AtomicBool,
    /// Whether every name is to be looked up each time.
    distrust: AtomicBool,
    /// Whether any call since then has changed anything.
    changed: AtomicBool,
    /// The call that failed; 0 if none has.
    struck: AtomicUsize,
    /// The call that waits; 0 if none does.
    held: AtomicUsize,
    /// The action that every call does first, if there is one.
    hook: OnceLock<Hook>,
    gate: [(Sender<()>, Receiver<()>); 2],
    /// Look-ups given out and not given back, by inode.
    lookups: Vec<AtomicI64>,
    handles: AtomicI64,
    last_handle: AtomicU64,
    /// Promises to file systems that were broken.
    broken: AtomicUsize,
}

impl Control {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            armed: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            nth: AtomicUsize::new(0),
            only: AtomicUsize::new(0),
            fault: AtomicUsize::new(0),
            after: AtomicBool::new(false),
            distrust: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            struck: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            hook: OnceLock::new(),
            gate: [bounded(1), bounded(1)],
            lookups: (0..INODES).map(|_| AtomicI64::new(0)).collect(),
            handles: AtomicI64::new(0),
            last_handle: AtomicU64::new(0),
            broken: AtomicUsize::new(0),
        })
    }

    /// Lets the n-th call from now on fail.
    pub fn arm(&self, nth: usize, fault: Fault, when: When) {
        let fault = match fault {
            Fault::Error(kind) => ERRORS.iter().position(|other| *other == kind),
            Fault::Panic => None,
        };
        self.fault.store(fault.unwrap_or(ERRORS.len()), Ordering::Relaxed);
        self.after.store(when == When::After, Ordering::Relaxed);
        self.nth.store(nth, Ordering::Relaxed);
        self.only.store(0, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.struck.store(0, Ordering::Relaxed);
        self.changed.store(false, Ordering::Relaxed);
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Lets the first call of this kind fail.
    pub fn arm_call(&self, call: Call, fault: Fault, when: When) {
        self.arm(1, fault, when);
        self.only.store(call as usize, Ordering::SeqCst);
    }

    /// Lets nothing fail any more; whether something has, and in which call.
    pub fn disarm(&self) -> Option<usize> {
        self.armed.store(false, Ordering::SeqCst);
        let struck = self.struck.load(Ordering::Relaxed);
        (struck != 0).then_some(struck)
    }

    /// Whether the file system was changed since it was armed, whether or not the cache knows of it.
    pub fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// How many calls there were since it was armed.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether every name is to be looked up each time it is used.
    pub fn distrust(&self, distrust: bool) {
        self.distrust.store(distrust, Ordering::Relaxed);
    }

    /// Lets every call do something first, from now on while `armed`.
    pub fn hook(&self, hook: impl Fn(Call) + Send + Sync + 'static) {
        self.hook.set(Hook(Box::new(hook))).expect("one hook for each file system");
    }

    /// Lets the next call of a kind wait until [`Control::let_go`].
    pub fn hold(&self, call: Call) {
        self.held.store(call as usize, Ordering::SeqCst);
    }

    /// Waits until the call that is held has begun.
    pub fn wait_for_held(&self) {
        wait("the call that is held", &self.gate[0].1);
    }

    pub fn let_go(&self) {
        self.gate[1].0.send(()).expect("the gate is there");
    }

    /// Look-ups and handles that were not given back, and broken promises.
    pub fn balance(&self) -> (Vec<(usize, i64)>, i64, usize) {
        let lookups = self.lookups.iter().map(|count| count.load(Ordering::Relaxed));
        let left = lookups.enumerate().filter(|(_, count)| *count != 0).collect();
        (left, self.handles.load(Ordering::Relaxed), self.broken.load(Ordering::Relaxed))
    }

    fn promise(&self, kept: bool) {
        if !kept {
            self.broken.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self, ino: u64, more: i64) {
        let count = &self.lookups[ino as usize % INODES];
        let now = count.fetch_add(more, Ordering::Relaxed) + more;
        self.promise(now >= 0);
    }

    /// Whether this call is the one that fails, and how.
    fn strikes(&self, call: Call) -> Option<(Fault, When)> {
        if self.held.compare_exchange(call as usize, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        {
            self.gate[0].0.send(()).expect("the gate is there");
            wait("the test to let the call go", &self.gate[1].1);
        }
        if !self.armed.load(Ordering::SeqCst) {
            return None;
        }
        if let Some(Hook(hook)) = self.hook.get() {
            hook(call);
        }
        let only = self.only.load(Ordering::SeqCst);
        if only != 0 && only != call as usize {
            return None;
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if number != self.nth.load(Ordering::Relaxed) {
            return None;
        }
        self.struck.store(call as usize, Ordering::Relaxed);
        let fault = ERRORS.get(self.fault.load(Ordering::Relaxed));
        let fault = fault.map_or(Fault::Panic, |kind| Fault::Error(*kind));
        let after = self.after.load(Ordering::Relaxed);
        Some((fault, if after { When::After } else { When::Before }))
    }
}

impl Fault {
    fn strike<T>(self) -> Result<T> {
        match self {
            Self::Error(kind) => Err(kind.into()),
            Self::Panic => meant(),
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct FaultyFs {
    pub inner: Arc<MemFs>,
    pub control: Arc<Control>,
}

impl FaultyFs {
    fn call<T>(&self, call: Call, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.call_or(call, act, drop)
    }

    /// `undo` takes back what the caller never gets to know of.
    fn call_or<T>(
        &self,
        call: Call,
        act: impl FnOnce() -> Result<T>,
        undo: impl FnOnce(T),
    ) -> Result<T> {
        let act = || {
            let done = act()?;
            self.control.changed.fetch_or(call.changes(), Ordering::Relaxed);
            Ok(done)
        };
        match self.control.strikes(call) {
            None => act(),
            Some((fault, When::Before)) => fault.strike(),
            Some((fault, When::After)) => {
                undo(act()?);
                fault.strike()
            }
        }
    }

    fn node(&self, call: Call, act: impl FnOnce() -> Result<Node>) -> Result<Node> {
        let node = self.call_or(call, act, |node| self.inner.forget(node.attr.ino, 1))?;
        self.control.count(node.attr.ino, 1);
        Ok(node)
    }

    fn name(&self, name: &[u8]) {
        let is_name = !matches!(name, b"" | b"." | b"..")
            && name.len() <= 255
            && !name.iter().any(|byte| matches!(byte, 0 | b'/'));
        self.control.promise(is_name);
    }
}

impl Layer for FaultyFs {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    /// Every use of a name is a call that can fail.
    fn caching(&self) -> Caching {
        Caching::default().with_entries(false).with_attributes(false)
    }
    fn root(&self) -> Result<Node> {
        self.node(Call::Root, || self.inner.root())
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        self.name(name);
        self.node(Call::Lookup, || self.inner.lookup(request, parent, name))
    }
    fn forget(&self, ino: u64, lookups: u64) {
        self.control.count(ino, -(lookups as i64));
        self.inner.forget(ino, lookups);
        if let Some((Fault::Panic, _)) = self.control.strikes(Call::Forget) {
            meant();
        }
    }
    fn revalidate(&self, _: &Request, _: u64, _: &[u8], _: Option<u64>) -> bool {
        match self.control.strikes(Call::Revalidate) {
            None if self.control.distrust.load(Ordering::Relaxed) => false,
            None => true,
            Some((Fault::Error(_), _)) => false,
            Some((Fault::Panic, _)) => meant(),
        }
    }
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr> {
        self.call(Call::Getattr, || self.inner.getattr(request, ino, handle))
    }
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr> {
        self.call(Call::Setattr, || self.inner.setattr(request, ino, handle, change))
    }
    fn readlink(&self, request: &Request, ino: u64) -> Result<Vec<u8>> {
        self.call(Call::Readlink, || self.inner.readlink(request, ino))
    }
    fn create(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new: &NewNode<'_>,
    ) -> Result<Node> {
        self.name(name);
        self.node(Call::Create, || self.inner.create(request, parent, name, new))
    }
    fn tmpfile(&self, request: &Request, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        self.node(Call::Tmpfile, || self.inner.tmpfile(request, parent, new))
    }
    fn link(&self, request: &Request, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        self.name(name);
        self.node(Call::Link, || self.inner.link(request, ino, parent, name))
    }
    fn unlink(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Unlinked> {
        // The VFS asks for the attributes then, and that can fail too.
        self.call(Call::Unlink, || self.inner.unlink(request, parent, name))?;
        Ok(Unlinked::UNKNOWN)
    }
    fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()> {
        self.call(Call::Rmdir, || self.inner.rmdir(request, parent, name))
    }
    fn rename(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Unlinked> {
        self.name(new_name);
        let rename = || self.inner.rename(request, parent, name, new_parent, new_name, flags);
        self.call(Call::Rename, rename)?;
        Ok(Unlinked::UNKNOWN)
    }
    fn open(&self, request: &Request, ino: u64, flags: OpenFlags) -> Result<Handle> {
        self.call(Call::Open, || self.inner.open(request, ino, flags))?;
        self.control.handles.fetch_add(1, Ordering::Relaxed);
        Ok(Handle::new(self.control.last_handle.fetch_add(1, Ordering::Relaxed) + 1))
    }
    fn release(&self, _ino: u64, handle: Handle) {
        self.control.promise(handle != Handle::default());
        self.control.handles.fetch_sub(1, Ordering::Relaxed);
        if let Some((Fault::Panic, _)) = self.control.strikes(Call::Release) {
            meant();
        }
    }
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize> {
        self.control.promise(handle != Handle::default());
        self.call(Call::Read, || self.inner.read(request, ino, handle, offset, buf))
    }
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        self.control.promise(handle != Handle::default());
        self.call(Call::Write, || self.inner.write(request, ino, handle, offset, data))
    }
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        self.control.promise(handle != Handle::default());
        self.call(Call::Append, || self.inner.append(request, ino, handle, data))
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
        self.control.promise(handle != Handle::default());
        self.call(Call::Fallocate, || self.inner.fallocate(request, ino, handle, mode, offset, len))
    }
    fn seek(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        to: SeekTo,
    ) -> Result<u64> {
        self.control.promise(handle != Handle::default());
        self.call(Call::SeekData, || self.inner.seek(request, ino, handle, offset, to))
    }
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        self.call(Call::Readdir, || self.inner.readdir(request, ino, handle, cursor, emit))
    }
    fn getxattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        self.call(Call::Getxattr, || self.inner.getxattr(request, ino, name))
    }
    fn setxattr(
        &self,
        request: &Request,
        ino: u64,
        name: &[u8],
        value: &[u8],
        mode: XattrMode,
    ) -> Result<()> {
        self.call(Call::Setxattr, || self.inner.setxattr(request, ino, name, value, mode))
    }
    fn listxattr(&self, request: &Request, ino: u64) -> Result<Vec<Vec<u8>>> {
        self.call(Call::Listxattr, || self.inner.listxattr(request, ino))
    }
    fn removexattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<()> {
        self.call(Call::Removexattr, || self.inner.removexattr(request, ino, name))
    }
    fn statfs(&self, request: &Request) -> Result<FsStat> {
        self.call(Call::Statfs, || self.inner.statfs(request))
    }
    fn fsync(&self, request: &Request, ino: u64, handle: Handle, scope: SyncScope) -> Result<()> {
        self.control.promise(handle != Handle::default());
        self.call(Call::Fsync, || self.inner.fsync(request, ino, handle, scope))
    }
}

//! The caller of a request, and the open file that it is about.

use crate::notify::Actor;

/// The caller of a request to a file system: that of the VFS operation.
///
/// The VFS has checked the permissions. A file system needs the caller to own additional objects that
/// it makes, to forward a request to a server that checks for itself, or to keep a log.
///
/// ```
/// use vfsnotify::fs::Request;
/// let request = Request::new(1000, 100).with_process(7, 8);
/// assert_eq!((request.uid, request.gid), (1000, 100));
/// assert_eq!((request.pid, request.tid), (7, 8));
/// assert_eq!(Request::SUPERUSER, Request::new(0, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Request {
    /// The caller's user.
    pub uid: u32,
    /// The caller's group.
    pub gid: u32,
    /// The caller's process; 0 if it is not known ([`Context::with_process`](crate::Context::with_process)).
    pub pid: u32,
    /// Its thread; 0 if it is not known.
    pub tid: u32,
}

impl Request {
    /// The superuser, of no known process: for a program that uses a file system without a VFS.
    pub const SUPERUSER: Self = Self::new(0, 0);

    /// A user and its group, of no known process.
    #[must_use]
    pub const fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid, pid: 0, tid: 0 }
    }

    /// The same from this thread of this process.
    #[must_use]
    pub const fn with_process(mut self, pid: u32, tid: u32) -> Self {
        (self.pid, self.tid) = (pid, tid);
        self
    }

    /// The caller, as the actor of events.
    #[inline]
    pub(crate) const fn actor(&self) -> Actor {
        Actor::new(self.pid, self.tid)
    }
}

/// A file system's number for an open file, of its own choice.
/// [`FileSystem::open`](crate::FileSystem::open) returns it, and each call about that open file carries
/// it, [`FileSystem::release`](crate::FileSystem::release) last. The default is 0, for a file system
/// that needs none.
///
/// ```
/// use vfsnotify::fs::Handle;
/// assert_eq!(Handle::new(7).get(), 7);
/// assert_eq!(Handle::default(), Handle::new(0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Handle(u64);

impl Handle {
    /// The handle of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

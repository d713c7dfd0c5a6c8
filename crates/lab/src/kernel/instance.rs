//! An inotify instance of the kernel, which another thread closes.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Res, copy_fd};

/// How many threads close instances at once. A user has 128 instances, and there may be several
/// processes.
const CLOSERS: u32 = 24;

/// How many do so now.
static CLOSING: AtomicU32 = AtomicU32::new(0);

/// A place among the closing threads, with the number of those before it.
struct Place(u32);

impl Place {
    fn new() -> Place {
        Place(CLOSING.fetch_add(1, Ordering::Relaxed))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        CLOSING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An instance.
///
/// Closing the last descriptor of one waits until the kernel has freed its watches, which takes tens
/// of milliseconds of doing nothing; so a thread of its own does it, unless instances are counted.
/// Events that a closed instance still gets meanwhile are never read.
#[derive(Debug)]
pub(super) struct Instance {
    /// There until it is dropped.
    fd: Option<OwnedFd>,
    /// Whether it must have gone when it is dropped.
    counted: bool,
}

impl Instance {
    pub(super) fn new(fd: OwnedFd, counted: bool) -> Instance {
        Instance { fd: Some(fd), counted }
    }

    /// The descriptor.
    pub(super) fn fd(&self) -> &OwnedFd {
        self.fd.as_ref().expect("it is there until it is dropped")
    }

    /// A second descriptor for it.
    pub(super) fn copy(&self) -> Res<Instance> {
        Ok(Instance::new(copy_fd(self.fd())?, self.counted))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let fd = self.fd.take();
        if self.counted {
            return;
        }
        let place = Place::new();
        if place.0 < CLOSERS {
            // Where no thread can be made, the descriptor is closed with what it should have run.
            let _ = std::thread::Builder::new().spawn(move || drop((fd, place)));
        }
    }
}

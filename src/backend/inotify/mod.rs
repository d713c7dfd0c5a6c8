//! inotify: watches, their events, and the queue they are read from.
//!
//! An [`Inotify`] instance behaves as the file descriptor of inotify(7) does, event for event, with
//! four additions. An overflow says how many events were lost. MOVED_FROM and MOVED_TO of a rename are
//! adjacent in a queue that gets both (only the IGNORED of a one-shot that gets the first comes
//! between). A watch is ready when its add returns. A one-shot watch reports exactly one event.
//!
//! ```
//! use vfsnotify::inotify::{Event, WatchMask};
//! use vfsnotify::{MemFs, Vfs};
//!
//! let vfs = Vfs::new(MemFs::new())?;
//! let cx = vfs.context();
//! let inotify = vfs.inotify(&cx)?;
//! vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE)?;
//! vfs.mkdir(&cx, "/new", 0o755)?;
//! let Some(Event::Fs(event)) = inotify.next()? else { panic!("nothing happened") };
//! assert_eq!(event.name, "new");
//! # Ok::<(), vfsnotify::Error>(())
//! ```

// First: rustdoc lists the methods of `Inotify`'s files in this order.
mod instance;
mod read;

mod cancel;
mod encode;
mod event;
mod fdinfo;
mod mask;
mod pending;

pub use cancel::Cancel;
#[cfg(not(any(loom, shuttle)))]
pub use cancel::Canceller;
pub use encode::{Decoded, decode};
pub use event::{Event, FsEvent};
pub use fdinfo::WatchInfo;
pub use instance::{Flush, Inotify, QueueStats};
pub use mask::WatchMask;
pub use pending::PendingWatch;

use std::fmt;

/// A watch descriptor: an instance's number for one of its watches.
///
/// Numbers ascend from 1, wrap, and are not reused soon (RULE descriptor-order).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchDescriptor(i32);

impl WatchDescriptor {
    /// The watch descriptor of this number, as a guest passes it.
    ///
    /// ```
    /// use vfsnotify::inotify::WatchDescriptor;
    /// assert_eq!(WatchDescriptor::from_raw(3).as_raw(), 3);
    /// ```
    #[must_use]
    pub const fn from_raw(wd: i32) -> Self {
        Self(wd)
    }

    /// The number, as a guest sees it.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Debug for WatchDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wd {}", self.0)
    }
}

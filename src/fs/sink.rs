//! The connection of an attached file system to its VFS.

use std::fmt;

use crate::base::clock::Clock;
use crate::base::sync::{Arc, AtomicBool, Ordering};

/// A file system's connection to the VFS that it is attached to, passed to
/// [`FileSystem::attach`](crate::FileSystem::attach).
///
/// It is a handle: keep a clone. It does not keep the VFS alive, and may outlive it.
///
/// A VFS learns of changes behind its back by calling
/// [`FileSystem::revalidate`](crate::FileSystem::revalidate). A file system cannot report changes or
/// errors yet, so there is no method for either: no report is dropped in silence.
///
/// ```
/// use vfsnotify::fs::Sink;
/// let sink = Sink::unattached();
/// assert!(sink.clock().is_none() && !sink.is_attached());
/// ```
#[derive(Clone)]
pub struct Sink {
    clock: Option<Arc<dyn Clock>>,
    /// Whether the VFS still uses the file system. Written once, at the end of the attachment; Relaxed:
    /// the calls themselves order the earlier work of the VFS.
    attached: Arc<AtomicBool>,
}

impl Sink {
    /// A sink without a VFS: for a program or a test that uses a file system directly.
    #[must_use]
    pub fn unattached() -> Self {
        Self { clock: None, attached: Arc::new(AtomicBool::new(false)) }
    }

    /// The same with another clock: for a [`Layer`](crate::fs::Layer) that gives its inner file system
    /// another one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vfsnotify::SystemClock;
    /// use vfsnotify::fs::Sink;
    /// let sink = Sink::unattached().with_clock(Arc::new(SystemClock::default()));
    /// assert!(sink.clock().is_some());
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The clock of the VFS, if it has one of its own ([`VfsBuilder::clock`](crate::VfsBuilder::clock)):
    /// timestamps should come from it. Else the time is the system's.
    #[must_use]
    pub fn clock(&self) -> Option<&Arc<dyn Clock>> {
        self.clock.as_ref()
    }

    /// Whether the VFS may still call the file system for this attachment. False for good once the file
    /// system has been unmounted and has got all look-ups back, or the VFS has ended: a thread that
    /// serves the attachment can end.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("attached", &self.is_attached()).finish_non_exhaustive()
    }
}

/// The VFS's end of a [`Sink`]. Dropping it ends the attachment.
#[derive(Debug)]
pub(crate) struct Attachment(Sink);

impl Attachment {
    /// A new attachment to a VFS with this clock.
    pub(crate) fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        Self(Sink { clock, attached: Arc::new(AtomicBool::new(true)) })
    }

    /// The file system's end.
    pub(crate) fn sink(&self) -> &Sink {
        &self.0
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.0.attached.store(false, Ordering::Relaxed);
    }
}

/// How far a VFS may rely on its caches of a file system; see
/// [`FileSystem::caching`](crate::FileSystem::caching). By default it may rely on all of them.
///
/// ```
/// use vfsnotify::fs::Caching;
/// let caching = Caching::default().with_entries(false);
/// assert!(!caching.entries && caching.attributes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caching {
    /// Names change through this VFS alone. If not, each use of a cached name, positive or negative,
    /// calls [`FileSystem::revalidate`](crate::FileSystem::revalidate) first.
    pub entries: bool,
    /// Mode and owner change through this VFS alone. If not, each check of a permission, and each write
    /// that may strip set-id bits, fetches the attributes.
    pub attributes: bool,
}

impl Default for Caching {
    fn default() -> Self {
        Self { entries: true, attributes: true }
    }
}

impl Caching {
    /// The same with another [`Caching::entries`].
    #[must_use]
    pub const fn with_entries(mut self, entries: bool) -> Self {
        self.entries = entries;
        self
    }

    /// The same with another [`Caching::attributes`].
    #[must_use]
    pub const fn with_attributes(mut self, attributes: bool) -> Self {
        self.attributes = attributes;
        self
    }
}

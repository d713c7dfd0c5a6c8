//! The operations that the thread is in, and the file systems they act on.

use std::cell::Cell;

use crate::base::sync::thread_local;
use crate::tree::SuperblockId;

/// How many file systems one operation can be said to act on: that of its path, those that it asked for a name
/// on the way, and that of a directory it leaves. If there are more, the last one takes the place of the one
/// before it.
pub(super) const FILE_SYSTEMS: usize = 4;

/// The file systems that an operation acts on.
pub(super) type ActedOn = [Option<SuperblockId>; FILE_SYSTEMS];

/// The operations that the thread is in. Each part is a cell of its own: a look-up of a name changes one.
#[derive(Debug)]
pub(super) struct Current {
    /// How many operations it is in. A file system that is called by one may use another VFS: that
    /// one must leave its reaping to later, since its caller's locks are held.
    pub(super) depth: Cell<usize>,
    /// The number of the tree of the innermost operation's `Vfs`.
    pub(super) tree: Cell<Option<u32>>,
    /// The file systems that the innermost operation acts on, without a gap: it does their deferred work at its
    /// end.
    file_systems: [Cell<Option<SuperblockId>>; FILE_SYSTEMS],
}

thread_local! {
    pub(super) static CURRENT: Current = const {
        Current {
            depth: Cell::new(0),
            tree: Cell::new(None),
            file_systems: [const { Cell::new(None) }; FILE_SYSTEMS],
        }
    };
}

impl Current {
    #[inline]
    pub(super) fn enter(&self) {
        self.depth.set(self.depth.get() + 1);
    }

    #[inline]
    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    #[inline]
    pub(super) fn take_file_systems(&self) -> ActedOn {
        let mut taken = [None; FILE_SYSTEMS];
        for (known, to) in self.file_systems.iter().zip(&mut taken) {
            *to = known.take();
            if to.is_none() {
                break;
            }
        }
        taken
    }

    pub(super) fn set_file_systems(&self, file_systems: ActedOn) {
        self.file_systems.iter().zip(file_systems).for_each(|(known, of)| known.set(of));
    }

    pub(super) fn is_acting_on(&self, file_system: SuperblockId) -> bool {
        self.file_systems.iter().any(|known| known.get() == Some(file_system))
    }

    #[inline]
    pub(super) fn acts_on(&self, file_system: SuperblockId) {
        // A path stays in one file system most of the time.
        if self.file_systems[0].get() == Some(file_system) || self.is_acting_on(file_system) {
            return;
        }
        let free = self.file_systems.iter().find(|known| known.get().is_none());
        free.unwrap_or(&self.file_systems[FILE_SYSTEMS - 1]).set(Some(file_system));
    }
}

/// Whether this thread is in an operation, or in a file system that one has called.
#[inline]
pub(super) fn is_in_one() -> bool {
    CURRENT.with(|own| own.depth.get() != 0)
}

/// Whether the operation acts on a file system.
pub(super) fn is_acting_on(file_system: SuperblockId) -> bool {
    CURRENT.with(|own| own.is_acting_on(file_system))
}

/// Notes that the operation acts on a file system: when it ends, it does deferred work of that one.
#[inline]
pub(super) fn acts_on(file_system: SuperblockId) {
    CURRENT.with(|own| own.acts_on(file_system));
}

/// Held while a file system is called under a lock, in an operation that is to free nothing: a
/// read or a write.
#[derive(Debug)]
pub(crate) struct Nested(());

impl Nested {
    pub(crate) fn enter() -> Self {
        CURRENT.with(Current::enter);
        Self(())
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        CURRENT.with(Current::leave);
    }
}

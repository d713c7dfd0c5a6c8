//! The bracket around every public operation.

use std::cell::Cell;

use crate::base::sync::thread_local;
use crate::tree::SuperblockId;
use crate::vfs::Vfs;
use crate::vfs::reap::{STEPS_PER_OPERATION, let_go};

/// How many file systems one operation can be said to act on: that of its path, those that it asked for a name
/// on the way, and that of a directory it leaves. If there are more, the last one takes the place of the one
/// before it.
const FILE_SYSTEMS: usize = 4;

/// The file systems that an operation acts on.
type FileSystems = [Option<SuperblockId>; FILE_SYSTEMS];

/// What this thread is in the middle of. Each part is a cell of its own: a look-up of a name changes one.
#[derive(Debug)]
struct Current {
    /// How many operations it is in. A file system that is called by one may use another VFS: that
    /// one must leave its reaping to later, since its caller's locks are held.
    depth: Cell<usize>,
    /// The number of the tree of the innermost operation's `Vfs`.
    tree: Cell<Option<u32>>,
    /// The file systems that the innermost operation acts on, without a gap: it frees for these at its
    /// end.
    file_systems: [Cell<Option<SuperblockId>>; FILE_SYSTEMS],
}

thread_local! {
    static CURRENT: Current = const {
        Current {
            depth: Cell::new(0),
            tree: Cell::new(None),
            file_systems: [const { Cell::new(None) }; FILE_SYSTEMS],
        }
    };
}

impl Current {
    fn enter(&self) {
        self.depth.set(self.depth.get() + 1);
    }

    fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    fn take_file_systems(&self) -> FileSystems {
        let mut taken = [None; FILE_SYSTEMS];
        for (known, to) in self.file_systems.iter().zip(&mut taken) {
            *to = known.take();
            if to.is_none() {
                break;
            }
        }
        taken
    }

    fn set_file_systems(&self, file_systems: FileSystems) {
        self.file_systems.iter().zip(file_systems).for_each(|(known, of)| known.set(of));
    }

    fn is_acting_on(&self, file_system: SuperblockId) -> bool {
        self.file_systems.iter().any(|known| known.get() == Some(file_system))
    }

    fn acts_on(&self, file_system: SuperblockId) {
        // A path stays in one file system most of the time.
        if self.file_systems[0].get() == Some(file_system) || self.is_acting_on(file_system) {
            return;
        }
        let free = self.file_systems.iter().find(|known| known.get().is_none());
        free.unwrap_or(&self.file_systems[FILE_SYSTEMS - 1]).set(Some(file_system));
    }
}

/// Whether this thread is in an operation, or in a file system that one has called.
pub(crate) fn is_in_one() -> bool {
    CURRENT.with(|own| own.depth.get() != 0)
}

/// Whether the operation acts on a file system.
pub(crate) fn is_acting_on(file_system: SuperblockId) -> bool {
    CURRENT.with(|own| own.is_acting_on(file_system))
}

/// Notes that the operation acts on a file system: when it ends, it frees for that one.
#[inline]
pub(crate) fn acts_on(file_system: SuperblockId) {
    CURRENT.with(|own| own.acts_on(file_system));
}

/// Held for the length of a public operation. The outermost one frees, when it is dropped, what
/// operations on its file systems have left behind. Declare it first, so that it is dropped last.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    vfs: &'a Vfs,
    /// The tree and the file systems of the operation around this one, if there is one.
    outer: Option<(Option<u32>, FileSystems)>,
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let own = CURRENT.with(|current| {
            current.leave();
            let own = current.take_file_systems();
            current.tree.set(None);
            if let Some((tree, file_systems)) = self.outer {
                current.tree.set(tree);
                current.set_file_systems(file_systems);
            }
            own
        });
        if std::thread::panicking() {
            return;
        }
        let outer_tree = self.outer.and_then(|(tree, _)| tree);
        for file_system in own.into_iter().map_while(|file_system| file_system) {
            if !is_in_one() {
                self.vfs.reap_after_operation(file_system);
            } else if outer_tree == Some(file_system.tree()) {
                // The operation around this one is of the same VFS, and does it.
                acts_on(file_system);
            }
        }
    }
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

impl Vfs {
    /// Begins an operation.
    pub(crate) fn operation(&self) -> Operation<'_> {
        let outer = CURRENT.with(|current| {
            current.enter();
            let tree = current.tree.replace(Some(self.tree().number()));
            // The outermost one finds nothing: each leaves nothing behind.
            (current.depth.get() > 1).then(|| (tree, current.take_file_systems()))
        });
        Operation { vfs: self, outer }
    }

    /// Frees a bounded part of what operations on a file system have left behind, if the thread is in
    /// no operation. No lock is held.
    pub(crate) fn reap_after_operation(&self, file_system: SuperblockId) {
        if is_in_one() || !self.owns(file_system) {
            return;
        }
        let slot = self.tree().superblock_at(file_system.index);
        if !slot.deferred().has_dead() && !slot.has_owner_work() && !slot.is_unmounting() {
            return;
        }
        if let Some(instance) = self.instances().get(file_system) {
            self.reap_file_system(&instance, STEPS_PER_OPERATION);
            // Unmounted meanwhile, it may have been in use by this operation only.
            if slot.is_unmounting() {
                self.release_unused(&instance);
            }
            let_go(instance);
        }
    }

    fn owns(&self, file_system: SuperblockId) -> bool {
        file_system.tree() == self.tree().number()
    }
}

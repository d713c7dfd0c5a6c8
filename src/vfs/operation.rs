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

/// What this thread is in the middle of.
#[derive(Clone, Copy, Debug)]
struct Current {
    /// How many operations it is in. A file system that is called by one may use another VFS: that
    /// one must leave its reaping to later, since its caller's locks are held.
    depth: usize,
    /// The number of the tree of the innermost operation's `Vfs`.
    tree: Option<u32>,
    /// The file systems that the innermost operation acts on: it frees for these at its end.
    file_systems: FileSystems,
}

impl Current {
    const NONE: Self = Self { depth: 0, tree: None, file_systems: [None; FILE_SYSTEMS] };
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current::NONE) };
}

fn change<R>(act: impl FnOnce(&mut Current) -> R) -> R {
    CURRENT.with(|own| {
        let mut current = own.get();
        let result = act(&mut current);
        own.set(current);
        result
    })
}

/// Whether this thread is in an operation, or in a file system that one has called.
pub(super) fn is_in_one() -> bool {
    CURRENT.with(|own| own.get().depth != 0)
}

/// Whether the operation acts on a file system.
pub(super) fn is_acting_on(file_system: SuperblockId) -> bool {
    CURRENT.with(|own| own.get().file_systems.contains(&Some(file_system)))
}

/// Notes that the operation acts on a file system: when it ends, it frees for that one.
pub(super) fn acts_on(file_system: SuperblockId) {
    change(|current| {
        let known = &mut current.file_systems;
        if !known.contains(&Some(file_system)) {
            let free = known.iter().position(Option::is_none).unwrap_or(FILE_SYSTEMS - 1);
            known[free] = Some(file_system);
        }
    });
}

/// Held for the length of a public operation. The outermost one frees, when it is dropped, what
/// operations on its file systems have left behind. Declare it first, so that it is dropped last.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    vfs: &'a Vfs,
    /// The tree and the file systems of the operation around this one.
    outer: (Option<u32>, FileSystems),
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let own = change(|current| {
            current.depth -= 1;
            current.tree = self.outer.0;
            std::mem::replace(&mut current.file_systems, self.outer.1)
        });
        if std::thread::panicking() {
            return;
        }
        for file_system in own.into_iter().flatten() {
            if !is_in_one() {
                self.vfs.reap_after_operation(file_system);
            } else if self.outer.0 == Some(file_system.tree()) {
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
        change(|current| current.depth += 1);
        Self(())
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        change(|current| current.depth -= 1);
    }
}

impl Vfs {
    /// Begins an operation.
    pub(crate) fn operation(&self) -> Operation<'_> {
        let outer = change(|current| {
            current.depth += 1;
            let tree = current.tree.replace(self.tree().number());
            (tree, std::mem::take(&mut current.file_systems))
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

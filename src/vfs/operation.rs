//! The bracket around every public operation.

use crate::tree::SuperblockId;
use crate::vfs::Vfs;
use crate::vfs::current_operations::{ActedOn, CURRENT, acts_on, is_in_one};
use crate::vfs::mounts::file_systems::FileSystems;
use crate::vfs::reap::{STEPS_PER_OPERATION, drop_file_system};

/// Held for the length of a public operation. The outermost one frees, when it is dropped, a part of the
/// deferred work of its file systems. Declare it first, so that it is dropped last.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    file_systems: &'a FileSystems,
    /// The tree and the file systems of the operation around this one, if there is one.
    outer: Option<(Option<u32>, ActedOn)>,
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
                self.file_systems.reap_after_operation(file_system);
            } else if outer_tree == Some(file_system.tree()) {
                // The operation around this one is of the same VFS, and does its deferred work.
                acts_on(file_system);
            }
        }
    }
}

impl Vfs {
    /// Begins an operation.
    #[inline]
    pub(crate) fn operation(&self) -> Operation<'_> {
        self.file_systems().operation()
    }
}

impl FileSystems {
    /// Begins an operation.
    #[inline]
    pub(crate) fn operation(&self) -> Operation<'_> {
        let outer = CURRENT.with(|current| {
            current.enter();
            let tree = current.tree.replace(Some(self.tree().number()));
            // The outermost one finds nothing: each operation takes its file systems out at its end.
            (current.depth.get() > 1).then(|| (tree, current.take_file_systems()))
        });
        Operation { file_systems: self, outer }
    }

    /// Does a bounded part of the deferred work of a file system, if the thread is in no
    /// operation. No lock is held.
    pub(crate) fn reap_after_operation(&self, file_system: SuperblockId) {
        if is_in_one() || !self.owns(file_system) {
            return;
        }
        let slot = self.tree().superblock_at(file_system.index);
        if !slot.deferred().has_dead() && !slot.has_owner_work() && !slot.is_unmounting() {
            return;
        }
        if let Some(mounted_fs) = self.get(file_system) {
            self.reap_file_system(&mounted_fs, STEPS_PER_OPERATION);
            // Unmounted meanwhile, it may have been referenced by this operation only.
            if slot.is_unmounting() {
                self.release_unused(&mounted_fs);
            }
            drop_file_system(mounted_fs);
        }
    }

    fn owns(&self, file_system: SuperblockId) -> bool {
        file_system.tree() == self.tree().number()
    }
}

//! The bracket around every public operation.

use std::cell::Cell;

use crate::base::sync::thread_local;
use crate::vfs::Vfs;

thread_local! {
    /// How many operations this thread is in. A file system that is called by one may use
    /// another VFS: that one must leave its reaping to later, since its caller's locks are held.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn depth() -> usize {
    DEPTH.with(Cell::get)
}

fn set_depth(depth: usize) {
    DEPTH.with(|own| own.set(depth));
}

fn enter() {
    set_depth(depth() + 1);
}

fn leave() {
    set_depth(depth() - 1);
}

/// Held for the length of a public operation. The outermost one frees, when it is dropped, what
/// the operation has left behind. Declare it first, so that it is dropped last.
#[derive(Debug)]
pub(crate) struct Operation<'a>(&'a Vfs);

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        leave();
        if !std::thread::panicking() {
            self.0.end_operation();
        }
    }
}

/// Held while a file system is called under a lock, in an operation that is to free nothing: a
/// read or a write.
#[derive(Debug)]
pub(crate) struct Nested(());

impl Nested {
    pub(crate) fn enter() -> Self {
        enter();
        Self(())
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        leave();
    }
}

/// How much of what waits to be freed one operation frees at its end. An operation leaves few objects
/// behind, but for a directory with names that are known not to exist; a step frees 1024 of those.
const STEPS_PER_OPERATION: usize = 8;

impl Vfs {
    /// Begins an operation.
    pub(crate) fn operation(&self) -> Operation<'_> {
        enter();
        Operation(self)
    }

    /// Frees what operations have left behind, if the thread is in none and there is anything.
    /// No lock is held.
    pub(crate) fn end_operation(&self) {
        if depth() == 0 && (self.tree().has_dead() || self.instances().owes()) {
            self.reap_at_most(STEPS_PER_OPERATION);
        }
    }

    /// Frees what operations have left behind, in bounded steps, and tells the file systems which
    /// inodes they may forget.
    ///
    /// Every operation does a part of this at its end: more than it has left behind itself, so that
    /// nothing piles up, but never all of a large directory that another has removed. Call it after
    /// that, or after dropping handles where nothing else will happen for a while. It may call file
    /// systems. Inside a file system, called by this or another VFS, it does nothing.
    ///
    /// ```
    /// let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// vfs.reap();
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn reap(&self) {
        self.reap_at_most(usize::MAX);
    }

    fn reap_at_most(&self, steps: usize) {
        if depth() != 0 {
            return;
        }
        // What a file system does when it is told counts as part of this.
        set_depth(1);
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                set_depth(0);
            }
        }
        let _leave = Leave;
        let mut steps = steps;
        let forget = |superblock, ino, lookups| {
            if let Some(instance) = self.instances().get(superblock) {
                instance.fs().forget(ino, lookups);
            }
        };
        loop {
            while self.instances().owes()
                && let Some(dentry) = self.instances().take_left_behind()
            {
                self.forget_below(dentry.get());
            }
            if self.instances().owes() && self.instances().settle() {
                // Who prunes a file system frees it, so that it is let go of even if nothing comes after.
                steps = usize::MAX;
            }
            let before = steps;
            while steps > 0 && self.notifier().reap_step(forget) {
                steps -= 1;
            }
            // What has been freed may have been in the way of the pruning.
            if steps == before || steps == 0 || !self.instances().owes() {
                break;
            }
        }
        if self.instances().owes() {
            self.instances().sweep();
        }
    }
}

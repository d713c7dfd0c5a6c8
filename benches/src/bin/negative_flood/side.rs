//! The operations that the flood needs of a file system: the crate's, or the kernel's.

use std::error::Error;
use std::fmt::Debug;

/// The errors: an operation that fails, or an invariant that does not hold.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A file system, and one inotify instance on it. Every operation reports its events, as a VFS
/// would, and is done by name in a directory that the caller has at hand.
pub(crate) trait Side: Sync {
    /// A directory.
    type Dir: Debug + Sync;
    /// A watch.
    type Watch: Copy;

    /// Its name in tables.
    fn name(&self) -> &str;

    /// How many bytes its memory takes.
    fn memory(&self) -> usize;

    /// How many negative dentries there are; the kernel counts those of others too.
    fn negatives(&self) -> Option<u64>;

    /// Makes a directory.
    fn mkdir(&self, name: &str) -> Result<Self::Dir>;

    /// Makes a file.
    fn create(&self, dir: &Self::Dir, name: &[u8]) -> Result;

    /// Removes a file; its name is known not to exist afterwards.
    fn unlink(&self, dir: &Self::Dir, name: &[u8]) -> Result;

    /// Finds that a name does not exist, so that this is known afterwards.
    fn miss(&self, dir: &Self::Dir, name: &[u8]) -> Result;

    /// Looks a name up, and fails unless it is known to exist, or not to.
    fn look_up(&self, dir: &Self::Dir, name: &[u8], exists: bool) -> Result;

    /// Opens a file and closes it.
    fn open_close(&self, dir: &Self::Dir, name: &[u8]) -> Result;

    /// Changes the attributes of a file.
    fn touch(&self, dir: &Self::Dir, name: &[u8]) -> Result;

    /// Adds a watch for changed attributes on a directory.
    fn watch(&self, dir: &Self::Dir) -> Result<Self::Watch>;

    /// Fails unless all that was reported since the last call is that the attributes of this child
    /// were changed.
    fn expect_touch(&self, watch: Self::Watch, name: &[u8]) -> Result;

    /// Removes a watch, and fails unless all that was reported since is that it is gone.
    fn unwatch(&self, watch: Self::Watch) -> Result;

    /// Fails if anything was reported.
    fn expect_silence(&self) -> Result;

    /// Removes an empty directory. What it leaves behind may be left to [`Side::tidy`].
    fn rmdir(&self, dir: Self::Dir) -> Result;

    /// Frees what was left behind; whatever thread has time for it may call it.
    fn tidy(&self) {
        while self.tidy_step() {}
    }

    /// One step of [`Side::tidy`]; false when nothing is left.
    fn tidy_step(&self) -> bool;

    /// Checks the invariants, with nothing else running.
    fn verify(&self) -> Result;
}

//! [`World`]: a place where operations are done.

use super::op::Step;
use super::outcome::Done;

/// One tree of files with inotify on it: the running kernel, or the crate's own VFS.
///
/// It begins empty, with the current directory at its root, without open files and groups, and with
/// umask 0 if nothing else is said. Paths have the meaning that Linux gives them. A failing call
/// changes nothing. An offset or length above `i64::MAX` stands for a negative one, which Linux
/// answers with EINVAL.
pub trait World {
    /// A short name for messages.
    fn name(&self) -> &str;

    /// Why this world cannot do what `capability` stands for, or `None` if it can.
    ///
    /// The names are those of the scenario format: umount, queue_limit, watch_limit, fdinfo,
    /// fallocate, sendfile, splice, xattr, permissions, proc_self_fd, rename_exchange, o_tmpfile,
    /// fork, bind_mount, mount, mmap, copy_file_range, fanotify, sb_marks, fan_rename, evictable,
    /// dnotify. Random sequences also ask for whiteout, fifo (data included), chown and private_mounts
    /// (a mount stays where it was made).
    fn lacks(&self, capability: &str) -> Option<&'static str>;

    /// Does one operation.
    ///
    /// # Errors
    /// The error of the call; ENOSYS for an operation that this world does not have.
    fn apply(&mut self, step: &Step) -> Done;
}

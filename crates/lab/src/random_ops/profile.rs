//! Which of the operations two worlds can be given.

use crate::op::Op;
use crate::world::World;

/// Every capability that an operation can need.
const CAPABILITIES: [&str; 16] = [
    "o_tmpfile",
    "rename_exchange",
    "whiteout",
    "fifo",
    "chown",
    "xattr",
    "fallocate",
    "sendfile",
    "copy_file_range",
    "splice",
    "proc_self_fd",
    "fdinfo",
    "queue_limit",
    "watch_limit",
    "permissions",
    "fork",
];

/// The capabilities that worlds lack.
///
/// An operation that one of them lacks is left out of a sequence that is made already, so that the
/// same bytes mean the same operations on every machine, but for these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    lacking: Vec<&'static str>,
}

impl Profile {
    /// The capabilities that every one of the worlds has. Besides the capabilities of scenarios, a world is asked
    /// for `whiteout`, `fifo`, `chown` and `private_mounts`.
    pub fn of(worlds: &[&dyn World]) -> Profile {
        let can = |capability: &str| worlds.iter().all(|world| world.lacks(capability).is_none());
        let mut lacking: Vec<&str> = CAPABILITIES.into_iter().filter(|name| !can(name)).collect();
        if !["mount", "bind_mount", "umount", "private_mounts"].into_iter().all(can) {
            lacking.push("private_mounts");
        }
        Profile { lacking }
    }

    /// The operations that are left out.
    pub fn lacking(&self) -> &[&'static str] {
        &self.lacking
    }

    /// Whether every world can do this.
    pub fn can(&self, op: &Op) -> bool {
        let inner = match op {
            Op::As { op, .. } => self.can(op),
            _ => true,
        };
        inner && !self.lacking.contains(&op.needs())
    }
}

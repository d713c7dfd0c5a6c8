//! The lock order: one list, outer to inner.
//!
//! A thread may take a lock only if its rank is higher than that of every lock it holds, or equal if
//! the rank is [`NESTABLE`] and the keys ascend. No lock may be taken under one of a [`TERMINAL`] rank.
//! `ARCHITECTURE.md` explains the list; change both together.

/// The position of an open file; held around reads and writes that use it.
pub(crate) const FILE_POSITION: u8 = 10;
/// One per superblock: held around renames that change a directory's parent.
pub(crate) const RENAME: u8 = 30;
/// A directory's lock (the kernel's `i_rwsem`), several by slot. After them, the link-count lock of one
/// inode.
pub(crate) const DIRECTORY: u8 = 40;
/// The lock of the attributes of an inode that is not a directory. A change of attributes, the size
/// included, holds it for writing for a time that grows with the file. A write that may have to strip
/// set-id bits holds it for reading. No operation that changes or finds a name waits for it.
pub(crate) const ATTRIBUTES: u8 = 44;
/// The mount table. After the directories: a mount waits for a directory lock as long as a file system
/// takes, and every path that crosses a mount takes this lock.
pub(crate) const MOUNT_TABLE: u8 = 46;
/// A table of inodes of an embedded file system.
pub(crate) const FS_TABLE: u8 = 50;
/// One inode of an embedded file system; two by inode number.
pub(crate) const FS_NODE: u8 = 52;
/// The marks of one group. The first of the locks that a hook takes, and so the end of a reference to a
/// dentry takes: a thread that holds one of them reports no death.
pub(crate) const GROUP_MARKS: u8 = 60;
/// A connector: the marks on one object.
pub(crate) const CONNECTOR: u8 = 70;
/// A superblock's table of inodes by number.
pub(crate) const INODE_TABLE: u8 = 76;
/// The names in a directory; two by id, under the rename lock.
pub(crate) const CHILDREN: u8 = 80;
/// The list of pages of an arena that have room.
pub(crate) const ARENA_VACANCY: u8 = 90;
/// One page of an arena.
pub(crate) const ARENA_PAGE: u8 = 92;
/// A group's queue. Terminal.
pub(crate) const QUEUE: u8 = 100;
/// The reaper's lists. Terminal.
pub(crate) const REAPER: u8 = 102;
/// A small table that is rarely used. Terminal.
pub(crate) const LEAF: u8 = 110;

/// Ranks of which a thread may hold several, in ascending order of their keys.
#[cfg(any(test, all(any(debug_assertions, lockdep), not(loom))))]
pub(crate) const NESTABLE: [u8; 3] = [DIRECTORY, FS_NODE, CHILDREN];

/// Ranks under which no further lock of the crate may be taken.
#[cfg(any(test, all(any(debug_assertions, lockdep), not(loom))))]
pub(crate) const TERMINAL: [u8; 3] = [QUEUE, REAPER, LEAF];

/// Whether builds without the check count the locks of this rank that a thread holds: those that hooks
/// take, except those of the tree's own data. Under the latter runs only code that cannot drop a
/// reference whose end reports a death: that is a type of the layer above.
#[cfg(any(test, not(any(debug_assertions, lockdep, loom, shuttle))))]
pub(crate) const fn is_counted(rank: u8) -> bool {
    rank >= GROUP_MARKS
        && !matches!(rank, INODE_TABLE | CHILDREN | ARENA_VACANCY | ARENA_PAGE | REAPER)
}

/// Every rank with its name, in order.
#[cfg(any(test, all(any(debug_assertions, lockdep), not(loom))))]
pub(crate) const ALL: [(u8, &str); 16] = [
    (FILE_POSITION, "file position"),
    (RENAME, "rename lock"),
    (DIRECTORY, "directory lock"),
    (ATTRIBUTES, "attributes"),
    (MOUNT_TABLE, "mount table"),
    (FS_TABLE, "file system's inode table"),
    (FS_NODE, "file system's inode"),
    (GROUP_MARKS, "group.marks"),
    (CONNECTOR, "connector"),
    (INODE_TABLE, "inode table"),
    (CHILDREN, "children"),
    (ARENA_VACANCY, "arena vacancy list"),
    (ARENA_PAGE, "arena page"),
    (QUEUE, "queue"),
    (REAPER, "reaper list"),
    (LEAF, "leaf"),
];

/// The name of a rank.
#[cfg(any(test, all(any(debug_assertions, lockdep), not(loom))))]
pub(crate) fn name(rank: u8) -> &'static str {
    ALL.iter().find(|(known, _)| *known == rank).map_or("unknown lock", |(_, name)| name)
}

/// Whether a rank has this name.
#[cfg(any(test, all(any(debug_assertions, lockdep), not(loom))))]
pub(crate) fn is_name(name: &str) -> bool {
    ALL.iter().any(|(_, known)| *known == name)
}

/// Unknown in this build.
#[cfg(not(any(test, all(any(debug_assertions, lockdep), not(loom)))))]
pub(crate) fn is_name(_name: &str) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_under_which_a_death_must_not_be_reported_are_counted() {
        let counted: Vec<_> = ALL.iter().filter(|(rank, _)| is_counted(*rank)).collect();
        let names: Vec<_> = counted.iter().map(|(_, name)| *name).collect();
        assert_eq!(names, ["group.marks", "connector", "queue", "leaf"]);
    }

    #[test]
    fn the_list_is_in_order_and_complete() {
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for rank in NESTABLE.iter().chain(&TERMINAL) {
            assert_ne!(name(*rank), "unknown lock");
        }
    }
}

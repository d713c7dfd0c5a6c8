//! How many items the crate may do under one hold of a lock.

/// The most items under one hold of each lock that a hook, or an operation on names, may wait for.
///
/// An item is one turn of a loop: a child, a slot of a bucket, a mark, an event, a name. It takes 2 to
/// 100 ns. None of these numbers depends on how large anything is. For `assert_bounds`.
pub const BOUNDS: [(&str, u64); 11] = [
    // One batch of a listing of mounts (128), or the few names on the way to a mountpoint.
    ("mount table", 1024),
    // 512 levels of a tree for each of two questions, then what a rename does under the directory
    // locks.
    ("rename lock", DIRECTORY + 2048),
    ("directory lock", DIRECTORY),
    // One mark on an object that others share is taken off (a connector's bound), and seven that are
    // alone; or 16 marks are listed, each at the end of a chain of 131 at worst.
    ("group.marks", 4096),
    // 1024 marks (`max_object_marks`) are looked at twice: which of them want all there is, and what
    // they want together.
    ("connector", 2 * 1024 + 512),
    // A page of 512 inodes and one of 64 directories are made, once in a while a row of 1024 pages for
    // each, up to 512 heads of chains move, and a chain is split.
    ("inode table", 512 + 64 + 2 * 1024 + 512 + 64),
    // A chunk of a walk (2048 at most, 256 before anything is measured); or 8 names are evicted, each
    // after at most 256 places; or 1024 names of a directory that is gone are freed; or the three
    // columns of a directory that grows move, 512 elements of each.
    ("children", 2048 + 256),
    // A row of 1024 pages is made, once for each 1024.
    ("arena vacancy list", 1024 + 64),
    ("arena page", 64),
    // A chunk of 128 events, or a batch of 64.
    ("queue", 256),
    ("reaper list", 16),
];

/// A page of 4096 dentries may be made, 256 entries listed, 2048 places passed by the hand. What takes
/// longest is a hook: an event goes to at most 1024 marks on each of two objects, and each may be a
/// one-shot, or the object may die: then each ends, with about ten items.
const DIRECTORY: u64 = 4096 + 2 * 1024 * 12;

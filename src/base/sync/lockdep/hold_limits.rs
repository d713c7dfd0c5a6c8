//! The bounds on the work of the crate under one hold of a lock.

/// The most items under one hold of each lock that a hook, or an operation on names, may wait for.
///
/// An item is one turn of a loop: a child, a slot of a bucket, a mark, an event, a name. It takes 2 to
/// 100 ns. None of these numbers grows with the size of any table. For `assert_bounds`.
pub const BOUNDS: [(&str, u64); 11] = [
    // One batch of a listing of mounts (128), or the few names on the way to a mountpoint.
    ("mount table", 1024),
    // 512 levels of a tree for each of two ancestor queries, then the work of a rename under the
    // directory locks.
    ("rename lock", DIRECTORY + 2048),
    ("directory lock", DIRECTORY),
    // Detaching one mark from an object that others share (a connector's bound), and seven from objects
    // that have no other; or listing 16 marks, each at the end of a chain of 131 at worst.
    ("group.marks", 4096),
    // 1024 marks (`max_object_marks`) are read twice: which of them want every event, and the union of
    // their interests.
    ("connector", 2 * 1024 + 512),
    // Making a page of 512 inodes and one of 64 directories, now and then a row of 1024 pages for each,
    // moving up to 512 heads of chains, and splitting a chain.
    ("inode table", 512 + 64 + 2 * 1024 + 512 + 64),
    // A chunk of a walk (2048 at most, 256 before a measurement); or evicting 8 names, each after at
    // most 256 places; or freeing 1024 names of a removed directory; or moving the three columns of a
    // directory that grows, 512 elements of each.
    ("children", 2048 + 256),
    // Making a row of 1024 pages, once for each 1024.
    ("arena vacancy list", 1024 + 64),
    ("arena page", 64),
    // A chunk of 128 events, or a batch of 64.
    ("queue", 256),
    ("reaper list", 16),
];

/// A page of 4096 dentries may be made, 256 entries listed, 2048 places passed by the CLOCK hand. The
/// longest is a hook: an event goes to at most 1024 marks on each of two objects. Each mark may be a
/// one-shot, or the object may die: then each mark ends, with about ten items.
const DIRECTORY: u64 = 4096 + 2 * 1024 * 12;

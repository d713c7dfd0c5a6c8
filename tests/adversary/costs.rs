//! The most bytes that one object of each kind takes.
//!
//! Slots come in pages, which stay: a count is rounded up to whole pages. The other figures are upper
//! bounds for full structures; what a tree of nodes or a vector that doubles leaves unused is in them.

/// A count rounded up to pages, in bytes.
const fn slots(count: usize, page: usize, bytes: usize) -> usize {
    (count + 1).next_multiple_of(page) * bytes
}

/// The slots of dentries: hot words and a place in the slab.
pub(crate) const fn dentries(count: usize) -> usize {
    slots(count, 4096, 26 + 16)
}

/// The slots of inodes.
pub(crate) const fn inodes(count: usize) -> usize {
    slots(count, 512, 62 + 16)
}

/// The slots of directories.
pub(crate) const fn directories(count: usize) -> usize {
    slots(count, 64, 320 + 16)
}

/// The slots of marks and connectors.
pub(crate) const fn marks(count: usize) -> usize {
    slots(count, 256, 24 + 16)
}

pub(crate) const fn connectors(count: usize) -> usize {
    slots(count, 256, 48 + 16)
}

/// The slots of groups; each is made with 15 others.
pub(crate) const fn groups(count: usize) -> usize {
    slots(count, 16, 384 + 16)
}

/// The memory of a group beside its slot: the handle, the list of its tags, the first buckets of its table.
pub(crate) const GROUP: usize = 200;

/// A mark in its group's table: a head of a chain, which may be one of twice as many.
pub(crate) const TABLED: usize = 8;

/// A run of tags, where every other one is in use.
pub(crate) const TAG_RUN: usize = 24;

/// An event in a queue, and a long name.
pub(crate) const EVENT: usize = 40;

/// The bytes of a name on the heap.
pub(crate) const fn heap(len: usize) -> usize {
    if len > 22 { len } else { 0 }
}

/// The memory that a queue always keeps: its first chunk and the one it keeps for later, with names of
/// 255 bytes.
pub(crate) const FIRST_CHUNK: usize = 2 * 129 * EVENT + 129 * 255;

/// A negative dentry: its name and its share of the index.
pub(crate) const fn negative(len: usize) -> usize {
    24 + 20 + heap(len)
}

/// The same in a directory that had up to four times as many before: only then is its index made smaller.
pub(crate) const fn negative_of_fewer(len: usize) -> usize {
    24 + 4 * 13 + heap(len)
}

/// A positive child in its directory: its dentry's index, name and hash, and the share of the index.
pub(crate) const fn child(len: usize) -> usize {
    4 + 32 + 20 + heap(len)
}

/// An inode in the table of its superblock.
pub(crate) const INODE_TABLED: usize = 8;

/// An inode of `MemFs` without contents, its place in the table included.
pub(crate) const MEMFS_INODE: usize = 640;

/// A name in a directory of `MemFs`, in both of its trees.
pub(crate) const fn memfs_name(len: usize) -> usize {
    160 + len
}

/// The first name in a directory of `MemFs`: two nodes for eleven.
pub(crate) const MEMFS_FIRST_NAME: usize = 1000;

/// The first child of a directory in the tree: vectors for a few, and pages of pages.
pub(crate) const FIRST_CHILD: usize = 700;

/// An open file, with the vector that a test keeps it in.
pub(crate) const OPEN_FILE: usize = 320;

/// A directory of `MemFs` with one child, in the file system and in the tree, slots apart.
pub(crate) const fn memfs_chain_link(len: usize) -> usize {
    MEMFS_INODE + MEMFS_FIRST_NAME + memfs_name(len) + FIRST_CHILD + child(len) + INODE_TABLED
}

/// A file of `MemFs` in a directory with many, in the file system and in the tree, slots apart.
pub(crate) const fn memfs_file(len: usize) -> usize {
    MEMFS_INODE + memfs_name(len) + child(len) + INODE_TABLED
}

/// The part that is not counted: a page of each arena, small vectors, and what the neighbour does meanwhile.
pub(crate) const SMALL_CHANGE: usize = 64 << 10;

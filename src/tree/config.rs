//! The limits of a tree.

use crate::tree::directory::{MAX_CHILDREN, MAX_DIRS};

/// The limits of a [`Tree`](crate::Tree).
///
/// Negative dentries have a budget: any user can create any number of them by looking up names that do not
/// exist. At the limit the entries that were used longest ago are evicted, so no operation fails.
///
/// Positive dentries have a budget too, if their file system can be asked again. These are the file systems
/// mounted in a `Vfs`, and those of
/// [`Notifier::add_reclaimable_superblock`](crate::notify::Notifier::add_reclaimable_superblock). Beyond the
/// budget the tree frees dentries that are unreferenced, were not looked up lately, and belong to a
/// superblock with at least the average number of dentries. Referenced dentries stay: those of open files,
/// current directories and mount points, and the directories above these. So the limits on open files bound
/// them. Dentries of other superblocks stay until they are removed.
///
/// A dentry takes about 100 bytes, and its name if that is longer than 22. An inode takes about 90 bytes, a
/// directory about 340 more, and 700 once it has children. The file systems themselves must be bounded:
/// `MemFsBuilder::inode_limit` does that for `MemFs`. A file system that makes names up as they are looked
/// up, or shows a disk, must bound the names it lets be found.
///
/// ```
/// use vfsnotify::TreeConfig;
/// let config = TreeConfig::default().with_negatives(1000);
/// assert_eq!((config.negatives, config.dentries), (1000, 1_000_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeConfig {
    /// How many negative dentries there may be in all (default one million). That is about 40 MB with names
    /// of up to 22 bytes, and 300 MB with names of 255 bytes, which are stored apart. Spread over directories
    /// that have had more of them, they take 36 MB more at worst.
    pub negatives: usize,
    /// How many negative dentries one directory may have (default one million).
    pub negatives_per_directory: usize,
    /// How many positive dentries of file systems that can be asked again are cached before unreferenced ones
    /// are freed (default one million, about 200 MB with their inodes). There are more while every candidate
    /// was looked up lately or is referenced. There are also up to a 256th of all slots ever used more, since
    /// each creation passes over 256 slots.
    pub dentries: usize,
    /// The key of the hash of names, for tests that must run the same each time. A guest that knows the key
    /// can make lookups slow; `None` (the default) is a secret key.
    #[doc(hidden)]
    pub hash_key: Option<u64>,
}

impl Default for TreeConfig {
    fn default() -> Self {
        Self {
            negatives: 1_000_000,
            negatives_per_directory: 1_000_000,
            dentries: 1_000_000,
            hash_key: None,
        }
    }
}

impl TreeConfig {
    /// The same with another [`TreeConfig::negatives`].
    #[must_use]
    pub const fn with_negatives(mut self, negatives: usize) -> Self {
        self.negatives = negatives;
        self
    }

    /// The same with another [`TreeConfig::negatives_per_directory`].
    #[must_use]
    pub const fn with_negatives_per_directory(mut self, negatives_per_directory: usize) -> Self {
        self.negatives_per_directory = negatives_per_directory;
        self
    }

    /// The same with a known key; see [`TreeConfig::hash_key`].
    #[doc(hidden)]
    #[must_use]
    pub const fn with_hash_key(mut self, key: u64) -> Self {
        self.hash_key = Some(key);
        self
    }

    /// The same with another [`TreeConfig::dentries`].
    #[must_use]
    pub const fn with_dentries(mut self, dentries: usize) -> Self {
        self.dentries = dentries;
        self
    }
}

/// How much a [`Tree`](crate::Tree) can hold at once. An operation beyond one of these limits fails before a
/// file system is asked to change anything; the error names the limit.
///
/// A `Vfs` frees unreferenced dentries before it refuses an operation: those of any file system with at least
/// the average number, and those of the file systems that the operation acts on. Dead objects that wait to be
/// freed count: a program that calls [`Notifier::reap`](crate::notify::Notifier::reap) itself does so and
/// tries again. Without a notifier nothing is ever freed.
///
/// ```
/// use vfsnotify::{Errno, MemFs, OpenFlags, TreeLimits, Vfs};
/// let limits = TreeLimits::default().with_dentries(2);
/// let vfs = Vfs::builder().tree_limits(limits).build(MemFs::new())?;
/// let cx = vfs.context();
/// vfs.mkdir(&cx, "/d", 0o755)?;
/// let open = vfs.open(&cx, "/d", OpenFlags::READ, 0)?;
/// assert_eq!(vfs.mkdir(&cx, "/e", 0o755).unwrap_err().errno(), Errno::ENOMEM);
/// open.close();
/// vfs.mkdir(&cx, "/e", 0o755)?;
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeLimits {
    /// Positive dentries, roots included (`ENOMEM`; default 2^30).
    pub dentries: usize,
    /// Inodes (`ENOMEM`; default 2^29, which is also the most).
    pub inodes: usize,
    /// Directories (`ENOMEM`; default 2^26 - 64, which is also the most).
    pub directories: usize,
    /// Superblocks (`ENOMEM`; default 2^24, which is also the most).
    pub superblocks: usize,
    /// Positive children of one directory, those that were unlinked and are in use included
    /// (`ENOSPC`; default 2^30 - 1, which is also the most).
    pub children_per_directory: usize,
}

impl TreeLimits {
    /// The same with another [`TreeLimits::dentries`].
    #[must_use]
    pub const fn with_dentries(mut self, dentries: usize) -> Self {
        self.dentries = dentries;
        self
    }

    /// The same with another [`TreeLimits::inodes`].
    #[must_use]
    pub const fn with_inodes(mut self, inodes: usize) -> Self {
        self.inodes = inodes;
        self
    }

    /// The same with another [`TreeLimits::directories`].
    #[must_use]
    pub const fn with_directories(mut self, directories: usize) -> Self {
        self.directories = directories;
        self
    }

    /// The same with another [`TreeLimits::superblocks`].
    #[must_use]
    pub const fn with_superblocks(mut self, superblocks: usize) -> Self {
        self.superblocks = superblocks;
        self
    }

    /// The same with another [`TreeLimits::children_per_directory`].
    #[must_use]
    pub const fn with_children_per_directory(mut self, children_per_directory: usize) -> Self {
        self.children_per_directory = children_per_directory;
        self
    }
}

/// The number of slots in the pages of an arena of inodes, and in those of an arena of superblocks.
pub(super) const MAX_INODES: usize = 1 << 29;
pub(super) const MAX_SUPERBLOCKS: usize = 1 << 24;

impl Default for TreeLimits {
    fn default() -> Self {
        Self {
            dentries: 1 << 30,
            inodes: MAX_INODES,
            directories: MAX_DIRS,
            superblocks: MAX_SUPERBLOCKS,
            children_per_directory: MAX_CHILDREN,
        }
    }
}

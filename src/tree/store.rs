//! The tree as a whole: its arenas, its configuration and its counts.

use std::fmt;

use crate::base::arena::Arena;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, AtomicBool, AtomicU32, AtomicUsize, Domain, Ordering, unique_number};
use crate::tree::config::{MAX_INODES, MAX_SUPERBLOCKS, TreeConfig, TreeLimits};
use crate::tree::deferred_queue::{DeferredFree, Reclaim};
use crate::tree::dentry_page::Dentries;
use crate::tree::directory::{Dirs, MAX_CHILDREN, MAX_DIRS};
use crate::tree::inode_page::Inodes;
use crate::tree::name_hash::NameHash;
use crate::tree::superblock::{SuperblockSlot, Superblocks};

/// A dentry cache: superblocks, inodes and their names.
///
/// A program with a VFS of its own holds its dentries here. It looks names up, changes them and reports
/// events on the [`Notifier`](crate::notify::Notifier) beside the tree, since the end of a dentry is an
/// event. `Vfs` does the same inside.
///
/// Every method is safe to call from any thread; none holds a lock when it returns. Methods that change
/// a directory take its `children` lock for a bounded time.
pub struct Tree {
    pub(super) dentries: Dentries,
    pub(super) inodes: Inodes,
    pub(super) dirs: Dirs,
    pub(super) superblocks: Superblocks,
    name_hash: NameHash,
    config: TreeConfig,
    /// Tells its ids from those of other trees.
    number: u32,
    /// How many positive children a directory may have.
    pub(super) max_children: usize,
    /// Negative dentries in all. Relaxed: no other memory depends on it. Raised up to the budget by
    /// compare-and-swap, before the entry exists.
    pub(super) negatives: AtomicUsize,
    /// The position of the CLOCK hand among the directories. Relaxed: no other memory depends on it.
    pub(super) clock_cursor: AtomicU32,
    pub(super) deferred: DeferredFree,
    pub(super) reclaim: Reclaim,
    /// Whether the tree has a notifier. AcqRel: the next notifier sees what the last one removed.
    has_notifier: AtomicBool,
}

impl Tree {
    /// An empty tree.
    ///
    /// ```
    /// use vfsnotify::{Tree, TreeConfig};
    /// let tree = Tree::new(TreeConfig::default().with_negatives(10_000));
    /// assert_eq!(tree.live_dentries(), 0);
    /// ```
    #[must_use]
    pub fn new(config: TreeConfig) -> Arc<Self> {
        Self::with_limits(config, TreeLimits::default())
    }

    /// An empty tree with these limits.
    ///
    /// ```
    /// use vfsnotify::{Tree, TreeConfig, TreeLimits};
    /// let limits = TreeLimits::default().with_superblocks(1);
    /// let tree = Tree::with_limits(TreeConfig::default(), limits);
    /// let notifier = vfsnotify::notify::Notifier::new(&tree, Default::default())?;
    /// let one = notifier.add_superblock(1)?;
    /// assert!(notifier.add_superblock(1).is_err());
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn with_limits(config: TreeConfig, limits: TreeLimits) -> Arc<Self> {
        Arc::new(Self {
            dentries: Arena::with_limit(limits.dentries),
            inodes: Arena::with_limit(limits.inodes.min(MAX_INODES)),
            dirs: Arena::with_limit(limits.directories.min(MAX_DIRS)),
            superblocks: Arena::with_limit(limits.superblocks.min(MAX_SUPERBLOCKS)),
            name_hash: NameHash::new(config.hash_key),
            config,
            number: unique_number(),
            max_children: limits.children_per_directory.min(MAX_CHILDREN),
            negatives: AtomicUsize::new(0),
            clock_cursor: AtomicU32::new(0),
            deferred: DeferredFree::default(),
            reclaim: Reclaim::default(),
            has_notifier: AtomicBool::new(false),
        })
    }

    pub(crate) fn claim_notifier(&self) -> bool {
        !self.has_notifier.swap(true, Ordering::AcqRel)
    }

    /// A read-modify-write like the claim: loom would let a claim that fails undo a plain store, which
    /// the memory model does not.
    pub(crate) fn release_notifier(&self) {
        self.has_notifier.swap(false, Ordering::AcqRel);
    }

    /// A keyed hash of a number that a guest, or an image it made, may have chosen.
    pub(crate) fn hash_number(&self, number: u64) -> u32 {
        self.name_hash.hash_number(number)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The domain of its locks, and of the locks of the layers above it.
    #[inline(always)]
    pub(crate) fn domain(&self) -> Domain {
        Domain::of(|| self.number)
    }

    pub(crate) fn config(&self) -> &TreeConfig {
        &self.config
    }

    /// How many positive dentries there are, unhashed ones included.
    #[must_use]
    pub fn live_dentries(&self) -> usize {
        self.dentries.live()
    }

    /// How many inodes there are, those that wait to be reaped included.
    #[must_use]
    pub fn live_inodes(&self) -> usize {
        self.inodes.live()
    }

    /// All superblocks.
    pub(crate) fn superblocks(&self) -> impl Iterator<Item = Ix<SuperblockSlot>> + use<> {
        self.superblocks.all()
    }

    /// How often the flag of any child was stored so far; tests count these as visits.
    #[cfg(all(test, not(shuttle)))]
    pub(crate) fn flag_stores(&self) -> usize {
        use crate::base::arena::HotPage;
        use crate::tree::dentry_page::DentryPage;
        let pages = self.dentries.all().step_by(DentryPage::SLOTS);
        pages.filter_map(|index| Some(self.dentries.page(index)?.hot().flag_stores.get())).sum()
    }

    pub(crate) fn dirs(&self) -> &Dirs {
        &self.dirs
    }

    pub(super) fn hash_for_verify(&self, name: &[u8]) -> u32 {
        self.hash_name(name)
    }

    pub(super) fn hash_name(&self, name: &[u8]) -> u32 {
        self.name_hash.hash(name)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("dentries", &self.live_dentries())
            .field("inodes", &self.live_inodes())
            .field("negatives", &self.negatives())
            .finish_non_exhaustive()
    }
}

//! The notifier: groups, marks, connectors and limits beside a tree.

use std::fmt;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, AtomicBool, AtomicU32, AtomicUsize, Ordering};
use crate::base::walk_pace::Pace;
use crate::notify::connector::{ConnectorSlot, Connectors};
use crate::notify::delivery_order::Group;
use crate::notify::group::{GroupSlot, Groups};
use crate::notify::limits::{Limits, NotifyConfig, Users};
use crate::notify::mark::{MarkSlot, Marks};
use crate::notify::mount_slot::Mounts;
use crate::notify::watched_object::{Named, Watched, WatchedKey};
use crate::tree::Tree;
use crate::tree::notify_slot::Connector;

/// The notification side of a [`Tree`]: groups, marks and the hooks that feed them.
///
/// ```
/// use vfsnotify::tree::InodeSpec;
/// use vfsnotify::{InodeKind, Tree};
/// use vfsnotify::notify::{Notifier, NotifyConfig};
///
/// let tree = Tree::new(Default::default());
/// let notifier = Notifier::new(&tree, NotifyConfig::default())?;
/// let (superblock, root) = notifier.add_superblock(1)?;
/// let inode = tree.make_inode(&superblock, InodeSpec::new(2, InodeKind::Regular, 1))?;
/// let file = notifier.hooks().create(root.get(), b"file", inode)?;
/// notifier.hooks().on_open(file.get());
/// # Ok::<(), vfsnotify::Error>(())
/// ```
pub struct Notifier {
    tree: Arc<Tree>,
    groups: Groups,
    marks: Marks,
    connectors: Connectors,
    mounts: Mounts,
    users: Users,
    pace: Pace,
    /// The cookie of the last rename. Relaxed: it only has to be unique.
    cookie: AtomicU32,
    /// The limits, each stored by itself. Relaxed: a change need not be seen at once.
    max_queued_events: AtomicUsize,
    max_user_instances: AtomicU32,
    max_user_watches: AtomicU32,
    max_object_marks: AtomicUsize,
    /// Set once, before `shut_down` seals the groups. `SeqCst`: `GroupHandle::new` fills its slot and then
    /// reads the flag.
    shut: AtomicBool,
}

impl Notifier {
    /// Makes the notifier of a tree. A tree has at most one at a time.
    ///
    /// # Errors
    /// `EBUSY` while the tree has one.
    pub fn new(tree: &Arc<Tree>, config: NotifyConfig) -> Result<Arc<Self>> {
        if !tree.claim_notifier() {
            return Err(Errno::EBUSY.into());
        }
        let users = Users::default();
        let Limits { max_user_queue_bytes, max_total_queue_bytes, .. } = config.limits;
        users.memory().set_limits(max_user_queue_bytes, max_total_queue_bytes);
        Ok(Arc::new(Self {
            tree: tree.clone(),
            groups: Groups::default(),
            marks: Marks::default(),
            connectors: Connectors::default(),
            mounts: Mounts::default(),
            users,
            pace: config.pace,
            cookie: AtomicU32::new(0),
            max_queued_events: AtomicUsize::new(config.limits.max_queued_events),
            max_user_instances: AtomicU32::new(config.limits.max_user_instances),
            max_user_watches: AtomicU32::new(config.limits.max_user_watches),
            max_object_marks: AtomicUsize::new(config.limits.max_object_marks),
            shut: AtomicBool::new(false),
        }))
    }

    /// A notifier with room for only so many groups, marks and connectors.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn with_room(
        tree: &Arc<Tree>,
        groups: usize,
        marks: usize,
        connectors: usize,
    ) -> Arc<Self> {
        let notifier = Self::new(tree, NotifyConfig::default()).expect("the tree has none");
        let mut notifier = Arc::into_inner(notifier).expect("no other reference");
        notifier.groups = Groups::with_limit(groups);
        notifier.marks = Marks::with_limit(marks);
        notifier.connectors = Connectors::with_limit(connectors);
        Arc::new(notifier)
    }

    /// The tree of this notifier.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// The limits now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let (max_user_queue_bytes, max_total_queue_bytes) = self.users.memory().limits();
        Limits {
            max_queued_events: self.max_queued_events.load(Ordering::Relaxed),
            max_user_instances: self.max_user_instances.load(Ordering::Relaxed),
            max_user_watches: self.max_user_watches.load(Ordering::Relaxed),
            max_object_marks: self.max_object_marks.load(Ordering::Relaxed),
            max_user_queue_bytes,
            max_total_queue_bytes,
        }
    }

    /// Changes the limits. Existing queues keep their limit in events. Usage above a new limit stays, but
    /// nothing is added to it.
    pub fn set_limits(&self, limits: Limits) {
        self.max_queued_events.store(limits.max_queued_events, Ordering::Relaxed);
        self.max_user_instances.store(limits.max_user_instances, Ordering::Relaxed);
        self.max_user_watches.store(limits.max_user_watches, Ordering::Relaxed);
        self.max_object_marks.store(limits.max_object_marks, Ordering::Relaxed);
        self.users.memory().set_limits(limits.max_user_queue_bytes, limits.max_total_queue_bytes);
    }

    /// The bytes that the queues of a user take, and those of all users, as [`Limits::max_user_queue_bytes`]
    /// counts them.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, _, _) = new_vfs()?;
    /// assert_eq!(vfs.notifier().queue_bytes(0), (0, 0));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn queue_bytes(&self, user: u32) -> (usize, usize) {
        (self.users.queued_bytes(user), self.users.memory().used())
    }

    /// The numbers of groups and marks that a user has.
    #[must_use]
    pub fn usage(&self, user: u32) -> (u32, u32) {
        self.users.usage(user)
    }

    /// The pace of walks.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    pub(crate) fn connectors(&self) -> &Connectors {
        &self.connectors
    }

    pub(crate) fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// The object in the slot that a key names. The slot may have been reused by another object since.
    pub(crate) fn watched_at(&self, key: WatchedKey) -> Watched<'_> {
        match key.named() {
            Named::Inode(key) => Watched::Inode(self.tree.inode_at(key.index)),
            Named::Superblock(index) => Watched::Superblock(self.tree.superblock_at(index)),
            Named::Mount(index) => {
                let page = self.mounts.page(index).expect("an index that was given out has a page");
                let slot = page.hot().slot(index);
                let superblock = self.tree.superblock_at(slot.superblock());
                Watched::Mount { slot, index, superblock }
            }
        }
    }

    #[inline]
    pub(crate) fn mark(&self, index: Ix<MarkSlot>) -> &MarkSlot {
        self.marks.page(index).expect("an index that was given out has a page").hot().slot(index)
    }

    #[inline]
    pub(crate) fn group(&self, index: Ix<Group>) -> &GroupSlot {
        self.groups.page(index).expect("an index that was given out has a page").hot().slot(index)
    }

    #[inline]
    pub(crate) fn connector(&self, index: Ix<Connector>) -> &ConnectorSlot {
        let page = self.connectors.page(index).expect("an index that was given out has a page");
        page.hot().slot(index)
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::SeqCst)
    }

    pub(crate) fn set_shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    /// The hash of a tag. It is keyed, since guests can choose tags. Blocks of 64 tags stay together, so that
    /// the close of a group visits its marks in about the order in which they were made. A guest that takes
    /// every 64th tag gets chains of 64 on average (the longest was 131 with 100,000 marks). Mixing the key
    /// into the place within a block made a close slower by a sixth.
    pub(crate) fn hash_tag(&self, tag: i32) -> u32 {
        let tag = tag.cast_unsigned();
        self.tree.hash_number(u64::from(tag >> 6)) << 6 | tag & 63
    }

    pub(crate) fn next_cookie(&self) -> u32 {
        self.cookie.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl Drop for Notifier {
    /// Wakes its readers and takes its connectors off the tree: groups and the tree may outlive it, and the
    /// tree may get another notifier.
    fn drop(&mut self) {
        self.shut_down();
        for index in self.connectors.all() {
            self.disconnect(index);
        }
        self.tree.release_notifier();
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("groups", &self.groups.live())
            .field("marks", &self.marks.live())
            .finish_non_exhaustive()
    }
}

//! Pruning of the dentries below a directory, in bounded steps.

use crate::base::paged_vec::PagedVec;
use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, count_items};
use crate::notify::lifetime::dentry_ref::DentryRef;
use crate::notify::notifier::Notifier;
use crate::tree::dentry::DentrySlot;
use crate::tree::directory::DirSlot;
use crate::tree::{Dentry, DentryId, RawDentryRef};

/// A walk that frees the unreferenced dentries below a directory, deepest first and without any event: after an
/// unmount, or when memory is short. A later lookup asks the file system again.
///
/// A referenced dentry stays, and so do the directories above it; the walk skips them. Between two steps the
/// walk holds no lock, and other threads may change anything.
///
/// A directory without a name that only its children kept dies with the last of them. [`Notifier::reap`]
/// reports its death, and until then it keeps the directories above it. A program that unhashes directories
/// before their children walks again after each `reap`, until
/// [`Tree::live_dentries`](crate::Tree::live_dentries) stays the same.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (tree, notifier, superblock, root) = new_tree()?;
/// use vfsnotify::notify::Pruning;
/// # let spec = InodeSpec::new(2, InodeKind::Regular, 1);
/// # notifier.hooks().create(root.get(), b"file", tree.make_inode(&superblock, spec)?)?;
/// // An unmount: the watches go first, then the names, then the root.
/// notifier.on_unmount(&superblock);
/// let mut pruning = Pruning::below(root);
/// while pruning.step() {}
/// drop((pruning, superblock));
/// notifier.reap(|_superblock, _ino, _lookups| {});
/// assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Pruning {
    root: DentryRef,
    walk: PruneWalk,
}

impl Pruning {
    /// Makes a walk that has not begun.
    #[must_use]
    pub fn below(root: DentryRef) -> Self {
        Self { root, walk: PruneWalk::default() }
    }

    /// Frees one dentry, skips up to 256 that are in use, or goes to another directory. False when the walk is
    /// finished; a later call begins another one.
    ///
    /// Takes `children` of one directory for a bounded time; O(1). The caller must hold no lock that a hook's
    /// caller may hold. The reaper frees the inodes.
    pub fn step(&mut self) -> bool {
        self.walk.step(self.root.notifier(), self.root.get())
    }

    /// Ends the walk and returns the directory.
    #[must_use]
    pub fn into_root(self) -> DentryRef {
        self.root
    }
}

/// How many children in use one step skips, and how many levels that are gone.
const CHILDREN_PER_STEP: usize = 256;

/// A [`Pruning`] whose root the caller keeps.
#[derive(Debug, Default)]
pub(crate) struct PruneWalk {
    /// The directory that the walk is in; `None` is the root. It is referenced, since other threads free dead
    /// dentries meanwhile.
    at: Option<DentryRef>,
    /// The children at this place and above it have been visited; `None` before the first.
    place: Option<usize>,
    /// The directories on the way down, with the places of the children that the walk entered. It goes back by
    /// these and not by the parents, so that it does not follow a directory that is moved out of the root.
    above: PagedVec<Level>,
    /// The directory that the walk has just left upwards: it may be pruned now, but is not entered again.
    left: Option<DentryId>,
    /// How many dentries were pruned.
    pruned: usize,
}

/// A directory on the way down to the place of a walk.
#[derive(Debug)]
struct Level {
    /// `None` is the root.
    directory: Option<DentryId>,
    place: usize,
}

impl PruneWalk {
    /// How many dentries were pruned so far.
    #[cfg(feature = "vfs")]
    pub(crate) fn pruned(&self) -> usize {
        self.pruned
    }

    /// See [`Pruning::step`].
    pub(crate) fn step(&mut self, notifier: &Arc<Notifier>, root: Dentry<'_>) -> bool {
        let tree = notifier.tree();
        for _ in 0..CHILDREN_PER_STEP {
            count_items(1);
            // Read the next child, in descending order of places.
            let here = self.at.as_ref().map_or(root, DentryRef::get);
            let Some(dir) = here.inode().dir() else { return false };
            let (child, place) = {
                let children = tree.dir_at(dir).children.read();
                let end = children.positives();
                let place = self.place.map_or(end, |place| place.min(end)).checked_sub(1);
                // The removal of a child moves the last one to its place; that one has been visited.
                (place.map(|place| children.dentry_at(place)), place.unwrap_or(0))
            };
            let Some(child) = child else { return self.go_up(notifier) };
            self.place = Some(place);
            if self.go_down(notifier, dir, child, place) {
                return true;
            }
            // A child that has moved to another directory since is left alone.
            if tree.prune_dentry(child, |link| link.dir() == Some(dir)) {
                self.pruned += 1;
                return true;
            }
        }
        true
    }

    /// Enters a child directory that has children, unless the walk has just come back from it.
    fn go_down(
        &mut self,
        notifier: &Arc<Notifier>,
        dir: Ix<DirSlot>,
        child: Ix<DentrySlot>,
        place: usize,
    ) -> bool {
        let tree = notifier.tree();
        let page = tree.dentry_page(child).hot();
        if !tree.is_directory(child) || !page.refs(child).try_get(None) {
            return false;
        }
        let child = DentryRef::new(notifier, RawDentryRef::counted(child));
        // Before the reference was taken, the slot may have been reused by a directory elsewhere.
        if child.get().link().dir() != Some(dir) {
            return false;
        }
        if self.left == Some(child.get().id()) {
            self.left = None;
            return false;
        }
        if !tree.has_children(child.get()) {
            return false;
        }
        let directory = self.at.replace(child).map(|left| left.get().id());
        self.above.push(Level { directory, place });
        self.place = None;
        true
    }

    /// Goes back to the parent level, at the place of the directory that it leaves; false where that was the
    /// root.
    fn go_up(&mut self, notifier: &Arc<Notifier>) -> bool {
        for _ in 0..CHILDREN_PER_STEP {
            count_items(1);
            let Some(Level { directory, place }) = self.above.pop() else {
                (self.at, self.place, self.left) = (None, None, None);
                return false;
            };
            let at = match directory.map(|directory| notifier.dentry(directory)) {
                // The directory is gone, and its children with it or elsewhere.
                Some(Err(_)) => continue,
                Some(Ok(at)) => Some(at),
                None => None,
            };
            self.left = self.at.take().map(|left| left.get().id());
            (self.at, self.place) = (at, Some(place + 1));
            return true;
        }
        // The walk stays in this directory, at its end, and the next step goes on from here.
        self.place = Some(0);
        true
    }
}

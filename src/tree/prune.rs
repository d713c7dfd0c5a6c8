//! Taking the dentries below a directory away in bounded steps.

use crate::base::index::Ix;
use crate::base::paged::PagedVec;
use crate::base::sync::{Arc, count_items};
use crate::tree::dcache::Tree;
use crate::tree::dentry::{Dentry, DentryId, DentryRef, DentrySlot};
use crate::tree::directory::{DirSlot, Link};

/// A walk that takes away the unreferenced dentries below a directory, deepest first and without any
/// event: after an unmount, or when memory is short. What is taken away is found again by asking the
/// file system.
///
/// A dentry that is in use stays, and so do the directories above it; the walk passes over them. Between
/// two steps nothing is locked, and other threads may do anything.
///
/// A directory that had lost its name, and was in use by what is in it alone, dies with that. Its death is
/// left to [`Notifier::reap`](crate::notify::Notifier::reap), and until then it keeps the directories above
/// it. A program that takes names of directories away before those in them walks again after each `reap`,
/// until [`Tree::live_dentries`] stays what it is.
///
/// ```
/// # use vfsnotify::{InodeKind, InodeSpec, Tree};
/// # use vfsnotify::notify::{Notifier, NotifyConfig};
/// use vfsnotify::Pruning;
/// # let tree = Tree::new(Default::default());
/// # let notifier = Notifier::new(&tree, NotifyConfig::default())?;
/// # let (superblock, root) = tree.add_superblock(1)?;
/// # let spec = InodeSpec::new(2, InodeKind::Regular, 1);
/// # drop(tree.instantiate(root.get(), b"file", tree.make_inode(&superblock, spec)?)?);
/// // An unmount: the watches go first, then the names, then the root.
/// notifier.on_unmount(&superblock);
/// let mut pruning = Pruning::below(root);
/// while pruning.step() {}
/// notifier.dput(pruning.into_root());
/// drop(superblock);
/// notifier.reap(|_superblock, _ino, _lookups| {});
/// assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Debug)]
pub struct Pruning {
    root: DentryRef,
    walk: PruneWalk,
}

impl Pruning {
    /// A walk that has not begun.
    #[must_use]
    pub fn below(root: DentryRef) -> Self {
        Self { root, walk: PruneWalk::default() }
    }

    /// Takes one dentry away, passes over up to 256 that are in use, or goes to another directory.
    /// False when the walk is through; a later call begins another one.
    ///
    /// Takes `children` of one directory for a bounded time; O(1). Call it with no lock held that a
    /// hook's caller may hold. The inodes are left to the reaper.
    pub fn step(&mut self) -> bool {
        self.walk.step(self.root.tree(), self.root.get())
    }

    /// Ends the walk and gives the directory back.
    #[must_use]
    pub fn into_root(self) -> DentryRef {
        self.root
    }
}

/// How many children one step passes over, and how many levels that have gone.
const CHILDREN_PER_STEP: usize = 256;

/// A [`Pruning`] whose root is kept by the caller.
#[derive(Debug, Default)]
pub(crate) struct PruneWalk {
    /// The directory it is in; the root if there is none. It is referenced: other threads free what is
    /// dead meanwhile.
    at: Option<DentryRef>,
    /// The children at this place and above it have been visited; `None` before the first.
    place: Option<usize>,
    /// The directories it came through, with the places of the children that it went into. It goes back
    /// by these and not by the parents, so that a directory that is moved out of the root does not lead
    /// it out.
    above: PagedVec<Level>,
    /// The directory that it has just come back from: it may be taken away now, but not gone into again.
    left: Option<DentryId>,
    /// How many dentries it has taken away.
    pruned: usize,
}

/// A directory on the way down to where a walk is.
#[derive(Debug)]
struct Level {
    /// `None` is the root.
    directory: Option<DentryId>,
    place: usize,
}

impl PruneWalk {
    #[cfg(feature = "vfs")]
    /// How many dentries it has taken away so far.
    pub(crate) fn pruned(&self) -> usize {
        self.pruned
    }

    /// See [`Pruning::step`].
    pub(crate) fn step(&mut self, tree: &Arc<Tree>, root: Dentry<'_>) -> bool {
        for _ in 0..CHILDREN_PER_STEP {
            count_items(1);
            let here = self.at.as_ref().map_or(root, DentryRef::get);
            let Some(dir) = here.inode().dir() else { return false };
            let (child, place) = {
                let children = tree.dir_at(dir).children.read();
                let end = children.positives();
                let place = self.place.map_or(end, |place| place.min(end)).checked_sub(1);
                // A removed child moves the last one to its place, which has been visited.
                (place.map(|place| children.dentry_at(place)), place.unwrap_or(0))
            };
            let Some(child) = child else { return self.go_up(tree) };
            self.place = Some(place);
            if self.go_down(tree, dir, child, place) {
                return true;
            }
            // Not one that has moved elsewhere since.
            if tree.prune_dentry(child, |link| link.dir() == Some(dir)) {
                self.pruned += 1;
                return true;
            }
        }
        true
    }

    /// Goes into a child of a directory that has children, unless it has just come back from there.
    fn go_down(
        &mut self,
        tree: &Arc<Tree>,
        dir: Ix<DirSlot>,
        child: Ix<DentrySlot>,
        place: usize,
    ) -> bool {
        let page = tree.dentry_page(child).hot();
        if !tree.is_directory(child) || !page.life(child).try_get(None) {
            return false;
        }
        let child = DentryRef::from_use(tree, child);
        // Before it was referenced its slot may have come to serve a directory elsewhere.
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

    /// Goes back to the directory that it came from, at the place of the one that it leaves; false where
    /// that was the root.
    fn go_up(&mut self, tree: &Arc<Tree>) -> bool {
        for _ in 0..CHILDREN_PER_STEP {
            count_items(1);
            let Some(Level { directory, place }) = self.above.pop() else {
                (self.at, self.place, self.left) = (None, None, None);
                return false;
            };
            let at = match directory.map(|directory| tree.dentry(directory)) {
                // It went meanwhile, and what was in it with it or elsewhere.
                Some(Err(_)) => continue,
                Some(Ok(at)) => Some(at),
                None => None,
            };
            self.left = self.at.take().map(|left| left.get().id());
            (self.at, self.place) = (at, Some(place + 1));
            return true;
        }
        // It stays at the end of where it is, and goes on from there.
        self.place = Some(0);
        true
    }
}

impl Tree {
    fn is_directory(&self, dentry: Ix<DentrySlot>) -> bool {
        self.inode_at(self.dentry_page(dentry).hot().inode(dentry)).dir().is_some()
    }

    /// Takes a dentry away if nothing but its name refers to it, and it is to go: that is asked, with its
    /// link, while `children` of its parent is locked. Whether it has gone.
    ///
    /// The reference of the name is given up first, by one compare-and-swap that fails if there is any
    /// other; then the name goes. So no look-up finds a name whose dentry is dead, and none takes a
    /// reference that is then lost.
    ///
    /// Until then nothing keeps the dentry: it may be freed, and its slot serve a name of another directory,
    /// whose lock this is not. So the swap is of the generation that was there before the link was read.
    pub(crate) fn prune_dentry(
        &self,
        dentry: Ix<DentrySlot>,
        is_to_go: impl FnOnce(Link) -> bool,
    ) -> bool {
        let page = self.dentry_page(dentry).hot();
        let life = page.life(dentry);
        let Some(generation) = life.generation_if_unused() else { return false };
        let Some((_, mut children, link)) = self.lock_parent(dentry) else { return false };
        if !page.is_hashed(dentry) || !is_to_go(link) || !life.end_unused(generation) {
            return false;
        }
        children.unhash(link.place());
        page.set_hashed(dentry, false);
        drop(children);
        // The file system took the last name away without a word to the cache: the death is reported,
        // which is not known here. Otherwise an end in the cache is none of the file's.
        if self.inode_at(page.inode(dentry)).nlink() == 0 {
            self.defer_dentry(dentry);
            return true;
        }
        self.end_alias(dentry);
        if let Some(parent) = self.free_dead_dentry(dentry) {
            self.defer_dentry(parent);
        }
        true
    }
}

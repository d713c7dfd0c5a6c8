//! Positive dentries: the names of inodes.

use std::fmt;

use crate::base::arena::{Arena, Column, HotPage, Page, column, slots};
use crate::base::index::{AtomicIx, Ix};
#[cfg(all(test, not(shuttle)))]
use crate::base::sync::models::Tally;
use crate::base::sync::{Arc, AtomicU8, AtomicU64, Ordering};
use crate::tree::dcache::Tree;
use crate::tree::directory::Link;
use crate::tree::inode::{Inode, InodePage, InodeRef, InodeSlot};
use crate::tree::life::Life;
use crate::tree::superblock::{SuperblockId, SuperblockPin};

const SLOTS: usize = slots(4096);

/// A positive dentry's slot: a place in each column of a [`DentryPage`].
pub(crate) enum DentrySlot {}

/// The dentries' arena. A dentry's name is with its parent, so there is no cold part.
pub(crate) type Dentries = Arena<DentryPage, ()>;

/// Names a positive dentry of a [`Tree`]; it stays unique when the slot is used again, and among trees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DentryId {
    pub(crate) index: Ix<DentrySlot>,
    pub(crate) generation: u32,
    pub(crate) tree: u32,
}

impl fmt::Debug for DentryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DentryId({}v{})", Dentries::ordinal(self.index), self.generation)
    }
}

/// The hot half of a page of dentries, column by column: a walk that flags children in the order
/// they were made stores to neighbouring bytes.
pub(crate) struct DentryPage {
    /// "My parent is watched": 1 or 0. A byte of its own, so that a walk can use a plain store.
    /// Written under the parent's `children` lock, as the rules in `tree::child_watch` say.
    /// Relaxed: a hook that must see a set flag is ordered after it by the return of the add, and a
    /// stale one costs a look at the parent.
    watched: Column<AtomicU8, SLOTS>,
    /// Bits of [`HASHED`], [`MOUNTED`] and [`REFERENCED`]. Written under the parent's `children` (write),
    /// under the mount table's lock, and under no lock, respectively, by atomic or/and. Relaxed: those
    /// locks order the first two, and the third is a hint.
    state: Column<AtomicU8, SLOTS>,
    /// The [`Link`]. Written under the parent's `children` (write), with `Release`.
    link: Column<AtomicU64, SLOTS>,
    /// The inode. Written before the dentry is known.
    inode: Column<AtomicIx<InodeSlot>, SLOTS>,
    life: Column<Life, SLOTS>,
    /// The next dentry in the reaper's list. Written under that list's lock.
    next: Column<AtomicIx<DentrySlot>, SLOTS>,
    /// How often a child's flag was stored: what walks, clears and arrivals cost.
    #[cfg(all(test, not(shuttle)))]
    pub(super) flag_stores: Tally,
}

/// The dentry is in the index of its directory.
const HASHED: u8 = 1;
/// Something is mounted on the dentry, in some mount.
#[cfg(feature = "vfs")]
const MOUNTED: u8 = 2;
/// The dentry was looked up since the clock that reclaims dentries came by.
const REFERENCED: u8 = 4;

impl Default for DentryPage {
    fn default() -> Self {
        Self {
            watched: column(|| AtomicU8::new(0)),
            state: column(|| AtomicU8::new(0)),
            link: column(|| AtomicU64::new(Link::ROOT.bits())),
            inode: column(AtomicIx::default),
            life: column(Life::default),
            next: column(AtomicIx::default),
            #[cfg(all(test, not(shuttle)))]
            flag_stores: Tally::default(),
        }
    }
}

impl HotPage for DentryPage {
    type Slot = DentrySlot;
    const SLOTS: usize = SLOTS;
}

/// The flags of the dentries of a page, for a loop over many of them: where the column is has been looked up.
#[derive(Clone, Copy)]
pub(crate) struct WatchedFlags<'a> {
    flags: &'a [AtomicU8; SLOTS],
    #[cfg(all(test, not(shuttle)))]
    stores: &'a Tally,
}

impl WatchedFlags<'_> {
    /// Sets the flag of one child: the inner loop of the walk.
    #[inline(always)]
    pub(super) fn set(self, index: Ix<DentrySlot>, watched: bool) {
        #[cfg(all(test, not(shuttle)))]
        self.stores.count();
        self.flags[Dentries::place(index)].store(u8::from(watched), Ordering::Relaxed);
    }
}

impl DentryPage {
    #[inline(always)]
    pub(super) fn watched_flags(&self) -> WatchedFlags<'_> {
        WatchedFlags {
            flags: &self.watched,
            #[cfg(all(test, not(shuttle)))]
            stores: &self.flag_stores,
        }
    }

    #[inline(always)]
    pub(super) fn set_watched(&self, index: Ix<DentrySlot>, watched: bool) {
        self.watched_flags().set(index, watched);
    }

    #[inline(always)]
    pub(crate) fn is_watched(&self, index: Ix<DentrySlot>) -> bool {
        self.watched[Dentries::place(index)].load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    pub(crate) fn link(&self, index: Ix<DentrySlot>) -> Link {
        Link::from_bits(self.link[Dentries::place(index)].load(Ordering::Acquire))
    }

    pub(crate) fn set_link(&self, index: Ix<DentrySlot>, link: Link) {
        self.link[Dentries::place(index)].store(link.bits(), Ordering::Release);
    }

    #[inline]
    pub(crate) fn inode(&self, index: Ix<DentrySlot>) -> Ix<InodeSlot> {
        self.inode[Dentries::place(index)].load_some(Ordering::Relaxed)
    }

    pub(crate) fn life(&self, index: Ix<DentrySlot>) -> &Life {
        &self.life[Dentries::place(index)]
    }

    pub(crate) fn next(&self, index: Ix<DentrySlot>) -> Option<Ix<DentrySlot>> {
        self.next[Dentries::place(index)].load(Ordering::Relaxed)
    }

    pub(crate) fn set_next(&self, index: Ix<DentrySlot>, next: Option<Ix<DentrySlot>>) {
        self.next[Dentries::place(index)].store(next, Ordering::Relaxed);
    }

    /// Fills in the words of a slot that nobody else knows yet, and begins its life.
    pub(crate) fn begin(&self, index: Ix<DentrySlot>, inode: Ix<InodeSlot>) {
        let place = Dentries::place(index);
        self.inode[place].store(Some(inode), Ordering::Relaxed);
        self.watched[place].store(0, Ordering::Relaxed);
        self.state[place].store(0, Ordering::Relaxed);
        // It must not pass for a child of the directory that the slot's last dentry was in.
        self.set_link(index, Link::ROOT);
        self.life[place].begin();
    }

    pub(crate) fn is_hashed(&self, index: Ix<DentrySlot>) -> bool {
        self.state[Dentries::place(index)].load(Ordering::Relaxed) & HASHED != 0
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn is_mounted_on(&self, index: Ix<DentrySlot>) -> bool {
        self.state[Dentries::place(index)].load(Ordering::Relaxed) & MOUNTED != 0
    }

    fn set_state(&self, index: Ix<DentrySlot>, bit: u8, on: bool) {
        let state = &self.state[Dentries::place(index)];
        if on {
            state.fetch_or(bit, Ordering::Relaxed);
        } else {
            state.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Notes that the dentry was looked up; a store only where that is not noted yet.
    #[inline]
    pub(super) fn set_referenced(&self, index: Ix<DentrySlot>) {
        if self.state[Dentries::place(index)].load(Ordering::Relaxed) & REFERENCED == 0 {
            self.set_state(index, REFERENCED, true);
        }
    }

    /// Whether the dentry was looked up since the last call.
    pub(super) fn take_referenced(&self, index: Ix<DentrySlot>) -> bool {
        let state = &self.state[Dentries::place(index)];
        state.load(Ordering::Relaxed) & REFERENCED != 0
            && state.fetch_and(!REFERENCED, Ordering::Relaxed) & REFERENCED != 0
    }

    pub(crate) fn set_hashed(&self, index: Ix<DentrySlot>, hashed: bool) {
        self.set_state(index, HASHED, hashed);
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn set_mounted_on(&self, index: Ix<DentrySlot>, mounted: bool) {
        self.set_state(index, MOUNTED, mounted);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
impl DentryPage {
    /// How many bytes a dentry takes in all columns; a new column does not compile until it is counted.
    pub(crate) fn bytes_per_slot(&self) -> usize {
        use crate::base::arena::bytes_per_slot as of;
        let Self { watched, state, link, inode, life, next, flag_stores: _ } = self;
        of(watched) + of(state) + of(link) + of(inode) + of(life) + of(next)
    }
}

/// A borrowed dentry, resolved: what hooks take. It costs nothing to copy.
#[derive(Clone, Copy)]
pub struct Dentry<'a> {
    pub(crate) tree: &'a Arc<Tree>,
    pub(crate) page: &'a DentryPage,
    pub(crate) inode: Inode<'a>,
    pub(crate) index: Ix<DentrySlot>,
}

impl<'a> Dentry<'a> {
    /// Names it.
    #[must_use]
    pub fn id(&self) -> DentryId {
        let generation = self.page.life(self.index).generation();
        DentryId { index: self.index, generation, tree: self.tree.number() }
    }

    /// Its inode.
    #[must_use]
    #[inline]
    pub fn inode(&self) -> Inode<'a> {
        self.inode
    }

    /// The superblock it belongs to.
    #[must_use]
    pub fn superblock(&self) -> SuperblockId {
        self.inode.superblock()
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.inode.kind().is_dir()
    }

    /// Whether it is the root of its file system.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.link().dir().is_none()
    }

    /// Whether it can be found by name; false once it has been unlinked.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.is_root() || self.page.is_hashed(self.index)
    }

    /// Whether the flag "my parent is watched" is set; it may be stale (see
    /// [`notify`](crate::notify)).
    #[must_use]
    #[inline(always)]
    pub fn is_parent_watched(&self) -> bool {
        self.page.is_watched(self.index)
    }

    #[inline(always)]
    pub(crate) fn link(&self) -> Link {
        self.page.link(self.index)
    }

    /// One more reference to it.
    #[inline]
    pub(crate) fn reference(&self) -> RawDentryRef {
        self.page.life(self.index).get();
        RawDentryRef::counted(self.index)
    }

    /// One more use of its inode.
    #[must_use]
    pub fn inode_ref(&self) -> InodeRef {
        self.inode.life().get();
        InodeRef::from_use(self.tree, self.inode.index)
    }
}

impl PartialEq for Dentry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(self.tree, other.tree)
    }
}

impl Eq for Dentry<'_> {}

impl fmt::Debug for Dentry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dentry").field("id", &self.id()).field("inode", &self.inode).finish()
    }
}

/// The pages of a dentry and of its inode, for an owner of a reference to it: so that a hook's argument is
/// made of a few loads.
#[derive(Clone)]
pub(crate) struct DentryPages {
    dentry: Arc<Page<DentryPage, ()>>,
    inode: Arc<Page<InodePage, u64>>,
    superblock: SuperblockPin,
    inode_index: Ix<InodeSlot>,
}

impl DentryPages {
    /// The borrowed form of the dentry, whose pages these are.
    #[inline]
    pub(crate) fn dentry<'a>(&'a self, tree: &'a Arc<Tree>, index: Ix<DentrySlot>) -> Dentry<'a> {
        let inode = Inode {
            page: self.inode.hot(),
            superblock: self.superblock.slot(),
            index: self.inode_index,
        };
        Dentry { tree, page: self.dentry.hot(), inode, index }
    }

    pub(crate) fn generation(&self, index: Ix<DentrySlot>) -> u32 {
        self.dentry.hot().life(index).generation()
    }
}

impl Tree {
    /// The pages of a dentry that the caller has a reference to.
    pub(crate) fn pages_of(&self, index: Ix<DentrySlot>) -> DentryPages {
        let dentry = self.dentry_page(index).clone();
        let inode_index = dentry.hot().inode(index);
        let inode = self.inode_page(inode_index).clone();
        let superblock = self.superblock_pin(inode.hot().superblock_of(inode_index));
        DentryPages { dentry, inode, superblock, inode_index }
    }
}

/// A counted reference to a positive dentry: while it exists the dentry and its inode do, with or without
/// a name. Its owner gives it back by hand, since the end of the last one is an event, which is not known here.
///
/// Debug builds notice one that is dropped; while a panic unwinds, it is lost as in other builds.
#[must_use = "a reference that is not given back keeps the dentry for good"]
#[derive(Debug)]
pub(crate) struct RawDentryRef(Ix<DentrySlot>);

impl RawDentryRef {
    /// A reference that was counted for the caller.
    #[inline]
    pub(crate) fn counted(dentry: Ix<DentrySlot>) -> Self {
        Self(dentry)
    }

    /// Which dentry.
    #[inline]
    #[cfg(any(feature = "vfs", test))]
    pub(crate) fn index(&self) -> Ix<DentrySlot> {
        self.0
    }

    /// Leaves the count to the caller.
    #[inline]
    pub(crate) fn into_index(self) -> Ix<DentrySlot> {
        let index = self.0;
        std::mem::forget(self);
        index
    }
}

#[cfg(debug_assertions)]
impl Drop for RawDentryRef {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the reference to dentry {} is lost", self.0);
    }
}

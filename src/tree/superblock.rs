//! Superblocks: one per file system instance.

use std::fmt;

use crate::base::arena::{Arena, Column, HotPage, Page, column, slots};
use crate::base::chain_index::ChainIndex;
use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{
    Arc, AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Domain, Mutex, MutexGuard, Ordering, rank,
};
use crate::tree::hook_gate::Gate;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::ref_state::RefState;
use crate::tree::slot_kinds::{DentrySlot, InodeSlot};

/// The superblocks' arena.
pub(crate) type Superblocks = Arena<SuperblockPage, ()>;

/// Names a superblock of a [`Tree`](crate::Tree); it stays unique when the slot is used again, and among trees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SuperblockId {
    pub(crate) index: Ix<SuperblockSlot>,
    generation: u32,
    tree: u32,
}

impl SuperblockId {
    #[cfg(feature = "vfs")]
    /// The number of the tree it is in.
    pub(crate) fn tree(self) -> u32 {
        self.tree
    }

    /// How many slots come before its own: its index in tables of superblocks.
    pub(crate) fn ordinal(self) -> usize {
        Superblocks::ordinal(self.index) as usize
    }

    /// The device number that guests see; never 0, which Linux reserves.
    pub(crate) fn device(self) -> u64 {
        self.ordinal() as u64 + 1
    }
}

impl fmt::Debug for SuperblockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SuperblockId({}v{})", Superblocks::ordinal(self.index), self.generation)
    }
}

/// The heads of a superblock's lists of dead objects, and its place in the queue of superblocks that
/// have some. All but the last flag are read and written under the lock of
/// [`DeferredFree`](crate::tree::deferred_queue::DeferredFree), which orders them: Relaxed. They outlive the
/// superblock: its slot may still be in the queue when it serves another.
#[derive(Debug, Default)]
pub(crate) struct DeferredHeads {
    dentries: AtomicIx<DentrySlot>,
    inodes: AtomicIx<InodeSlot>,
    next_pending: AtomicIx<SuperblockSlot>,
    /// Whether the superblock is in that queue.
    is_pending: AtomicBool,
    /// Whether the lists may hold an object. Written under that lock; read without it, `Relaxed`, as a
    /// hint to take the lock: an entry that one reader misses is seen by the next.
    has_dead: AtomicBool,
}

impl DeferredHeads {
    pub(super) fn dentries(&self) -> Option<Ix<DentrySlot>> {
        self.dentries.load(Ordering::Relaxed)
    }

    pub(super) fn set_dentries(&self, first: Option<Ix<DentrySlot>>) {
        self.dentries.store(first, Ordering::Relaxed);
    }

    pub(super) fn inodes(&self) -> Option<Ix<InodeSlot>> {
        self.inodes.load(Ordering::Relaxed)
    }

    pub(super) fn set_inodes(&self, first: Option<Ix<InodeSlot>>) {
        self.inodes.store(first, Ordering::Relaxed);
    }

    pub(super) fn next_pending(&self) -> Option<Ix<SuperblockSlot>> {
        self.next_pending.load(Ordering::Relaxed)
    }

    pub(super) fn set_next_pending(&self, next: Option<Ix<SuperblockSlot>>) {
        self.next_pending.store(next, Ordering::Relaxed);
    }

    pub(super) fn is_pending(&self) -> bool {
        self.is_pending.load(Ordering::Relaxed)
    }

    pub(super) fn set_pending(&self, is_pending: bool) {
        self.is_pending.store(is_pending, Ordering::Relaxed);
    }

    /// Whether both lists are empty; the lock is held.
    pub(super) fn is_empty(&self) -> bool {
        self.dentries().is_none() && self.inodes().is_none()
    }

    pub(crate) fn has_dead(&self) -> bool {
        self.has_dead.load(Ordering::Relaxed)
    }

    pub(super) fn set_has_dead(&self, has_dead: bool) {
        self.has_dead.store(has_dead, Ordering::Relaxed);
    }
}

/// A superblock's slot.
#[derive(Debug)]
pub(crate) struct SuperblockSlot {
    gate: Gate,
    /// The connector of the marks on it; their interest is in the gate.
    notify: NotifySlot,
    /// The superblock is being unmounted: no mark can be added any more. Set once, with `SeqCst`,
    /// before the unmount reads the count above and takes the lock of each connector. An adder counts
    /// its object, or takes that lock, before it reads this.
    unmounting: AtomicBool,
    refs: RefState,
    index: AtomicIx<SuperblockSlot>,
    /// How many directories have moved to another parent. Raised under both `children` locks and, by a
    /// caller that has one, under the rename lock. AcqRel: a climb loads it before its first parent and
    /// after its last. If both loads agree, the climb has read all parents in one state, since it reads
    /// each under `children`.
    directory_moves: AtomicU64,
    #[cfg(feature = "vfs")]
    /// How many changes of link counts have left an inode with a name. Raised by a thread that holds a
    /// reference to that inode. AcqRel: a look-up that makes the inode again, after that reference is
    /// put, sees it.
    link_changes: AtomicU64,
    /// The lists of dead objects that are not yet freed.
    deferred: DeferredHeads,
    /// Whether its unreferenced dentries may be freed. Written before other threads can find the
    /// superblock.
    reclaimable: AtomicBool,
    /// How many dentries it has, counted for reclaimable superblocks only. Written by the thread that
    /// makes or frees one. Relaxed: a count for the budget.
    dentries: AtomicUsize,
    #[cfg(feature = "vfs")]
    /// Whether the owner of the file system has deferred work of its own. Written by the owner under a
    /// lock of its own; read without it, `Relaxed`, as a hint to take that lock.
    owner_work: AtomicBool,
    /// The number of the tree. Written before other threads can find the superblock.
    tree: AtomicU32,
    /// Held around renames between directories, and around climbs.
    rename: Mutex<(), { rank::RENAME }>,
    /// The inodes by number.
    inodes: Mutex<ChainIndex<InodeSlot>, { rank::INODE_TABLE }>,
}

impl Default for SuperblockSlot {
    fn default() -> Self {
        Self {
            gate: Gate::default(),
            notify: NotifySlot::default(),
            unmounting: AtomicBool::new(false),
            refs: RefState::default(),
            index: AtomicIx::default(),
            directory_moves: AtomicU64::new(0),
            #[cfg(feature = "vfs")]
            link_changes: AtomicU64::new(0),
            deferred: DeferredHeads::default(),
            reclaimable: AtomicBool::new(false),
            dentries: AtomicUsize::new(0),
            #[cfg(feature = "vfs")]
            owner_work: AtomicBool::new(false),
            tree: AtomicU32::new(0),
            rename: Mutex::default(),
            inodes: Mutex::default(),
        }
    }
}

impl SuperblockSlot {
    #[inline(always)]
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    #[inline(always)]
    pub(crate) fn notify(&self) -> &NotifySlot {
        &self.notify
    }

    pub(crate) fn is_unmounting(&self) -> bool {
        self.unmounting.load(Ordering::SeqCst)
    }

    pub(crate) fn set_unmounting(&self) {
        self.unmounting.store(true, Ordering::SeqCst);
    }

    pub(crate) fn refs(&self) -> &RefState {
        &self.refs
    }

    pub(crate) fn index(&self) -> Ix<SuperblockSlot> {
        self.index.load_some(Ordering::Relaxed)
    }

    /// Names the superblock in this slot. Its generation stays while anything references it.
    pub(crate) fn id(&self) -> SuperblockId {
        SuperblockId { index: self.index(), generation: self.refs.generation(), tree: self.tree() }
    }

    /// The number of the tree it is in.
    pub(crate) fn tree(&self) -> u32 {
        self.tree.load(Ordering::Relaxed)
    }

    /// The domain of the tree's locks.
    #[inline(always)]
    pub(crate) fn domain(&self) -> Domain {
        Domain::of(|| self.tree())
    }

    /// Fills in a new slot; no other thread knows it yet.
    pub(crate) fn begin(&self, index: Ix<SuperblockSlot>, tree: u32, reclaimable: bool) {
        self.reclaimable.store(reclaimable, Ordering::Relaxed);
        self.index.store(Some(index), Ordering::Relaxed);
        self.tree.store(tree, Ordering::Relaxed);
        self.unmounting.store(false, Ordering::SeqCst);
        #[cfg(feature = "vfs")]
        self.owner_work.store(false, Ordering::Relaxed);
        self.refs.begin();
    }

    pub(crate) fn deferred(&self) -> &DeferredHeads {
        &self.deferred
    }

    pub(crate) fn is_reclaimable(&self) -> bool {
        self.reclaimable.load(Ordering::Relaxed)
    }

    pub(super) fn dentries(&self) -> usize {
        self.dentries.load(Ordering::Relaxed)
    }

    pub(super) fn count_dentry(&self, more: bool) {
        if more {
            self.dentries.fetch_add(1, Ordering::Relaxed);
        } else {
            self.dentries.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn has_owner_work(&self) -> bool {
        self.owner_work.load(Ordering::Relaxed)
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn set_owner_work(&self, has_work: bool) {
        self.owner_work.store(has_work, Ordering::Relaxed);
    }

    pub(crate) fn directory_moves(&self) -> u64 {
        self.directory_moves.load(Ordering::Acquire)
    }

    pub(crate) fn count_directory_move(&self) {
        self.directory_moves.fetch_add(1, Ordering::AcqRel);
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn link_changes(&self) -> u64 {
        self.link_changes.load(Ordering::Acquire)
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn count_link_change(&self) {
        self.link_changes.fetch_add(1, Ordering::AcqRel);
    }

    #[track_caller]
    pub(crate) fn lock_rename(&self) -> MutexGuard<'_, (), { rank::RENAME }> {
        self.rename.of(self.domain()).lock()
    }

    #[track_caller]
    pub(crate) fn lock_inodes(
        &self,
    ) -> MutexGuard<'_, ChainIndex<InodeSlot>, { rank::INODE_TABLE }> {
        self.inodes.lock()
    }
}

/// A page of superblocks.
pub(crate) struct SuperblockPage(Column<SuperblockSlot, { slots(16) }>);

impl Default for SuperblockPage {
    fn default() -> Self {
        Self(column(SuperblockSlot::default))
    }
}

impl HotPage for SuperblockPage {
    type Slot = SuperblockSlot;
    const SLOTS: usize = slots(16);
}

impl SuperblockPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<SuperblockSlot>) -> &SuperblockSlot {
        &self.0[Superblocks::place(index)]
    }
}

/// Keeps a superblock's page; it holds no reference to the superblock (its inodes do).
#[derive(Clone, Debug)]
pub(crate) struct SuperblockPin {
    page: Arc<Page<SuperblockPage, ()>>,
    pub(super) index: Ix<SuperblockSlot>,
}

impl SuperblockPin {
    pub(crate) fn new(page: Arc<Page<SuperblockPage, ()>>, index: Ix<SuperblockSlot>) -> Self {
        Self { page, index }
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> &SuperblockSlot {
        self.page.hot().slot(self.index)
    }
}

//! The words of inodes, in pages.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
#[cfg(feature = "vfs")]
use crate::base::sync::{Mutex, RwLock, rank};
use crate::tree::directory::DirSlot;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::ref_state::RefState;
use crate::tree::slot_kinds::InodeSlot;
use crate::tree::superblock::SuperblockSlot;

const SLOTS: usize = slots(512);

/// The inodes' arena; the cold part of an inode counts the file system's look-ups.
pub(crate) type Inodes = Arena<InodePage, u64>;

/// The hot half of a page of inodes, column by column.
pub(crate) struct InodePage {
    pub(super) refs: Column<RefState, SLOTS>,
    pub(super) notify: Column<NotifySlot, SLOTS>,
    /// How many names the file system says it has. A VFS writes it under `links`, an embedder under the locks
    /// of the directories concerned; the put of a last reference reads it. Relaxed: those locks order it.
    pub(super) nlink: Column<AtomicU32, SLOTS>,
    /// How many live dentries it has. Raised before other threads can find the dentry. Lowered, with
    /// `AcqRel`, before the marks on an inode whose last dentry dies are detached: a thread that attaches the
    /// next connector then sees 0 (see `NotifySlot::connector_at_death`).
    pub(super) aliases: Column<AtomicU32, SLOTS>,
    /// The directory slot, if it is a directory. Written before other threads can find the inode.
    pub(super) dir: Column<AtomicIx<DirSlot>, SLOTS>,
    /// The superblock. Written before other threads can find the inode.
    pub(super) superblock: Column<AtomicIx<SuperblockSlot>, SLOTS>,
    /// The number. Written before other threads can find the inode.
    pub(super) ino: Column<AtomicU64, SLOTS>,
    /// The kind. Written before other threads can find the inode.
    pub(super) kind: Column<AtomicU8, SLOTS>,
    /// The next inode in a chain of the superblock's table; itself if it is in no chain any more. Written
    /// under that table's lock.
    pub(super) next: Column<AtomicIx<InodeSlot>, SLOTS>,
    /// The next inode in the list of the dead. Written under that list's lock.
    pub(super) next_dead: Column<AtomicIx<InodeSlot>, SLOTS>,
    /// The columns that only the crate's own VFS uses.
    #[cfg(feature = "vfs")]
    pub(super) vfs: VfsColumns,
}

impl Default for InodePage {
    fn default() -> Self {
        Self {
            refs: column(RefState::default),
            notify: column(NotifySlot::default),
            nlink: column(|| AtomicU32::new(0)),
            aliases: column(|| AtomicU32::new(0)),
            dir: column(AtomicIx::default),
            superblock: column(AtomicIx::default),
            ino: column(|| AtomicU64::new(0)),
            kind: column(|| AtomicU8::new(0)),
            next: column(AtomicIx::default),
            next_dead: column(AtomicIx::default),
            #[cfg(feature = "vfs")]
            vfs: VfsColumns::default(),
        }
    }
}

impl HotPage for InodePage {
    type Slot = InodeSlot;
    const SLOTS: usize = SLOTS;
}

#[cfg(all(test, not(any(loom, shuttle))))]
impl InodePage {
    /// How many bytes an inode takes in all columns; a new column does not compile until it is counted.
    pub(crate) fn bytes_per_slot(&self) -> usize {
        use crate::base::arena::bytes_per_slot as of;
        let Self {
            refs,
            notify,
            nlink,
            aliases,
            dir,
            superblock,
            ino,
            kind,
            next,
            next_dead,
            #[cfg(feature = "vfs")]
            vfs,
        } = self;
        #[cfg(feature = "vfs")]
        let of_vfs = vfs.bytes_per_slot();
        #[cfg(not(feature = "vfs"))]
        let of_vfs = 0;
        let identity = of(dir) + of(superblock) + of(ino) + of(kind);
        of(refs)
            + of(notify)
            + of(nlink)
            + of(aliases)
            + identity
            + of(next)
            + of(next_dead)
            + of_vfs
    }
}

impl InodePage {
    #[inline(always)]
    pub(crate) fn refs_of(&self, index: Ix<InodeSlot>) -> &RefState {
        &self.refs[Inodes::place(index)]
    }

    #[inline(always)]
    pub(crate) fn notify_of(&self, index: Ix<InodeSlot>) -> &NotifySlot {
        &self.notify[Inodes::place(index)]
    }

    /// The superblock of the inode in a slot.
    #[inline]
    pub(crate) fn superblock_of(&self, index: Ix<InodeSlot>) -> Ix<SuperblockSlot> {
        self.superblock[Inodes::place(index)].load_some(Ordering::Relaxed)
    }

    /// Whether a slot was ever filled in: one that never was has no superblock.
    pub(crate) fn was_used(&self, index: Ix<InodeSlot>) -> bool {
        self.superblock[Inodes::place(index)].load(Ordering::Relaxed).is_some()
    }
}

/// The columns of an [`InodePage`] that the VFS uses.
#[cfg(feature = "vfs")]
pub(crate) struct VfsColumns {
    /// The locks of the attributes. A change of attributes holds it for writing, a write to the
    /// contents that may have to strip set-id bits for reading.
    pub(super) attributes: Column<RwLock<(), { rank::ATTRIBUTES }>, SLOTS>,
    /// The locks of the link counts.
    pub(super) links: Column<Mutex<(), { rank::DIRECTORY }>, SLOTS>,
    /// How many changes may have left it with set-id bits. The holder of `attributes` for writing
    /// writes it, and readers hold `attributes`. Relaxed: that lock orders it.
    pub(super) set_id_changes: Column<AtomicU32, SLOTS>,
}

#[cfg(feature = "vfs")]
impl Default for VfsColumns {
    fn default() -> Self {
        Self {
            attributes: column(|| RwLock::new(())),
            links: column(|| Mutex::new(())),
            set_id_changes: column(|| AtomicU32::new(0)),
        }
    }
}

#[cfg(feature = "vfs")]
impl VfsColumns {
    /// Fills in the words of an inode that no other thread knows yet.
    pub(super) fn begin(&self, place: usize) {
        self.set_id_changes[place].store(0, Ordering::Relaxed);
    }

    /// How many bytes an inode takes in all columns; a new column does not compile until it is counted.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(super) fn bytes_per_slot(&self) -> usize {
        use crate::base::arena::bytes_per_slot as of;
        let Self { attributes, links, set_id_changes } = self;
        of(attributes) + of(links) + of(set_id_changes)
    }
}

//! The slots of mounts: where the marks on a mount hang.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::index::{AtomicIx, Ix};
use crate::base::sync::{AtomicBool, Ordering};
use crate::tree::life::Life;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::superblock::SuperblockSlot;

/// The mounts' arena.
pub(crate) type Mounts = Arena<MountPage, ()>;

/// A mount's slot.
#[derive(Debug, Default)]
pub(crate) struct MountSlot {
    notify: NotifySlot,
    life: Life,
    /// The superblock it shows. Written before the mount is known; Relaxed.
    superblock: AtomicIx<SuperblockSlot>,
    /// Its own index. Likewise.
    index: AtomicIx<MountSlot>,
    /// No mark can be put on it any more. Written by its owner before the marks end, and read under the connector's
    /// lock by whoever adds one, who finds it there or is found; Release and Acquire.
    ending: AtomicBool,
}

impl MountSlot {
    #[inline(always)]
    pub(crate) fn notify(&self) -> &NotifySlot {
        &self.notify
    }

    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    pub(crate) fn superblock(&self) -> Ix<SuperblockSlot> {
        self.superblock.load_some(Ordering::Relaxed)
    }

    pub(crate) fn index(&self) -> Ix<Self> {
        self.index.load_some(Ordering::Relaxed)
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Begins a mount's life in a slot that is the caller's alone.
    pub(crate) fn begin(&self, index: Ix<Self>, superblock: Ix<SuperblockSlot>) {
        self.index.store(Some(index), Ordering::Relaxed);
        self.superblock.store(Some(superblock), Ordering::Relaxed);
        self.ending.store(false, Ordering::Relaxed);
        self.life.begin();
    }

    /// From now on no mark can be put on it.
    pub(crate) fn set_ending(&self) {
        self.ending.store(true, Ordering::Release);
    }
}

/// A page of mounts.
pub(crate) struct MountPage(Column<MountSlot, { slots(16) }>);

impl Default for MountPage {
    fn default() -> Self {
        Self(column(MountSlot::default))
    }
}

impl HotPage for MountPage {
    type Slot = MountSlot;
    const SLOTS: usize = slots(16);
}

impl MountPage {
    #[inline(always)]
    pub(crate) fn slot(&self, index: Ix<MountSlot>) -> &MountSlot {
        &self.0[Mounts::place(index)]
    }
}

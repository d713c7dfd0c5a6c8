//! The slots of mounts, which have the connectors of their marks.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::slot_index::{AtomicIx, Ix};
use crate::base::sync::{AtomicBool, Ordering};
use crate::tree::notify_slot::NotifySlot;
use crate::tree::ref_state::RefState;
use crate::tree::superblock::SuperblockSlot;

/// The mounts' arena.
pub(crate) type Mounts = Arena<MountPage, ()>;

/// A mount's slot.
#[derive(Debug, Default)]
pub(crate) struct MountSlot {
    notify: NotifySlot,
    refs: RefState,
    /// The superblock that is mounted. Written before the mount is published; Relaxed.
    superblock: AtomicIx<SuperblockSlot>,
    /// Its own index. Written and read as `superblock`.
    index: AtomicIx<MountSlot>,
    /// No further mark can be attached. The owner writes it before it ends the marks. An adder reads it under
    /// the connector's lock: either the adder sees it, or the owner finds the adder's mark. Release and
    /// Acquire.
    ending: AtomicBool,
}

impl MountSlot {
    #[inline(always)]
    pub(crate) fn notify(&self) -> &NotifySlot {
        &self.notify
    }

    pub(crate) fn refs(&self) -> &RefState {
        &self.refs
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

    /// Begins the life of a mount in a slot that only the caller has.
    pub(crate) fn begin(&self, index: Ix<Self>, superblock: Ix<SuperblockSlot>) {
        self.index.store(Some(index), Ordering::Relaxed);
        self.superblock.store(Some(superblock), Ordering::Relaxed);
        self.ending.store(false, Ordering::Relaxed);
        self.refs.begin();
    }

    /// From now on no mark can be attached.
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

//! The limits of a [`MemFs`](super::MemFs) and the use of them.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicU64, Ordering};

/// The limits and counters of one file system.
///
/// The counters are relaxed: they bound amounts and publish no other memory.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) byte_limit: u64,
    pub(super) inode_limit: u64,
    bytes: AtomicU64,
    /// Inodes and, as in tmpfs, the second and further names of one: each needs memory too.
    slots: AtomicU64,
    inodes: AtomicU64,
}

impl Space {
    pub(super) fn new(byte_limit: u64, inode_limit: u64) -> Self {
        Self {
            byte_limit,
            inode_limit,
            bytes: AtomicU64::new(0),
            slots: AtomicU64::new(0),
            inodes: AtomicU64::new(0),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn slots(&self) -> u64 {
        self.slots.load(Ordering::Relaxed)
    }

    /// How many inodes exist, named or not.
    pub(super) fn inodes(&self) -> u64 {
        self.inodes.load(Ordering::Relaxed)
    }

    /// Charges the slot of one more inode or name.
    pub(super) fn take_slot(&self) -> Result<()> {
        take(&self.slots, 1, self.inode_limit)
    }

    pub(super) fn give_slot(&self) {
        self.slots.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Adds to a counter unless that exceeds its limit.
fn take(counter: &AtomicU64, count: u64, limit: u64) -> Result<()> {
    let more = |used: u64| used.checked_add(count).filter(|sum| *sum <= limit);
    match counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
        Ok(_) => Ok(()),
        Err(_) => Err(Errno::ENOSPC.into()),
    }
}

/// The charge of one inode; dropping it gives its slot back.
#[derive(Debug)]
pub(super) struct InodeCharge(Arc<Space>);

impl InodeCharge {
    pub(super) fn take(space: &Arc<Space>) -> Result<Self> {
        space.take_slot()?;
        space.inodes.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Arc::clone(space)))
    }
}

impl Drop for InodeCharge {
    fn drop(&mut self) {
        self.0.inodes.fetch_sub(1, Ordering::Relaxed);
        self.0.give_slot();
    }
}

/// The bytes charged to one owner; dropping it gives the rest back.
#[derive(Debug)]
pub(super) struct Charge {
    space: Arc<Space>,
    bytes: u64,
}

impl Charge {
    pub(super) fn new(space: &Arc<Space>) -> Self {
        Self { space: Arc::clone(space), bytes: 0 }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Charges all of `count` bytes or none of them.
    pub(super) fn take(&mut self, count: u64) -> Result<()> {
        take(&self.space.bytes, count, self.space.byte_limit)?;
        // The sum over all owners fits, so the part of one does.
        self.bytes += count;
        Ok(())
    }

    pub(super) fn give(&mut self, count: u64) {
        self.bytes -= count;
        self.space.bytes.fetch_sub(count, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.give(self.bytes);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_limit_can_be_reached_but_not_passed() {
        let space = Arc::new(Space::new(10, 2));
        let mut charge = Charge::new(&space);
        assert_eq!(charge.take(11).unwrap_err().errno(), Errno::ENOSPC);
        charge.take(10).unwrap();
        assert!(charge.take(1).is_err());
        assert!(charge.take(u64::MAX).is_err());
        charge.give(4);
        let mut other = Charge::new(&space);
        other.take(4).unwrap();
        assert_eq!((charge.bytes(), other.bytes(), space.bytes()), (6, 4, 10));
        drop((charge, other));
        assert_eq!(space.bytes(), 0);
    }

    #[test]
    fn a_charge_is_given_back_when_it_is_dropped() {
        let space = Arc::new(Space::new(0, 2));
        let slots = [InodeCharge::take(&space).unwrap(), InodeCharge::take(&space).unwrap()];
        assert!(InodeCharge::take(&space).is_err());
        assert_eq!((space.slots(), space.inodes()), (2, 2));
        drop(slots);
        assert_eq!((space.slots(), space.inodes()), (0, 0));
    }
}

//! The objects that can have marks: inodes, mounts, superblocks.

use std::num::NonZeroU32;

use crate::base::slot_index::Ix;
use crate::notify::mount_slot::MountSlot;
use crate::tree::directory::DirSlot;
use crate::tree::inode::InodeSlot;
use crate::tree::notify_slot::NotifySlot;
use crate::tree::ref_state::RefState;
use crate::tree::superblock::SuperblockSlot;
use crate::tree::{Inode, InodeKey};

/// Names a watched object in eight bytes: the kind and the index in one word, and the generation of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatchedKey {
    kind_and_index: NonZeroU32,
    generation: u32,
}

/// The object that a [`WatchedKey`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Inode(InodeKey),
    Mount(Ix<MountSlot>),
    Superblock(Ix<SuperblockSlot>),
}

const KIND_SHIFT: u32 = 30;
const MOUNT: u32 = 1 << KIND_SHIFT;
const SUPERBLOCK: u32 = 2 << KIND_SHIFT;
const KIND: u32 = 3 << KIND_SHIFT;

impl WatchedKey {
    /// An arena has fewer than 2^30 slots.
    #[inline]
    const fn new<T>(kind: u32, index: Ix<T>, generation: u32) -> Self {
        let kind_and_index = match NonZeroU32::new(index.word() | kind) {
            Some(word) => word,
            None => unreachable!(),
        };
        Self { kind_and_index, generation }
    }

    #[inline]
    pub(crate) const fn inode(key: InodeKey) -> Self {
        Self::new(0, key.index, key.generation)
    }

    pub(crate) const fn mount(index: Ix<MountSlot>, generation: u32) -> Self {
        Self::new(MOUNT, index, generation)
    }

    pub(crate) const fn superblock(index: Ix<SuperblockSlot>, generation: u32) -> Self {
        Self::new(SUPERBLOCK, index, generation)
    }

    /// The generation of the object's slot.
    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        self.generation
    }

    pub(crate) fn named(self) -> Named {
        fn index<T>(word: u32) -> Ix<T> {
            Ix::from_word(word).expect("a key was made of an index")
        }
        let Self { kind_and_index, generation } = self;
        let word = kind_and_index.get() & !KIND;
        match kind_and_index.get() & KIND {
            MOUNT => Named::Mount(index(word)),
            SUPERBLOCK => Named::Superblock(index(word)),
            _ => Named::Inode(InodeKey { index: index(word), generation }),
        }
    }
}

/// The object that a connector holds a reference to, so that its slot is not reused while marks are on it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    Inode(Ix<InodeSlot>),
    Superblock(Ix<SuperblockSlot>),
}

/// An object that has marks, or gets one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watched<'a> {
    Inode(Inode<'a>),
    Mount { slot: &'a MountSlot, index: Ix<MountSlot>, superblock: &'a SuperblockSlot },
    Superblock(&'a SuperblockSlot),
}

impl<'a> Watched<'a> {
    pub(crate) fn key(self) -> WatchedKey {
        match self {
            Self::Inode(inode) => WatchedKey::inode(inode.key()),
            Self::Mount { slot, index, .. } => WatchedKey::mount(index, slot.refs().generation()),
            Self::Superblock(slot) => {
                WatchedKey::superblock(slot.index(), slot.refs().generation())
            }
        }
    }

    pub(crate) fn notify(self) -> &'a NotifySlot {
        match self {
            Self::Inode(inode) => inode.notify(),
            Self::Mount { slot, .. } => slot.notify(),
            Self::Superblock(slot) => slot.notify(),
        }
    }

    pub(crate) fn refs(self) -> &'a RefState {
        match self {
            Self::Inode(inode) => inode.refs(),
            Self::Mount { slot, .. } => slot.refs(),
            Self::Superblock(slot) => slot.refs(),
        }
    }

    /// The superblock whose gate its marks open.
    pub(crate) fn superblock(self) -> &'a SuperblockSlot {
        match self {
            Self::Inode(inode) => inode.superblock,
            Self::Mount { superblock, .. } => superblock,
            Self::Superblock(slot) => slot,
        }
    }

    /// Whether it is ending and can get no more marks.
    pub(crate) fn is_ending(self) -> bool {
        self.superblock().is_unmounting()
            || match self {
                Self::Inode(inode) => inode.is_dead(),
                Self::Mount { slot, .. } => slot.is_ending(),
                Self::Superblock(_) => false,
            }
    }

    /// The directory slot whose children carry the flag, if the object is a directory.
    pub(crate) fn dir(self) -> Option<Ix<DirSlot>> {
        match self {
            Self::Inode(inode) => inode.dir(),
            Self::Mount { .. } | Self::Superblock(_) => None,
        }
    }

    /// The object that a connector holds a reference to. A mount needs none: its owner ends its marks before it
    /// goes.
    pub(crate) fn kept(self) -> Option<Kept> {
        match self {
            Self::Inode(inode) => Some(Kept::Inode(inode.index)),
            Self::Superblock(slot) => Some(Kept::Superblock(slot.index())),
            Self::Mount { .. } => None,
        }
    }

    /// The interest that hooks read: the union of what its marks want.
    pub(crate) fn interest(self) -> u32 {
        match self {
            Self::Superblock(slot) => slot.gate().load().interest(),
            other => other.notify().interest(),
        }
    }

    /// Publishes the interest to hooks. The caller holds the object's connector.
    pub(crate) fn set_interest(self, bits: u32) {
        match self {
            Self::Inode(inode) => inode.notify().set_interest(bits),
            Self::Superblock(slot) => slot.gate().set_interest(bits),
            Self::Mount { slot, superblock, .. } => {
                let was_marked = slot.notify().interest() != 0;
                // The gate's bit is set before the interest that it stands for, and cleared after it.
                if bits != 0 && !was_marked {
                    superblock.gate().count_marked_mount(true);
                }
                slot.notify().set_interest(bits);
                if bits == 0 && was_marked {
                    superblock.gate().count_marked_mount(false);
                }
            }
        }
    }

    /// Counts a connector on the object: in the gate, and as a reference to the object in `kept`.
    pub(crate) fn connected(self) {
        if self.kept().is_some() {
            self.refs().get();
        }
        self.superblock().gate().count_object(true);
    }

    /// Undoes the count in the gate. The caller puts the reference to the object in `kept`.
    pub(crate) fn disconnected(self) {
        self.superblock().gate().count_object(false);
    }
}

/// Whether the object's slot has not been reused, so that a mark that was read without the connector's lock is
/// valid; see `dispatch::sole_mark`.
#[inline]
pub(crate) fn is_same_generation(refs: &RefState, key: WatchedKey) -> bool {
    refs.generation() == key.generation()
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_object_it_was_made_of() {
        fn slot<T>(number: u32) -> Ix<T> {
            Ix::from_word(number).unwrap()
        }
        for number in [1, 2, 12_345, KIND_SHIFT, MOUNT - 1] {
            for generation in [0, 1, u32::MAX] {
                let key = InodeKey { index: slot(number), generation };
                assert_eq!(WatchedKey::inode(key).named(), Named::Inode(key));
                let mount = WatchedKey::mount(slot(number), generation);
                assert_eq!(mount.named(), Named::Mount(slot(number)));
                let superblock = WatchedKey::superblock(slot(number), generation);
                assert_eq!(superblock.named(), Named::Superblock(slot(number)));
                assert_eq!((mount.generation(), superblock.generation()), (generation, generation));
                assert_ne!(mount, superblock);
            }
        }
        assert_eq!(size_of::<Option<WatchedKey>>(), 8);
    }
}

//! The parent-watch protocol: which child carries the flag "my parent is watched".
//!
//! A hook asks the flag before it looks at the parent at all; keeping the flag right is the heart
//! of the crate. See `ARCHITECTURE.md` section 4 for the rules and why they hold. In short:
//!
//! * *publish*: a directory starts to watch under `children` (write), in a new epoch;
//! * *arrive* (in `tree::dcache`): a child takes its flag under `children` (write);
//! * *clear*: a stale flag is cleared under `children` (read) of the child's *current* parent;
//! * *walk*: flags are set in chunks, each claimed and finished under one hold (read);
//! * *ready*: an epoch is complete when its cursor is at 0 under `children` (write);
//! * *help*: whoever finds a walk going on takes chunks of it;
//! * *remember*: an epoch that follows a complete one from which no flag was lost needs no walk.

use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::base::pace::{ChunkSizer, Pace};
use crate::base::sync::count_items;
use crate::notify::dispatch::Target;
use crate::tree::directory::DirSlot;
use crate::tree::{Dentry, InodeRef, Tree};

/// A parent that wants to hear of a child: read as one snapshot (G9).
#[derive(Debug)]
pub(crate) struct Hit<'a> {
    /// The child's name in that parent.
    pub(crate) name: Name,
    /// The parent.
    pub(crate) target: Target<'a>,
}

/// Whether a flagged child's parent may want to hear of `wanted`: the part of [`look`] that needs
/// no lock, so that a hook nobody matches stays short. `true` is an invitation to look.
#[inline]
pub(crate) fn may_want(dentry: &Dentry<'_>, wanted: EventMask) -> bool {
    let link = dentry.link();
    let Some(slot) = link.dir().and_then(|dir| dentry.tree.dir_slot(dir)) else { return false };
    // Acquire: the second look at the link below comes after this.
    let interest = slot.child_interest();
    // No interest at all leaves a stale flag to be cleared; a child that has moved, another
    // parent to be asked.
    interest & wanted.bits() != 0 || interest == 0 || dentry.link() != link
}

/// Asks a flagged child's parent whether it wants to hear of `wanted`; clears the flag if the
/// parent watches nothing any more. Without a match it takes no lock, but for that clear.
pub(crate) fn look<'a>(dentry: &Dentry<'a>, wanted: EventMask) -> Option<Hit<'a>> {
    let tree = dentry.tree;
    loop {
        let link = dentry.link();
        let dir = link.dir()?;
        let slot = tree.dir_at(dir);
        // Acquire: the second look at the link below comes after this.
        let interest = slot.child_interest();
        if interest & wanted.bits() == 0 {
            // The child may have left for a directory that wants it, and this one stopped
            // watching only afterwards: then "no" is the answer to the wrong question.
            if dentry.link() != link {
                continue;
            }
            if interest == 0 {
                clear(dentry, slot);
            }
            return None;
        }
        let children = slot.children.read_keyed(u64::from(dir));
        if dentry.link() != link {
            continue;
        }
        let name = children.name_at(link.place()).clone();
        let inode = slot.inode()?;
        return Some(Hit { name, target: Target::at(tree.inode_page(inode).hot(), inode) });
    }
}

/// Clears the flag of one child whose parent watches nothing, and notes that a flag was lost. It
/// decides from the current parent under its lock, and is left out when that lock is busy: a stale
/// flag only costs the next event another look.
fn clear(dentry: &Dentry<'_>, slot: &DirSlot) {
    let Some(_children) = slot.children.try_read() else { return };
    let here = dentry.link().dir().map(|dir| std::ptr::eq(dentry.tree.dir_at(dir), slot));
    if here != Some(true) || slot.child_interest() != 0 {
        return;
    }
    dentry.page.set_watched(dentry.index, false);
    slot.set_lost(true);
}

/// Makes known what a directory wants to hear of its children. The caller holds the lock of the
/// directory's connector; nothing is walked here.
pub(crate) fn publish(tree: &Tree, dir: Ix<DirSlot>, interest: EventMask) {
    let slot = tree.dir_at(dir);
    if interest.is_empty() || slot.child_interest() != 0 {
        return slot.set_child_interest(interest.bits());
    }
    let mut children = slot.children.write_keyed(u64::from(dir));
    let remembered = children.complete == children.epoch && !slot.lost();
    children.epoch += 1;
    if remembered {
        children.complete = children.epoch;
    } else {
        slot.set_lost(false);
        // A directory has at most 2^30 positive children.
        slot.set_cursor(children.positives() as u32);
    }
    slot.set_child_interest(interest.bits());
}

/// One caller's part in the walk over a directory's children.
#[derive(Debug)]
pub(crate) struct Walk {
    dir: Ix<DirSlot>,
    epoch: u64,
    chunks: ChunkSizer,
    /// Keeps the directory's slot the directory's.
    inode: InodeRef,
}

/// How many children a walker claims at a time, and flags before it looks whether somebody waits.
const SLICE: u32 = 64;

enum Chunk {
    Flagged,
    AtEnd,
    NotNeeded,
}

impl Walk {
    /// The walk that must be finished before a watch on this directory is ready; `None` if it is
    /// ready now, or not a directory.
    pub(crate) fn needed(inode: &InodeRef, pace: &Pace) -> Option<Self> {
        let dir = inode.get().dir()?;
        let epoch = {
            let slot = inode.tree().dir_at(dir);
            let children = slot.children.read_keyed(u64::from(dir));
            if slot.child_interest() == 0 || children.complete == children.epoch {
                return None;
            }
            children.epoch
        };
        Some(Self { dir, epoch, chunks: pace.chunks(), inode: inode.clone() })
    }

    /// Does one chunk, its own or another walker's; true when there is nothing left to wait for.
    pub(crate) fn step(&mut self, pace: &Pace) -> bool {
        let tree = self.inode.tree();
        let slot = tree.dir_at(self.dir);
        let key = u64::from(self.dir);
        let mut chunk = Chunk::NotNeeded;
        let epoch = self.epoch;
        self.chunks.measure(pace, |items| {
            let children = slot.children.read_keyed(key);
            if children.epoch != epoch || children.complete == epoch || slot.child_interest() == 0 {
                return 0;
            }
            let mut done = 0;
            while done < items {
                // Claimed and finished under one hold: when `ready` has the lock for writing, no
                // slice is half done.
                let range = slot.claim(SLICE.min(items - done));
                if range.is_empty() {
                    break;
                }
                done += range.len() as u32;
                count_items(range.len());
                for places in children.dentries_descending(range) {
                    tree.flag_all(places);
                }
                // Who waits to write has the lock after a slice, before it has gone to sleep.
                if slot.children.is_wanted_for_writing() {
                    break;
                }
            }
            chunk = if done == 0 { Chunk::AtEnd } else { Chunk::Flagged };
            done
        });
        match chunk {
            Chunk::NotNeeded => true,
            Chunk::Flagged => false,
            Chunk::AtEnd => {
                let mut children = slot.children.write_keyed(key);
                if children.epoch == epoch && slot.cursor() == 0 {
                    children.complete = epoch;
                }
                children.epoch != epoch || children.complete == epoch
            }
        }
    }

    /// Drives the walk to its end, yielding between chunks with no lock held.
    pub(crate) fn finish(&mut self, pace: &Pace) {
        while !self.step(pace) {
            self.chunks.pause(pace);
        }
    }
}

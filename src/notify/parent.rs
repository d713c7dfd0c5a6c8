//! Matches an event with the interest of its object's parent.
//!
//! The parent of a flagged dentry is read without a lock: link, interest, link again. `tree::child_watch` has
//! the rules of the flag, ARCHITECTURE's "The parent-watch protocol" the proof. Only a match takes `children`.

use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::base::slot_index::Ix;
use crate::tree::directory::{DirSlot, Link};
use crate::tree::inode_page::InodePage;
use crate::tree::{Dentry, InodeKey};

/// A parent that wants an event of its child, and the child's name there: one snapshot (G9).
pub(crate) struct ParentMatch<'a> {
    /// The child's name in that parent.
    pub(crate) name: Name,
    /// The parent. Its key is read under the same lock. Once the lock is released, the child may move away, and
    /// the parent's slot may be reused.
    pub(crate) page: &'a InodePage,
    pub(crate) key: InodeKey,
}

impl<'a> ParentMatch<'a> {
    /// The snapshot of a child that is in `dir` by `link`. `None`: the child has moved since, and the caller
    /// reads the link again. `Some(None)`: the directory has died.
    #[inline(always)]
    fn of(dentry: &Dentry<'a>, dir: Ix<DirSlot>, link: Link) -> Option<Option<Self>> {
        let tree = dentry.tree;
        let slot = tree.dir_at(dir);
        let children = slot.children.read_keyed(u64::from(dir));
        if dentry.link() != link {
            return None;
        }
        let name = children.name_at(link.place()).clone();
        let Some(index) = slot.inode() else { return Some(None) };
        let page = tree.inode_page(index).hot();
        let key = InodeKey { index, generation: page.refs_of(index).generation() };
        Some(Some(Self { name, page, key }))
    }
}

/// Whether a flagged child's parent may want `wanted`. This part of [`match_parent`] takes no lock, so that a
/// hook that matches no mark stays short. After `true`, [`match_parent`] decides.
#[inline]
pub(crate) fn parent_may_match(dentry: &Dentry<'_>, wanted: EventMask) -> bool {
    let link = dentry.link();
    let Some(slot) = link.dir().and_then(|dir| dentry.tree.dir_slot(dir)) else { return false };
    // Acquire: the second load of the link below comes after this.
    let interest = slot.child_interest();
    // Without any interest, the flag is stale and must be cleared. If the link has changed, the child has
    // another parent to check.
    interest & wanted.bits() != 0 || interest == 0 || dentry.link() != link
}

/// Matches `wanted` with the interest of a flagged child's parent. Clears the flag if the parent has no
/// interest in children. Without a match it takes no lock, except for the clear.
pub(crate) fn match_parent<'a>(dentry: &Dentry<'a>, wanted: EventMask) -> Option<ParentMatch<'a>> {
    let tree = dentry.tree;
    loop {
        let link = dentry.link();
        let dir = link.dir()?;
        let slot = tree.dir_at(dir);
        // Acquire: the second load of the link below comes after this.
        let interest = slot.child_interest();
        if interest & wanted.bits() == 0 {
            // The child may have moved to a directory that wants the event before this one lost its interest.
            // Then this interest is not that of the child's parent.
            if dentry.link() != link {
                continue;
            }
            if interest == 0 {
                tree.clear_stale_flag(dentry, slot);
            }
            return None;
        }
        if let Some(snapshot) = ParentMatch::of(dentry, dir, link) {
            return snapshot;
        }
    }
}

/// Parent and name of a child in one snapshot, whatever the parent wants. RULE parent-for-the-name: marks on
/// the child, its mount or its superblock may ask for both.
#[cold]
pub(crate) fn parent_and_name<'a>(dentry: &Dentry<'a>) -> Option<ParentMatch<'a>> {
    loop {
        let link = dentry.link();
        let dir = link.dir()?;
        if let Some(snapshot) = ParentMatch::of(dentry, dir, link) {
            return snapshot;
        }
    }
}

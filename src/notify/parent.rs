//! Matching an event with what the parent of its object wants.
//!
//! A flagged dentry's parent is asked without a lock: link, interest, link again (`tree::child_watch`
//! has the flag's rules, ARCHITECTURE's "The parent-watch protocol" the proof). Only a match takes `children`.

use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::tree::directory::{DirSlot, Link};
use crate::tree::inode_page::InodePage;
use crate::tree::{Dentry, InodeKey};

/// A parent that wants an event of its child, and the child's name there: one snapshot (G9).
pub(crate) struct ParentMatch<'a> {
    /// The child's name in that parent.
    pub(crate) name: Name,
    /// The parent. Its key is read under the same lock: once that is released the child may move away, and the
    /// parent's slot may become another inode's.
    pub(crate) page: &'a InodePage,
    pub(crate) key: InodeKey,
}

impl<'a> ParentMatch<'a> {
    /// The snapshot of a child that `link` says is in `dir`. `None`: it has moved since, and the caller reads the link
    /// again. `Some(None)`: the directory has died.
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
        let key = InodeKey { index, generation: page.life_of(index).generation() };
        Some(Some(Self { name, page, key }))
    }
}

/// Whether a flagged child's parent may want `wanted`: the part of [`match_parent`] that takes no
/// lock, so that a hook that matches no mark stays short. After `true`, [`match_parent`] decides.
#[inline]
pub(crate) fn parent_may_match(dentry: &Dentry<'_>, wanted: EventMask) -> bool {
    let link = dentry.link();
    let Some(slot) = link.dir().and_then(|dir| dentry.tree.dir_slot(dir)) else { return false };
    // Acquire: the second load of the link below comes after this.
    let interest = slot.child_interest();
    // A directory that watches nothing leaves a stale flag to clear; a child that has moved has
    // another parent to ask.
    interest & wanted.bits() != 0 || interest == 0 || dentry.link() != link
}

/// Finds out whether a flagged child's parent wants `wanted`; clears the flag if the parent watches
/// nothing any more. Without a match it takes no lock, but for that clear.
pub(crate) fn match_parent<'a>(dentry: &Dentry<'a>, wanted: EventMask) -> Option<ParentMatch<'a>> {
    let tree = dentry.tree;
    loop {
        let link = dentry.link();
        let dir = link.dir()?;
        let slot = tree.dir_at(dir);
        // Acquire: the second load of the link below comes after this.
        let interest = slot.child_interest();
        if interest & wanted.bits() == 0 {
            // The child may have moved to a directory that wants the event before this one stopped
            // watching. Then this "no" is not of the child's parent.
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

/// Parent and name of a child in one snapshot, whether the parent wants its events or not. RULE parent-for-the-name: marks
/// on the child, its mount or its superblock may ask for both.
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

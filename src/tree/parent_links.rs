//! The places of dentries in directories: links, and the rules of the parent-watch protocol on the
//! flags of dentries (`child_watch` has the rules themselves).

use crate::base::slot_index::Ix;
use crate::tree::child_watch::{Epoch, FlagChunk, WatchState};
use crate::tree::dentry::Dentry;
use crate::tree::dentry_page::Dentries;
use crate::tree::directory::DirSlot;
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::store::Tree;

impl Tree {
    /// Sets the flag and the link of a dentry at its new place; the caller holds `children` for
    /// writing.
    pub(super) fn link_child(
        &self,
        slot: &DirSlot,
        children: &mut WatchState,
        dir: Ix<DirSlot>,
        dentry: Ix<DentrySlot>,
        place: usize,
    ) {
        let page = self.dentry_page(dentry).hot();
        slot.children.link(children, |flag| page.set_watched(dentry, flag));
        page.set_link(dentry, page.link(dentry).moved_to(dir, place));
    }

    /// Takes an unhashed child out of the array.
    pub(super) fn unlink_child(&self, children: &mut WatchState, place: usize) {
        let last = children.dentry_at(children.positives() - 1);
        let is_last_hashed = self.dentry_page(last).hot().is_hashed(last);
        let (_, moved) = children.unlink(place, is_last_hashed);
        if let Some(moved) = moved {
            let page = self.dentry_page(moved).hot();
            let link = page.link(moved);
            let dir = link.dir().expect("a child has a parent");
            page.set_link(moved, link.moved_to(dir, place));
        }
    }

    /// Clears the flag of a child of a directory that had no interest a moment ago. Under the lock the
    /// child must still be in the directory, and the directory still without interest.
    pub(crate) fn clear_stale_flag(&self, dentry: &Dentry<'_>, slot: &DirSlot) {
        slot.children.clear(
            || dentry.link().dir().is_some_and(|dir| std::ptr::eq(self.dir_at(dir), slot)),
            || dentry.page.set_watched(dentry.index, false),
        );
    }

    /// Flags one chunk of a directory's children, at most `most`; takes `children` (read).
    pub(crate) fn flag_chunk(&self, dir: Ix<DirSlot>, epoch: Epoch, most: u32) -> FlagChunk {
        let children = &self.dir_at(dir).children;
        children.claim(u64::from(dir), epoch, most, |dentries| self.flag_all(dentries))
    }

    /// Sets the flag of each of these children, the last first: the inner loop of the walk.
    pub(super) fn flag_all(&self, dentries: &[Ix<DentrySlot>]) {
        let mut known = None;
        let mut flags = None;
        for &dentry in dentries.iter().rev() {
            // Children made one after the other share a page: look it up when it changes.
            let number = Dentries::page_number(dentry);
            if number != known {
                known = number;
                flags = self.dentries.page(dentry).map(|page| page.hot().watched_flags());
            }
            if let Some(flags) = flags {
                flags.set(dentry, true);
            }
        }
    }
}

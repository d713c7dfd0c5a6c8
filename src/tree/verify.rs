//! The checks of the tree's invariants, for tests, fuzzers and benches.

use crate::base::sync::{Arc, without_counting};
use crate::tree::children::Entry;
use crate::tree::directory::Dirs;
use crate::tree::store::Tree;

impl Tree {
    /// Checks every invariant of the tree; no other thread may use the tree meanwhile.
    ///
    /// # Errors
    /// The first one that does not hold.
    #[doc(hidden)]
    pub fn verify(self: &Arc<Self>) -> Result<(), String> {
        // The checks read whole directories under their locks.
        without_counting(|| self.verify_all())
    }

    fn verify_all(self: &Arc<Self>) -> Result<(), String> {
        // Each directory: its links, its index, its references, its flags.
        let mut negatives = 0;
        for dir in self.dirs().all() {
            let Some(slot) = self.dir_slot(dir) else { continue };
            let children = slot.children.read();
            if slot.inode().is_none() {
                if children.positives() + children.negatives() != 0 {
                    return Err(format!("directory slot {dir} is free and has children"));
                }
                continue;
            }
            negatives += children.negatives();
            let mut hashed = 0;
            for place in 0..children.positives() {
                let dentry = children.dentry_at(place);
                let page = self.dentry_page(dentry).hot();
                let name = children.name_at(place);
                let link = page.link(dentry);
                if link.dir() != Some(dir) || link.place() != place {
                    return Err(format!("{name:?} at {dir}/{place} has the link {link:?}"));
                }
                if page.is_hashed(dentry) {
                    hashed += 1;
                    let found = children.find(name, self.hash_for_verify(name));
                    if found != Some(Entry::Positive(place)) {
                        return Err(format!("{name:?} at {dir}/{place} is found as {found:?}"));
                    }
                }
                if page.refs(dentry).count() == 0 && page.is_hashed(dentry) {
                    return Err(format!("{name:?} at {dir}/{place} has a name and no reference"));
                }
                if children.is_all_flagged() && !page.is_watched(dentry) {
                    return Err(format!("{name:?} at {dir}/{place} lacks the flag"));
                }
            }
            if hashed != children.hashed() {
                return Err(format!("directory {dir} counts {} names", children.hashed()));
            }
        }
        // The tree as a whole: no cycle, and the counts.
        self.verify_ancestors()?;
        if negatives != self.negatives() {
            return Err(format!("{negatives} negatives, {} counted", self.negatives()));
        }
        if negatives > self.config().negatives {
            return Err(format!("{negatives} negatives are over the budget"));
        }
        Ok(())
    }

    /// Each directory is below a root: none is its own ancestor.
    fn verify_ancestors(&self) -> Result<(), String> {
        let ordinal = |dir| Dirs::ordinal(dir) as usize;
        // For each slot, the directory whose climb reached it first.
        let mut seen = vec![None; self.dirs().capacity() as usize];
        for dir in self.dirs().all() {
            let mut at = Some(dir);
            while let Some(here) = at.filter(|here| seen[ordinal(*here)].is_none()) {
                seen[ordinal(here)] = Some(dir);
                let dentry = self.dir_slot(here).and_then(|slot| slot.dentry());
                at = dentry.and_then(|dentry| self.dentry_page(dentry).hot().link(dentry).dir());
            }
            if at.is_some_and(|here| seen[ordinal(here)] == Some(dir)) {
                return Err(format!("directory {dir} is its own ancestor"));
            }
        }
        Ok(())
    }

    /// The most entries one insertion into this directory has touched.
    #[doc(hidden)]
    #[must_use]
    pub fn worst_insert(&self, dir: crate::tree::dentry::Dentry<'_>) -> usize {
        dir.inode.dir().map_or(0, |dir| self.dir_at(dir).children.read().worst_insert())
    }
}

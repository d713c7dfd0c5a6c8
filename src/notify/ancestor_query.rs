//! Going up: which dentries are above a dentry.
//!
//! A superblock counts the directories that get another parent. A climb reads that count before the
//! first parent and after the last one. The count is raised under both `children` locks of a move,
//! and a parent is read under one of them. So if the two counts are equal, all parents were read in
//! one state of the tree. The first attempt therefore takes no lock that a rename waits for.
//!
//! If a directory moves meanwhile, the climb begins again, and then holds the rename lock, which
//! keeps directories where they are. A tree is as deep as a guest makes it, so one hold goes up a
//! bounded number of levels, and after a few holds a waiting rename is let in.
//!
//! It is not in `tree`, whose own climb is under the rename lock alone: a climb without that lock holds a reference
//! to each directory it passes, and one of these may be the last. Its end is a death to report.

use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, count_items};
use crate::notify::Notifier;
use crate::notify::held_dentry::HeldDentry;
use crate::tree::DentryId;
use crate::tree::dentry::DentrySlot;
use crate::tree::superblock::SuperblockSlot;

/// How many levels one hold of the rename lock goes up.
pub(crate) const LEVELS_PER_HOLD: usize = 512;
/// After this many holds a rename that waits for the lock gets it. Between two holds it may get it; if
/// it always did, no climb of more than one hold would end while renames go on.
const HOLDS_PER_TURN: usize = 8;
/// How many climbs one path walk, or one rename, may begin, however deep the tree is.
pub(crate) const MAX_CLIMBS: usize = 16;
/// It may begin more climbs than that until it has gone up this many levels.
pub(crate) const MIN_LEVELS: usize = 65_536;

/// How far one path walk, or one rename, may climb: [`MAX_CLIMBS`] times the depth of the tree, or, where
/// that is more, [`MIN_LEVELS`] and one climb. Neighbours that move directories all the time can make it
/// begin again that often, and no more. Mounts on the way count as levels.
#[derive(Debug, Default)]
pub(crate) struct ClimbBudget {
    climbs: usize,
    levels: usize,
}

impl ClimbBudget {
    /// Charges the begin of a climb; false if there may be no more.
    fn begin(&mut self) -> bool {
        if self.climbs >= MAX_CLIMBS && self.levels >= MIN_LEVELS {
            return false;
        }
        self.climbs += 1;
        true
    }

    /// The climbs begun and the levels gone up.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn spent(&self) -> (usize, usize) {
        (self.climbs, self.levels)
    }

    /// Charges a level: a directory, or a mount that the way up leads out of.
    pub(crate) fn go_up(&mut self) {
        count_items(1);
        self.levels += 1;
    }
}

/// Whether one dentry is, or is above, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AncestorQuery {
    pub(crate) above: DentryId,
    pub(crate) below: DentryId,
}

/// The answer to a query, for one count of directory moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AncestorProof {
    query: AncestorQuery,
    is_above: bool,
    moves: u64,
}

impl AncestorProof {
    /// Whether the first dentry is, or is above, the second.
    pub(crate) fn is_above(self) -> bool {
        self.is_above
    }

    /// The count of directory moves for which this was shown.
    pub(crate) fn moves(self) -> u64 {
        self.moves
    }

    /// Whether no directory has moved since.
    pub(crate) fn is_current(self, superblock: &SuperblockSlot) -> bool {
        self.moves == superblock.directory_moves()
    }
}

/// The end of a climb.
#[derive(Debug)]
pub(crate) enum ClimbResult<R> {
    /// The visitor found what it looks for; with the count of directory moves for which that holds.
    Found(R, u64),
    /// The root of the file system was reached; with the same count.
    Top(u64),
    /// The budget is used up: directories moved all the time.
    Contended,
}

/// The behaviour of a climb whose budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnContention {
    GiveUp,
    /// Go up once more, and take each parent as it is at its moment.
    Inexact,
}

impl Notifier {
    /// Goes up from a dentry in use by the caller, until `visit` finds what it looks for.
    ///
    /// The parents are those of one moment, apart from an inexact last attempt. `visit` runs under the
    /// rename lock or under none. O(depth) for each climb begun; see [`ClimbBudget`].
    pub(crate) fn climb<R>(
        self: &Arc<Self>,
        from: Ix<DentrySlot>,
        budget: &mut ClimbBudget,
        on_contention: OnContention,
        mut visit: impl FnMut(Visit) -> Option<R>,
    ) -> ClimbResult<R> {
        let tree = self.tree();
        let superblock = tree.dentry_at(from).inode().superblock;
        for attempt in 0.. {
            let exact = budget.begin();
            if !exact && on_contention == OnContention::GiveUp {
                break;
            }
            visit(Visit::Begin);
            let mut here = HeldDentry::of(self, tree.dentry_at(from));
            let mut begun_at = None;
            'holds: for hold in 1.. {
                let rename = (attempt > 0).then(|| superblock.lock_rename());
                let moves = *begun_at.get_or_insert_with(|| superblock.directory_moves());
                let is_current = || !exact || superblock.directory_moves() == moves;
                if !is_current() {
                    break;
                }
                for _ in 0..LEVELS_PER_HOLD {
                    budget.go_up();
                    let end = match visit(Visit::At(here.index())) {
                        Some(found) => ClimbResult::Found(found, moves),
                        None => match tree.parent_of(here.index()) {
                            None => ClimbResult::Top(moves),
                            Some(parent) => {
                                here = HeldDentry::new(self, parent);
                                continue;
                            }
                        },
                    };
                    if is_current() {
                        return end;
                    }
                    break 'holds;
                }
                if let Some(rename) = rename.filter(|_| hold % HOLDS_PER_TURN == 0) {
                    rename.unlock_fair();
                }
            }
        }
        ClimbResult::Contended
    }

    /// Whether a dentry is another one or above it; both are in use by the caller. `None` if
    /// directories moved until the budget was used up. Takes the rename lock for bounded times, if a
    /// directory moves meanwhile.
    pub(crate) fn prove(
        self: &Arc<Self>,
        query: AncestorQuery,
        budget: &mut ClimbBudget,
    ) -> Option<AncestorProof> {
        let above = query.above.index;
        let is_it = |visit| (visit == Visit::At(above)).then_some(());
        match self.climb(query.below.index, budget, OnContention::GiveUp, is_it) {
            ClimbResult::Found((), moves) => Some(AncestorProof { query, is_above: true, moves }),
            ClimbResult::Top(moves) => Some(AncestorProof { query, is_above: false, moves }),
            ClimbResult::Contended => None,
        }
    }

    /// The answer under the rename lock, which the caller holds: from a proof, or from a few levels
    /// up. Else the query must be proved first, without the locks that are held beside this one.
    pub(crate) fn is_ancestor(
        self: &Arc<Self>,
        query: AncestorQuery,
        proofs: &[AncestorProof],
    ) -> std::result::Result<bool, AncestorQuery> {
        let tree = self.tree();
        let superblock = tree.dentry_at(query.below.index).inode().superblock;
        let mut proofs = proofs.iter().filter(|proof| proof.query == query);
        if let Some(proof) = proofs.find(|proof| proof.is_current(superblock)) {
            return Ok(proof.is_above);
        }
        let mut here = HeldDentry::of(self, tree.dentry_at(query.below.index));
        for _ in 0..LEVELS_PER_HOLD {
            count_items(1);
            if here.index() == query.above.index {
                return Ok(true);
            }
            let Some(parent) = tree.parent_of(here.index()) else { return Ok(false) };
            here = HeldDentry::new(self, parent);
        }
        Err(query)
    }
}

/// A moment of going up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// The beginning, or a new one: what was seen does not count.
    Begin,
    /// At this dentry.
    At(Ix<DentrySlot>),
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_by_climbs_and_levels() {
        let mut budget = ClimbBudget::default();
        for _ in 0..2 * MAX_CLIMBS {
            assert!(budget.begin(), "short ones are free");
        }
        budget.levels = MIN_LEVELS;
        assert!(!budget.begin());
        let mut budget = ClimbBudget { climbs: 1, levels: 100 * MIN_LEVELS };
        let more = (0..100).take_while(|_| budget.begin()).count();
        assert_eq!(more, MAX_CLIMBS - 1, "the tree is deep");
    }
}

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

use crate::base::index::Ix;
use crate::base::sync::count_items;
use crate::tree::DentryId;
use crate::tree::dentry::DentrySlot;
use crate::tree::superblock::SuperblockSlot;
use crate::vfs::Vfs;
use crate::vfs::resolve::location::Held;

/// How many levels one hold of the rename lock goes up.
const LEVELS_PER_HOLD: usize = 512;
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
pub(crate) enum Climb<R> {
    /// The visitor found what it looks for; with the count of directory moves for which that holds.
    Found(R, u64),
    /// The root of the file system was reached; with the same count.
    Top(u64),
    /// The budget is used up: directories moved all the time.
    Contended,
}

/// What a climb does where its budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnContention {
    GiveUp,
    /// Go up once more, and take each parent as it is at its moment.
    Inexact,
}

impl Vfs {
    /// Goes up from a dentry in use by the caller, until `visit` finds what it looks for.
    ///
    /// The parents are those of one moment, apart from an inexact last attempt. `visit` runs under the
    /// rename lock or under none. O(depth) for each climb begun; see [`ClimbBudget`].
    pub(crate) fn climb<R>(
        &self,
        from: Ix<DentrySlot>,
        budget: &mut ClimbBudget,
        on_contention: OnContention,
        mut visit: impl FnMut(Visit) -> Option<R>,
    ) -> Climb<R> {
        let tree = self.tree();
        let superblock = tree.dentry_at(from).inode().superblock;
        for attempt in 0.. {
            let exact = budget.begin();
            if !exact && on_contention == OnContention::GiveUp {
                break;
            }
            visit(Visit::Begin);
            let mut here = Held::of(self.notifier(), tree.dentry_at(from));
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
                        Some(found) => Climb::Found(found, moves),
                        None => match tree.parent_of(here.index()) {
                            None => Climb::Top(moves),
                            Some(parent) => {
                                here = Held::new(self.notifier(), parent);
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
        Climb::Contended
    }

    /// Whether a dentry is another one or above it; both are in use by the caller. `None` if
    /// directories moved until the budget was used up. Takes the rename lock for bounded times, if a
    /// directory moves meanwhile.
    pub(crate) fn prove(
        &self,
        query: AncestorQuery,
        budget: &mut ClimbBudget,
    ) -> Option<AncestorProof> {
        let above = query.above.index;
        let is_it = |visit| (visit == Visit::At(above)).then_some(());
        match self.climb(query.below.index, budget, OnContention::GiveUp, is_it) {
            Climb::Found((), moves) => Some(AncestorProof { query, is_above: true, moves }),
            Climb::Top(moves) => Some(AncestorProof { query, is_above: false, moves }),
            Climb::Contended => None,
        }
    }

    /// The answer under the rename lock, which the caller holds: from a proof, or from a few levels
    /// up. Else the query must be proved first, without the locks that are held beside this one.
    pub(crate) fn is_ancestor(
        &self,
        query: AncestorQuery,
        proofs: &[AncestorProof],
    ) -> std::result::Result<bool, AncestorQuery> {
        let tree = self.tree();
        let superblock = tree.dentry_at(query.below.index).inode().superblock;
        let mut proofs = proofs.iter().filter(|proof| proof.query == query);
        if let Some(proof) = proofs.find(|proof| proof.is_current(superblock)) {
            return Ok(proof.is_above);
        }
        let mut here = Held::of(self.notifier(), tree.dentry_at(query.below.index));
        for _ in 0..LEVELS_PER_HOLD {
            count_items(1);
            if here.index() == query.above.index {
                return Ok(true);
            }
            let Some(parent) = tree.parent_of(here.index()) else { return Ok(false) };
            here = Held::new(self.notifier(), parent);
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
    use std::sync::Barrier;
    use std::thread;

    use super::*;
    use crate::fs::OpenFlags;
    use crate::fs::{MemFs, RenameFlags};
    use crate::vfs::File;
    use crate::vfs::context::Context;

    /// Deeper than one hold of the rename lock goes.
    const DEPTH: usize = LEVELS_PER_HOLD + 100;

    /// A chain of directories `d` below a new directory; a handle on the last.
    fn chain(vfs: &Vfs, cx: &Context, top: &str) -> File {
        vfs.mkdir(cx, top, 0o755).unwrap();
        let mut last = vfs.open(cx, top, OpenFlags::PATH, 0).unwrap();
        for _ in 0..DEPTH {
            vfs.mkdir(cx, last.at("d"), 0o755).unwrap();
            last = vfs.open(cx, last.at("d"), OpenFlags::PATH, 0).unwrap();
        }
        last
    }

    #[test]
    fn a_proof_holds_until_a_directory_moves() {
        let vfs = Vfs::new(MemFs::new()).unwrap();
        let cx = vfs.context();
        let deep = chain(&vfs, &cx, "/a");
        vfs.mkdir(&cx, "/b", 0o755).unwrap();
        vfs.mkdir(&cx, "/b/c", 0o755).unwrap();
        vfs.open(&cx, "/b/f", OpenFlags::WRITE | OpenFlags::CREATE, 0o644).unwrap();
        let b = vfs.open(&cx, "/b", OpenFlags::PATH, 0).unwrap();
        let a = vfs.open(&cx, "/a", OpenFlags::PATH, 0).unwrap();
        let below = deep.dentry().id();
        let (is_below_b, is_below_a) = (
            AncestorQuery { above: b.dentry().id(), below },
            AncestorQuery { above: a.dentry().id(), below },
        );
        let ask = |query, known: &[AncestorProof]| {
            let _rename = deep.dentry().inode().superblock.lock_rename();
            vfs.is_ancestor(query, known)
        };
        let prove = |query| vfs.prove(query, &mut ClimbBudget::default()).unwrap();
        assert_eq!(ask(is_below_a, &[]), Err(is_below_a), "too far up");
        let known = [prove(is_below_b), prove(is_below_a)];
        assert_eq!((ask(is_below_b, &known), ask(is_below_a, &known)), (Ok(false), Ok(true)));
        let rename = |from: &str, to: &str| {
            vfs.rename(&cx, from, to, RenameFlags::empty()).unwrap();
        };
        rename("/b/f", "/f");
        rename("/b/c", "/b/e");
        assert_eq!(ask(is_below_b, &known), Ok(false), "no directory has got another parent");
        rename("/a", "/b/a");
        assert_eq!(ask(is_below_b, &known), Err(is_below_b), "it is not known any more");
        assert!(prove(is_below_b).is_above());
        vfs.rename(&cx, "/b/a", "/f", RenameFlags::EXCHANGE).unwrap();
        let known = [prove(is_below_b)];
        assert_eq!(ask(is_below_b, &known), Ok(false));
        vfs.rename(&cx, "/b/a", "/f", RenameFlags::EXCHANGE).unwrap();
        assert_eq!(ask(is_below_b, &known), Err(is_below_b), "exchanged");
    }

    /// Neighbours rename meanwhile. Fails (the lock is taken twice) if the first attempt takes it.
    #[test]
    fn a_climb_takes_no_rename_lock_while_no_directory_moves() {
        let vfs = Vfs::new(MemFs::new()).unwrap();
        let cx = vfs.context();
        let deep = chain(&vfs, &cx, "/a");
        let a = vfs.open(&cx, "/a", OpenFlags::PATH, 0).unwrap();
        let query = AncestorQuery { above: a.dentry().id(), below: deep.dentry().id() };
        let _rename = deep.dentry().inode().superblock.lock_rename();
        let mut budget = ClimbBudget::default();
        assert!(vfs.prove(query, &mut budget).unwrap().is_above());
        assert_eq!((budget.climbs, budget.levels), (1, DEPTH + 1));
    }

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

    /// Each alone is allowed; both together would cut the two trees off, each inside the other.
    #[test]
    fn two_deep_directories_never_come_to_be_inside_each_other() {
        let vfs = Vfs::new(MemFs::new()).unwrap();
        let cx = vfs.context();
        let (in_a, in_b) = (chain(&vfs, &cx, "/a"), chain(&vfs, &cx, "/b"));
        for _ in 0..200 {
            let barrier = Barrier::new(2);
            let into = |from: &str, to: &File| {
                barrier.wait();
                let no_flags = RenameFlags::empty();
                vfs.rename(&cx, from, to.at("x"), no_flags)
            };
            let (one, two) = thread::scope(|scope| {
                let one = scope.spawn(|| into("/a", &in_b));
                let two = into("/b", &in_a);
                (one.join().unwrap(), two)
            });
            assert!(one.is_ok() != two.is_ok(), "{one:?}, {two:?}");
            let (home, holder) = if one.is_ok() { ("/a", &in_b) } else { ("/b", &in_a) };
            assert!(in_a.path(&cx).is_ok() && in_b.path(&cx).is_ok(), "both can be reached");
            vfs.rename(&cx, holder.at("x"), home, RenameFlags::empty()).unwrap();
        }
        vfs.verify().unwrap();
    }
}

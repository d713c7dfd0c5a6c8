//! The check that no directory becomes its own ancestor.
//!
//! A cycle of directories can be reached from no root, and a climb in it never ends. Only a move of a
//! directory to another parent can make one. A directory that gets its first name has no children yet:
//! children reference the dentry of their directory, and a directory has one live dentry.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::tree::dentry::Dentry;
use crate::tree::directory::DirSlot;
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::store::Tree;
use crate::tree::superblock::SuperblockSlot;

/// How many levels one hold of the rename lock climbs.
const LEVELS_PER_HOLD: usize = 512;
/// How often a climb starts again because a directory has moved.
const MAX_RETRIES: usize = 64;

/// A move of a directory to another parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DirectoryMove {
    /// Its dentry.
    pub(super) dentry: Ix<DentrySlot>,
    /// The slot of the new parent, whose dentry is referenced.
    pub(super) into: Ix<DirSlot>,
}

/// The moves that one operation makes: an exchange of two directories is two.
type Moves = [Option<DirectoryMove>; 2];

/// The state of a climb from the new parents, in search of the moved directories.
struct Climb {
    moves: Moves,
    /// The superblock's count of directory moves when the climb began: the climb is valid while it
    /// stays.
    count: u64,
    /// For each move the dentry to look at next; `None` beyond the root.
    at: [Option<Ix<DentrySlot>>; 2],
}

impl Climb {
    fn begin(tree: &Tree, moves: Moves, count: u64) -> Self {
        let at = moves.map(|one| tree.dir_at(one?.into).dentry());
        Self { moves, count, at }
    }

    /// Climbs a bounded number of levels; true at the top. The caller holds the rename lock.
    ///
    /// It takes no reference to a dentry: the new parent is referenced, and each directory above it by
    /// its children, as long as no directory moves.
    ///
    /// # Errors
    /// `EINVAL` if a directory would get below itself.
    fn go_on(&mut self, tree: &Tree) -> Result<bool> {
        let mut levels = 0;
        for (moved, at) in self.moves.iter().zip(&mut self.at) {
            let Some(moved) = moved else { continue };
            while let Some(here) = *at {
                if here == moved.dentry {
                    return Err(Errno::EINVAL.into());
                }
                if levels == LEVELS_PER_HOLD {
                    return Ok(false);
                }
                levels += 1;
                count_items(1);
                let parent = tree.dentry_page(here).hot().link(here).dir();
                *at = parent.and_then(|dir| tree.dir_at(dir).dentry());
            }
        }
        Ok(true)
    }
}

impl Tree {
    /// Whether a directory's dentry is the one of a directory slot, or above it.
    ///
    /// # Errors
    /// `EBUSY` if directories moved all the time.
    pub(crate) fn is_at_or_above(
        &self,
        above: Dentry<'_>,
        below: Option<Ix<DirSlot>>,
    ) -> Result<bool> {
        let Some(into) = below else { return Ok(false) };
        let query = DirectoryMove { dentry: above.index, into };
        let superblock = above.inode().superblock;
        match self.move_directories(superblock, || Ok([Some(query), None]), || Some(Ok(()))) {
            Ok(()) => Ok(false),
            Err(error) if error.errno() == Errno::EINVAL => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Moves directories to other parents. `act` runs under the rename lock of the superblock, once no
    /// moved directory is its new parent or above it. `moves` returns, under that lock, the moves of
    /// directories; `act` returns `None` if they have changed meanwhile.
    ///
    /// A guest decides how deep a tree is, so the lock is released after a number of levels.
    /// Directories get another parent only under this lock, and each move is counted: if the count has
    /// changed, the climb starts again.
    ///
    /// # Errors
    /// `EINVAL` if a directory would get below itself; `EBUSY` if directories moved all the time; the
    /// errors of `moves` and `act`.
    pub(super) fn move_directories<R>(
        &self,
        superblock: &SuperblockSlot,
        moves: impl Fn() -> Result<Moves>,
        mut act: impl FnMut() -> Option<Result<R>>,
    ) -> Result<R> {
        let mut climb: Option<Climb> = None;
        let mut begun = 0;
        loop {
            let _rename = superblock.lock_rename();
            let (moves, count) = (moves()?, superblock.directory_moves());
            let known = climb.take().filter(|known| (known.moves, known.count) == (moves, count));
            let mut current = match known {
                Some(known) => known,
                None if begun > MAX_RETRIES => return Err(Errno::EBUSY.into()),
                None => {
                    begun += 1;
                    Climb::begin(self, moves, count)
                }
            };
            if !current.go_on(self)? {
                climb = Some(current);
            } else if let Some(result) = act() {
                return result;
            }
        }
    }
}

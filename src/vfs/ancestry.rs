//! Going up: what is above a dentry.
//!
//! The rename lock of a file system keeps directories where they are. A tree is as deep as a guest
//! makes it, so nobody goes all the way up under one hold: after a number of levels the lock is
//! released, and taken again, and if a directory has moved meanwhile the way begins anew.

use crate::base::error::{ErrorKind, Result};
use crate::base::sync::count_items;
use crate::tree::DentryId;
use crate::tree::superblock::SuperblockSlot;
use crate::vfs::Vfs;
use crate::vfs::location::Held;

/// How many levels one hold of the rename lock goes up.
const LEVELS_PER_HOLD: usize = 512;
/// How often the way is begun anew because a directory has moved.
pub(super) const PATIENCE: usize = 64;

/// Whether one dentry is, or is above, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) above: DentryId,
    pub(super) below: DentryId,
}

/// The answer to a question, which is right as long as no directory of the file system moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    question: Question,
    yes: bool,
    moves: u64,
}

impl Answer {
    pub(super) fn is_yes(self) -> bool {
        self.yes
    }

    /// Whether no directory has moved since.
    pub(super) fn is_right(self, superblock: &SuperblockSlot) -> bool {
        self.moves == superblock.directory_moves()
    }
}

/// What going up came to.
#[derive(Debug)]
pub(super) enum Climb<R> {
    /// What was looked for, and the count of moves when it was right.
    Found(R, u64),
    /// The root of the file system, and likewise.
    Top(u64),
    /// Nothing: directories moved all the time.
    Lost,
}

impl Vfs {
    /// Goes up from a dentry of which the caller has a use, until `visit` finds what it looks for. If
    /// directories go on moving, the last attempt is given up (`exact`), or goes on from where it is.
    pub(super) fn climb<R>(
        &self,
        from: u32,
        exact: bool,
        mut visit: impl FnMut(Visit) -> Option<R>,
    ) -> Climb<R> {
        let tree = self.tree();
        let superblock = tree.dentry_at(from).inode().superblock;
        for attempt in 0.. {
            visit(Visit::Begin);
            let mut here = Held::of(self.notifier(), tree.dentry_at(from));
            let mut seen = None;
            loop {
                let _rename = superblock.lock_rename();
                let moves = superblock.directory_moves();
                let has_moved = seen.is_some_and(|seen| seen != moves);
                seen = Some(moves);
                if has_moved && (exact || attempt < PATIENCE) {
                    break;
                }
                for _ in 0..LEVELS_PER_HOLD {
                    count_items(1);
                    if let Some(found) = visit(Visit::At(here.index())) {
                        return Climb::Found(found, moves);
                    }
                    let Some(parent) = tree.parent_of(here.index()) else {
                        return Climb::Top(moves);
                    };
                    here = Held::from_use(self.notifier(), parent);
                }
            }
            if attempt == PATIENCE {
                break;
            }
        }
        Climb::Lost
    }

    /// Whether a dentry is another one or above it; both are in use by the caller. Takes the rename
    /// lock, again and again.
    ///
    /// # Errors
    /// `Busy` if directories moved all the time.
    pub(super) fn find_out(&self, question: Question) -> Result<Answer> {
        let above = question.above.index;
        let is_it = |visit| (visit == Visit::At(above)).then_some(());
        match self.climb(question.below.index, true, is_it) {
            Climb::Found((), moves) => Ok(Answer { question, yes: true, moves }),
            Climb::Top(moves) => Ok(Answer { question, yes: false, moves }),
            Climb::Lost => Err(ErrorKind::Busy.into()),
        }
    }

    /// The answer under the rename lock, which the caller holds: known already, or found a few levels
    /// up. Else it must be found out first, without the locks that are held beside this one.
    pub(super) fn is_ancestor(
        &self,
        question: Question,
        known: &[Answer],
    ) -> std::result::Result<bool, Question> {
        let tree = self.tree();
        let superblock = tree.dentry_at(question.below.index).inode().superblock;
        let mut known = known.iter().filter(|answer| answer.question == question);
        if let Some(answer) = known.find(|answer| answer.is_right(superblock)) {
            return Ok(answer.yes);
        }
        let mut here = Held::of(self.notifier(), tree.dentry_at(question.below.index));
        for _ in 0..LEVELS_PER_HOLD {
            count_items(1);
            if here.index() == question.above.index {
                return Ok(true);
            }
            let Some(parent) = tree.parent_of(here.index()) else { return Ok(false) };
            here = Held::from_use(self.notifier(), parent);
        }
        Err(question)
    }
}

/// A moment of going up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// The beginning, or a new one: what was seen does not count.
    Begin,
    /// At this dentry.
    At(u32),
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;
    use crate::fs::{MemFs, RenameFlags};
    use crate::vfs::context::Context;
    use crate::vfs::open_flags::OpenFlags;
    use crate::vfs::{At, File};

    /// Deeper than one hold of the rename lock goes.
    const DEPTH: usize = LEVELS_PER_HOLD + 100;

    /// A chain of directories `d` below a new directory; a handle on the last.
    fn chain(vfs: &Vfs, cx: &Context, top: &str) -> File {
        vfs.mkdir(cx, top, 0o755).unwrap();
        let mut last = vfs.open(cx, top, OpenFlags::PATH, 0).unwrap();
        for _ in 0..DEPTH {
            vfs.mkdirat(cx, At::Dir(&last), "d", 0o755).unwrap();
            let how = crate::vfs::OpenHow::new(OpenFlags::PATH);
            last = vfs.open_with(cx, At::Dir(&last), "d", how).unwrap();
        }
        last
    }

    #[test]
    fn an_answer_is_believed_until_a_directory_moves() {
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
            Question { above: b.dentry().id(), below },
            Question { above: a.dentry().id(), below },
        );
        let ask = |question, known: &[Answer]| {
            let _rename = deep.dentry().inode().superblock.lock_rename();
            vfs.is_ancestor(question, known)
        };
        assert_eq!(ask(is_below_a, &[]), Err(is_below_a), "too far up");
        let known = [vfs.find_out(is_below_b).unwrap(), vfs.find_out(is_below_a).unwrap()];
        assert_eq!((ask(is_below_b, &known), ask(is_below_a, &known)), (Ok(false), Ok(true)));
        let rename = |from: &str, to: &str| {
            vfs.rename(&cx, from, to, RenameFlags::empty()).unwrap();
        };
        rename("/b/f", "/f");
        rename("/b/c", "/b/e");
        assert_eq!(ask(is_below_b, &known), Ok(false), "no directory has got another parent");
        rename("/a", "/b/a");
        assert_eq!(ask(is_below_b, &known), Err(is_below_b), "it is not known any more");
        assert!(vfs.find_out(is_below_b).unwrap().is_yes());
        vfs.rename(&cx, "/b/a", "/f", RenameFlags::EXCHANGE).unwrap();
        let known = [vfs.find_out(is_below_b).unwrap()];
        assert_eq!(ask(is_below_b, &known), Ok(false));
        vfs.rename(&cx, "/b/a", "/f", RenameFlags::EXCHANGE).unwrap();
        assert_eq!(ask(is_below_b, &known), Err(is_below_b), "exchanged");
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
                vfs.renameat(&cx, (At::Cwd, from), (At::Dir(to), "x"), no_flags)
            };
            let (one, two) = thread::scope(|scope| {
                let one = scope.spawn(|| into("/a", &in_b));
                let two = into("/b", &in_a);
                (one.join().unwrap(), two)
            });
            assert!(one.is_ok() != two.is_ok(), "{one:?}, {two:?}");
            let (home, holder) = if one.is_ok() { ("/a", &in_b) } else { ("/b", &in_a) };
            assert!(in_a.path(&cx).is_ok() && in_b.path(&cx).is_ok(), "both can be reached");
            vfs.renameat(&cx, (At::Dir(holder), "x"), (At::Cwd, home), RenameFlags::empty())
                .unwrap();
        }
        vfs.verify().unwrap();
    }
}

//! The parent-watch protocol, on the real tree and with no events: `ChildWatch` and its rules.
//!
//! A directory's marks are a count behind a lock, as the connector's lock is around `publish`. The
//! defect that a test names is in `child_watch.rs` unless it names another file; `crates/lab/planted`
//! has each as a patch. `notify::models::loom_parent` has the models of matching a parent.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::base::sync::model_helpers::{Shared, check};
use crate::base::sync::{Arc, Mutex, rank};
use crate::tree::child_watch::{Epoch, FlagChunk};
use crate::tree::directory::DirSlot;
use crate::tree::test_references::DeferringRef;
use crate::tree::{InodeSpec, SuperblockRef, Tree};

const WANTED: u32 = EventMask::MODIFY.bits();

/// A directory and how many marks on it want events of children.
struct Directory {
    dentry: DeferringRef,
    slot: Ix<DirSlot>,
    marks: Mutex<u32, { rank::CONNECTOR }>,
}

/// Two directories, `A` and `B`, and children.
struct World {
    tree: Arc<Tree>,
    dirs: [Directory; 2],
    children: Vec<DeferringRef>,
    _superblock: SuperblockRef,
}

const A: usize = 0;
const B: usize = 1;

impl World {
    /// A world with these children in `A` and `B`, numbered from 0 through both. `B` is a root of its
    /// own.
    fn new(in_a: usize, in_b: usize) -> Self {
        let tree = Tree::new(Default::default());
        let (superblock, a) = tree.add_superblock(1).unwrap();
        let make = |dir: &DeferringRef, ino: u64, kind: InodeKind| {
            let spec = InodeSpec { ino, kind, nlink: 1 };
            let inode = tree.make_inode(&superblock, spec).unwrap();
            tree.instantiate(dir.get(), &[b'a' + ino as u8], inode).unwrap()
        };
        let b = make(&a, 2, InodeKind::Directory);
        let dirs = [a, b].map(|dentry| {
            let slot = dentry.get().inode().dir().unwrap();
            Directory { slot, dentry, marks: Mutex::new(0) }
        });
        let children = (0..in_a + in_b)
            .map(|n| {
                let dir = &dirs[usize::from(n >= in_a)].dentry;
                make(dir, 3 + n as u64, InodeKind::Regular)
            })
            .collect();
        Self { tree, dirs, children, _superblock: superblock }
    }

    fn slot(&self, dir: usize) -> (&DirSlot, u64) {
        let slot = self.dirs[dir].slot;
        (self.tree.dir_at(slot), u64::from(slot))
    }

    /// Adds a mark; returns the epoch in which to walk.
    fn publish(&self, dir: usize) -> Option<Epoch> {
        let (slot, key) = self.slot(dir);
        {
            let mut marks = self.dirs[dir].marks.lock();
            *marks += 1;
            slot.children.publish(key, WANTED);
        }
        slot.children.join(key)
    }

    /// Flags one child; false at the end of the walk.
    fn step(&self, dir: usize, epoch: Epoch) -> bool {
        match self.tree.flag_chunk(self.dirs[dir].slot, epoch, 1) {
            FlagChunk::Flagged(_) => return true,
            FlagChunk::AtEnd => {
                let (slot, key) = self.slot(dir);
                slot.children.finish(key);
            }
            FlagChunk::Done => {}
        }
        false
    }

    fn walk(&self, dir: usize, epoch: Epoch) {
        while self.step(dir, epoch) {}
    }

    /// Adds a mark and returns when it is ready.
    fn add(&self, dir: usize) {
        if let Some(epoch) = self.publish(dir) {
            self.walk(dir, epoch);
        }
    }

    fn remove(&self, dir: usize) {
        let (slot, key) = self.slot(dir);
        let mut marks = self.dirs[dir].marks.lock();
        *marks -= 1;
        if *marks == 0 {
            slot.children.publish(key, 0);
        }
    }

    /// Watches and unwatches a directory, so that its children carry stale flags.
    fn leave_stale(&self, dir: usize) {
        self.add(dir);
        self.remove(dir);
    }

    /// Does to a child's flag what an event on the child does: a directory that watches nothing clears
    /// it.
    fn event(&self, child: usize) {
        let dentry = self.children[child].get();
        let slot = self.tree.dir_at(dentry.link().dir().unwrap());
        if dentry.is_parent_watched() && slot.child_interest() == 0 {
            self.tree.clear_stale_flag(&dentry, slot);
        }
    }

    fn rename(&self, child: usize, to: usize) {
        let dir = self.dirs[to].dentry.get();
        let name = [b'a' + 3 + child as u8];
        drop(self.tree.rename(self.children[child].get(), dir, &name).unwrap());
    }

    fn exchange(&self, one: usize, two: usize) {
        let [one, two] = [one, two].map(|child| self.children[child].get().index);
        self.tree.d_exchange(one, two).unwrap();
    }

    /// Asserts that every child of a ready directory is flagged, as `verify` does, but beside running
    /// threads.
    fn check_flags(&self, dir: usize) {
        let unflagged = {
            let children = self.slot(dir).0.children.read();
            let mut dentries = (0..children.positives()).map(|place| children.dentry_at(place));
            dentries.find(|dentry| !self.tree.dentry_page(*dentry).hot().is_watched(*dentry))
        };
        assert_eq!(unflagged, None, "a child of a ready directory lacks the flag");
    }

    /// Asserts that a child is flagged, without a lock, as a hook reads it.
    fn check_flag(&self, child: usize) {
        assert!(self.children[child].get().is_parent_watched(), "child {child} lacks the flag");
    }
}

/// Runs a model of two threads, then verifies the tree.
fn two_threads(
    name: &str,
    bound: Option<usize>,
    world: impl Fn() -> World + Send + Sync + 'static,
    one: impl Fn(&World) + Clone + Send + Sync + 'static,
    two: impl Fn(&World) + Send + Sync + 'static,
) {
    check(name, bound, move || {
        let world = Shared::new(world());
        let (other, one) = (world.clone(), one.clone());
        let thread = thread::spawn(move || one(&other));
        two(&world);
        thread.join().unwrap();
        world.tree.verify().unwrap();
    });
}

/// RULE clear, of the current parent. Fails ("lacks the flag") if `clear` leaves out `is_child`, or
/// takes no lock; and if `link` does not set the flag.
#[test]
fn loom_g8_a_lazy_clear_does_not_take_the_flag_of_a_child_that_moved_to_a_watched_directory() {
    let world = || {
        let world = World::new(1, 0);
        world.add(B);
        world.leave_stale(A);
        world
    };
    two_threads(
        "clear/rename",
        None,
        world,
        |world| world.event(0),
        |world| {
            world.rename(0, B);
            world.check_flag(0);
        },
    );
}

/// RULES begin and clear. Fails ("lacks the flag") if `clear` leaves out `self.interest() != 0`, or
/// takes no lock, or leaves `all_flagged`; and if `publish` reads `all_flagged` before it has the lock.
#[test]
fn loom_g8_a_lazy_clear_and_an_add_on_the_same_directory_leave_the_flag_set() {
    let world = || {
        let world = World::new(1, 0);
        world.leave_stale(A);
        world
    };
    two_threads(
        "clear/add",
        None,
        world,
        |world| world.event(0),
        |world| {
            world.add(A);
            world.check_flag(0);
        },
    );
}

/// RULES claim and finish. Fails ("lacks the flag") if `claim` drops the lock and takes it again after
/// `lower_cursor`, if `finish` takes it for reading, or if `join` does not join a walk that is going on.
#[test]
fn loom_g1_two_adders_both_return_when_all_children_are_flagged() {
    let add = |world: &World| {
        world.add(A);
        world.check_flag(0);
        world.check_flag(1);
    };
    two_threads("help", Some(3), || World::new(2, 0), add, add);
}

/// RULES begin and clear: a cleared flag is remembered. Fails ("lacks the flag") if `clear` leaves
/// `all_flagged`, or if `publish` does not set the cursor to the end.
#[test]
fn loom_a_flag_cleared_while_the_directory_was_unwatched_is_set_by_the_next_add() {
    two_threads(
        "remember",
        Some(3),
        || {
            let world = World::new(2, 0);
            world.add(A);
            world
        },
        |world| world.event(0),
        |world| {
            world.remove(A);
            world.event(1);
            world.add(A);
            world.check_flag(0);
            world.check_flag(1);
        },
    );
}

/// RULE finish. Fails ("lacks the flag") if `finish` does not check the cursor: a walker of the first
/// epoch ends the walk of the second.
#[test]
fn loom_a_walker_of_an_earlier_epoch_does_not_finish_a_later_one() {
    check("toggle", None, || {
        let world = Shared::new(World::new(2, 0));
        let epoch = world.publish(A).unwrap();
        world.step(A, epoch);
        let other = world.clone();
        let thread = thread::spawn(move || other.walk(A, epoch));
        world.remove(A);
        world.event(1);
        world.add(A);
        world.check_flag(0);
        world.check_flag(1);
        thread.join().unwrap();
        world.tree.verify().unwrap();
    });
}

/// RULE finish. Fails ("lacks the flag") if `finish` does not check whether the directory watches: a
/// flag was cleared after the claim of its child.
#[test]
fn loom_a_walker_at_the_end_does_not_finish_the_walk_of_a_directory_that_watches_nothing() {
    check("late finish", None, || {
        let world = Shared::new(World::new(1, 0));
        let epoch = world.publish(A).unwrap();
        while world.tree.flag_chunk(world.dirs[A].slot, epoch, 1) != FlagChunk::AtEnd {}
        let other = world.clone();
        let thread = thread::spawn(move || other.walk(A, epoch));
        world.remove(A);
        world.event(0);
        world.add(A);
        world.check_flag(0);
        thread.join().unwrap();
        world.tree.verify().unwrap();
    });
}

/// RULES claim and unlink: the descending cursor. Fails ("lacks the flag") if the cursor counts up
/// (claim `len - end..len - start` for `start..end`, where `len` is `positives()`); with a range out of
/// bounds if `unlink` does not lower the cursor, or if a chunk is claimed and flagged under two holds.
#[test]
fn loom_a_walk_flags_every_child_while_others_are_linked_and_unlinked() {
    two_threads(
        "walk/rename",
        None,
        || World::new(2, 1),
        |world| {
            world.add(A);
            world.check_flags(A);
        },
        |world| {
            world.rename(0, B);
            world.rename(2, A);
        },
    );
}

/// Fails as the test before it, and ("lacks the flag") if `clear` takes no lock or does not check under
/// it.
#[test]
fn loom_a_child_that_crosses_two_directories_being_walked_is_flagged_in_both() {
    check("two walks", Some(3), || {
        let world = Shared::new(World::new(1, 1));
        let walkers = [A, B].map(|dir| {
            let world = world.clone();
            thread::spawn(move || {
                world.add(dir);
                world.check_flags(dir);
            })
        });
        world.rename(0, B);
        world.event(0);
        world.rename(0, A);
        for walker in walkers {
            walker.join().unwrap();
        }
        world.tree.verify().unwrap();
    });
}

/// RULE link. Fails ("lacks the flag") if `d_exchange` in `moves.rs` leaves out a `link_child`, or if
/// `link` leaves `all_flagged` when it clears a flag.
#[test]
fn loom_a_child_that_is_exchanged_into_a_directory_being_walked_is_flagged() {
    two_threads(
        "walk/exchange",
        None,
        || {
            let world = World::new(2, 1);
            world.leave_stale(B);
            world
        },
        |world| {
            world.add(A);
            world.check_flags(A);
        },
        |world| {
            world.exchange(1, 2);
            world.event(1);
            world.exchange(0, 1);
        },
    );
}

//! The match of an event with its object's parent, on the real tree: `parent_may_match`, `match_parent`,
//! `FlagWalk` and `Tree::d_move`.
//!
//! A directory's marks are a count behind a lock, as the connector's lock surrounds `publish`. The changes that
//! a test names under "Fails" are in `parent.rs`, unless it names another file. Each was made once, and the
//! test failed. The rules of the flags are in `tree::models`.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::base::slot_index::Ix;
use crate::base::sync::model_helpers::{Shared, check};
use crate::base::sync::{Arc, Mutex, rank};
use crate::base::walk_pace::{Pace, Yielder};
use crate::notify::flag_walk::FlagWalk;
use crate::notify::parent::{match_parent, parent_may_match};
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::directory::DirSlot;
use crate::tree::{InodeSpec, SuperblockRef, Tree};

const WANTED: EventMask = EventMask::MODIFY;

/// A directory, and the number of its marks that want events of children.
pub(super) struct Directory {
    dentry: DentryRef,
    pub(super) slot: Ix<DirSlot>,
    marks: Mutex<u32, { rank::CONNECTOR }>,
}

/// Two directories, `A` and `B`, and children.
pub(super) struct World {
    pub(super) tree: Arc<Tree>,
    pub(super) notifier: Arc<Notifier>,
    pub(super) dirs: [Directory; 2],
    pub(super) children: Vec<DentryRef>,
    pub(super) pace: Pace,
    superblock: SuperblockRef,
}

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;

impl World {
    /// Makes a world with so many children in `A` and in `B`. The children are numbered through.
    pub(super) fn new(in_a: usize, in_b: usize) -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let make = |dir: &DentryRef, ino: u64, kind: InodeKind| {
            let spec = InodeSpec { ino, kind, nlink: 1 };
            let inode = tree.make_inode(&superblock, spec).unwrap();
            notifier.instantiate(dir.get(), &[b'a' + ino as u8], inode).unwrap()
        };
        let directory = |dentry: DentryRef| {
            let inode = dentry.get().inode();
            Directory { slot: inode.dir().unwrap(), dentry, marks: Mutex::new(0) }
        };
        let b = make(&root, 2, InodeKind::Directory);
        let dirs = [directory(root), directory(b)];
        let children = (0..in_a + in_b)
            .map(|n| {
                let dir = &dirs[usize::from(n >= in_a)].dentry;
                make(dir, 3 + n as u64, InodeKind::Regular)
            })
            .collect();
        let pace = Pace::default().with_yielder(Yielder::None);
        Self { tree, notifier, dirs, children, pace, superblock }
    }

    pub(super) fn dir(&self, dir: usize) -> &DentryRef {
        &self.dirs[dir].dentry
    }

    pub(super) fn superblock(&self) -> &SuperblockRef {
        &self.superblock
    }

    fn set_interest(&self, dir: &Directory, interest: EventMask) {
        let children = &self.tree.dir_at(dir.slot).children;
        children.publish(u64::from(dir.slot), interest.bits());
    }

    /// Adds a mark, without the walk.
    pub(super) fn publish(&self, dir: usize) -> Option<FlagWalk> {
        let dir = &self.dirs[dir];
        {
            let mut marks = dir.marks.lock();
            *marks += 1;
            self.set_interest(dir, WANTED);
        }
        FlagWalk::needed(&dir.dentry.inode_ref(), &self.pace)
    }

    /// Adds a mark and returns when it is ready.
    pub(super) fn add(&self, dir: usize) {
        if let Some(mut walk) = self.publish(dir) {
            walk.finish(&self.pace);
        }
    }

    /// Changes the mark on a directory to one that wants other events of children.
    pub(super) fn change(&self, dir: usize) {
        let dir = &self.dirs[dir];
        let _marks = dir.marks.lock();
        self.set_interest(dir, EventMask::OPEN);
    }

    pub(super) fn remove(&self, dir: usize) {
        let dir = &self.dirs[dir];
        let mut marks = dir.marks.lock();
        *marks -= 1;
        if *marks == 0 {
            self.set_interest(dir, EventMask::empty());
        }
    }

    /// Adds and removes a mark on a directory, so that its children have stale flags.
    pub(super) fn leave_stale(&self, dir: usize) {
        self.add(dir);
        self.remove(dir);
    }

    /// Does the work of a hook for an event on a child, and returns the directory that gets the event.
    pub(super) fn event(&self, child: usize) -> Option<usize> {
        self.named_event(child).map(|(dir, _)| dir)
    }

    /// Returns the name of the child in that directory too.
    pub(super) fn named_event(&self, child: usize) -> Option<(usize, Name)> {
        let dentry = self.children[child].get();
        if !dentry.is_parent_watched() || !parent_may_match(&dentry, WANTED) {
            return None;
        }
        let hit = match_parent(&dentry, WANTED)?;
        let dir =
            self.dirs.iter().position(|dir| dir.dentry.get().inode().index == hit.key.index)?;
        Some((dir, hit.name))
    }

    pub(super) fn rename(&self, child: usize, to: usize) {
        self.rename_as(child, to, &[b'a' + 3 + child as u8]);
    }

    pub(super) fn rename_as(&self, child: usize, to: usize, name: &[u8]) {
        let dir = self.dirs[to].slot;
        self.tree.d_move(self.children[child].get().index, dir, name).unwrap();
    }

    /// Asserts that every child of a ready directory is flagged, as `verify` does, but while other threads run.
    pub(super) fn check_flags(&self, dir: usize) {
        let unflagged = {
            let children = self.tree.dir_at(self.dirs[dir].slot).children.read();
            let mut dentries = (0..children.positives()).map(|place| children.dentry_at(place));
            dentries.find(|dentry| !self.tree.dentry_page(*dentry).hot().is_watched(*dentry))
        };
        assert_eq!(unflagged, None, "a child of a ready directory lacks the flag");
    }

    pub(super) fn verify(&self) {
        self.tree.verify().unwrap();
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
        world.verify();
    });
}

/// G8, with the event; `tree::models` has the flag by itself. Fails ("lacks the flag") if `ChildWatch::clear`
/// leaves out `is_child`, or takes no lock. Fails ("an event was lost") if `ChildWatch::link` does not set the
/// flag.
#[test]
fn loom_g8_an_event_that_clears_a_flag_does_not_lose_one_of_the_new_directory() {
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
        |world| {
            world.event(0);
        },
        |world| {
            world.rename(0, B);
            assert_eq!(world.event(0), Some(B), "an event was lost");
        },
    );
}

/// The second load of the link. Fails ("an event was lost") if `match_parent` leaves out
/// `if dentry.link() != link` before `if interest == 0`, or if `interest` in `child_watch.rs` is loaded or
/// stored Relaxed. Fails (an index out of bounds) without the check under the lock.
#[test]
fn loom_an_event_on_a_child_that_moved_between_watched_directories_is_seen() {
    let world = || {
        let world = World::new(1, 0);
        world.add(A);
        world.add(B);
        world
    };
    two_threads(
        "stale link",
        None,
        world,
        |world| assert!(world.event(0).is_some(), "an event was lost"),
        |world| {
            world.rename(0, B);
            world.remove(A);
        },
    );
}

/// The second load of the link in `parent_may_match`. Fails ("an event was lost") without
/// `|| dentry.link() != link` there, and with each change of the test before.
#[test]
fn loom_an_event_is_seen_when_the_old_parent_wants_other_events_after_the_move() {
    let world = || {
        let world = World::new(1, 0);
        world.add(A);
        world.add(B);
        world
    };
    two_threads(
        "stale link, changed mark",
        None,
        world,
        |world| assert!(world.event(0).is_some(), "an event was lost"),
        |world| {
            world.rename(0, B);
            world.change(A);
        },
    );
}

/// The count of moves in a link. Fails ("an event was lost") if `Link::moved_to` in `directory.rs` does not
/// count (`let moves = self.0`), if `link` in `dentry.rs` is loaded or stored Relaxed, and without the second
/// load.
#[test]
fn loom_an_event_on_a_child_that_moved_away_and_came_back_is_seen() {
    let world = || {
        let world = World::new(1, 0);
        world.add(A);
        world.add(B);
        world
    };
    two_threads(
        "there and back",
        None,
        world,
        |world| assert!(world.event(0).is_some(), "an event was lost"),
        |world| {
            world.rename(0, B);
            world.remove(A);
            world.add(A);
            world.rename(0, A);
        },
    );
}

/// G9. Parent and name are one snapshot. Fails (a name of the other directory, or an index out of bounds) if
/// `match_parent` does not check the link again under the lock, or copies the name before that.
#[test]
fn loom_g9_the_parent_and_the_name_in_an_event_belong_together() {
    let world = || {
        let world = World::new(1, 1);
        world.add(A);
        world.add(B);
        world
    };
    two_threads(
        "torn name",
        None,
        world,
        |world| {
            let (dir, name) = world.named_event(0).expect("an event was lost");
            let expected: &[&[u8]] = if dir == A { &[b"d", b"y"] } else { &[b"x"] };
            assert!(expected.contains(&&*name), "{name:?} in {dir}");
        },
        |world| {
            world.rename_as(0, B, b"x");
            world.rename_as(0, A, b"y");
        },
    );
}

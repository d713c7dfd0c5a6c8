//! The budget for names that are known not to exist: several threads make and evict them.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::tree::test_references::{DeferringRef, Known};
use crate::tree::{InodeSpec, SuperblockRef, Tree, TreeConfig};

/// A root and a directory in it, under a budget for the whole tree.
struct World {
    tree: Arc<Tree>,
    dirs: [DeferringRef; 2],
    _superblock: SuperblockRef,
}

impl World {
    fn new(negatives: usize) -> Self {
        let tree = Tree::new(TreeConfig {
            negatives,
            negatives_per_directory: 2,
            ..TreeConfig::default()
        });
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let spec = InodeSpec { ino: 2, kind: InodeKind::Directory, nlink: 2 };
        let inode = tree.make_inode(&superblock, spec).unwrap();
        let dir = tree.instantiate(root.get(), b"d", inode).unwrap();
        Self { tree, dirs: [root, dir], _superblock: superblock }
    }

    fn remember(&self, dir: usize, name: &[u8]) {
        self.tree.add_missing(self.dirs[dir].get(), name).unwrap();
        assert!(self.tree.negatives() <= self.tree.config().negatives, "over the budget");
    }

    fn forget(&self, dir: usize, name: &[u8]) {
        self.tree.d_forget_negative(self.dirs[dir].get().inode().dir().unwrap(), name);
    }
}

/// The last entry of the budget goes to one of two directories. Fails (over the budget) if
/// `admit_negative` in `negative_budget.rs` compares the count and leaves the counting to its caller.
#[test]
fn loom_two_directories_that_add_negatives_at_once_keep_the_budget() {
    check("budget", Some(3), || {
        let world = Shared::new(World::new(1));
        let other = {
            let world = world.clone();
            thread::spawn(move || world.remember(0, b"x"))
        };
        world.remember(1, b"y");
        other.join().unwrap();
        world.tree.verify().unwrap();
        assert_eq!(world.tree.negatives(), 1, "one of the two was refused or evicted");
    });
}

/// Names are made and forgotten in two directories, whose locks do not order each other. Fails (a wrong
/// count) if `release_negatives` in `negative_budget.rs` loads and stores.
#[test]
fn loom_negatives_added_and_removed_in_two_directories_are_counted_once() {
    check("count", None, || {
        let world = Shared::new(World::new(9));
        world.remember(0, b"x");
        let forgetter = {
            let world = world.clone();
            thread::spawn(move || world.forget(0, b"x"))
        };
        world.remember(1, b"y");
        forgetter.join().unwrap();
        assert_eq!(world.tree.negatives(), 1);
        world.tree.verify().unwrap();
    });
}

/// The CLOCK hand evicts from a directory in which one name is made and another forgotten: every name
/// is counted once. Fails (a wrong count) if `shrink_negatives` in `negative_budget.rs` does not count its
/// evictions.
#[test]
fn loom_a_negative_added_removed_and_evicted_is_counted_once() {
    check("clock", Some(2), || {
        let world = Shared::new(World::new(2));
        world.remember(0, b"x");
        world.remember(0, b"z");
        let maker = {
            let world = world.clone();
            // The budget is used up: the CLOCK hand moves.
            thread::spawn(move || world.remember(1, b"y"))
        };
        let forgetter = {
            let world = world.clone();
            thread::spawn(move || world.forget(0, b"x"))
        };
        maker.join().unwrap();
        forgetter.join().unwrap();
        world.tree.verify().unwrap();
    });
}

/// Look-ups mark a name as used, each with a store of its own to the word that has the hash. Fails (the
/// name is not found) if `touch` in `bucket_index.rs` stores the bit alone.
#[test]
fn loom_two_lookups_of_a_negative_both_find_it() {
    check("look-up/look-up", None, || {
        let world = Shared::new(World::new(2));
        world.remember(0, b"x");
        let look = |world: &World| {
            let found = world.tree.lookup(world.dirs[0].get(), b"x").unwrap();
            assert!(matches!(found, Known::Negative), "{found:?}");
        };
        let other = {
            let world = world.clone();
            thread::spawn(move || look(&world))
        };
        look(&world);
        other.join().unwrap();
        look(&world);
        world.tree.verify().unwrap();
    });
}

//! The number of children that are visited, and the time that other threads wait: G2 to G5, on the real tree.
//!
//! A visit is a store to a child's flag; the tree counts them under a model checker. How long a lock is held
//! shows in the number of children that were flagged when a waiter gets it.

use std::collections::BTreeSet;
use std::sync::Arc;

use loom::thread;

use super::loom_parent::{A, B, World};
use crate::base::sync::model_helpers::{Shared, Tally, check};

/// G2. Hooks, removals, renames and lookups visit no child except their own, whatever adds run meanwhile. Fails
/// (a visit too many) if `clear` in `child_watch.rs` goes on to the other children, or `publish` flags them
/// itself.
#[test]
fn loom_g2_only_an_add_visits_children() {
    check("visits", Some(3), || {
        let world = Shared::new(World::new(3, 0));
        world.add(A);
        let before = world.tree.flag_stores();
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                world.event(0);
                world.event(0);
                assert!(world.notifier.dentry(world.children[1].get().id()).is_ok());
            })
        };
        world.remove(A);
        world.event(1);
        world.rename(2, B);
        other.join().unwrap();
        let visits = world.tree.flag_stores() - before;
        // One visit for the rename, and one for each of the two children whose events came too late.
        assert!(visits <= 3, "{visits} visits");
        world.verify();
    });
}

/// G3. Between any two chunks of a walk a waiter gets `children`, and no hold is longer than a chunk (one
/// child, in a model). Fails (the waiter gets it only before or after the walk) if `claim` takes chunk after
/// chunk under one hold.
#[test]
fn loom_g3_a_waiter_gets_the_lock_between_any_two_chunks_of_a_walk() {
    /// `B` is one of the children.
    const CHILDREN: usize = 3;
    let seen = Arc::new(std::array::from_fn::<Tally, { CHILDREN + 1 }, _>(|_| Tally::default()));
    let counted = seen.clone();
    check("waiter", Some(2), move || {
        let world = Shared::new(World::new(CHILDREN - 1, 0));
        let before = world.tree.flag_stores();
        let walker = {
            let world = world.clone();
            thread::spawn(move || {
                let mut walk = world.publish(A).unwrap();
                loop {
                    let before = world.tree.flag_stores();
                    let done = walk.step(&world.pace);
                    assert!(world.tree.flag_stores() - before <= 1, "more than a chunk at a time");
                    if done {
                        break;
                    }
                }
            })
        };
        {
            let slot = world.tree.dir_at(world.dirs[A].slot);
            let _children = slot.children.write();
            counted[world.tree.flag_stores() - before].count();
        }
        walker.join().unwrap();
        world.verify();
    });
    let places: BTreeSet<usize> = (0..=CHILDREN).filter(|at| seen[*at].get() > 0).collect();
    assert_eq!(
        places,
        (0..=CHILDREN).collect(),
        "how many children were flagged when the waiter got the lock"
    );
}

/// G4. The first two marks that want events of children cost each child one visit in total. A further mark
/// costs none, and neither does one after which no flag was lost. Fails (more visits) if `lower_cursor` in
/// `child_watch.rs` loads and stores, or if `publish` puts the cursor at the end with `all_flagged` too.
#[test]
fn loom_g4_two_first_adders_visit_each_child_once_and_later_ones_none() {
    check("cost of adds", Some(3), || {
        let world = Shared::new(World::new(2, 1));
        let before = world.tree.flag_stores();
        let other = {
            let world = world.clone();
            thread::spawn(move || world.add(A))
        };
        world.add(A);
        other.join().unwrap();
        // `B` is a child of `A` too.
        assert_eq!(world.tree.flag_stores() - before, 3, "each child once");
        world.add(A);
        for _ in 0..3 {
            world.remove(A);
        }
        world.add(A);
        assert_eq!(world.tree.flag_stores() - before, 3, "nothing was lost");
        world.verify();
    });
}

/// G5. A removal visits no child. Each later event clears the stale flag of its own child. Fails (more visits,
/// or a flag that stays) if `publish` or `clear` in `child_watch.rs` visits the children.
#[test]
fn loom_g5_a_removal_visits_no_child_and_an_event_clears_its_own() {
    check("cost of a removal", Some(3), || {
        let world = Shared::new(World::new(3, 0));
        world.add(A);
        let before = world.tree.flag_stores();
        world.remove(A);
        assert_eq!(world.tree.flag_stores(), before, "a removal visited a child");
        let other = {
            let world = world.clone();
            thread::spawn(move || world.event(0))
        };
        assert_eq!(world.event(1), None);
        assert_eq!(other.join().unwrap(), None);
        assert_eq!(world.tree.flag_stores() - before, 2, "each clears its own");
        let flags = [0, 1, 2].map(|child: usize| world.children[child].get().is_parent_watched());
        assert_eq!(flags, [false, false, true]);
        world.verify();
    });
}

//! The flag protocol while dentries are reclaimed and looked up again.

use loom::thread;

use super::loom_parent_watch::{A, World};
use crate::base::index::Ix;
use crate::base::kind::InodeKind;
use crate::base::sync::models::{Shared, check};
use crate::tree::dentry::DentrySlot;
use crate::tree::{DentryRef, InodeSpec, Lookup};

const INO: u64 = 20;

/// The child `r` of `A`, found in the cache or, as from a file system, put there.
fn find(world: &World) -> DentryRef {
    let dir = world.dir(A);
    loop {
        if let Lookup::Positive(found) = world.tree.lookup(dir.get(), b"r").unwrap() {
            return found;
        }
        let spec = InodeSpec { ino: INO, kind: InodeKind::Regular, nlink: 1 };
        let inode = world.tree.make_inode(world.superblock(), spec).unwrap();
        if let Ok(made) = world.tree.instantiate(dir.get(), b"r", inode) {
            return made;
        }
    }
}

/// Takes `r` away, if it is unreferenced, and looks it up again.
fn reclaim_and_find(world: &World, slot: Ix<DentrySlot>) {
    world.tree.prune_dentry(slot, |_| true);
    drop(find(world));
}

/// Once an add has returned, a child carries its flag, also one that was reclaimed meanwhile and is a new
/// dentry. Fails ("lacks the flag") if `arrive` in `dcache.rs` does not set the flag or leaves out
/// `set_lost`.
#[test]
fn loom_g1_a_child_that_is_reclaimed_beside_an_add_arrives_flagged() {
    check("reclaim/add", Some(3), || {
        let world = World::new(1, 0);
        let slot = find(&world).get().index;
        let world = Shared::new(world);
        let other = {
            let world = world.clone();
            thread::spawn(move || reclaim_and_find(&world, slot))
        };
        world.add(A);
        world.check_flags(A);
        other.join().unwrap();
        world.check_flags(A);
        assert!(find(&world).get().is_parent_watched());
        world.verify();
    });
}

/// A directory that watched, stopped and watches again walks again if an unflagged child came meanwhile.
/// Fails ("lacks the flag", or "lost its flag in silence") if `arrive` does not set the flag or leaves out
/// `set_lost`.
#[test]
fn loom_g8_a_child_that_is_reclaimed_beside_an_add_again_is_not_forgotten() {
    check("reclaim/add again", Some(2), || {
        let world = World::new(1, 0);
        let slot = find(&world).get().index;
        world.leave_stale(A);
        let world = Shared::new(world);
        let other = {
            let world = world.clone();
            thread::spawn(move || reclaim_and_find(&world, slot))
        };
        world.add(A);
        world.check_flags(A);
        other.join().unwrap();
        assert!(find(&world).get().is_parent_watched());
        world.verify();
    });
}

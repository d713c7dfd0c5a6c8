//! The checks of the crate itself.

use vfsnotify::lockdep;

use super::world::World;

/// The check of the invariants took back only at its end what it had counted, and each of its holds had
/// ended by then: a hold of a large directory by `verify` hid all that operations had counted.
#[test]
fn verify_counts_toward_no_hold() {
    let world = World::new();
    for n in 0..3000 {
        drop(world.file(10 + n, n.to_string().as_bytes()));
    }
    world.notifier.verify().expect("the invariants");
    lockdep::assert_bounds(&lockdep::BOUNDS);
}

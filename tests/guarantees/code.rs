//! Properties of the code itself.

use vfsnotify::lockdep;

use super::world::World;

#[test]
fn g14_there_is_no_unsafe_code() {
    let front = include_str!("../../src/lib.rs");
    assert!(front.starts_with("#![forbid(unsafe_code)]"));
}

/// Debug builds check the order of locks, and so does a run with `VFSNOTIFY_EXPECT_LOCKDEP=1`, as CI
/// does where it runs these tests optimised: if the switch were lost, all would pass and show nothing.
#[test]
fn the_order_of_locks_is_checked_where_it_should_be() {
    let is_expected = std::env::var_os("VFSNOTIFY_EXPECT_LOCKDEP").is_some_and(|on| on != "0");
    if is_expected || cfg!(debug_assertions) {
        assert!(lockdep::is_on(), "this build does not check the order of locks");
    }
    // The check sees the rest of these tests: a lock was taken, and let go again.
    let world = World::new();
    world.dir("/d");
    assert_eq!(lockdep::is_on(), !lockdep::longest_holds().is_empty());
}

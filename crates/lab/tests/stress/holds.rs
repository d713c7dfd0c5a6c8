//! G3: how many items were counted under one hold of each lock.

use vfsnotify::lockdep;

/// Prints the longest holds so far, and asserts the bounds. Nothing is known where the check is off.
pub(crate) fn check() {
    if !lockdep::is_on() {
        let expected = std::env::var_os("VFSNOTIFY_EXPECT_LOCKDEP");
        assert!(expected.is_none(), "the lock order is not checked in this build");
        println!("the lock order is not checked in this build");
        return;
    }
    println!("longest holds:");
    for hold in lockdep::longest_holds() {
        println!("  {hold}");
    }
    lockdep::assert_bounds(&lockdep::BOUNDS);
}

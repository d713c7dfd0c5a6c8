//! One test for each defect that was found, named after what it broke. They are sorted by what that was:
//!
//! - `tree.rs`: names, directories and their budgets; `renames.rs`: what a rename checks and leaves.
//! - `paths.rs`: where a path leads, and where it must not; `mounts.rs`: what is over what.
//! - `watches.rs`: watches, their slots and their limits; `reading.rs`: the bytes of events.
//! - `files.rs`: contents, modes and times; `embedded.rs`: trees of programs with a VFS of their own.
//! - `ids.rs`: what an id or a handle names; `endings.rs`: what the end of a notifier leaves.
//! - `deferred.rs`: work that is left to be done later, and whose it is; `reclaim.rs`: dentries that are taken
//!   away to make room.
//! - `clocks.rs`: where times come from; `checker.rs`: the checks that the crate has for itself.
//! - `soup.rs`: what several threads do to one tree of an embedder at the same time.
//! - `locks.rs`: what is one step to other threads, and what waits for what.

/// The parts.
mod regressions {
    mod checker;
    mod clocks;
    mod deferred;
    mod embedded;
    mod endings;
    mod files;
    mod forgetful;
    mod gate;
    mod ids;
    mod locks;
    mod mounts;
    mod paths;
    mod reading;
    mod reclaim;
    mod renames;
    mod soup;
    mod tree;
    mod watches;
    mod world;
}

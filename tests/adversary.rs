//! A hostile guest: a context with its own user and its own root that tries to use up memory.
//!
//! Each test is one attack. It runs into the limit that is meant for it, with the right error; the
//! memory of the whole process stays under what the limits allow, by a formula that is written
//! beside the attack (`costs.rs` has what one thing of each kind may take) and is not more than about
//! twice what the attack reaches; a neighbour, who has a context of its own, works on all the while;
//! and when the guest's things are gone, so is the memory, but for the pages of slots, which are used
//! again: the same attack a second time adds nothing.
//!
//! The allocator counts the bytes that each thread has allocated and not freed. A test does
//! everything on its own thread, so tests do not see each other.
//!
//! `VFSNOTIFY_ADVERSARY_SCALE=20 cargo test --release --test adversary -- --nocapture` makes every
//! attack twenty times as large and prints the table of what was allowed and what was taken.

mod adversary {
    pub(crate) mod allocator;
    mod climbs;
    pub(crate) mod costs;
    mod files;
    mod mounts;
    mod names;
    mod notification;
    mod quotas;
    mod retention;
    mod trees;
    pub(crate) mod world;
}

use adversary::allocator::Counting;

#[global_allocator]
static GLOBAL: Counting = Counting;

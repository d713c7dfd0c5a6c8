//! Model tests: the protocols of this layer under every relevant schedule.
//!
//! They run the types of the crate, not copies. loom explores the schedules and the weak memory orders of the
//! small protocols exhaustively, up to a bound on preemptions. shuttle draws schedules for whole operations on
//! a tree with a notifier and inotify instances, and checks the lock order in each. In both, arenas have few
//! slots and a walk flags one child at a time (`base::arena::slots`, `base::walk_pace`).
//!
//! ```sh
//! export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true
//! RUSTFLAGS="--cfg loom" cargo test --release --lib loom_
//! RUSTFLAGS="--cfg shuttle" cargo test --release --lib shuttle_
//! ```
//!
//! `LOOM_MAX_PREEMPTIONS` raises the bounds that are lower (none is below 2). `SHUTTLE_SCHEDULES` sets the
//! number of schedules that each of the two schedulers draws for every model (5,000). Each test names a change
//! of the code under "Fails": with that change the test fails. A model of a guarantee has the number of its row
//! in its name; `tests/model_names.rs` checks that each row has a model. The layers below and above have models
//! of their own: `tree::models`, and whole operations in `vfs::models`.

#[cfg(loom)]
mod loom_connectors;
#[cfg(loom)]
mod loom_groups;
#[cfg(loom)]
mod loom_ignores;
#[cfg(loom)]
mod loom_lifetime;
#[cfg(loom)]
mod loom_marks;
#[cfg(loom)]
mod loom_parent;
#[cfg(loom)]
mod loom_queue;
#[cfg(loom)]
mod loom_reclaim;
#[cfg(loom)]
mod loom_visits;

#[cfg(shuttle)]
mod shuttle_claims;
#[cfg(shuttle)]
mod shuttle_groups;
#[cfg(shuttle)]
mod shuttle_harness;
#[cfg(shuttle)]
mod shuttle_hooks;
#[cfg(shuttle)]
mod shuttle_lifetimes;
#[cfg(shuttle)]
pub(crate) mod shuttle_random;
#[cfg(shuttle)]
mod shuttle_walks;

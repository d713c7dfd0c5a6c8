//! Model tests of this layer: uses, names and what is dead, with weak memory. How to run them is in
//! `notify::models`.
//!
//! Each test says what to take out of the code to see it fail, and each thing was taken out once.

mod loom_child_watch;
mod loom_dead;
mod loom_names;
mod loom_negatives;
mod loom_reclaim;
mod loom_ref_state;

//! Model tests of this layer: references, names and dead objects, with weak memory. `notify::models`
//! says how to run them.
//!
//! Each test names the defect that makes it fail; each defect was tried once.

mod loom_child_watch;
mod loom_dead;
mod loom_names;
mod loom_negatives;
mod loom_reclaim;
mod loom_ref_state;

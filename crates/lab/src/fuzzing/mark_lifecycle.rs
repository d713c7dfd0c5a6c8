//! The lives of watches, in any order, against an oracle of what every group must have and get.
//!
//! * `mark_lifecycle/oracle.rs` knows groups, watches, descriptors, quotas and queues, and what an
//!   event does to them.
//! * `mark_lifecycle/objects.rs` knows the files and directories, and which events an operation on
//!   them makes.
//! * `mark_lifecycle/through_vfs.rs` and `mark_lifecycle/by_hooks.rs` do the operations: on a `Vfs`, and
//!   on a `Tree` with its `Notifier`, as a program with a VFS of its own does.
//! * `mark_lifecycle/acts.rs` does each act on a world and on the oracle, and compares (those on groups
//!   and watches are in `mark_lifecycle/watches.rs`, the end of all in `mark_lifecycle/endings.rs`);
//!   `mark_lifecycle/scenes.rs` has short sequences that chance seldom leads to.

mod acts;
mod by_hooks;
mod objects;
mod oracle;
mod scenes;
mod through_vfs;
mod world;

use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
pub struct Input {
    by_hooks: bool,
    limits: world::Limited,
    acts: Vec<acts::Act>,
    end: acts::End,
}

pub fn run(input: &Input) {
    // All invariants are checked after each act, and that takes its time in a large directory.
    let most = if input.limits.crowd() > 100 { 40 } else { 150 };
    let acts = &input.acts[..input.acts.len().min(most)];
    if input.by_hooks {
        acts::Run::new(by_hooks::ByHooks::new(input.limits), input.limits).all(acts, &input.end);
    } else {
        let world = through_vfs::ThroughVfs::new(input.limits);
        acts::Run::new(world, input.limits).all(acts, &input.end);
    }
}

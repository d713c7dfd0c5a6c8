//! Whatever is done to trees and notifiers, every call ends, none panics, and the invariants hold.
//!
//! There are two trees, each with a notifier, and a pool each of dentries, inodes, superblocks, ids, groups,
//! pending watches and prunings. An act takes its arguments from the pools of all trees at random, so that they are
//! foreign, dead, without a name, of the wrong kind, or above each other; names are invalid as often as not.
//! Nothing is compared with a model: `mark_lifecycle` does that for calls that make sense.
//!
//! * `tree_nonsense/acts.rs` does the acts on names and objects; `tree_nonsense/listening.rs` those on watches
//!   and hooks.
//! * `tree_nonsense/pools.rs` has the objects, and checks after each act.

mod acts;
mod listening;
mod pools;

use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
pub struct Input {
    low_limits: bool,
    /// In which order the rest is dropped.
    end: u8,
    /// The last field: it takes all bytes that are left.
    acts: Vec<acts::Act>,
}

pub fn run(input: &Input) {
    let mut pools = pools::Pools::new(input.low_limits);
    for act in input.acts.iter().take(200) {
        act.run(&mut pools);
        pools.check();
    }
    pools.end(input.end);
}

//! Paths of every kind, by callers in and out of a jail, against a second implementation of path
//! resolution.
//!
//! * `names_and_paths/paths.rs` makes paths: `..`, links and loops, over-long names, NUL, slashes.
//! * `names_and_paths/model.rs` is what there is, read from the file systems and not from the VFS.
//! * `names_and_paths/oracle.rs` walks over that, and `names_and_paths/predict.rs` says by it what an
//!   operation leads to: an inode or an errno, which the VFS must answer too, and which names change.
//! * `names_and_paths/stage.rs` has the jail with what is around it, and checks that no actor in it is
//!   ever shown what is outside.

mod acts;
mod model;
mod oracle;
mod paths;
mod predict;
mod stage;

use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
pub struct Input {
    acts: Vec<acts::Act>,
}

pub fn run(input: &Input) {
    let mut stage = stage::Stage::new();
    for act in input.acts.iter().take(60) {
        stage.act(act);
    }
    stage.check_paths();
    stage.vfs.verify().expect("the invariants");
}

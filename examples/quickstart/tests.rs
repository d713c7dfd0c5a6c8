//! The examples as a user runs them: what `quickstart` prints, copies and removes again, how it ends, and its
//! recursive watch; and what all of them do when nothing reads their output.
//!
//! A test binary of its own beside the parts of the example, so that it can call them.

mod archive;
mod copy;
mod failure;
mod tree_watch;

/// The tests.
mod tests {
    mod archives;
    mod directories;
    mod outputs;
    mod programs;
    pub(crate) mod support;
    pub(crate) mod trees;
    mod watching;
}

//! The examples as a user runs them: what `quickstart` prints, copies and removes again, how it ends, and its
//! recursive watch; and what all of them do when nothing reads their output.
//!
//! A test target of its own (Cargo.toml), whose root is here so that it sees the parts of the example.

mod archive;
mod copy;
mod failure;
mod tree_watch;

mod tests {
    mod archives;
    mod directories;
    mod outputs;
    mod programs;
    mod support;
    mod trees;
    mod watching;
}

//! The examples as a user runs them: what `quickstart` prints, copies and removes again, how it ends, and its
//! recursive watch; and what all of them do when nothing reads their output.

#[path = "../examples/quickstart/archive.rs"]
mod archive;
#[path = "../examples/quickstart/copy.rs"]
mod copy;
#[path = "../examples/quickstart/failure.rs"]
mod failure;
#[path = "../examples/quickstart/tree_watch.rs"]
mod tree_watch;

#[path = "quickstart/archives.rs"]
mod archives;
#[path = "quickstart/directories.rs"]
mod directories;
#[path = "quickstart/outputs.rs"]
mod outputs;
#[path = "quickstart/programs.rs"]
mod programs;
#[path = "quickstart/support.rs"]
mod support;
#[path = "quickstart/trees.rs"]
mod trees;
#[path = "quickstart/watching.rs"]
mod watching;

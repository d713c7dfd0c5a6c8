//! Operations on the VFS do what a simple model says, result and events, and break no invariant.
//!
//! The model is [`crate::model`]. An input is limits, mostly low ones, and up to 64 operations by
//! four contexts (two superusers with quotas of their own, two other users of whom one is in the
//! other's group) on names, mounts, open files, instances and watches. After each operation these
//! are equal: the result, value or errno; of each instance the events and bytes queued, what was
//! queued, merged and lost, and its watches; the quotas used by each user; open files, living inodes
//! and dentries; inodes and bytes of each file system. `Vfs::verify` holds. At the end all is closed
//! and unmounted, and with the `Vfs` every file system goes.
//!
//! Left out: set-user-id and set-group-id bits and their stripping; the values of times; cursors of
//! listings other than 0 and where a listing stands; `seek_data`, `seek_hole`, `preadv`, `writev`,
//! `pwritev` and splicing; extended attributes by way of an open file; objects for paths; `LookupFlags`; `set_status`;
//! `File::path`, `statfs`, `mounts`; names and paths too long, and bytes that are no text (they are
//! in `names_and_paths`); file systems other than `MemFs`; hooks called by an embedder. Which children
//! a watch is told of before it is ready is not said: what could show it comes when it is.

use arbitrary::{Arbitrary, Unstructured};

use crate::model::case::Case;
use crate::model::check::{Tally, run as run_case};

#[derive(Debug)]
pub struct Input(Case);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Case::arbitrary(u).map(Self)
    }
}

pub fn run(input: &Input) {
    if let Err(difference) = run_case(&input.0, &mut Tally::new()) {
        panic!("{difference}");
    }
}

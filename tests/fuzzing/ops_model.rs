//! Operations on the VFS do what a simple model says, result and events, and break no invariant.

#[path = "../model/mod.rs"]
mod model;

use arbitrary::{Arbitrary, Unstructured};

use model::check::{Tally, run as run_case};
use model::ops::Case;

#[derive(Debug)]
pub(crate) struct Input(Case);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Case::arbitrary(u).map(Self)
    }
}

pub(crate) fn run(input: &Input) {
    if let Err(difference) = run_case(&input.0, &mut Tally::new()) {
        panic!("{difference}");
    }
}

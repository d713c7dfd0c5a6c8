//! Random cases, which shrink by leaving operations out.

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::vec;
use proptest::prelude::*;

use lab::model::case::{Case, Setup};
use lab::op::Step;

/// As many bytes as an operation ever needs.
const STEP: usize = 32;

fn from_bytes<T: for<'a> Arbitrary<'a>>(bytes: &[u8]) -> T {
    T::arbitrary(&mut Unstructured::new(bytes)).expect("bytes that run out are zeroes")
}

/// A case of 40 to 64 operations.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let bytes = || vec(any::<u8>(), STEP).no_shrink();
    let step = bytes().prop_map(|bytes| from_bytes::<Step>(&bytes));
    let kept = proptest::option::weighted(0.99, step.no_shrink());
    let setup = bytes().prop_map(|bytes| from_bytes::<Setup>(&bytes));
    (setup, vec(kept, 40..=64))
        .prop_map(|(setup, steps)| Case { setup, steps: steps.into_iter().flatten().collect() })
}

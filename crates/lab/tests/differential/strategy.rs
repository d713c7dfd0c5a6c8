//! Sequences for proptest: bytes for the conditions and for each operation, drawn from as a fuzzer's
//! are.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use lab::random_ops::draw::{Bytes, conditions, operation};
use lab::random_ops::sequence::Sequence;

/// How many operations a sequence has.
const LENGTH: RangeInclusive<usize> = 60..=120;

/// A sequence. Shrinks by leaving operations out, and only so: every try costs two worlds, and
/// simpler arguments help a reader less than a short sequence.
pub(crate) fn sequences() -> impl Strategy<Value = Sequence> {
    // More bytes than any operation takes.
    let drawn = || any::<[u128; 2]>().no_shrink();
    // The options let a sequence shrink below the least length that is made.
    let ops = proptest::collection::vec(proptest::option::weighted(0.99, drawn()), LENGTH);
    (drawn(), ops).prop_map(|(start, ops)| {
        let operation = |bytes| from(bytes, operation);
        Sequence {
            conditions: from(start, conditions),
            ops: ops.into_iter().flatten().map(operation).collect(),
        }
    })
}

/// The sequence that some bytes stand for.
fn from<T>(bytes: [u128; 2], draw: fn(&mut Bytes<'_>) -> arbitrary::Result<T>) -> T {
    let bytes: Vec<u8> = bytes.iter().flat_map(|half| half.to_le_bytes()).collect();
    draw(&mut Bytes::new(&bytes)).expect("there is something for any bytes")
}

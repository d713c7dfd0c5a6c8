//! Output of the crate as bytes, bits or text, against encodings written down a second time.
//!
//! * `abi/wire.rs` has `struct inotify_event` anew, and what a well-formed buffer is; the decoder
//!   runs on arbitrary bytes, and on valid ones that were cut or changed.
//! * `abi/reading.rs` makes two instances with the same watches get the same events. One is read in
//!   every way there is and with every size of buffer, the other one event at a time; they must
//!   agree, and agree with `wire`.
//! * `abi/listing.rs` lists a directory with every budget.
//! * `abi/bits.rs` has the flags and masks that guests pass, and the text of fdinfo.

mod bits;
mod listing;
mod names;
mod reading;
mod wire;

use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
pub struct Input {
    bytes: Vec<u8>,
    bits: [u32; 3],
    listing: listing::Input,
    reading: reading::Input,
}

pub fn run(input: &Input) {
    wire::check_decoder(&input.bytes);
    for bits in input.bits {
        bits::check(bits);
    }
    listing::check(&input.listing);
    reading::check(&input.reading);
}

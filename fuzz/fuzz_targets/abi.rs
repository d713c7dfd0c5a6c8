//! Encoded events decode to the typed ones, for any buffer size; arbitrary bytes never panic.
#![no_main]

use lab::fuzzing::abi;

libfuzzer_sys::fuzz_target!(|input: abi::Input| abi::run(&input));

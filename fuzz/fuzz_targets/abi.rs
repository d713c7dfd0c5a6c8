//! Encoded events decode to the typed ones, for any buffer size; arbitrary bytes never panic.
#![no_main]

#[path = "../../tests/fuzzing/abi.rs"]
mod abi;

libfuzzer_sys::fuzz_target!(|input: abi::Input| abi::run(&input));

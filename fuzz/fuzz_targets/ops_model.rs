//! Operations on the VFS do what a simple model says, result and events, and break no invariant.
#![no_main]

#[path = "../../tests/fuzzing/ops_model.rs"]
mod ops_model;

libfuzzer_sys::fuzz_target!(|input: ops_model::Input| ops_model::run(&input));

//! Operations on the VFS do what a simple model says, result and events, and break no invariant.
#![no_main]

use lab::fuzzing::ops_model;

libfuzzer_sys::fuzz_target!(|input: ops_model::Input| ops_model::run(&input));

//! No path, however it is made, leads above the root of its caller.
#![no_main]

use lab::fuzzing::names_and_paths;

libfuzzer_sys::fuzz_target!(|input: names_and_paths::Input| names_and_paths::run(&input));

//! No path, however it is made, leads above the root of its caller.
#![no_main]

#[path = "../../tests/fuzzing/names_and_paths.rs"]
mod names_and_paths;

libfuzzer_sys::fuzz_target!(|input: names_and_paths::Input| names_and_paths::run(&input));

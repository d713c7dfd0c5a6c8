//! Every group has the watches and gets the events that it must, whatever becomes of watches.
#![no_main]

use lab::fuzzing::mark_lifecycle;

libfuzzer_sys::fuzz_target!(|input: mark_lifecycle::Input| mark_lifecycle::run(&input));

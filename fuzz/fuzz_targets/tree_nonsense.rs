//! Whatever is done to trees and notifiers, every call ends, none panics, and the invariants hold.
#![no_main]

use lab::fuzzing::tree_nonsense;

libfuzzer_sys::fuzz_target!(|input: tree_nonsense::Input| tree_nonsense::run(&input));

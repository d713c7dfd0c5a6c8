//! The same operations on the kernel and on the VFS give the same results and events.
#![no_main]

use std::sync::Arc;

use lab::fuzzing::vs_kernel;

/// A program whose `main` is Rust's ignores SIGPIPE. Here it is libFuzzer's, and a write to a fifo that
/// without a reader ended the process without a word.
fn outlive_pipes() {
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default()).expect("a handler");
}

libfuzzer_sys::fuzz_target!(init: outlive_pipes(), |input: vs_kernel::Input| vs_kernel::run(&input));

//! The same operations on the kernel and on the VFS give the same results and events.
#![no_main]

/// What the targets share with the tests, without the parts that only these need.
#[path = "../../tests/common"]
#[expect(dead_code, unreachable_pub, reason = "written for several test binaries")]
mod common {
    pub mod compare;
    pub mod kernel;
    pub mod random_ops;
    pub mod vfs_world;
    pub mod world;
}
#[path = "../../tests/fuzzing/vs_kernel.rs"]
#[expect(dead_code, reason = "the replay of the seeds says what is left out")]
mod vs_kernel;

use std::sync::Arc;

/// A program whose `main` is Rust's ignores SIGPIPE. Here it is libFuzzer's, and a write to a fifo that
/// nobody reads ended the process without a word.
fn outlive_pipes() {
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::default()).expect("a handler");
}

libfuzzer_sys::fuzz_target!(init: outlive_pipes(), |input: vs_kernel::Input| vs_kernel::run(&input));

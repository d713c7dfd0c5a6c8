//! The parts that the benches share: arguments, clocks, rounds, the record of what was measured, a tree to
//! measure on, and directories of the real kernel.
//!
//! The benches are programs of their own, not of a harness: a figure here is a ratio of two sides
//! measured in turn in one run, or a tail with the CPU time beside it, which harnesses do not give.

pub mod args;
pub mod clock;
pub mod embedded;
pub mod kernel;
pub mod latency;
pub mod memory;
pub mod report;
pub mod rounds;

pub use args::Args;
pub use clock::{longest_gap, thread_cpu};
pub use embedded::Embedded;
pub use kernel::{KernelDir, KernelInotify};
pub use latency::Latency;
pub use report::{Record, Report};
pub use rounds::{Sample, interleave, per_call};

//! The fuzz targets: for each an `Input`, which `arbitrary` makes from bytes, and `run`.
//!
//! `fuzz/fuzz_targets` gives libFuzzer's bytes to them, and `tests/fuzz_seeds.rs` the seeds.

pub mod abi;
pub mod mark_lifecycle;
pub mod names_and_paths;
pub mod ops_model;
pub mod tree_nonsense;
pub mod vs_kernel;

//! The fuzz targets on their seeds, which `cargo test` runs again each time.
//!
//! The work of a target on an input is in `lab::fuzzing`; `fuzz/fuzz_targets/` gives it to libFuzzer. A
//! seed is a file of `seeds/<target>`: bytes from which `arbitrary` makes the input. Each stood
//! for something new when it was taken in, or for a defect. With `VFSNOTIFY_CORPUS` set, what fuzzing found
//! since (`fuzz/corpus/<target>`) is run as well: so `scripts/long/fuzz-coverage` measures.

use std::fmt::Debug;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};
use lab::fuzzing;

/// Runs a target on each of its seeds, and says which one it failed on.
fn replay<Input: for<'a> Arbitrary<'a> + Debug>(target: &str, run: impl Fn(&Input)) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let seeds = fs::read_dir(seeds);
    let corpus = std::env::var_os("VFSNOTIFY_CORPUS")
        .map(|_| lab::repository().join("fuzz/corpus").join(target));
    let corpus = corpus.and_then(|folder| fs::read_dir(folder).ok());
    let mut ran = 0;
    for entry in seeds.expect("the folder of seeds").chain(corpus.into_iter().flatten()) {
        let path = entry.expect("a seed").path();
        let bytes = fs::read(&path).expect("a seed can be read");
        let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(&bytes)) else { continue };
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&input)));
        assert!(outcome.is_ok(), "{target} failed on {}: {input:#?}", path.display());
        ran += 1;
    }
    assert!(ran > 0, "{target} has no seeds that mean anything");
}

#[test]
fn abi_holds_on_its_seeds() {
    replay("abi", fuzzing::abi::run);
}

#[test]
fn mark_lifecycle_holds_on_its_seeds() {
    replay("mark_lifecycle", fuzzing::mark_lifecycle::run);
}

#[test]
fn names_and_paths_holds_on_its_seeds() {
    replay("names_and_paths", fuzzing::names_and_paths::run);
}

#[test]
fn tree_nonsense_holds_on_its_seeds() {
    replay("tree_nonsense", fuzzing::tree_nonsense::run);
}

/// There is nothing to be compared, so that inputs without an idea find defects too.
#[test]
fn tree_nonsense_holds_on_random_bytes() {
    let first = std::env::var("VFSNOTIFY_SEED").ok();
    let first = first.map_or(0, |seed| seed.parse().expect("a number"));
    let inputs = std::env::var("VFSNOTIFY_CASES").ok();
    let inputs: u64 = inputs.map_or(1_000, |cases| cases.parse().expect("a number"));
    for seed in first..first + inputs {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = (0..random.usize(100..2_000)).map(|_| random.u8(..)).collect();
        let input = Arbitrary::arbitrary_take_rest(Unstructured::new(&bytes)).expect("an input");
        let outcome = catch_unwind(AssertUnwindSafe(|| fuzzing::tree_nonsense::run(&input)));
        assert!(outcome.is_ok(), "VFSNOTIFY_SEED={seed} fails: {input:#?}");
    }
}

#[test]
fn vs_kernel_holds_on_its_seeds() {
    match fuzzing::vs_kernel::skipped() {
        Err(why) => println!("skipped: {why}"),
        Ok(lacking) => {
            println!("left out here: {lacking:?}");
            replay("vs_kernel", fuzzing::vs_kernel::run);
        }
    }
}

#[test]
fn ops_model_holds_on_its_seeds() {
    replay("ops_model", fuzzing::ops_model::run);
}

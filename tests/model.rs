//! A reference model, and `verify()` after each step of random single-threaded cases.
//!
//! The model is in `model/`; the fuzz target `ops_model` uses it too, on inputs that libFuzzer
//! finds. 300 cases by default. `VFSNOTIFY_CASES=20000 cargo test --release --test model` runs
//! more.

#[path = "model/mod.rs"]
mod model;
#[path = "model/strategies.rs"]
mod strategies;

use std::cell::RefCell;
use std::time::Instant;

use model::check::{Tally, run};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

fn cases() -> u32 {
    std::env::var("VFSNOTIFY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

#[test]
fn every_step_of_a_random_sequence_does_what_the_model_says() {
    let config = Config {
        cases: cases(),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Config::default()
    };
    let (start, tally) = (Instant::now(), RefCell::new(Tally::new()));
    let outcome = TestRunner::new(config).run(&strategies::case(), |case| {
        run(&case, &mut tally.borrow_mut()).map_err(TestCaseError::fail)
    });
    println!("{} cases in {:?}: {:#?}", cases(), start.elapsed(), tally.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let tally = tally.into_inner();
    let of = |what| tally.get(what).copied().unwrap_or(0);
    assert!(of("succeeded") > of("failed") / 2, "few operations succeed: {tally:?}");
    for what in ["queued", "lost", "events read"] {
        assert!(of(what) > u64::from(cases()), "hardly anything {what}: {tally:?}");
    }
    for what in ["mount", "bind", "merged", "unmount", "exchange", "whiteout", "rename", "chroot"] {
        assert!(of(what) > u64::from(cases() / 10), "hardly any {what}: {tally:?}");
    }
    for errno in ["EACCES", "EPERM", "EROFS", "EBUSY", "EXDEV", "ENOSPC", "ELOOP"] {
        assert!(of(errno) > u64::from(cases() / 20), "hardly any {errno}: {tally:?}");
    }
}

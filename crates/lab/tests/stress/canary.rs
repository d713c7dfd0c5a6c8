//! Defects on purpose, one for each sanitizer: `scripts/long/sanitizers` runs each first, and goes on only
//! if it is reported. A sanitizer that is silent here is silent about the crate too.
//!
//! Not in any other build: the script sets the cfg.

use std::cell::UnsafeCell;
use std::thread;

struct Unguarded(UnsafeCell<u64>);

// SAFETY: it is not. That threads write to it at the same time is what is to be reported.
unsafe impl Sync for Unguarded {}

#[test]
#[ignore = "a race on purpose"]
fn a_race_is_reported() {
    let shared = Unguarded(UnsafeCell::new(0));
    let add = || {
        for _ in 0..1000 {
            let shared = &shared;
            // SAFETY: it is not, but all that may come of it is a wrong sum.
            unsafe { *shared.0.get() += 1 };
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        scope.spawn(add);
        scope.spawn(add);
    });
    assert_ne!(shared.0.into_inner(), 0);
}

#[test]
#[ignore = "a leak on purpose"]
fn a_leak_is_reported() {
    let lost = Box::leak(Box::new([7_u8; 1000]));
    assert_eq!(std::hint::black_box(lost)[1], 7);
}

#[test]
#[ignore = "a use after free on purpose"]
fn a_use_after_free_is_reported() {
    let pointer = Box::into_raw(Box::new(7_u64));
    // SAFETY: the first is of a box and used once; the second is what is to be reported.
    let found = unsafe {
        drop(Box::from_raw(std::hint::black_box(pointer)));
        std::ptr::read_volatile(std::hint::black_box(pointer))
    };
    println!("what was freed reads as {found}");
}

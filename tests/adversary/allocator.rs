//! An allocator that counts what each thread holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub(crate) struct Counting;

thread_local! {
    /// Bytes allocated by this thread less bytes freed by it; below 0 where it frees others'.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Both are gone while a thread ends: then nothing is counted any more.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

#[expect(unsafe_code, reason = "a global allocator is unsafe to implement; it only counts")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The bytes this thread holds now.
pub(crate) fn live() -> isize {
    LIVE.get()
}

/// The most it has held since the last call, which starts anew.
pub(crate) fn take_peak() -> isize {
    PEAK.replace(LIVE.get())
}

#[test]
fn the_counter_counts() {
    let before = live();
    take_peak();
    let mut bytes: Vec<u8> = Vec::with_capacity(1000);
    assert_eq!(live() - before, 1000);
    bytes.reserve_exact(5000);
    drop(bytes);
    assert_eq!((live() - before, take_peak() - before), (0, 5000));
}

//! Atomics that count their loads, for tests that state how many a hook makes.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::Ordering;

thread_local! {
    static LOADS: Cell<u64> = const { Cell::new(0) };
}

/// How many loads this thread has made.
pub(crate) fn loads() -> u64 {
    LOADS.get()
}

macro_rules! counted {
    ($($name:ident: $value:ty),*) => {$(
        /// The atomic of the standard library, with its loads counted.
        #[derive(Debug, Default)]
        pub(crate) struct $name(std::sync::atomic::$name);

        impl $name {
            pub(crate) const fn new(value: $value) -> Self {
                Self(std::sync::atomic::$name::new(value))
            }

            #[inline(always)]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                LOADS.set(LOADS.get() + 1);
                self.0.load(order)
            }
        }

        impl Deref for $name {
            type Target = std::sync::atomic::$name;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}

counted!(AtomicBool: bool, AtomicU8: u8, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize);

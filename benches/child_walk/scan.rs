//! The machine: its array-scan limit, and its caches.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::order::Order;

/// An array of flags and an array of indices into it: what the machine takes to set a flag for
/// each element, and nothing else.
#[derive(Debug)]
pub(crate) struct Scan {
    indices: Vec<u32>,
    flags: Vec<AtomicU32>,
}

impl Scan {
    /// Arrays of `count` elements, the indices in the order that the children have.
    pub(crate) fn new(order: Order, count: usize) -> Self {
        let flags = (0..count).map(|_| AtomicU32::new(0)).collect();
        Self { indices: order.numbers(count), flags }
    }

    /// Stores to each flag, plainly, in the order of the indices; nanoseconds each.
    pub(crate) fn time(&self) -> f64 {
        let start = Instant::now();
        for &index in black_box(&self.indices) {
            self.flags[index as usize].store(1, Ordering::Relaxed);
        }
        let took = start.elapsed();
        black_box(&self.flags);
        took.as_nanos() as f64 / self.indices.len() as f64
    }
}

/// Fills the caches of the processor with other things, so that every side begins a first add
/// alike.
#[derive(Debug)]
pub(crate) struct Sweep(Vec<AtomicU32>);

/// Much more than a second-level cache holds.
const SWEPT_WORDS: usize = 8 << 20;
const WORDS_PER_LINE: usize = 16;

impl Default for Sweep {
    fn default() -> Self {
        Self((0..SWEPT_WORDS).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Sweep {
    /// Writes to every cache line of an array that is otherwise unused.
    pub(crate) fn run(&self) {
        for word in black_box(&self.0).iter().step_by(WORDS_PER_LINE) {
            word.store(1, Ordering::Relaxed);
        }
    }
}

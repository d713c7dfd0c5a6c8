//! What the loom models share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Goes through every schedule of a model with at most `bound` preemptions (`None`: all of them),
/// and prints how many there were.
pub(super) fn check(name: &str, bound: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    let bound = bound.map(|own| builder.preemption_bound.map_or(own, |other| own.max(other)));
    builder.preemption_bound = bound;
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = executions.clone();
    let start = Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let executions = executions.load(Ordering::Relaxed);
    println!("{name}: {executions} executions, bound {bound:?}, {:.1?}", start.elapsed());
}

/// Shares what a model is about between its threads. When an assertion fails it is not dropped:
/// its locks and atomics are no longer loom's to follow, and a second panic would hide the first.
pub(super) struct Shared<T>(Option<Arc<T>>);

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(Arc::new(value)))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_deref().expect("only a drop takes it")
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::mem::forget(self.0.take());
        }
    }
}

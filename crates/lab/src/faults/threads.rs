//! Threads that must not hang, and panics that are meant.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Longer than anything here takes on the slowest machine: a thread that is not back by then is stuck.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The message of a panic that is meant.
pub const MEANT: &str = "a panic that is meant";

/// Panics, as foreign code may.
pub fn meant() -> ! {
    panic!("{MEANT}")
}

/// Lets the panics that are meant be silent.
pub fn quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_meant(info.payload()) {
                loud(info);
            }
        }));
    });
}

thread_local! {
    /// The beginning that a panic of this thread may have, although it is not [`meant`].
    static EXPECTED: Cell<&'static [&'static str]> = const { Cell::new(&[]) };
}

fn is_meant(payload: &(dyn Any + Send)) -> bool {
    let Some(what) = payload.downcast_ref::<String>() else { return false };
    what == MEANT || EXPECTED.get().iter().any(|expected| what.starts_with(expected))
}

/// [`caught`] that lets panics pass that begin like this, too.
#[cfg(any(debug_assertions, lockdep))]
pub fn caught_with<T>(expected: &'static [&'static str], act: impl FnOnce() -> T) -> Outcome<T> {
    EXPECTED.set(expected);
    let outcome = caught(act);
    EXPECTED.set(&[]);
    outcome
}

/// The result of a call that may panic.
#[derive(Debug)]
pub enum Outcome<T> {
    Done(T),
    /// It panicked, as it was told to.
    Panicked,
}

impl<T> Outcome<T> {
    pub fn done(self) -> T {
        match self {
            Self::Done(value) => value,
            Self::Panicked => panic!("it panicked"),
        }
    }
}

/// Runs something that may panic with [`meant`]; any other panic goes on.
pub fn caught<T>(act: impl FnOnce() -> T) -> Outcome<T> {
    quiet();
    match panic::catch_unwind(AssertUnwindSafe(act)) {
        Ok(value) => Outcome::Done(value),
        Err(payload) if is_meant(&*payload) => Outcome::Panicked,
        Err(payload) => panic::resume_unwind(payload),
    }
}

type Task = Box<dyn FnOnce() + Send>;

/// A thread that does one thing after the other, and is given up when it is stuck.
pub struct Worker {
    tasks: Sender<Task>,
}

impl Worker {
    pub fn new() -> Self {
        let (tasks, inbox) = bounded::<Task>(1);
        thread::spawn(move || inbox.into_iter().for_each(|task| task()));
        Self { tasks }
    }

    /// Has something done, and panics if it takes too long or panics itself.
    #[track_caller]
    pub fn run<T: Send + 'static>(
        &self,
        what: &str,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let result = self.start(act);
        wait(what, &result)
    }

    /// Has something done, and does not wait for it.
    pub fn start<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Receiver<T> {
        let (back, result) = bounded(1);
        let task = move || {
            let _ = back.send(act());
        };
        self.tasks.send(Box::new(task)).expect("the worker is there");
        result
    }
}

/// Waits for a message that must come.
#[track_caller]
pub fn wait<T>(what: &str, from: &Receiver<T>) -> T {
    match from.recv_timeout(TIMEOUT) {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}, so it is stuck or has panicked"),
    }
}
